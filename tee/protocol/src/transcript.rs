//! What was streamed of a response, held against the whole.

use crate::message::{Generated, Piece};

/// Why a streamed response is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// A piece that is not the next.
    #[error("token {got} was streamed, where token {expected} would be next")]
    OutOfOrder {
        /// Where it claims to stand.
        got: u32,
        /// Where the next one stands.
        expected: u32,
    },
    /// More pieces than tokens were asked for.
    #[error("more than the {0} tokens that were asked for were streamed")]
    TooMany(u32),
    /// The whole has other tokens, other bytes or other times than its pieces.
    #[error("the whole response is not what was streamed of it")]
    Whole,
}

/// The pieces of one response so far. Its memory is bounded by the tokens that were asked for.
#[derive(Clone, Debug)]
pub struct Transcript {
    most: u32,
    tokens: Vec<u32>,
    bytes: Vec<u8>,
    token_ns: Vec<u64>,
}

impl Transcript {
    /// Of a response of at most `most` tokens.
    pub fn new(most: u32) -> Self {
        Transcript { most, tokens: Vec::new(), bytes: Vec::new(), token_ns: Vec::new() }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// [`Disagreement`] with what came before.
    pub fn take(&mut self, piece: &Piece) -> Result<(), Disagreement> {
        let expected = self.tokens.len() as u32;
        if piece.position != expected {
            return Err(Disagreement::OutOfOrder { got: piece.position, expected });
        }
        if expected >= self.most {
            return Err(Disagreement::TooMany(self.most));
        }
        self.tokens.push(piece.token);
        self.bytes.extend_from_slice(&piece.bytes);
        self.token_ns.push(piece.latency_ns);
        Ok(())
    }

    /// Checks that the pieces are the whole, no more and no less: an attestation is about the whole alone.
    ///
    /// # Errors
    ///
    /// [`Disagreement::Whole`].
    pub fn check(&self, whole: &Generated) -> Result<(), Disagreement> {
        let same = self.tokens == whole.tokens
            && self.token_ns == whole.token_ns
            && String::from_utf8_lossy(&self.bytes) == whole.text;
        if same { Ok(()) } else { Err(Disagreement::Whole) }
    }
}
