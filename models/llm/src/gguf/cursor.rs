//! Reading numbers and texts one after the other.

use crate::error::LlmError;

/// Where in a file's bytes the reader stands.
pub(super) struct Cursor<'a> {
    file: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(file: &'a [u8]) -> Self {
        Self { file, position: 0 }
    }

    /// Bytes that were read.
    pub(super) const fn position(&self) -> usize {
        self.position
    }

    fn left(&self) -> &'a [u8] {
        &self.file[self.position..]
    }

    /// The next bytes. `what` is what they are, for the error where there are not so many.
    pub(super) fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], LlmError> {
        let bytes = self.left().get(..count).ok_or_else(|| LlmError::Damaged(format!("it ends within {what}")))?;
        self.position += count;
        Ok(bytes)
    }

    /// The next bytes, as many as a number has.
    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], LlmError> {
        let bytes = self.left().first_chunk().ok_or_else(|| LlmError::Damaged(format!("it ends within {what}")))?;
        self.position += N;
        Ok(*bytes)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, LlmError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, LlmError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A text with its length before it, of at most so many bytes.
    pub(super) fn text(&mut self, most: usize, what: &str) -> Result<&'a str, LlmError> {
        let length = self.u64(what)?;
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= most)
            .ok_or_else(|| LlmError::Damaged(format!("{what} has {length} bytes; {most} are the most")))?;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|_| LlmError::Damaged(format!("{what} is not UTF-8")))
    }

    /// Checks a count before anything is made for it: each of them takes at least so many of the bytes that are left.
    pub(super) fn check_count(&self, count: u64, least: usize, what: &str) -> Result<usize, LlmError> {
        usize::try_from(count)
            .ok()
            .filter(|count| count.checked_mul(least).is_some_and(|bytes| bytes <= self.left().len()))
            .ok_or_else(|| LlmError::Damaged(format!("{count} {what} do not fit into it")))
    }
}
