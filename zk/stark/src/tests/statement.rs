//! What a proof is about: this model, this batch, these inputs and outputs, these parameters.

use zktee_integer::Illegal;
use zktee_models::integer::{IntegerLayer, IntegerModel, Parts};

use super::first::case;
use super::models::{Numbers, dense, shallow};
use crate::evidence::Evidence;
use crate::key::Key;
use crate::parameters::{Parameters, Profile};
use crate::prove::Honest;
use crate::timings::Clock;
use crate::verify::Rejected;

fn evidence(key: &Key, inputs: &[i64]) -> Evidence {
    let evidence = key.prove(inputs).unwrap().evidence;
    assert_eq!(key.verify(&evidence), Ok(()));
    evidence
}

/// Two inputs that a model takes, with different outputs.
fn two(model: &IntegerModel) -> [Vec<i64>; 2] {
    let mut n = Numbers(31);
    let mut legal = std::iter::repeat_with(|| n.inputs(model, 1)).filter(|inputs| model.infer(inputs).is_ok());
    let first = legal.next().unwrap();
    let second = legal.find(|inputs| model.infer(inputs).unwrap() != model.infer(&first).unwrap()).unwrap();
    [first, second]
}

#[test]
fn claims_are_bound() {
    let model = dense();
    let key = Key::new(model.clone(), 2, Profile::Fast).unwrap();
    let honest = evidence(&key, &two(&model).concat());
    let rejected = |change: &dyn Fn(&mut Evidence)| {
        let mut changed = honest.clone();
        change(&mut changed);
        assert_ne!(changed, honest);
        key.verify(&changed).unwrap_err()
    };
    for index in 0..honest.inputs.len() {
        let by = if honest.inputs[index] > 0 { -1 } else { 1 };
        assert_eq!(rejected(&|evidence| evidence.inputs[index] += by), Rejected::Constraints);
    }
    for index in 0..honest.outputs.len() {
        for by in [-1, 1, 1 << 20] {
            assert_eq!(rejected(&|evidence| evidence.outputs[index] += by), Rejected::Constraints);
        }
    }
    // The two inputs exchanged, alone, with their outputs, and the outputs alone.
    rejected(&|evidence| evidence.inputs.rotate_left(4));
    rejected(&|evidence| evidence.outputs.rotate_left(2));
    rejected(&|evidence| {
        evidence.inputs.rotate_left(4);
        evidence.outputs.rotate_left(2);
    });
    // Numbers that the field takes for others.
    let modulus = i64::from(crate::field::MODULUS);
    assert!(matches!(
        rejected(&|evidence| evidence.outputs[0] += modulus),
        Rejected::Statement(Illegal::Range { what: "output", .. })
    ));
    assert!(matches!(
        rejected(&|evidence| evidence.inputs[3] -= modulus),
        Rejected::Statement(Illegal::Range { what: "input", .. })
    ));
    // Numbers that no run has.
    assert!(matches!(
        rejected(&|evidence| evidence.inputs[0] = 8),
        Rejected::Statement(Illegal::Range { index: 0, max: 7, .. })
    ));
    assert!(matches!(
        rejected(&|evidence| evidence.inputs[7] = -9),
        Rejected::Statement(Illegal::Range { index: 7, min: -8, .. })
    ));
    assert!(matches!(
        rejected(&|evidence| evidence.outputs[3] = 1 << 29),
        Rejected::Statement(Illegal::Range { index: 3, .. })
    ));
    // Counts.
    assert!(matches!(
        rejected(&|evidence| _ = evidence.inputs.pop()),
        Rejected::Statement(Illegal::Count { what: "input values", .. })
    ));
    assert!(matches!(
        rejected(&|evidence| evidence.outputs.push(0)),
        Rejected::Statement(Illegal::Count { what: "output values", .. })
    ));
    rejected(&|evidence| evidence.inputs.clear());
    rejected(&|evidence| (evidence.inputs.truncate(4), evidence.outputs.truncate(2)).0);
    assert_eq!(rejected(&|evidence| evidence.proof.clear()), Rejected::Bytes);
}

#[test]
fn a_proof_of_another_input_is_no_proof() {
    let model = dense();
    let key = Key::new(model.clone(), 1, Profile::Fast).unwrap();
    let [first, second] = two(&model).map(|inputs| evidence(&key, &inputs));
    for (statement, proof) in [(&first, &second), (&second, &first)] {
        let replayed = Evidence { proof: proof.proof.clone(), ..statement.clone() };
        assert!(key.verify(&replayed).is_err());
    }
    let mixed = Evidence { outputs: second.outputs.clone(), ..first };
    assert_eq!(key.verify(&mixed), Err(Rejected::Constraints));
}

