//! Attacks on what a proof is about: claims, keys and files instead of cells.

use std::path::Path;

use sha2::{Digest, Sha256};
use zktee_integer::Illegal;

use super::adversary::{Attack, Case, keys};
use super::models::{self, Numbers};
use super::tall::{cases, input};
use crate::evidence::Evidence;
use crate::keys::VerifyingKey;
use crate::spec::Spec;
use crate::verify::Rejected;

fn all() -> impl Iterator<Item = (Case, Vec<i64>)> {
    let wide = [false, true].map(|private| Case::wide(models::dense(), 2, 5, private));
    let tall = cases().map(|case| {
        let input = input(&case);
        (case, input)
    });
    tall.chain(wide.map(|case| {
        let input = input(&case);
        (case, input.repeat(2))
    }))
}

fn proven(case: &Case, inputs: &[i64]) -> Evidence {
    case.key.prove(&case.model, inputs).unwrap().evidence
}

fn rejected(case: &Case, evidence: &Evidence) {
    let verdict = case.verifier.verify(evidence);
    assert!(matches!(verdict, Err(Rejected::Proof { .. })), "{verdict:?}");
}

#[test]
fn claims_are_bound() {
    for (case, inputs) in all() {
        let evidence = proven(&case, &inputs);
        assert_eq!(case.verifier.verify(&evidence), Ok(()));
        for index in 0..evidence.outputs.len() {
            for change in [1, -1] {
                let mut forged = evidence.clone();
                forged.outputs[index] += change;
                rejected(&case, &forged);
            }
        }
        let mut permuted = evidence.clone();
        permuted.outputs.rotate_left(1);
        if permuted != evidence {
            rejected(&case, &permuted);
        }
        for index in 0..evidence.inputs.len() {
            let mut forged = evidence.clone();
            forged.inputs[index] += if forged.inputs[index] == 7 { -1 } else { 1 };
            rejected(&case, &forged);
            // These do not get as far as the proof.
            for outside in [-9, 8, i64::from(i32::MAX)] {
                forged.inputs[index] = outside;
                assert!(matches!(
                    case.verifier.verify(&forged),
                    Err(Rejected::Statement(Illegal::Range { what: "input", .. }))
                ));
            }
        }
        for outside in [-(1 << 29), 1 << 29] {
            let mut forged = evidence.clone();
            forged.outputs[0] = outside;
            assert!(matches!(
                case.verifier.verify(&forged),
                Err(Rejected::Statement(Illegal::Range { what: "output", .. }))
            ));
        }
    }
}

#[test]
fn a_witness_for_one_output_does_not_prove_another() {
    for (case, inputs) in all() {
        let tall = matches!(case.spec().design, crate::spec::Design::Tall(_));
        let gate = if tall { "total is 0" } else { "linear layer" };
        Attack::new(&case, &inputs).claiming(|outputs| outputs[0] += 1).breaks(&[gate]);
        let attack = Attack::new(&case, &inputs);
        if attack.outputs[0] != attack.outputs[1] {
            attack.claiming(|outputs| outputs.swap(0, 1)).breaks(&[gate]);
        }
        if !case.spec().private_input {
            let mut attack = Attack::new(&case, &inputs);
            attack.inputs[0] += if attack.inputs[0] == 7 { -1 } else { 1 };
            assert!(!attack.broken().is_empty());
        }
    }
}

#[test]
fn a_proof_is_for_one_input_and_one_key() {
    for (case, inputs) in all() {
        let evidence = proven(&case, &inputs);
        let mut numbers = Numbers(99);
        let mut others = std::iter::repeat_with(|| numbers.inputs(&case.model, case.spec().design.inputs()));
        let other = others.find(|other| {
            let outputs = case.model.infer_all(other);
            *other != inputs && outputs.is_ok_and(|outputs| outputs != evidence.outputs)
        });
        let other = proven(&case, &other.unwrap());
        rejected(&case, &Evidence { proofs: other.proofs, ..evidence.clone() });
        // The same circuit with one weight changed; and a stage's outputs the other way round.
        let mut spec = case.spec().clone();
        spec.network.stages[0].linear.weights[0] += 1;
        let changed = keys(spec).verifying_key().unwrap();
        assert!(changed.verify(&evidence).is_err());
        let mut spec = case.spec().clone();
        spec.network.stages[0].linear.bias[1] += 1;
        assert!(keys(spec).verifying_key().unwrap().verify(&evidence).is_err());
        let mut spec = case.spec().clone();
        spec.network.stages[0].linear.weights.reverse();
        assert!(keys(spec).verifying_key().unwrap().verify(&evidence).is_err());
    }
}

#[test]
fn public_and_private_statements_do_not_mix() {
    let [public, private] = [false, true].map(|private| Case::tall(models::convolutions(), private));
    let inputs = input(&public);
    let [of_public, of_private] = [&public, &private].map(|case| proven(case, &inputs));
    assert!(of_private.inputs.is_empty());
    assert!(matches!(private.verifier.verify(&of_public), Err(Rejected::Statement(Illegal::Count { .. }))));
    assert!(matches!(public.verifier.verify(&of_private), Err(Rejected::Statement(Illegal::Count { .. }))));
    rejected(&private, &Evidence { inputs: Vec::new(), ..of_public });
    rejected(&public, &Evidence { inputs, ..of_private });
}

