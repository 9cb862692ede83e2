//! Damaged ONNX files are errors everywhere, never a panic.

mod common;

use std::panic::catch_unwind;

use zktee_models::{
    integer::{IntegerModel, QuantConfig},
    onnx::{Batch, inspect, read, write},
    reference::FloatModel,
};

/// Every way in, as a backend goes it. Errors are fine, panics are not.
fn everything(bytes: &[u8]) {
    let _ = inspect(bytes);
    if let Ok(model) = read(bytes) {
        // A flipped bit in a dimension can make a model that is valid and slow; skip those, not the others.
        if model.multiplications().is_ok_and(|n| n < 1 << 20) && model.input_len() < 1 << 12 {
            let inputs = common::inputs(&model, 1, 3);
            let _ = model.evaluate(&inputs[..model.input_len()]);
            if let Ok(twin) = IntegerModel::from_float(&model, &inputs, &QuantConfig::default()) {
                if let Ok(inputs) = twin.quantise_inputs(&inputs) {
                    let _ = twin.infer_all(&inputs);
                }
                let _ = twin.digest();
            }
        }
    }
    if let Ok(model) = FloatModel::load(bytes, 1) {
        let zeros = vec![0.0; model.input_shape().iter().product()];
        let _ = model.infer(&zeros);
    }
}

fn survives(bytes: Vec<u8>, what: &str) {
    assert!(catch_unwind(move || everything(&bytes)).is_ok(), "{what}");
}

#[test]
fn truncated_files() {
    for seed in 0..4 {
        let bytes = write(&common::model(seed), &Batch::dynamic()).unwrap();
        let step = (bytes.len() / 60).max(1);
        for len in (0..bytes.len()).step_by(step) {
            survives(bytes[..len].to_vec(), &format!("seed {seed}, cut at {len}"));
        }
    }
}

#[test]
fn flipped_bits() {
    let mut random = common::Random(7);
    for seed in 0..8 {
        let bytes = write(&common::model(seed), &Batch::Fixed(1)).unwrap();
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            let (at, bit) = (random.size(0, bytes.len() - 1), random.size(0, 7));
            damaged[at] ^= 1 << bit;
            survives(damaged, &format!("seed {seed}, byte {at}, bit {bit}"));
        }
    }
}

#[test]
fn random_bytes() {
    let mut random = common::Random(8);
    for case in 0..200 {
        let len = random.size(0, 300);
        let bytes = (0..len).map(|_| random.next() as u8).collect();
        survives(bytes, &format!("case {case}"));
    }
}
