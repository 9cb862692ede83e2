//! A key file of any bytes, and a valid one with any edits under a digest that goes with them: never a panic.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use zktee_halo2::fuzzing;

static VALID: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| fuzzing::example().expect("a small proof"));

/// Bytes before a key file's content.
const HEAD: usize = 48;

fuzz_target!(|data: &[u8]| {
    let (key, evidence) = &*VALID;
    let _ = fuzzing::key(data);
    let _ = fuzzing::key(&fuzzing::sealed(key, data));
    let sealed = fuzzing::sealed(key, &fuzzing::edited(&key[HEAD..], data));
    if let Ok(read) = fuzzing::key(&sealed) {
        fuzzing::evidence(&read, evidence);
    }
});
