//! What evidence files are written and read with. All numbers in them are little-endian.

/// Why bytes are no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotEvidence(pub &'static str);

const TOO_SHORT: NotEvidence = NotEvidence("it is too short");

/// How a file of some kind and version begins, with the counts of what follows, four bytes each.
pub fn evidence_head(magic: &[u8; 8], version: u32, counts: &[usize]) -> Vec<u8> {
    let counts = counts.iter().map(|&count| (count as u32).to_le_bytes());
    [&magic[..], &version.to_le_bytes()].concat().into_iter().chain(counts.flatten()).collect()
}

/// What is left of a file. Nothing is allocated for what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Goes past how a file of this kind and version begins, and gives the counts that follow.
    ///
    /// # Errors
    /// [`NotEvidence`] for another kind, another version, or what is too short.
    pub fn head<const N: usize>(&mut self, magic: &[u8; 8], version: u32) -> Result<[usize; N], NotEvidence> {
        if self.take(8)? != magic {
            return Err(NotEvidence("it begins otherwise"));
        }
        if self.count()? != version as usize {
            return Err(NotEvidence("its version is another"));
        }
        let mut counts = [0; N];
        for count in &mut counts {
            *count = self.count()?;
        }
        Ok(counts)
    }

    /// The next bytes.
    ///
    /// # Errors
    /// [`NotEvidence`].
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], NotEvidence> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of four bytes, little-endian.
    ///
    /// # Errors
    /// [`NotEvidence`].
    pub fn count(&mut self) -> Result<usize, NotEvidence> {
        let bytes = self.take(4)?.try_into().map_err(|_| TOO_SHORT)?;
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    /// So many integers of a twin: four bytes each, little-endian, signed.
    ///
    /// # Errors
    /// [`NotEvidence`].
    pub fn values(&mut self, count: usize) -> Result<Vec<i64>, NotEvidence> {
        let bytes = self.take(count.checked_mul(4).ok_or(TOO_SHORT)?)?;
        Ok(bytes.as_chunks().0.iter().map(|&value| i64::from(i32::from_le_bytes(value))).collect())
    }
}
