//! What an attestation says of an answer: digests of model, input, output and nonce, folded into the document's `user_data`.
//!
//! ```text
//!   model   = SHA-384(ONNX file)
//!   input   = SHA-384("zktee tensor v1" || rank || dimensions || values)      rank and dimensions as u64, values as f32, little-endian
//!   output  = the same
//!   user_data = SHA-384("zktee enclave v1" || model || input || output || length of nonce as u64 || nonce)
//! ```
//!
//! Everything before the nonce has a fixed length, and each kind of content a prefix of its own, so no two statements have the same bytes.
//! Language models have statements of their own kind ([`LanguageStatement`]).

mod language;

use sha2::{Digest as _, Sha384};

pub use language::{LanguageStatement, request, response};

/// SHA-384.
pub type Digest = [u8; 48];

const STATEMENT: &[u8; 16] = b"zktee enclave v1";
const TENSOR: &[u8; 15] = b"zktee tensor v1";

/// The digest of a model: of its ONNX file's bytes.
pub fn model(onnx: &[u8]) -> Digest {
    Sha384::digest(onnx).into()
}

/// The digest of a tensor: of its shape and values, bit for bit.
pub fn tensor(shape: &[usize], values: &[f32]) -> Digest {
    let mut hash = Sha384::new();
    hash.update(TENSOR);
    hash.update((shape.len() as u64).to_le_bytes());
    for dimension in shape {
        hash.update((*dimension as u64).to_le_bytes());
    }
    let mut bytes = Vec::with_capacity(4 * values.len());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    hash.update(&bytes);
    hash.finalize().into()
}

/// In hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
}

/// The digest that hexadecimal digits stand for.
pub fn unhex(text: &str) -> Option<Digest> {
    let mut digest = [0; 48];
    if text.len() != 2 * digest.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in digest.iter_mut().zip((0..text.len()).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// What is bound by a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// See [`model`].
    pub model: Digest,
    /// See [`tensor`].
    pub input: Digest,
    /// See [`tensor`].
    pub output: Digest,
}

impl Statement {
    /// The document's `user_data`.
    pub fn user_data(&self, nonce: &[u8]) -> Digest {
        let mut hash = Sha384::new();
        hash.update(STATEMENT);
        for digest in [self.model, self.input, self.output] {
            hash.update(digest);
        }
        hash.update((nonce.len() as u64).to_le_bytes());
        hash.update(nonce);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement { model: model(b"m"), input: tensor(&[1, 2], &[1.0, 2.0]), output: tensor(&[1], &[3.0]) }
    }

    #[test]
    fn every_part_counts() {
        let whole = statement().user_data(b"nonce");
        let others = [
            Statement { model: model(b"n"), ..statement() }.user_data(b"nonce"),
            Statement { input: tensor(&[2, 1], &[1.0, 2.0]), ..statement() }.user_data(b"nonce"),
            Statement { input: tensor(&[1, 2], &[1.0, 2.000_000_2]), ..statement() }.user_data(b"nonce"),
            Statement { output: tensor(&[1], &[-3.0]), ..statement() }.user_data(b"nonce"),
            Statement { input: statement().output, output: statement().input, ..statement() }.user_data(b"nonce"),
            statement().user_data(b"nonc"),
            statement().user_data(b"nonce\0"),
        ];
        assert!(others.iter().all(|other| *other != whole));
        assert_eq!(statement().user_data(b"nonce"), whole);
    }

    #[test]
    fn digests_are_written_and_read() {
        let digest = model(b"m");
        assert_eq!(unhex(&hex(&digest)), Some(digest));
        assert_eq!(unhex(&hex(&digest)[2..]), None);
        assert_eq!(unhex(&"+1".repeat(48)), None);
    }

    #[test]
    fn zeros_of_either_sign_differ() {
        assert_ne!(tensor(&[1], &[0.0]), tensor(&[1], &[-0.0]));
    }
}