#[test]
fn a_proof_of_another_model_is_no_proof() {
    let model = dense();
    let inputs = two(&model)[0].clone();
    let key = Key::new(model.clone(), 1, Profile::Fast).unwrap();
    let honest = evidence(&key, &inputs);
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = model.parts().clone();
        change(&mut parts);
        IntegerModel::from_parts(parts).unwrap()
    };
    let layer = |parts: &mut Parts, index: usize, change: &dyn Fn(&mut Vec<i64>, &mut Vec<i64>)| {
        let IntegerLayer::Dense(dense) = &mut parts.layers[index] else { panic!() };
        change(&mut dense.weights, &mut dense.bias);
    };
    let others = [
        changed(&|parts| layer(parts, 0, &|weights, _| weights[0] += 1)),
        changed(&|parts| layer(parts, 1, &|weights, _| weights[7] -= 1)),
        changed(&|parts| layer(parts, 2, &|_, bias| bias[1] += 1)),
        // Two outputs exchanged, and two inputs of a layer.
        changed(&|parts| {
            layer(parts, 2, &|weights, bias| {
                weights.rotate_left(3);
                bias.rotate_left(1);
            });
        }),
        changed(&|parts| layer(parts, 1, &|weights, _| weights.chunks_exact_mut(5).for_each(|row| row.rotate_left(1)))),
        changed(&|parts| parts.activation_bound += 1),
        changed(&|parts| parts.input_range = [-16, 15]),
        changed(&|parts| parts.output_scale.exponent += 1),
    ];
    for other in others {
        let other = Key::new(other, 1, Profile::Fast).unwrap();
        assert_ne!(other.digest(), key.digest());
        assert!(other.verify(&honest).is_err(), "{:?}", other.model().parts());
    }
    // The name is for messages.
    let renamed = Key::new(changed(&|parts| parts.name = "other".into()), 1, Profile::Fast).unwrap();
    assert_eq!(renamed.digest(), key.digest());
    assert_eq!(renamed.verify(&honest), Ok(()));
}

#[test]
fn a_layer_cannot_take_anothers_place() {
    // Two hidden layers of one shape: with the weights exchanged it is another model.
    let mut n = Numbers(32);
    let relu = super::models::relu(2);
    let layers = vec![n.dense([4, 4], relu), n.dense([4, 4], relu), n.dense([2, 4], None)];
    let model = super::models::model(&[4], 60, layers);
    let key = Key::new(model.clone(), 1, Profile::Fast).unwrap();
    let honest = evidence(&key, &two(&model)[0]);
    let mut parts = model.parts().clone();
    parts.layers.swap(0, 1);
    let swapped = Key::new(IntegerModel::from_parts(parts).unwrap(), 1, Profile::Fast).unwrap();
    assert!(swapped.verify(&honest).is_err());
}

#[test]
fn the_digest_is_in_the_transcript_and_not_in_the_equations_alone() {
    // A prover who has all numbers right, and means a key of another digest: here one of another output scale, which no equation has.
    let case = case(Profile::Fast, &dense());
    let mut parts = case.key.model.parts().clone();
    parts.output_scale.exponent += 1;
    let other = Key::new(IntegerModel::from_parts(parts).unwrap(), 1, Profile::Fast).unwrap();
    let proof = other.prove_table(&case.statement, &case.first, &mut Honest, &mut Clock::start()).unwrap();
    assert_eq!(other.verify_proof(&case.statement, proof.clone()), Ok(()));
    assert_eq!(case.key.verify_proof(&case.statement, proof), Err(Rejected::Constraints));
}

#[test]
fn another_batch_or_profile_is_another_key() {
    let model = dense();
    let inputs = two(&model)[0].clone();
    let key = Key::new(model.clone(), 1, Profile::Fast).unwrap();
    let honest = evidence(&key, &inputs);
    let small = Key::new(model.clone(), 1, Profile::Small).unwrap();
    assert_ne!(small.digest(), key.digest());
    assert!(small.verify(&honest).is_err());
    assert!(key.verify(&evidence(&small, &inputs)).is_err());
    let pair = Key::new(model, 2, Profile::Fast).unwrap();
    assert!(pair.verify(&honest).is_err());
    let both = evidence(&pair, &[inputs.clone(), inputs].concat());
    assert!(key.verify(&both).is_err());
}

#[test]
fn a_proof_by_other_parameters_is_rejected() {
    // The prover takes what is cheaper and still begins the transcript with the real key's digest.
    let model = shallow();
    let inputs = two(&model)[0].clone();
    for profile in Profile::ALL {
        let key = Key::new(model.clone(), 1, profile).unwrap();
        let real = *key.parameters();
        let statement = evidence(&key, &inputs);
        let cheaper = [
            Parameters { queries: real.queries - 1, ..real },
            Parameters { queries: 1, ..real },
            Parameters { query_grinding: 0, ..real },
            Parameters { query_grinding: real.query_grinding - 1, ..real },
            Parameters { commit_grinding: 3, ..real },
            Parameters { batch_grinding: 3, ..real },
            Parameters { log_final_length: real.log_final_length - 1, ..real },
            Parameters { log_arity: real.log_arity - 1, ..real },
            Parameters { log_blowup: real.log_blowup + 1, ..real },
        ];
        for parameters in cheaper {
            let forger = Key::with_parameters(model.clone(), 1, profile, parameters).pretending(&key);
            let proof = forger.prove(&inputs).unwrap().evidence.proof;
            let arrived = Evidence { proof, ..statement.clone() };
            let verdict = key.verify(&arrived);
            assert!(matches!(verdict, Err(Rejected::Opening(_))), "{parameters:?}: {verdict:?}");
        }
    }
}
