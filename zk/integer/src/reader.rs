//! What evidence files are read with.

/// A file that ends before what it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is too short")]
pub struct TooShort;

/// What is left of a file. Nothing is allocated for what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes.
    ///
    /// # Errors
    /// [`TooShort`].
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], TooShort> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TooShort)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of four bytes, little-endian.
    ///
    /// # Errors
    /// [`TooShort`].
    pub fn count(&mut self) -> Result<usize, TooShort> {
        let bytes = self.take(4)?.try_into().map_err(|_| TooShort)?;
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    /// So many integers of a twin: four bytes each, little-endian, signed.
    ///
    /// # Errors
    /// [`TooShort`].
    pub fn values(&mut self, count: usize) -> Result<Vec<i64>, TooShort> {
        let bytes = self.take(count.checked_mul(4).ok_or(TooShort)?)?;
        Ok(bytes.as_chunks().0.iter().map(|&value| i64::from(i32::from_le_bytes(value))).collect())
    }
}
