//! Honest proofs of all kinds of models, held to the integer reference.

use std::path::Path;

use super::adversary::Case;
use super::models::{Numbers, all, builtin, convolutions, dense, maxima};
use crate::evidence::Evidence;
use crate::key::Key;
use crate::parameters::{MIN_BITS, Profile};

/// Proves, checks the outputs bit for bit, and has the verifier's own copy of the key verify what arrives.
fn proven(key: &Key, inputs: &[i64]) -> Evidence {
    let evidence = key.prove(inputs).unwrap().evidence;
    assert_eq!(evidence.outputs, key.model().infer_all(inputs).unwrap());
    assert_eq!(evidence.inputs, if key.profile().hides_input() { &[] } else { inputs });
    let verifier = Key::from_bytes(&key.to_bytes(), Path::new("key")).unwrap();
    assert_eq!(verifier.digest(), key.digest());
    let arrived = Evidence::from_bytes(&evidence.to_bytes()).unwrap();
    assert_eq!(verifier.verify(&arrived), Ok(()));
    evidence
}

#[test]
fn small_models_are_proven_and_verified() {
    for model in all() {
        for profile in Profile::ALL {
            for batch in [1, 2, 7] {
                let mut n = Numbers(21);
                let legal = std::iter::repeat_with(|| n.inputs(&model, 1)).filter(|inputs| model.infer(inputs).is_ok());
                let inputs: Vec<i64> = legal.take(batch).flatten().collect();
                let key = Key::new(model.clone(), batch, profile).unwrap();
                assert!(key.security().proven_bits >= MIN_BITS);
                proven(&key, &inputs);
            }
        }
    }
}

#[test]
fn built_in_models_are_proven_and_verified() {
    for (name, batch) in [("ols-iris", 150), ("mlp-iris", 500), ("mlp-iris", 1), ("lenet-mnist", 1)] {
        let (model, inputs) = builtin(name, batch);
        for profile in Profile::ALL {
            let key = Key::new(model.clone(), batch, profile).unwrap();
            proven(&key, &inputs);
        }
    }
}

#[test]
fn a_second_reading_agrees_with_every_honest_table() {
    // `Case::new` asserts it.
    let mut n = Numbers(22);
    for model in [dense(), convolutions(), maxima()] {
        for _ in 0..20 {
            let inputs = n.inputs(&model, 1);
            if model.infer(&inputs).is_ok() {
                Case::new(model.clone(), &inputs);
            }
        }
    }
    let (model, inputs) = builtin("lenet-mnist", 3);
    Case::new(model, &inputs).succeeds();
}

#[test]
fn proofs_are_the_same_each_time() {
    let model = dense();
    let inputs = vec![1, 2, 3, 4];
    let key = Key::new(model, 1, Profile::Fast).unwrap();
    // Nothing in it is random: grinding takes the first witness that there is, whatever the number of threads.
    assert_eq!(proven(&key, &inputs), proven(&key, &inputs));
    // Where the input is hidden, everything is.
    let key = Key::new(key.model().clone(), 1, Profile::Zk).unwrap();
    assert_ne!(proven(&key, &inputs), proven(&key, &inputs));
}

#[test]
fn inputs_that_the_model_refuses_are_refused() {
    let model = dense();
    let key = Key::new(model, 2, Profile::Fast).unwrap();
    assert!(key.prove(&[0; 4]).is_err());
    assert!(key.prove(&[8, 0, 0, 0, 0, 0, 0, 0]).is_err());
}
