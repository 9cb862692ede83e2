//! What every family of networks has in common.

use crate::pool::Pool;

/// A decoder with a memory of what it has read.
pub(crate) trait Network: Send {
    /// Tokens that it can hold.
    fn context(&self) -> usize;

    /// Tokens that there are.
    fn vocabulary(&self) -> usize;

    /// Forgets what it has read.
    fn clear(&mut self);

    /// Reads tokens after those that it has read, and gives the logits after the last of them, one a token of the vocabulary.
    ///
    /// # Panics
    /// Where they are none, are not in the vocabulary, or do not fit into the context: the caller has checked.
    fn read(&mut self, pool: &Pool, tokens: &[u32]) -> &[f32];
}
