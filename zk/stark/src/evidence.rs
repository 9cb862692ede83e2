//! The file that the verifier is handed: the statement and its proof.
//!
//! All integers little-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `zkt-strk` |
//! | 4 | version, 1 |
//! | 4 | number of inputs' values `i` |
//! | 4 | number of outputs' values `o` |
//! | 4 `i` | the inputs, integers of the twin, row-major |
//! | 4 `o` | the outputs, likewise |
//! | the rest | the proof |

use zktee_integer::{NotEvidence, Reader, evidence_head};

/// What an evidence file begins with.
const MAGIC: &[u8; 8] = b"zkt-strk";

const VERSION: u32 = 1;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 64 << 20;

/// A statement with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The inputs, row-major.
    pub inputs: Vec<i64>,
    /// The outputs, row-major.
    pub outputs: Vec<i64>,
    /// The proof.
    pub proof: Vec<u8>,
}

/// Bytes that are no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a STARK evidence file: {0}")]
pub struct EvidenceError(#[from] NotEvidence);

impl Evidence {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.inputs.len(), self.outputs.len()];
        let mut bytes = evidence_head(MAGIC, VERSION, &counts);
        for &value in self.inputs.iter().chain(&self.outputs) {
            // Inputs and outputs of a twin are below 2^29.
            bytes.extend((value as i32).to_le_bytes());
        }
        bytes.extend(&self.proof);
        bytes
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`EvidenceError`] for anything that [`Evidence::to_bytes`] would not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let mut reader = Reader(bytes);
        let [inputs, outputs] = reader.head(MAGIC, VERSION)?;
        let inputs = reader.values(inputs)?;
        let outputs = reader.values(outputs)?;
        Ok(Self { inputs, outputs, proof: reader.0.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn evidence() -> Evidence {
        Evidence { inputs: vec![1, -2, 255], outputs: vec![-(1 << 28)], proof: vec![7; 5] }
    }

    #[test]
    fn it_comes_back() {
        assert_eq!(Evidence::from_bytes(&evidence().to_bytes()), Ok(evidence()));
    }

    #[test]
    fn a_statement_that_is_cut_off_is_refused() {
        let bytes = evidence().to_bytes();
        for end in 0..bytes.len() - evidence().proof.len() {
            assert!(Evidence::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), header: bool) {
            if header {
                bytes.splice(0..bytes.len().min(12), evidence().to_bytes()[..12].iter().copied());
            }
            if let Ok(read) = Evidence::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}
