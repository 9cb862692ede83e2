//! The file that the verifier is handed: the statement and its proofs.
//!
//! All integers little-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `zkt-hal2` |
//! | 4 | version, 1 |
//! | 4 | number of public inputs' values `i` (0 where the input is private) |
//! | 4 | number of outputs' values `o` |
//! | 4 | number of proofs |
//! | 4 `i` | the inputs, integers of the twin, row-major |
//! | 4 `o` | the outputs, likewise |
//! | 4 + n each | a proof's length and its bytes |

use zktee_integer::{NotEvidence, Reader, evidence_head};

/// What an evidence file begins with.
const MAGIC: &[u8; 8] = b"zkt-hal2";

const VERSION: u32 = 1;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 64 << 20;

/// A statement with its proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The public inputs, row-major; empty where the input is private.
    pub inputs: Vec<i64>,
    /// The outputs, row-major.
    pub outputs: Vec<i64>,
    /// The proofs, in the order of the inputs.
    pub proofs: Vec<Vec<u8>>,
}

/// Bytes that are no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a halo2 evidence file: {0}")]
pub struct EvidenceError(#[from] NotEvidence);

impl Evidence {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.inputs.len(), self.outputs.len(), self.proofs.len()];
        let mut bytes = evidence_head(MAGIC, VERSION, &counts);
        for &value in self.inputs.iter().chain(&self.outputs) {
            // Inputs and outputs of a twin are below 2^29.
            bytes.extend((value as i32).to_le_bytes());
        }
        for proof in &self.proofs {
            bytes.extend((proof.len() as u32).to_le_bytes());
            bytes.extend(proof);
        }
        bytes
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`EvidenceError`] for anything that [`Evidence::to_bytes`] would not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let mut reader = Reader(bytes);
        let [inputs, outputs, proofs] = reader.head(MAGIC, VERSION)?;
        let inputs = reader.values(inputs)?;
        let outputs = reader.values(outputs)?;
        // No allocation by what the file says: each proof takes 4 bytes of it at least.
        let mut list = Vec::new();
        for _ in 0..proofs {
            let length = reader.count()?;
            list.push(reader.take(length)?.to_vec());
        }
        if !reader.0.is_empty() {
            return Err(NotEvidence("bytes follow its end").into());
        }
        Ok(Self { inputs, outputs, proofs: list })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn evidence() -> Evidence {
        Evidence { inputs: vec![1, -2, 255], outputs: vec![-(1 << 28)], proofs: vec![vec![7; 5], vec![]] }
    }

    #[test]
    fn it_comes_back() {
        assert_eq!(Evidence::from_bytes(&evidence().to_bytes()), Ok(evidence()));
    }

    #[test]
    fn what_is_cut_off_or_added_is_refused() {
        let bytes = evidence().to_bytes();
        for end in 0..bytes.len() {
            assert!(Evidence::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        assert!(Evidence::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
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
