//! What is not the proof of this statement is rejected.

use std::sync::LazyLock;

use proptest::prelude::*;
use zktee_integer::Illegal;

use super::models::{dense, hidden, model, rescale};
use crate::{Error, Keys, Proven, VerifierFile, VerifierKey, prove, verify};

const INPUTS: [i64; 4] = [10, -3, 20, 7];

static HONEST: LazyLock<(Keys, Proven)> = LazyLock::new(|| {
    let keys = Keys::generate(&hidden(200, true), 2).unwrap();
    let proven = prove(&keys, &INPUTS).unwrap();
    verify(keys.verifier(), &INPUTS, &proven.outputs, &proven.proof).unwrap();
    (keys, proven)
});

fn rejected(key: &VerifierKey, inputs: &[i64], outputs: &[i64], proof: &[u8]) -> bool {
    matches!(verify(key, inputs, outputs, proof), Err(Error::Rejected { .. }))
}

#[test]
fn another_statement_is_rejected() {
    let (keys, Proven { outputs, proof }) = &*HONEST;
    let key = keys.verifier();
    for index in 0..4 {
        for change in [-1, 1] {
            let (mut inputs, mut other) = (INPUTS, outputs.clone());
            inputs[index] += change;
            other[index] += change;
            assert!(rejected(key, &inputs, outputs, proof), "input {index}");
            assert!(rejected(key, &INPUTS, &other, proof), "output {index}");
        }
    }
    // Another input's proof, and the two inputs of the batch interchanged.
    let replay = prove(keys, &[20, 7, 10, -3]).unwrap();
    assert!(rejected(key, &INPUTS, outputs, &replay.proof));
    assert!(rejected(key, &INPUTS, &replay.outputs, &replay.proof));
    assert!(rejected(key, &[20, 7, 10, -3], outputs, proof));
}

#[test]
fn a_statement_that_cannot_be_is_refused_by_range_and_length() {
    let (keys, Proven { outputs, proof }) = &*HONEST;
    let key = keys.verifier();
    let result = |inputs: &[i64], outputs: &[i64]| verify(key, inputs, outputs, proof);
    assert!(matches!(
        result(&INPUTS[..2], outputs),
        Err(Error::Statement(Illegal::Count { what: "input values", expected: 4, got: 2 }))
    ));
    assert!(matches!(
        result(&INPUTS, &outputs[..3]),
        Err(Error::Statement(Illegal::Count { what: "output values", .. }))
    ));
    assert!(matches!(result(&[&INPUTS[..], &[0]].concat(), outputs), Err(Error::Statement(Illegal::Count { .. }))));
    assert!(matches!(
        result(&[10, -3, 20, 64], outputs),
        Err(Error::Statement(Illegal::Range { what: "input", index: 3, .. }))
    ));
    assert!(matches!(
        result(&INPUTS, &[outputs[0], i64::MIN, 0, 0]),
        Err(Error::Statement(Illegal::Range { what: "output", index: 1, .. }))
    ));
}

#[test]
fn another_models_proof_and_key_are_rejected() {
    let (keys, Proven { outputs, proof }) = &*HONEST;
    // Weights of the first layer interchanged; a single weight, bias and exponent changed.
    let last = || dense(&[&[1, -2, 3], &[4, 5, -6]], &[10, -10], None);
    let first = |weights: [i64; 2], bias, exponent| {
        let layer = dense(&[&weights, &[-7, 2], &[1, 1]], &[bias, -3, 0], Some(rescale(exponent, true)));
        model(&[2], [-64, 63], 200, vec![layer, last()])
    };
    assert_eq!(first([5, 3], 4, 4).digest(), keys.verifier().model().digest());
    let others = [
        first([3, 5], 4, 4),
        first([5, 4], 4, 4),
        first([5, 3], 5, 4),
        first([5, 3], 4, 3),
        hidden(200, false),
        hidden(199, true),
    ];
    for other in &others {
        let others = Keys::generate(other, 2).unwrap();
        assert_ne!(others.verifier().digest(), keys.verifier().digest());
        assert!(rejected(others.verifier(), &INPUTS, outputs, proof));
        // Its own proof of its own outputs holds for it, and not for the model above.
        let proven = prove(&others, &INPUTS).unwrap();
        verify(others.verifier(), &INPUTS, &proven.outputs, &proven.proof).unwrap();
        assert!(rejected(keys.verifier(), &INPUTS, &proven.outputs, &proven.proof));
        assert!(rejected(keys.verifier(), &INPUTS, outputs, &proven.proof));
    }
    // Another batch is another circuit.
    let one = VerifierKey::generate(keys.verifier().model(), 1).unwrap();
    assert!(rejected(&one, &INPUTS[..2], &outputs[..2], proof));
}

#[test]
fn a_damaged_proof_is_rejected() {
    let (keys, Proven { outputs, proof }) = &*HONEST;
    let check = |proof: &[u8]| rejected(keys.verifier(), &INPUTS, outputs, proof);
    assert!(check(&[]) && check(&[0; 32]) && check(&vec![0xff; proof.len()]) && check(&vec![0; proof.len()]));
    assert!(check(&proof[..proof.len() - 1]) && check(&proof[1..]) && check(&[&proof[..], &[0]].concat()));
    assert!(check(&[&proof[..], &proof[..]].concat()));
    for cut in (0..proof.len()).step_by(97) {
        assert!(check(&proof[..cut]), "{cut} bytes");
    }
    // One bit in every 32-byte element: each point and each scalar counts.
    for element in 0..proof.len() / 32 {
        let mut other = proof.clone();
        other[element * 32 + element % 32] ^= 1 << (element % 8);
        assert!(check(&other), "element {element}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_verifier_panic_or_accept(
        start in 0usize..4000, bytes in proptest::collection::vec(any::<u8>(), 1..64), keep in any::<bool>()
    ) {
        let (keys, Proven { outputs, proof }) = &*HONEST;
        let mut other = if keep { proof.clone() } else { Vec::new() };
        let start = start % (other.len() + 1);
        for (index, byte) in (start..).zip(&bytes) {
            if index < other.len() { other[index] = *byte } else { other.push(*byte) }
        }
        prop_assume!(other != *proof);
        prop_assert!(verify(keys.verifier(), &INPUTS, outputs, &other).is_err());
    }
}

#[test]
fn the_verifiers_file_gives_the_same_key_or_none() {
    let (keys, Proven { outputs, proof }) = &*HONEST;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verifier.json");
    VerifierFile::new(keys.verifier()).write(&path).unwrap();
    let key = VerifierFile::read(&path).unwrap().verifier().unwrap();
    verify(&key, &INPUTS, outputs, proof).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    // A weight changed in the file gives another key than the one written down.
    let swapped = text.replacen("[5,3,", "[3,5,", 1);
    assert_ne!(swapped, text);
    std::fs::write(&path, swapped).unwrap();
    let error = VerifierFile::read(&path).unwrap().verifier().unwrap_err();
    assert!(matches!(error, crate::FileError::Digest { .. }), "{error}");
    for damaged in [&text[..text.len() / 2], "", "{}", &text.replacen("verifier 1", "verifier 2", 1)] {
        std::fs::write(&path, damaged).unwrap();
        assert!(matches!(VerifierFile::read(&path), Err(crate::FileError::Format { .. })));
    }
}
