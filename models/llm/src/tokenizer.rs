//! Text to tokens and back.

use crate::error::LlmError;

/// A tokenizer: what it makes of a text, and what bytes each token stands for.
#[derive(Debug)]
pub(crate) enum Tokenizer {
    /// One token a byte, for models of random weights. Tokens above 255 have no text.
    Bytes,
}

impl Tokenizer {
    /// The tokens of a text.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, LlmError> {
        match self {
            Self::Bytes => Ok(text.bytes().map(u32::from).collect()),
        }
    }

    /// The bytes of a token.
    pub(crate) fn bytes(&self, token: u32) -> Vec<u8> {
        match self {
            Self::Bytes => u8::try_from(token).into_iter().collect(),
        }
    }

    /// Whether a token ends the response.
    pub(crate) fn ends(&self, _token: u32) -> bool {
        match self {
            Self::Bytes => false,
        }
    }
}
