//! Text to tokens and back.

mod gguf;
mod json;
mod pairs;

pub(crate) use gguf::read as read_gguf;
pub(crate) use json::read as read_json;
pub(crate) use pairs::Pairs;

use crate::error::LlmError;

/// A tokenizer: what it makes of a text, and what bytes each token stands for.
#[derive(Debug)]
pub(crate) enum Tokenizer {
    /// One token a byte, for models of random weights. Tokens above 255 have no text.
    Bytes,
    /// Pairs of pieces of text that are joined, from bytes on.
    Pairs(Box<Pairs>),
}

impl Tokenizer {
    /// The tokens of a text. What reads as a special token in it, is one.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, LlmError> {
        match self {
            Self::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Self::Pairs(pairs) => pairs.encode(text),
        }
    }

    /// The bytes that a token adds to a response.
    pub(crate) fn bytes(&self, token: u32) -> Vec<u8> {
        match self {
            Self::Bytes => u8::try_from(token).into_iter().collect(),
            Self::Pairs(pairs) => pairs.bytes(token).to_vec(),
        }
    }

    /// Whether a token ends the response.
    pub(crate) fn ends(&self, token: u32) -> bool {
        match self {
            Self::Bytes => false,
            Self::Pairs(pairs) => pairs.ends(token),
        }
    }
}
