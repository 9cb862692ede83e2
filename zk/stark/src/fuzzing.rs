//! What a fuzzer throws bytes at; the tests do the same with fewer of them.

use std::path::Path;

pub use zktee_integer::fuzzing::edited;

use crate::evidence::Evidence;
use crate::key::{Key, KeyError};
use crate::parameters::Profile;

/// A key of a small model, and the bytes of evidence that goes with it.
///
/// # Errors
/// None that a small model has.
pub fn example(profile: Profile) -> Result<(Key, Vec<u8>), Box<dyn std::error::Error>> {
    let key = Key::new(zktee_integer::fuzzing::model()?, 1, profile)?;
    let evidence = key.prove(&[5, -3])?.evidence;
    Ok((key, evidence.to_bytes()))
}

/// A file of which a part, as long as an edit can reach, has been [`edited`]. The first byte says which part.
pub fn edited_anywhere(file: &[u8], edits: &[u8]) -> Vec<u8> {
    let Some((&part, edits)) = edits.split_first() else { return file.to_vec() };
    let (before, after) = file.split_at(file.len() * usize::from(part) / 256);
    [before, &edited(after, edits)].concat()
}

/// Reads bytes as evidence and verifies it: whether it was accepted.
///
/// # Panics
/// If bytes are read that the same evidence would not be written as.
pub fn evidence(key: &Key, bytes: &[u8]) -> bool {
    let Ok(evidence) = Evidence::from_bytes(bytes) else { return false };
    assert_eq!(evidence.to_bytes(), bytes, "a second encoding");
    key.verify(&evidence).is_ok()
}

/// Reads bytes as a key file.
///
/// # Errors
/// As [`Key::from_bytes`].
pub fn key(bytes: &[u8]) -> Result<Key, KeyError> {
    Key::from_bytes(bytes, Path::new("the fuzzed key"))
}
