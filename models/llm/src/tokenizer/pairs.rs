//! Byte-level pair encoding: a text's bytes, cut into words, joined to tokens pair by pair (Sennrich et al. 2016; on bytes as GPT-2 does it).
//!
//! The crate `tokenizers` cuts and joins. What is a tokenizer's own is checked here before it gets there, and that no byte of the text is lost
//! after: without a check it leaves out what there is no token for.

use std::collections::HashMap;

use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, PreTokenizerWrapper, SplitDelimiterBehavior};

use crate::error::LlmError;

/// What a tokenizer is made of.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Each token's text: of an ordinary one in [`letter`]s, of a special one as it stands. None where a number has no token.
    pub(crate) tokens: Vec<Option<String>>,
    /// Pairs that are joined, the first first.
    pub(crate) merges: Vec<(String, String)>,
    /// Whether a word that is a token is taken whole, whatever pairs make of it.
    pub(crate) whole_words: bool,
    /// How a text is cut into words: regular expressions, each of which cuts what the one before has left.
    pub(crate) cuts: &'static [&'static str],
    /// Tokens that are found in a text before it is cut.
    pub(crate) special: Vec<Special>,
    /// Put before every text.
    pub(crate) first: Option<u32>,
    /// Tokens that end a response.
    pub(crate) ends: Vec<u32>,
}

/// A token that a text is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Special {
    pub(crate) token: u32,
    /// It steers, and is no part of a response's text.
    pub(crate) control: bool,
}

/// A tokenizer that joins pairs.
#[derive(Debug)]
pub(crate) struct Pairs {
    tokenizer: tokenizers::Tokenizer,
    /// The bytes of each token.
    bytes: Vec<Vec<u8>>,
    /// Those that add nothing to a text.
    control: Vec<u32>,
    first: Option<u32>,
    ends: Vec<u32>,
}

impl Pairs {
    /// Puts a tokenizer together, for a network with so many tokens.
    ///
    /// # Errors
    /// [`LlmError::Tokenizer`] where its parts contradict one another or the network.
    pub(crate) fn new(parts: Parts, vocabulary: usize) -> Result<Self, LlmError> {
        let damaged = |what: String| Err(LlmError::Tokenizer(what));
        if parts.tokens.len() > vocabulary {
            return damaged(format!("it has {} tokens, the network {vocabulary}", parts.tokens.len()));
        }
        let mut numbers = HashMap::with_capacity(parts.tokens.len());
        for (number, text) in parts.tokens.iter().enumerate() {
            if let Some(text) = text {
                numbers.insert(text.clone(), number as u32);
            }
        }
        for (left, right) in &parts.merges {
            let joined = format!("{left}{right}");
            for part in [left, right, &joined] {
                if !numbers.contains_key(part) {
                    return damaged(format!("{part:?} is part of a merge, and no token"));
                }
            }
        }
        let known = |&token: &u32| parts.tokens.get(token as usize).is_some_and(Option::is_some);
        let special = parts.special.iter().map(|special| special.token);
        if let Some(token) = special.chain(parts.first).chain(parts.ends.iter().copied()).find(|token| !known(token)) {
            return damaged(format!("token {token} has a meaning of its own, and there is none of that number"));
        }

        let mut bytes = vec![Vec::new(); vocabulary];
        let letters: HashMap<char, u8> = (0..=u8::MAX).map(|byte| (letter(byte), byte)).collect();
        for (bytes, text) in bytes.iter_mut().zip(&parts.tokens) {
            let Some(text) = text else { continue };
            let spelt: Option<Vec<u8>> = text.chars().map(|letter| letters.get(&letter).copied()).collect();
            *bytes = spelt.unwrap_or_else(|| text.as_bytes().to_vec());
        }
        let text_of = |special: &Special| parts.tokens[special.token as usize].clone().unwrap_or_default();
        for special in &parts.special {
            bytes[special.token as usize] = text_of(special).into_bytes();
        }
        let added: Vec<AddedToken> =
            parts.special.iter().map(|special| AddedToken::from(text_of(special), true).normalized(false)).collect();
        Ok(Self {
            tokenizer: assemble(numbers, parts.merges, parts.whole_words, parts.cuts, added)
                .map_err(|error| LlmError::Tokenizer(error.to_string()))?,
            bytes,
            control: parts.special.iter().filter(|special| special.control).map(|special| special.token).collect(),
            first: parts.first,
            ends: parts.ends,
        })
    }

