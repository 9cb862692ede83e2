//! What the transcript begins with: the key's digest and the statement. Every challenge depends on all of it.

use p3_blake3::Blake3;
use p3_challenger::SerializingChallenger32;

use crate::field::Challenger;
use crate::key::Key;

/// Separates these transcripts from all others; a change of the protocol changes it.
const DOMAIN: &[u8] = b"zktee stark transcript v1\0";

/// What a proof is about, beside the key: integers of the twin, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) inputs: Vec<i64>,
    pub(crate) outputs: Vec<i64>,
}

/// The transcript of a proof of this statement. The key's digest stands for the model, the batch, the layout and all parameters.
pub(crate) fn transcript(key: &Key, statement: &Statement) -> Challenger {
    let mut bytes = DOMAIN.to_vec();
    bytes.extend(key.digest_bytes());
    for values in [&statement.inputs, &statement.outputs] {
        bytes.extend((values.len() as u64).to_le_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    SerializingChallenger32::from_hasher(bytes, Blake3)
}
