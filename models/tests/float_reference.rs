//! tract against a plain evaluation, and what it refuses.

mod common;

use ndarray::{Array1, Array2, Array4, array};
use proptest::prelude::*;
use zktee_models::graph::{Conv2d, Dense, Layer, Padding, Sequential};
use zktee_models::{
    onnx::{Batch, OnnxError, write},
    reference::{FloatModel, ReferenceError},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn tract_agrees_with_the_plain_evaluation(seed: u64, batch in 1usize..4, fixed: bool) {
        let model = common::model(seed);
        let declared = if fixed { Batch::Fixed(batch) } else { Batch::dynamic() };
        let onnx = write(&model, &declared).unwrap();
        let inputs = common::inputs(&model, seed, 2 * batch);
        let tract = FloatModel::load(&onnx, batch).unwrap();
        let outputs = tract.infer(&inputs).unwrap();
        let plain: Vec<f32> = inputs
            .chunks_exact(model.input_len())
            .flat_map(|input| model.evaluate(input).unwrap())
            .collect();
        prop_assert_eq!(outputs.len(), plain.len());
        for (a, b) in outputs.iter().zip(&plain) {
            prop_assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "tract {a}, plain {b}");
        }
    }
}

/// tract 0.23.9's optimiser refuses a single output right after a flatten ("Trying to substitute a ,F32 by 1,F32").
#[test]
fn regression_one_output_after_a_flatten() {
    let conv = Conv2d {
        weights: Array4::from_elem((3, 1, 3, 1), 0.5),
        bias: Array1::zeros(3),
        stride: [1, 1],
        padding: Padding { top: 0, left: 1, bottom: 1, right: 1 },
    };
    let dense = Dense { weights: Array2::from_elem((1, 18), 0.25), bias: Array1::zeros(1) };
    let layers = vec![Layer::Conv2d(conv), Layer::Flatten, Layer::Dense(dense)];
    let model = Sequential { name: "one".into(), input_shape: vec![1, 3, 1], layers };
    let tract = FloatModel::load(&write(&model, &Batch::dynamic()).unwrap(), 1).unwrap();
    let input = [1.0, 2.0, 3.0];
    assert_eq!(tract.infer(&input).unwrap(), model.evaluate(&input).unwrap());
}

/// tract 0.23.9's optimiser takes this model and computes something else: it drops an axis of 1 that padding widens to 2.
#[test]
fn regression_an_axis_of_one_that_padding_widens() {
    let model = common::model(15_606_103_047_124_841_708);
    let onnx = write(&model, &Batch::dynamic()).unwrap();
    let tract = FloatModel::load(&onnx, 1).unwrap();
    let input = common::inputs(&model, 7, 1);
    for (a, b) in tract.infer(&input).unwrap().iter().zip(model.evaluate(&input).unwrap()) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "tract {a}, plain {b}, optimised {}", tract.is_optimised());
    }
}

#[test]
fn a_fixed_batch_refuses_another() {
    let model = common::model(3);
    let onnx = write(&model, &Batch::Fixed(4)).unwrap();
    let error = FloatModel::load(&onnx, 5).unwrap_err();
    assert_eq!(error, ReferenceError::Batch { expected: 4, got: 5 });
    assert_eq!(FloatModel::load(&onnx, 4).unwrap().input_shape()[0], 4);
}

#[test]
fn absurd_batches_are_refused() {
    let onnx = write(&common::model(3), &Batch::dynamic()).unwrap();
    for batch in [0, usize::MAX] {
        let error = FloatModel::load(&onnx, batch).unwrap_err();
        assert!(matches!(error, ReferenceError::BatchSize { got, .. } if got == batch));
    }
}

#[test]
fn inputs_must_be_finite_and_of_the_right_length() {
    let model = common::model(3);
    let tract = FloatModel::load(&write(&model, &Batch::dynamic()).unwrap(), 2).unwrap();
    let good = common::inputs(&model, 3, 2);
    assert!(tract.infer(&good).is_ok());
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut inputs = good.clone();
        let last = inputs.len() - 1;
        inputs[last] = bad;
        let expected = ReferenceError::NotFinite { which: "input", index: last, value: bad.to_string() };
        assert_eq!(tract.infer(&inputs), Err(expected));
    }
    assert!(matches!(tract.infer(&good[1..]), Err(ReferenceError::Length { .. })));
    assert!(matches!(tract.infer(&[]), Err(ReferenceError::Length { .. })));
}

#[test]
fn outputs_that_overflow_are_refused() {
    let double = Dense { weights: array![[2.0]], bias: array![0.0] };
    let model = Sequential { name: "double".into(), input_shape: vec![1], layers: vec![Layer::Dense(double)] };
    let tract = FloatModel::load(&write(&model, &Batch::dynamic()).unwrap(), 1).unwrap();
    let inputs = [f32::MAX];
    let error = tract.infer(&inputs).unwrap_err();
    assert!(matches!(error, ReferenceError::NotFinite { which: "output", .. }), "{error}");
}

#[test]
fn no_model_is_no_panic() {
    let error = FloatModel::load(b"nonsense", 1).unwrap_err();
    assert!(matches!(error, ReferenceError::Onnx(OnnxError::Decode { .. })));
}
