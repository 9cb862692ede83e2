//! What a fuzzer throws bytes at; the tests do the same with fewer of them.

use std::path::Path;

use sha2::{Digest, Sha256};

use zktee_models::integer::{IntegerDense, IntegerLayer, IntegerModel, Parts, Rescale, Scale};

use crate::evidence::Evidence;
use crate::keys::{KeyError, ProvingKey, VerifyingKey};
use crate::plan::Plan;
use crate::srs::Source;

/// The bytes of a verifier's key file of a small circuit, and of evidence that goes with it.
///
/// # Errors
/// Whatever keeps them from being made, such as a folder for temporary files that cannot be written.
pub fn example() -> Result<(Vec<u8>, Vec<u8>), Box<dyn std::error::Error>> {
    let dense = |rescale| {
        let (weights, bias) = (vec![3, -2, 1, 5], vec![4, -7]);
        IntegerLayer::Dense(IntegerDense { outputs: 2, inputs: 2, weights, bias, rescale })
    };
    let one = Scale { mantissa: 1, exponent: 0 };
    let model = IntegerModel::from_parts(Parts {
        name: "fuzzed".to_owned(),
        input_shape: vec![2],
        input_scale: one,
        input_range: [-8, 7],
        activation_bound: 60,
        layers: vec![dense(Some(Rescale { exponent: 2, relu: true })), dense(None)],
        output_scale: one,
    })?;
    let plan = Plan::new(&model, 1, false)?;
    let srs = Source::Cache(std::env::temp_dir().join("zktee-halo2-fuzzing")).get(plan.spec.design.k())?;
    let key = ProvingKey::generate(plan.spec, &srs)?;
    let evidence = key.prove(&model, &[5, -3])?.evidence;
    Ok((key.verifier_bytes(), evidence.to_bytes()))
}

/// A file with some bytes changed: each three bytes of the edits are a place (little-endian, around the end) and a byte to put there.
pub fn edited(file: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for &[low, high, byte] in edits.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len().max(1);
        if let Some(old) = bytes.get_mut(at) {
            *old = byte;
        }
    }
    bytes
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