#[test]
fn a_proof_is_whole() {
    for (case, inputs) in all() {
        let evidence = proven(&case, &inputs);
        let proof = &evidence.proofs[0];
        let with = |proof: Vec<u8>| Evidence { proofs: vec![proof], ..evidence.clone() };
        rejected(&case, &with(Vec::new()));
        rejected(&case, &with(proof[..proof.len() - 1].to_vec()));
        rejected(&case, &with(proof[..proof.len() / 2].to_vec()));
        rejected(&case, &with([&proof[..], &[0]].concat()));
        let flips = (0..proof.len()).step_by(31).map(|at| (at, at % 8));
        // Among them the highest bit of each element, which upstream's reader of points ignores.
        for (at, bit) in flips.chain((31..proof.len()).step_by(32).map(|at| (at, 7))) {
            let mut flipped = proof.clone();
            flipped[at] ^= 1 << bit;
            rejected(&case, &with(flipped));
        }
    }
}

#[test]
fn there_are_as_many_proofs_as_inputs() {
    for (case, inputs) in all() {
        let one = proven(&case, &inputs);
        let two = proven(&case, &inputs.repeat(2));
        assert_eq!(case.verifier.verify(&two), Ok(()));
        let refused = |evidence: Evidence| {
            assert!(matches!(case.verifier.verify(&evidence), Err(Rejected::Statement(Illegal::Count { .. }))));
        };
        refused(Evidence { proofs: Vec::new(), ..one.clone() });
        refused(Evidence { inputs: Vec::new(), outputs: Vec::new(), proofs: Vec::new() });
        refused(Evidence { proofs: two.proofs.clone(), ..one.clone() });
        refused(Evidence { proofs: one.proofs.clone(), ..two.clone() });
        let mut short = one.clone();
        short.outputs.pop();
        refused(short);
        // The second proof is looked at as well.
        let mut forged = two.clone();
        forged.proofs[1] = Vec::new();
        assert!(matches!(case.verifier.verify(&forged), Err(Rejected::Proof { index: 1, .. })));
    }
}

/// A key file with another content and a digest that goes with it: what a careful forger would make.
pub(super) fn resealed(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let (head, body) = bytes.split_at(16 + 32);
    let mut body = body.to_vec();
    change(&mut body);
    [&head[..16], &Sha256::digest(&body), &body].concat()
}

/// The three parts of a key file's content.
fn parts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut body = &bytes[48..];
    let mut parts = Vec::new();
    while let Some((length, rest)) = body.split_at_checked(8) {
        let (part, rest) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        parts.push(part.to_vec());
        body = rest;
    }
    parts
}

fn sealed(bytes: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    resealed(bytes, |body| {
        body.clear();
        for part in parts {
            body.extend([&(part.len() as u64).to_le_bytes(), &part[..]].concat());
        }
    })
}

fn read(bytes: &[u8]) -> Result<VerifyingKey, crate::KeyError> {
    VerifyingKey::from_bytes(bytes, Path::new("key"))
}

#[test]
fn damaged_key_files_are_refused() {
    for (case, _) in all() {
        let bytes = case.key.verifier_bytes();
        assert_eq!(read(&bytes).unwrap().digest(), case.verifier.digest());
        for end in (0..bytes.len()).step_by(97) {
            assert!(read(&bytes[..end]).is_err());
        }
        assert!(read(&[&bytes[..], &[0]].concat()).is_err());
        for at in (0..bytes.len()).step_by(53) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(read(&flipped).is_err(), "{at}");
        }
    }
}

#[test]
fn another_spec_with_the_same_commitments_is_another_key() {
    for (case, inputs) in all() {
        let evidence = proven(&case, &inputs);
        let bytes = case.key.verifier_bytes();
        let original = parts(&bytes);
        let spec: Spec = serde_json::from_slice(&original[0]).unwrap();
        let mut changed = Vec::new();
        let mut with = |change: &dyn Fn(&mut Spec)| {
            let mut spec = spec.clone();
            change(&mut spec);
            changed.push(spec);
        };
        // Wider ranges would let an illegal statement through; the other kind of statement would hide the input.
        with(&|spec| spec.network.input_range = [-8, 15]);
        with(&|spec| spec.network.input_range = [-64, 63]);
        with(&|spec| spec.private_input = !spec.private_input);
        with(&|spec| {
            if let Some(rescale) = &mut spec.network.stages[0].rescale {
                rescale.relu = !rescale.relu;
            }
        });
        with(&|spec| {
            if let Some(bias) = spec.network.stages[0].linear.bias.first_mut() {
                *bias += 1;
            }
        });
        for spec in changed.into_iter().filter(|changed| *changed != spec) {
            let parts = [serde_json::to_vec(&spec).unwrap(), original[1].clone(), original[2].clone()];
            // Its digest is another, which is what a third party looks at first.
            let Ok(key) = read(&sealed(&bytes, &parts)) else { continue };
            assert_ne!(key.digest(), case.verifier.digest());
            // A range is what the file says of a committed table: only the digest, or making the key again, shows that it is another.
            let same_gates = spec.network.input_range != case.spec().network.input_range;
            assert!(same_gates || key.verify(&evidence).is_err(), "{spec:?}");
        }
    }
}
