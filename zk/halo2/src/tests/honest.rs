//! Honest runs of the built-in models: their witnesses satisfy the circuits, and their proofs are accepted.

use halo2_proofs::dev::MockProver;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand_core::OsRng;
use zktee_halo2_prover::{Column as Values, Witness};
use zktee_models::integer::IntegerModel;

use super::adversary::keys;
use super::models::builtin;
use crate::circuit::{Columns, ModelCircuit};
use crate::evidence::Evidence;
use crate::network::Network;
use crate::plan::Plan;
use crate::spec::{Design, Spec};
use crate::statement::instances;
use crate::tall;

/// The built-in models, and how many inputs one call has.
const BUILTIN: [(&str, usize); 4] = [("lenet-mnist", 1), ("mlp-iris", 500), ("mlp-iris-each", 1), ("ols-iris", 150)];

/// Checks with halo2's own tools that the witness of these inputs satisfies a circuit; of a circuit for one input, only the first is taken.
pub(super) fn satisfied(model: &IntegerModel, spec: &Spec, inputs: &[i64]) {
    let inputs = &inputs[..model.input_len() * spec.design.inputs()];
    let traces: Vec<_> = inputs.chunks(model.input_len()).map(|input| model.trace(input).unwrap()).collect();
    let outputs: Vec<i64> = traces.iter().flat_map(|trace| trace.output().to_vec()).collect();
    let columns = Columns::of(spec);
    let mut witness = columns.witness(spec, &traces);
    let circuit = ModelCircuit::with_witness(spec, &mut witness);
    let prover = MockProver::run(spec.design.k(), &circuit, instances(spec, inputs, &outputs)).unwrap();
    assert_eq!(prover.verify(), Ok(()));
}

#[test]
fn built_in_models_satisfy_their_circuits() {
    for (name, count) in BUILTIN {
        let (model, inputs) = builtin(name, count);
        for private in [false, true] {
            satisfied(&model, &Plan::new(&model, count, private).unwrap().spec, &inputs);
        }
    }
}

#[test]
fn built_in_models_are_proven_and_verified() {
    for (name, count) in BUILTIN {
        let (model, inputs) = builtin(name, count);
        for private in [false, true] {
            let key = keys(Plan::new(&model, count, private).unwrap().spec);
            let evidence = key.prove(&model, &inputs).unwrap().evidence;
            assert_eq!(evidence.outputs, model.infer_all(&inputs).unwrap());
            let verifier = key.verifying_key().unwrap();
            assert_eq!(verifier.verify(&evidence), Ok(()));
            assert_eq!(Evidence::from_bytes(&evidence.to_bytes()), Ok(evidence));
        }
    }
}

/// Checks that a witness's running total ends at 0 for challenges that it cannot know: all equations and range checks are in it.
fn ends_at_0(columns: &Columns, spec: &Spec, model: &IntegerModel, inputs: &[i64]) {
    let traces: Vec<_> = inputs.chunks(model.input_len()).map(|input| model.trace(input).unwrap()).collect();
    for (trace, input) in traces.iter().zip(inputs.chunks(model.input_len())) {
        assert_eq!(trace.output(), model.infer(input).unwrap());
    }
    let mut witness = columns.witness(spec, &traces);
    let first = witness.columns(0, &[]).len();
    let (names, challenges) = match columns {
        Columns::Tall(columns) => (columns.by_name(), columns.challenges().len()),
        Columns::Wide(columns) => (columns.by_name(), columns.challenges().len()),
    };
    let challenges: Vec<Fr> = (0..challenges).map(|_| Fr::random(OsRng)).collect();
    let second = witness.columns(1, &challenges);
    let Values::Field(total) = &second[names["total"][0] - first] else { panic!("a total of small numbers") };
    assert!(total.iter().any(|cell| *cell != Fr::ZERO));
    assert_eq!(total.last(), Some(&Fr::ZERO));
}

/// The tall circuit of a model that the planner gives a wide one.
fn tall_spec(model: &IntegerModel, private_input: bool) -> Spec {
    let network = Network::lower(model).unwrap();
    let parameters = tall::candidates(&network.without_weights()).swap_remove(0);
    Spec { network, design: Design::Tall(parameters), private_input }
}

#[test]
fn every_row_of_iris_satisfies_both_circuits() {
    for (name, count) in [("mlp-iris", 500), ("ols-iris", 150)] {
        let (model, inputs) = builtin(name, count);
        for private in [false, true] {
            let wide = Plan::new(&model, count, private).unwrap().spec;
            assert!(matches!(wide.design, Design::Wide(_)));
            // Without activations and with a public input a wide circuit has no total: its gates are checked above.
            if name == "mlp-iris" || private {
                ends_at_0(&Columns::of(&wide), &wide, &model, &inputs);
            }
            let tall = tall_spec(&model, private);
            let columns = Columns::of(&tall);
            for input in inputs.chunks(model.input_len()) {
                ends_at_0(&columns, &tall, &model, input);
            }
        }
    }
}

#[test]
fn a_thousand_images_satisfy_the_circuit() {
    let (model, inputs) = builtin("lenet-mnist", 1000);
    let spec = Plan::new(&model, 1, false).unwrap().spec;
    let columns = Columns::of(&spec);
    for input in inputs.chunks(model.input_len()) {
        ends_at_0(&columns, &spec, &model, input);
    }
}

#[test]
fn some_images_and_rows_are_proven_one_by_one() {
    for (name, take) in [("lenet-mnist", 4), ("mlp-iris", 10), ("ols-iris", 10)] {
        let (model, inputs) = builtin(name, 150);
        for private in [false, true] {
            let key = keys(tall_spec(&model, private));
            let step = inputs.len() / model.input_len() / take;
            let some: Vec<i64> = inputs.chunks(model.input_len()).step_by(step).take(take).flatten().copied().collect();
            let evidence = key.prove(&model, &some).unwrap().evidence;
            assert_eq!(evidence.proofs.len(), take);
            assert_eq!(evidence.outputs, model.infer_all(&some).unwrap());
            assert_eq!(key.verifying_key().unwrap().verify(&evidence), Ok(()));
        }
    }
}
