//! Evidence of any bytes, and valid evidence with any edits, of a public and of a hidden input: never a panic, and nothing but the original
//! is accepted.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use zktee_stark::{Key, Profile, fuzzing};

static VALID: LazyLock<[(Key, Vec<u8>); 2]> =
    LazyLock::new(|| [Profile::Fast, Profile::Zk].map(|profile| fuzzing::example(profile).expect("a small proof")));

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else { return };
    let (key, evidence) = &VALID[usize::from(which % 2)];
    // As they are, as the end of a valid file, and as edits of one.
    assert!(!fuzzing::evidence(key, data), "accepted");
    let [start, ..] = *data else { return };
    let head = &evidence[..evidence.len() * usize::from(start) / 256];
    let spliced = [head, data].concat();
    assert!(!fuzzing::evidence(key, &spliced) || spliced == *evidence, "accepted");
    let edited = fuzzing::edited_anywhere(evidence, data);
    assert!(!fuzzing::evidence(key, &edited) || edited == *evidence, "accepted");
});
