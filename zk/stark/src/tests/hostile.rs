//! Bytes that nobody's prover wrote: never a panic, never accepted.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::models::{maxima, shallow};
use crate::evidence::Evidence;
use crate::fuzzing;
use crate::key::Key;
use crate::parameters::Profile;
use crate::proof::Proof;

/// A key with evidence that it accepts.
static HONEST: LazyLock<[(Key, Evidence); 3]> = LazyLock::new(|| {
    let of = |model: zktee_models::integer::IntegerModel, profile| {
        let mut n = super::models::Numbers(41);
        let inputs = std::iter::repeat_with(|| n.inputs(&model, 1)).find(|inputs| model.infer(inputs).is_ok()).unwrap();
        let key = Key::new(model, 1, profile).unwrap();
        let evidence = key.prove(&inputs).unwrap().evidence;
        assert_eq!(key.verify(&evidence), Ok(()));
        (key, evidence)
    };
    [of(maxima(), Profile::Fast), of(shallow(), Profile::Small), of(shallow(), Profile::Zk)]
});

/// What the fuzz target starts from.
static FUZZED: LazyLock<[(Key, Vec<u8>); 2]> =
    LazyLock::new(|| [Profile::Fast, Profile::Zk].map(|profile| fuzzing::example(profile).unwrap()));

#[test]
fn what_the_fuzzer_starts_from_is_valid() {
    for (key, evidence) in &*FUZZED {
        assert!(fuzzing::evidence(key, evidence));
        assert_eq!(fuzzing::edited_anywhere(evidence, &[]), *evidence);
    }
    assert_eq!(fuzzing::edited_anywhere(b"abcd", &[128, 1, 0, b'x', 9]), b"abcx");
}

/// Whether bytes are read and accepted.
fn accepted(key: &Key, bytes: &[u8]) -> bool {
    Evidence::from_bytes(bytes).is_ok_and(|evidence| key.verify(&evidence).is_ok())
}

#[test]
fn a_flipped_bit_is_rejected() {
    for (key, evidence) in &*HONEST {
        let bytes = evidence.to_bytes();
        assert!(accepted(key, &bytes));
        // All of the head, where lengths and roots are, and some of the rest.
        let places =
            (0..600).chain((600..bytes.len()).step_by(bytes.len() / 400 + 1)).chain(bytes.len() - 40..bytes.len());
        for at in places {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!accepted(key, &changed), "byte {at} of {}", bytes.len());
        }
    }
}

#[test]
fn what_is_cut_off_or_added_is_rejected() {
    for (key, evidence) in &*HONEST {
        let bytes = evidence.to_bytes();
        for end in (0..bytes.len()).step_by(bytes.len() / 500 + 1).chain(bytes.len() - 5..bytes.len()) {
            assert!(!accepted(key, &bytes[..end]), "{end}");
        }
        for more in [&[0][..], &[1], &[0; 32], &bytes] {
            assert!(!accepted(key, &[&bytes, more].concat()));
        }
    }
}

#[test]
fn a_proof_has_one_encoding() {
    for (_, evidence) in &*HONEST {
        let bytes = &evidence.proof;
        assert_eq!(Proof::from_bytes(bytes).unwrap().to_bytes(), *bytes);
        // The first length, of the first commitment's list of roots, in two bytes instead of one.
        assert_eq!(bytes[0], 1);
        let longer = [&[0x81, 0][..], &bytes[1..]].concat();
        assert!(postcard::take_from_bytes::<Proof>(&longer).is_ok(), "postcard itself takes it");
        assert!(Proof::from_bytes(&longer).is_none());
        // A field element that is not reduced: the first opened value follows three roots and a length.
        let at = 3 * 33 + 1;
        let mut raised = bytes.clone();
        let value = u32::from_le_bytes(raised[at..at + 4].try_into().unwrap());
        raised[at..at + 4].copy_from_slice(&(value.wrapping_add(crate::field::MODULUS)).to_le_bytes());
        assert!(Proof::from_bytes(&raised).is_none());
    }
}

#[test]
fn lengths_that_nothing_follows_are_refused() {
    // Enormous lists are announced, and nothing is allocated for them.
    for (key, evidence) in &*HONEST {
        for at in (0..evidence.proof.len().min(4000)).step_by(7) {
            let mut proof = evidence.proof[..at].to_vec();
            proof.extend([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]);
            assert!(!accepted(key, &Evidence { proof, ..evidence.clone() }.to_bytes()));
        }
    }
}

#[test]
fn damaged_key_files_are_refused() {
    for (key, _) in &*HONEST {
        let bytes = key.to_bytes();
        let read = |bytes: &[u8]| Key::from_bytes(bytes, Path::new("key"));
        assert_eq!(read(&bytes).unwrap().digest(), key.digest());
        for at in (0..bytes.len()).step_by(13) {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert!(read(&changed).is_err(), "{at}");
        }
        for end in [0, 10, 16, 40, 48, bytes.len() - 1] {
            assert!(read(&bytes[..end]).is_err());
        }
        // With a digest that goes with it: refused, or another key.
        let body = &bytes[48..];
        let sealed = |body: &[u8]| [&bytes[..16], &Sha256::digest(body), body].concat();
        assert_eq!(read(&sealed(body)).unwrap().digest(), key.digest());
        for at in 0..body.len() {
            for byte in [b'0', b'9', b'"', b'-'] {
                let mut changed = body.to_vec();
                if std::mem::replace(&mut changed[at], byte) == byte {
                    continue;
                }
                if let Ok(other) = read(&sealed(&changed)) {
                    // The name is no part of what is proven.
                    let renamed = other.model().parts().name != key.model().parts().name;
                    assert!(renamed || other.digest() != key.digest(), "{at} {byte}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn changed_evidence_is_rejected(which in 0..3_usize, edits in prop::collection::vec((any::<u32>(), any::<u8>()), 1..6)) {
        let (key, evidence) = &HONEST[which];
        let bytes = evidence.to_bytes();
        let mut changed = bytes.clone();
        for (at, byte) in edits {
            let at = at as usize % changed.len();
            changed[at] = byte;
        }
        prop_assert_eq!(accepted(key, &changed), changed == bytes);
    }

    #[test]
    fn what_the_fuzzer_does_is_rejected(which in 0..2_usize, data in prop::collection::vec(any::<u8>(), 0..64)) {
        let (key, evidence) = &FUZZED[which];
        prop_assert!(!fuzzing::evidence(key, &data));
        let head = evidence.len() * usize::from(data.first().copied().unwrap_or(0)) / 256;
        prop_assert!(!fuzzing::evidence(key, &[&evidence[..head], &data].concat()));
        let edited = fuzzing::edited_anywhere(evidence, &data);
        prop_assert_eq!(fuzzing::evidence(key, &edited), edited == *evidence);
        prop_assert!(fuzzing::key(&data).is_err());
    }

    #[test]
    fn random_bytes_are_rejected(which in 0..3_usize, bytes in prop::collection::vec(any::<u8>(), 0..3000), head in 0..400_usize) {
        let (key, evidence) = &HONEST[which];
        prop_assert!(!accepted(key, &bytes));
        let of = |proof| Evidence { proof, ..evidence.clone() }.to_bytes();
        prop_assert!(!accepted(key, &of(bytes.clone())));
        let proof = [&evidence.proof[..head], &bytes].concat();
        prop_assert!(!accepted(key, &of(proof)));
    }

    #[test]
    fn any_bytes_are_a_key_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Key::from_bytes(&bytes, Path::new("key")).is_err());
    }
}