    /// The tokens of a text.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, LlmError> {
        let encoding =
            self.tokenizer.encode_fast(text, false).map_err(|error| LlmError::Tokenizer(error.to_string()))?;
        let tokens = encoding.get_ids();
        if !tokens.iter().flat_map(|&token| &self.bytes[token as usize]).eq(text.as_bytes()) {
            return Err(LlmError::Tokenizer("it has no token for a part of the prompt".into()));
        }
        Ok(self.first.into_iter().chain(tokens.iter().copied()).collect())
    }

    /// The bytes that a token adds to a response: none, where it steers.
    pub(super) fn bytes(&self, token: u32) -> &[u8] {
        if self.control.contains(&token) {
            return &[];
        }
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether it ends the response.
    pub(super) fn ends(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }
}

fn assemble(
    numbers: HashMap<String, u32>,
    merges: Vec<(String, String)>,
    whole_words: bool,
    cuts: &[&str],
    special: Vec<AddedToken>,
) -> tokenizers::Result<tokenizers::Tokenizer> {
    let pairs = BPE::builder()
        .vocab_and_merges(numbers.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
        .ignore_merges(whole_words)
        // A prompt is read once.
        .cache_capacity(0)
        .build()?;
    let mut cutters = Vec::with_capacity(cuts.len() + 1);
    for cut in cuts {
        let pattern = SplitPattern::Regex((*cut).into());
        cutters.push(PreTokenizerWrapper::Split(Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?));
    }
    cutters.push(PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, false, false)));
    let mut tokenizer = tokenizers::Tokenizer::new(pairs);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(cutters)));
    tokenizer.add_special_tokens(special)?;
    Ok(tokenizer)
}

/// The letter that stands for a byte in a vocabulary: itself where it can be seen, one from U+0100 on otherwise (GPT-2's `bytes_to_unicode`).
pub(crate) fn letter(byte: u8) -> char {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if seen(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&byte| !seen(byte)).count() as u32;
    char::from_u32(0x100 + before).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        let mut tokens: Vec<_> = (0..=u8::MAX).map(|byte| Some(letter(byte).to_string())).collect();
        tokens.extend(["Ġa", "Ġab", "<end>", "ab"].map(|text| Some(text.to_string())));
        let pair = |left: &str, right: &str| (left.to_string(), right.to_string());
        Parts {
            tokens,
            merges: vec![pair("Ġ", "a"), pair("Ġa", "b"), pair("a", "b")],
            cuts: &[r" ?\p{L}+"],
            special: vec![Special { token: 258, control: true }],
            ends: vec![258],
            ..Parts::default()
        }
    }

    #[test]
    fn letters_are_those_of_the_library() {
        let letters: std::collections::HashSet<char> = (0..=u8::MAX).map(letter).collect();
        assert_eq!(letters.len(), 256);
        assert!(ByteLevel::alphabet().iter().all(|letter| letters.contains(letter)));
        assert_eq!((letter(b' '), letter(b'\n'), letter(0xad)), ('Ġ', 'Ċ', 'Ń'));
    }

    #[test]
    fn pairs_are_joined_in_words_and_special_tokens_are_found() {
        let pairs = Pairs::new(parts(), 300).unwrap();
        assert_eq!(pairs.encode(" ab ac<end>é").unwrap(), [257, 256, 99, 258, 0xc3, 0xa9]);
        assert_eq!(pairs.encode("").unwrap(), [0; 0]);
        assert_eq!(
            (pairs.bytes(257), pairs.bytes(258), pairs.bytes(299)),
            (b" ab".as_slice(), b"".as_slice(), b"".as_slice())
        );
        assert!(pairs.ends(258) && !pairs.ends(257));
        let first = Pairs::new(Parts { first: Some(258), ..parts() }, 300).unwrap();
        assert_eq!(first.encode("b").unwrap(), [258, 98]);
    }

    #[test]
    fn a_text_that_would_lose_a_part_is_refused() {
        let mut parts = parts();
        parts.tokens[usize::from(b'z')] = None;
        let pairs = Pairs::new(parts, 300).unwrap();
        assert!(pairs.encode("abc").is_ok());
        assert!(matches!(pairs.encode("abz"), Err(LlmError::Tokenizer(_))));
    }

    #[test]
    fn parts_that_contradict_one_another_are_refused() {
        let refused = |parts, vocabulary, why: &str| {
            let error = Pairs::new(parts, vocabulary).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        };
        refused(parts(), 259, "it has 260 tokens, the network 259");
        let merge = |left: &str, right: &str| Parts { merges: vec![(left.into(), right.into())], ..parts() };
        // Longer than any token.
        refused(merge("Ġab", "Ġab"), 300, "\"ĠabĠab\" is part of a merge");
        refused(merge("a", "none"), 300, "\"none\" is part of a merge");
        refused(Parts { ends: vec![260], ..parts() }, 300, "token 260 has a meaning");
        refused(Parts { first: Some(u32::MAX), ..parts() }, 300, "token 4294967295 has a meaning");
        refused(
            Parts { special: vec![Special { token: 299, control: false }], ..parts() },
            300,
            "token 299 has a meaning",
        );
    }
}
