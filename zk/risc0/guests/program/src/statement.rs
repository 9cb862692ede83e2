//! What a receipt says: the journal.

use alloc::vec::Vec;

/// Bytes of a digest.
const DIGEST: usize = 32;

/// What a guest commits to, in this order: three digests, the number of inputs and the outputs as little-endian words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// SHA-256 of the model's words.
    pub model: [u8; DIGEST],
    /// SHA-256 of the inputs' words.
    pub inputs: [u8; DIGEST],
    /// SHA-256 of what the model was fitted to: the exponent's word, then those of the targets. Zero where nothing was fitted.
    pub targets: [u8; DIGEST],
    /// Number of inputs.
    pub batch: u32,
    /// Row-major.
    pub outputs: Vec<i32>,
}

/// Bytes that are no statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementError;

impl Statement {
    /// Reads a journal.
    ///
    /// # Errors
    /// When it ends before the outputs begin, or they are no whole number of words.
    pub fn read(journal: &[u8]) -> Result<Self, StatementError> {
        let (model, rest) = journal.split_first_chunk().ok_or(StatementError)?;
        let (inputs, rest) = rest.split_first_chunk().ok_or(StatementError)?;
        let (targets, rest) = rest.split_first_chunk().ok_or(StatementError)?;
        let (&batch, rest) = rest.split_first_chunk().ok_or(StatementError)?;
        let (words, []) = rest.as_chunks() else { return Err(StatementError) };
        let outputs = words.iter().map(|&word| i32::from_le_bytes(word)).collect();
        Ok(Self { model: *model, inputs: *inputs, targets: *targets, batch: u32::from_le_bytes(batch), outputs })
    }
}
