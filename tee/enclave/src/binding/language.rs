//! What an attestation says of a language model's response.
//!
//! ```text
//!   file      = 1 || SHA-384(its bytes), or 0 || 48 bytes of 0 where the model has no such file
//!   request   = SHA-384("zktee llm request v1" || bytes(prompt) || max_tokens as u32 || bits of temperature as u32 || seed as u64)
//!   response  = SHA-384("zktee llm response v1" || tokens(prompt's) || tokens(response's) || bytes(text) || finish)
//!   user_data = SHA-384("zktee llm v1" || model || config || tokenizer || request || response || bytes(nonce))
//!
//!   bytes(x)  = length of x as u64 || x
//!   tokens(x) = number of tokens as u64 || each as u32
//!   finish    = 0 where the model ended the response, 1 where it has the length that was asked for or that there is room for
//! ```
//!
//! Numbers are little-endian. Each part has a fixed length or its length before it, and no prefix begins with another one, so no two statements have
//! the same bytes, nor has one the bytes of a tensor's statement or of a session's document. Times are not part of it: they are the enclave's word.

use sha2::{Digest as _, Sha384};
use zktee_core::protocol::{Completion, Finish, Generation};

use super::Digest;

const STATEMENT: &[u8; 12] = b"zktee llm v1";
const REQUEST: &[u8; 20] = b"zktee llm request v1";
const RESPONSE: &[u8; 21] = b"zktee llm response v1";

fn bytes(hash: &mut Sha384, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn tokens(hash: &mut Sha384, tokens: &[u32]) {
    hash.update((tokens.len() as u64).to_le_bytes());
    for token in tokens {
        hash.update(token.to_le_bytes());
    }
}

/// The digest of what a language model is asked.
pub fn request(generation: &Generation) -> Digest {
    let Generation { prompt, max_tokens, temperature, seed } = generation;
    let mut hash = Sha384::new();
    hash.update(REQUEST);
    bytes(&mut hash, prompt.as_bytes());
    hash.update(max_tokens.to_le_bytes());
    hash.update(temperature.to_bits().to_le_bytes());
    hash.update(seed.to_le_bytes());
    hash.finalize().into()
}

/// The digest of what a language model said.
pub fn response(completion: &Completion) -> Digest {
    let Completion { prompt_tokens, tokens: response_tokens, text, finish } = completion;
    let mut hash = Sha384::new();
    hash.update(RESPONSE);
    tokens(&mut hash, prompt_tokens);
    tokens(&mut hash, response_tokens);
    bytes(&mut hash, text.as_bytes());
    hash.update([match finish {
        Finish::Stop => 0_u8,
        Finish::Length => 1,
    }]);
    hash.finalize().into()
}

/// What is bound by a document about a language model's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanguageStatement {
    /// SHA-384 of the file of weights.
    pub model: Digest,
    /// SHA-384 of the configuration, where there is one.
    pub config: Option<Digest>,
    /// SHA-384 of the tokenizer, where it is a file of its own.
    pub tokenizer: Option<Digest>,
    /// See [`request`].
    pub request: Digest,
    /// See [`response`].
    pub response: Digest,
}

impl LanguageStatement {
    /// The document's `user_data`.
    pub fn user_data(&self, nonce: &[u8]) -> Digest {
        let mut hash = Sha384::new();
        hash.update(STATEMENT);
        for file in [Some(self.model), self.config, self.tokenizer] {
            hash.update([u8::from(file.is_some())]);
            hash.update(file.unwrap_or([0; 48]));
        }
        hash.update(self.request);
        hash.update(self.response);
        bytes(&mut hash, nonce);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation() -> Generation {
        Generation { prompt: "ab".into(), max_tokens: 3, temperature: 0.5, seed: 4 }
    }

    fn completion() -> Completion {
        Completion { prompt_tokens: vec![1, 2], tokens: vec![3], text: "c".into(), finish: Finish::Stop }
    }

    fn statement() -> LanguageStatement {
        let (model, config, tokenizer) = ([1; 48], Some([2; 48]), None);
        LanguageStatement {
            model,
            config,
            tokenizer,
            request: request(&generation()),
            response: response(&completion()),
        }
    }

    /// Whatever is changed alone, the user data is another.
    #[test]
    fn every_part_counts() {
        let whole = statement().user_data(b"nonce");
        assert_eq!(statement().user_data(b"nonce"), whole);
        let asked = |generation: Generation| LanguageStatement { request: request(&generation), ..statement() };
        let said = |completion: Completion| LanguageStatement { response: response(&completion), ..statement() };
        let others = [
            LanguageStatement { model: [3; 48], ..statement() },
            LanguageStatement { config: Some([3; 48]), ..statement() },
            LanguageStatement { config: None, ..statement() },
            LanguageStatement { tokenizer: Some([3; 48]), ..statement() },
            LanguageStatement { tokenizer: Some([0; 48]), ..statement() },
            LanguageStatement { config: None, tokenizer: Some([2; 48]), ..statement() },
            asked(Generation { prompt: "ac".into(), ..generation() }),
            asked(Generation { max_tokens: 4, ..generation() }),
            asked(Generation { temperature: 0.500_000_06, ..generation() }),
            asked(Generation { seed: 5, ..generation() }),
            said(Completion { prompt_tokens: vec![1, 3], ..completion() }),
            // The same numbers, parted elsewhere.
            said(Completion { prompt_tokens: vec![1], tokens: vec![2, 3], ..completion() }),
            said(Completion { prompt_tokens: vec![1, 2, 3], tokens: vec![], ..completion() }),
            said(Completion { tokens: vec![4], ..completion() }),
            said(Completion { text: "d".into(), ..completion() }),
            said(Completion { text: "c\0".into(), ..completion() }),
            said(Completion { finish: Finish::Length, ..completion() }),
            LanguageStatement { request: statement().response, response: statement().request, ..statement() },
        ];
        let mut seen: Vec<Digest> = others.iter().map(|other| other.user_data(b"nonce")).collect();
        seen.extend([whole, statement().user_data(b"nonc"), statement().user_data(b"nonce\0")]);
        for (at, one) in seen.iter().enumerate() {
            assert!(!seen[..at].contains(one), "statement {at} is another's");
        }
    }

    /// The bytes that the page describes, put together by hand.
    #[test]
    fn the_bytes_are_those_of_the_page() {
        let mut request = b"zktee llm request v1".to_vec();
        request.extend([2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b', 3, 0, 0, 0, 0, 0, 0, 0x3f, 4, 0, 0, 0, 0, 0, 0, 0]);
        let mut response = b"zktee llm response v1".to_vec();
        response.extend([2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
        response.extend([1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
        response.extend([1, 0, 0, 0, 0, 0, 0, 0, b'c', 0]);
        let mut whole = b"zktee llm v1".to_vec();
        for (there, digest) in [(1, [1; 48]), (1, [2; 48]), (0, [0; 48])] {
            whole.push(there);
            whole.extend(digest);
        }
        whole.extend(Sha384::digest(request));
        whole.extend(Sha384::digest(response));
        whole.extend([5, 0, 0, 0, 0, 0, 0, 0]);
        whole.extend(b"nonce");
        assert_eq!(statement().user_data(b"nonce"), Digest::from(Sha384::digest(whole)));
    }
}
