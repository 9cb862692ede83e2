//! What a fuzzer throws bytes at; the tests do the same with fewer of them.

use std::path::Path;

use sha2::{Digest, Sha256};

pub use zktee_integer::fuzzing::edited;

use crate::evidence::Evidence;
use crate::keys::{KeyError, ProvingKey, VerifyingKey};
use crate::plan::Plan;
use crate::srs::Source;

/// The bytes of a verifier's key file of a small circuit, and of evidence that goes with it.
///
/// # Errors
/// Whatever keeps them from being made, such as a folder for temporary files that cannot be written.
pub fn example() -> Result<(Vec<u8>, Vec<u8>), Box<dyn std::error::Error>> {
    let model = zktee_integer::fuzzing::model()?;
    let plan = Plan::new(&model, 1, false)?;
    let srs = Source::Cache(std::env::temp_dir().join("zktee-halo2-fuzzing")).get(plan.spec.design.k())?;
    let key = ProvingKey::generate(plan.spec, &srs)?;
    let evidence = key.prove(&model, &[5, -3])?.evidence;
    Ok((key.verifier_bytes(), evidence.to_bytes()))
}

/// Reads bytes as evidence and verifies it: whether it was accepted.
///
/// # Panics
/// If upstream's verifier is of another opinion.
pub fn evidence(key: &VerifyingKey, bytes: &[u8]) -> bool {
    let Ok(evidence) = Evidence::from_bytes(bytes) else { return false };
    let accepted = key.verify(&evidence).is_ok();
    assert!(crate::stock::agrees(key, &evidence, accepted), "upstream's verifier does not agree");
    accepted
}

/// Reads bytes as a verifier's key file.
///
/// # Errors
/// As [`VerifyingKey::from_bytes`].
pub fn key(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    VerifyingKey::from_bytes(bytes, Path::new("the fuzzed key"))
}

/// A key file with the same head, this content after it, and the digest that goes with it: what gets past the first check.
pub fn sealed(file: &[u8], content: &[u8]) -> Vec<u8> {
    let magic = file.get(..16).unwrap_or_default();
    [magic, &Sha256::digest(content), content].concat()
}
