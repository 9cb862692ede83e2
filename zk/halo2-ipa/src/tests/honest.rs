//! Honest proofs: whatever model the twin accepts, the circuit agrees with it.

use proptest::prelude::*;

use super::models::{dense, inputs, model, random};
use super::{broken, names};
use crate::layout::Layout;
use crate::plan::plan_with;
use crate::program::Program;
use crate::witness::{Overrides, Witness};
use crate::{Error, Keys, prove, verify};
use zktee_models::integer::IntegerLayer;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_models_agree_with_the_reference(seed: u64, batch in 1usize..4) {
        let model = random(seed);
        let program = Program::new(&model).unwrap();
        let layout = Layout::new(&program, batch).unwrap();
        let inputs = inputs(&model, batch, seed);
        let Ok(expected) = model.infer_all(&inputs) else { return Ok(()) };
        let witness = Witness::new(&layout, &inputs, &Overrides::new());
        prop_assert_eq!(witness.outputs(&layout), &expected[..]);
        prop_assert_eq!(broken(&layout, &witness), names(&[]));
        prop_assert!(layout.rows <= layout.shape.usable() + 1);
    }

    #[test]
    fn so_they_do_at_every_table_size(seed: u64, k in 5u32..10) {
        let model = random(seed);
        let program = Program::new(&model).unwrap();
        let inputs = inputs(&model, 1, seed);
        let Ok(expected) = model.infer_all(&inputs) else { return Ok(()) };
        for shape in (1..k).filter_map(|limb_bits| plan_with(&program, 1, k, limb_bits)).step_by(3) {
            let layout = Layout::with_shape(&program, 1, shape);
            let witness = Witness::new(&layout, &inputs, &Overrides::new());
            prop_assert_eq!(witness.outputs(&layout), &expected[..]);
            prop_assert_eq!(broken(&layout, &witness), names(&[]));
        }
    }
}

#[test]
fn real_proofs_of_random_models_verify() {
    for seed in 0..8 {
        let (model, batch) = (random(seed), 1 + seed as usize % 3);
        let keys = Keys::generate(&model, batch).unwrap();
        let inputs = inputs(&model, batch, seed);
        match prove(&keys, &inputs) {
            Ok(proven) => {
                assert_eq!(proven.outputs, model.infer_all(&inputs).unwrap());
                verify(keys.verifier(), &inputs, &proven.outputs, &proven.proof).unwrap();
            }
            Err(error) => assert!(matches!(error, Error::Input { .. }) && model.infer_all(&inputs).is_err(), "{error}"),
        }
    }
}

/// Raw outputs near the accumulators' bound, then `ReLU` and a maximum: limbs carry 29 bits.
#[test]
fn the_widest_values_are_provable() {
    let large = (1 << 29) / 128 - 1;
    let conv = zktee_models::integer::IntegerConv2d {
        outputs: 1,
        channels: 1,
        kernel: [1, 1],
        weights: vec![large],
        bias: vec![0],
        stride: [1, 1],
        padding: zktee_models::graph::Padding::default(),
        rescale: None,
    };
    let pool = zktee_models::graph::Pool { kernel: [1, 2], stride: [1, 1] };
    let layers = vec![IntegerLayer::Conv2d(conv), IntegerLayer::MaxPool(pool), IntegerLayer::Relu];
    let model = model(&[1, 1, 3], [-128, 127], 1, layers);
    let keys = Keys::generate(&model, 1).unwrap();
    let inputs = [-128, 127, -128];
    let proven = prove(&keys, &inputs).unwrap();
    assert_eq!(proven.outputs, [127 * large, 127 * large]);
    verify(keys.verifier(), &inputs, &proven.outputs, &proven.proof).unwrap();
    let proven = prove(&keys, &[-128, -127, -128]).unwrap();
    assert_eq!(proven.outputs, [0, 0]);
    verify(keys.verifier(), &[-128, -127, -128], &proven.outputs, &proven.proof).unwrap();
}

#[test]
fn what_the_twin_refuses_is_refused_before_proving() {
    let model = super::models::hidden(20, true);
    let keys = Keys::generate(&model, 2).unwrap();
    let message = |inputs: &[i64]| prove(&keys, inputs).unwrap_err().to_string();
    assert_eq!(
        message(&[0, 0, 64, 0]),
        "input 1 of the batch: input value 0 is 64 in integer units, outside the range -64..=63"
    );
    assert_eq!(message(&[0, 0, 63, 63]), "input 1 of the batch: layer 0 (Dense): activation 0 is 32, the bound is 20");
    assert!(matches!(
        prove(&keys, &[0, 0]),
        Err(Error::Statement(zktee_integer::Illegal::Count { expected: 4, got: 2, .. }))
    ));
    assert!(matches!(Keys::generate(&model, 0), Err(Error::EmptyBatch)));
    assert!(matches!(Keys::generate(&model, usize::MAX / 2), Err(Error::TooLarge { .. })));
    let single = super::models::model(&[1], [0, 1], 1, vec![dense(&[&[3]], &[1], None)]);
    let keys = Keys::generate(&single, 1).unwrap();
    let proven = prove(&keys, &[1]).unwrap();
    assert_eq!(proven.outputs, [4]);
    verify(keys.verifier(), &[1], &[4], &proven.proof).unwrap();
}
