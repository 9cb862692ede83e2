//! Evidence of any bytes, and valid evidence with any edits: never a panic, and nothing but the original is accepted.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use zktee_halo2::{VerifyingKey, fuzzing};

static VALID: LazyLock<(VerifyingKey, Vec<u8>)> = LazyLock::new(|| {
    let (key, evidence) = fuzzing::example().expect("a small proof");
    (fuzzing::key(&key).expect("the key of a small proof"), evidence)
});

fuzz_target!(|data: &[u8]| {
    let (key, evidence) = &*VALID;
    fuzzing::evidence(key, data);
    let edited = fuzzing::edited(evidence, data);
    assert!(!fuzzing::evidence(key, &edited) || edited == *evidence, "accepted");
});
