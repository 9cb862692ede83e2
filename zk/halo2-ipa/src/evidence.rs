//! What `prove` hands to `verify`: a statement and its proof, in one file.
//!
//! ```text
//!   "zkteeipa"  version  inputs  outputs  proof     inputs …      outputs …     proof …
//!   8 bytes     u32      u32     u32      u32       i64 each      i64 each      bytes
//! ```
//!
//! All numbers are little-endian; the four after the version are counts. The length must be exactly what they say.

use thiserror::Error;

const MAGIC: &[u8; 8] = b"zkteeipa";
const VERSION: u32 = 1;
const HEADER: usize = 8 + 4 * 4;

/// The largest evidence that is read or written, bytes.
pub(crate) const MAX_EVIDENCE_BYTES: u64 = 1 << 28;

/// A statement and its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Inputs in integer units, one after the other.
    pub inputs: Vec<i64>,
    /// Outputs in integer units, one after the other.
    pub outputs: Vec<i64>,
    /// The proof.
    pub proof: Vec<u8>,
}

/// Bytes that are no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EvidenceError {
    /// It does not begin as evidence of this backend does.
    #[error("not evidence of this backend")]
    Magic,
    /// Another version wrote it.
    #[error("evidence of version {got}, this is version {VERSION}")]
    Version {
        /// Its version.
        got: u32,
    },
    /// Bytes are missing or left over.
    #[error("evidence of {expected} bytes expected by its header, got {got}")]
    Length {
        /// What the header asks for.
        expected: u64,
        /// What there is.
        got: u64,
    },
    /// More than is read or written.
    #[error("evidence of {got} bytes, at most {MAX_EVIDENCE_BYTES} are taken")]
    TooLarge {
        /// What there is, or would be.
        got: u64,
    },
}

impl Evidence {
    /// The file's bytes.
    ///
    /// # Errors
    /// [`EvidenceError::TooLarge`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        let got = HEADER as u64 + 8 * (self.inputs.len() + self.outputs.len()) as u64 + self.proof.len() as u64;
        if got > MAX_EVIDENCE_BYTES {
            return Err(EvidenceError::TooLarge { got });
        }
        let mut bytes = Vec::with_capacity(got as usize);
        bytes.extend(MAGIC);
        // Each count is below the limit and so below 2^32.
        for number in [VERSION, self.inputs.len() as u32, self.outputs.len() as u32, self.proof.len() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        for value in self.inputs.iter().chain(&self.outputs) {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(&self.proof);
        Ok(bytes)
    }

    /// Reads a file's bytes, any bytes.
    ///
    /// # Errors
    /// [`EvidenceError`] where they are not exactly one piece of evidence.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let got = bytes.len() as u64;
        if got > MAX_EVIDENCE_BYTES {
            return Err(EvidenceError::TooLarge { got });
        }
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>().filter(|(header, _)| header.starts_with(MAGIC))
        else {
            return Err(EvidenceError::Magic);
        };
        let (numbers, _) = header[MAGIC.len()..].as_chunks::<4>();
        let number = |index: usize| u32::from_le_bytes(numbers[index]);
        if number(0) != VERSION {
            return Err(EvidenceError::Version { got: number(0) });
        }
        let [inputs, outputs, proof] = [1, 2, 3].map(|index| u64::from(number(index)));
        let expected = HEADER as u64 + 8 * (inputs + outputs) + proof;
        if expected != got {
            return Err(EvidenceError::Length { expected, got });
        }
        // The lengths add up, so both cuts are within the bytes.
        let (values, proof) = rest.split_at(8 * (inputs + outputs) as usize);
        let (values, _) = values.as_chunks::<8>();
        let mut inputs_then_outputs: Vec<i64> = values.iter().map(|value| i64::from_le_bytes(*value)).collect();
        let outputs = inputs_then_outputs.split_off(inputs as usize);
        Ok(Self { inputs: inputs_then_outputs, outputs, proof: proof.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_round_trip_and_its_damages() {
        let evidence = Evidence { inputs: vec![1, -2, i64::MAX], outputs: vec![i64::MIN], proof: vec![7; 5] };
        let bytes = evidence.to_bytes().unwrap();
        assert_eq!(Evidence::from_bytes(&bytes), Ok(evidence));
        for cut in 0..bytes.len() {
            assert!(Evidence::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(matches!(Evidence::from_bytes(&[&bytes[..], &[0]].concat()), Err(EvidenceError::Length { .. })));
        let mut other = bytes.clone();
        other[8] = 2;
        assert_eq!(Evidence::from_bytes(&other), Err(EvidenceError::Version { got: 2 }));
        other = bytes;
        other[0] ^= 1;
        assert_eq!(Evidence::from_bytes(&other), Err(EvidenceError::Magic));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_written_again_as_they_were(
            tail in proptest::collection::vec(any::<u8>(), 0..200), counts in proptest::array::uniform3(0u32..20), real in any::<bool>()
        ) {
            let mut bytes = Vec::new();
            if real {
                bytes.extend(MAGIC);
                bytes.extend([VERSION, counts[0], counts[1], counts[2]].iter().flat_map(|n| n.to_le_bytes()));
            }
            bytes.extend(tail);
            if let Ok(evidence) = Evidence::from_bytes(&bytes) {
                prop_assert_eq!(evidence.to_bytes().unwrap(), bytes);
            }
        }
    }
}
