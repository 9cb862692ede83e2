//! The built-in workloads: their witnesses, and the real proofs that are quick enough.

use super::{broken, names};
use crate::layout::Layout;
use crate::program::Program;
use crate::witness::{Overrides, Witness};
use crate::{Keys, prove, verify};
use zktee_models::integer::IntegerModel;
use zktee_models::workload::builtin;

/// The twin, the batch, and the inputs of the first call.
fn load(name: &str) -> (IntegerModel, usize, Vec<i64>) {
    let workload = builtin(name).unwrap();
    let model = workload.integer_model().unwrap();
    let floats: Vec<f32> = workload.inputs.iter().copied().take(workload.batch * model.input_len()).collect();
    let inputs = model.quantise_inputs(&floats).unwrap();
    (model, workload.batch, inputs)
}

#[test]
fn witnesses_hold() {
    for name in ["ols-iris", "mlp-iris-each"] {
        let (model, batch, inputs) = load(name);
        let layout = Layout::new(&Program::new(&model).unwrap(), batch).unwrap();
        let witness = Witness::new(&layout, &inputs, &Overrides::new());
        assert_eq!(witness.outputs(&layout), model.infer_all(&inputs).unwrap());
        assert_eq!(broken(&layout, &witness), names(&[]), "{name}");
    }
}

#[test]
fn the_witness_of_every_iris_agrees_with_the_reference() {
    let (model, batch, inputs) = load("mlp-iris");
    assert_eq!(batch, 500);
    let expected = model.infer_all(&inputs).unwrap();
    let program = Program::new(&model).unwrap();
    let layout = Layout::new(&program, batch).unwrap();
    assert_eq!(Witness::new(&layout, &inputs, &Overrides::new()).outputs(&layout), expected);
    let each = Layout::new(&program, 1).unwrap();
    for (row, (input, output)) in inputs.chunks(4).zip(expected.chunks(3)).enumerate() {
        let witness = Witness::new(&each, input, &Overrides::new());
        assert_eq!(witness.outputs(&each), output);
        // The first of each species and its last, all the way.
        if row < 150 && row % 50 % 49 == 0 {
            assert_eq!(broken(&each, &witness), names(&[]), "row {row}");
        }
    }
}

#[test]
fn real_proofs() {
    for name in ["ols-iris", "mlp-iris-each", "lenet-mnist"] {
        let (model, batch, inputs) = load(name);
        let keys = Keys::generate(&model, batch).unwrap();
        let proven = prove(&keys, &inputs).unwrap();
        assert_eq!(proven.outputs, model.infer_all(&inputs).unwrap());
        verify(keys.verifier(), &inputs, &proven.outputs, &proven.proof).unwrap();
        let mut other = proven.outputs.clone();
        *other.last_mut().unwrap() += 1;
        assert!(verify(keys.verifier(), &inputs, &other, &proven.proof).is_err(), "{name}");
    }
}
