//! The integer twin against the float model, its bounds, and what it refuses.

mod common;

use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use zktee_models::{
    graph::{Dense, Layer, Sequential},
    integer::{
        ACCUMULATOR_BOUND, Calibration, InferError, IntegerDense, IntegerLayer, IntegerModel, Parts, QuantConfig,
        QuantError, Rescale, Scale,
    },
};

/// The scale of a hidden layer's activations, as `docs/quantisation.md` defines it.
fn activation_scale(config: &QuantConfig, largest: f64) -> f64 {
    let exact = config.activation_bound as f64 / config.headroom / largest;
    f64::from_bits(exact.to_bits() & !((1 << 37) - 1))
}

fn largest_row_sum(layer: &Layer) -> (f64, usize) {
    let sum = |row: &[f32]| row.iter().map(|w| f64::from(w.abs())).sum::<f64>();
    let (weights, rows) = match layer {
        Layer::Dense(d) => (d.weights.iter().copied().collect::<Vec<_>>(), d.bias.len()),
        Layer::Conv2d(c) => (c.weights.iter().copied().collect(), c.bias.len()),
        _ => unreachable!("only linear layers have weights"),
    };
    let columns = weights.len() / rows;
    (weights.chunks_exact(columns).map(sum).fold(0.0, f64::max), columns)
}

/// How far, in float units, the integer output can be from the float one: each rounding, carried through the layers.
fn error_bound(model: &Sequential, twin: &IntegerModel, calibration: &Calibration, config: &QuantConfig) -> (f64, f64) {
    let mut scale = twin.parts().input_scale.value();
    let mut error = 0.5 / scale;
    // The largest error of a hidden layer against its range: within the headroom nothing can be refused.
    let mut worst = 0f64;
    let mut integer = twin.layers().iter().zip(twin.bounds());
    let mut ranges = calibration.linear_outputs.iter();
    let mut layers = model.layers.iter().peekable();
    while let Some(layer) = layers.next() {
        let (it, bounds) = integer.next().unwrap();
        let rescale = match it {
            IntegerLayer::Dense(d) => d.rescale,
            IntegerLayer::Conv2d(c) => c.rescale,
            _ => None,
        };
        if layer.is_linear() {
            let largest = f64::from(*ranges.next().unwrap());
            let (sum, columns) = largest_row_sum(layer);
            let input = bounds.input as f64 / scale;
            let (multiplier, after) = match rescale {
                Some(rescale) => {
                    let target = if largest > 0.0 { activation_scale(config, largest) } else { scale };
                    (f64::from(1u32 << rescale.exponent) * target / scale, target)
                }
                None => {
                    let after = twin.parts().output_scale.value();
                    let pools = pools_after(model, layer);
                    (after / pools / scale, after / pools)
                }
            };
            let rounding = 0.5 / multiplier * (columns as f64 * input + 1.0 / scale);
            error = sum * error + rounding + 1e-5 * (1.0 + sum * input);
            if let Some(rescale) = rescale {
                worst = worst.max((error + 0.5 / after) / largest.max(f64::MIN_POSITIVE));
                error += 0.5 / after;
                if rescale.relu {
                    layers.next();
                }
            }
            scale = after;
        } else if let Layer::AveragePool(pool) = layer {
            scale *= (pool.kernel[0] * pool.kernel[1]) as f64;
        }
    }
    (error, worst)
}

/// By how much average pools after the last linear layer raise the output scale.
fn pools_after(model: &Sequential, layer: &Layer) -> f64 {
    let position = model.layers.iter().position(|it| std::ptr::eq(it, layer)).unwrap();
    let pools = model.layers[position..].iter().map(|layer| match layer {
        Layer::AveragePool(pool) => (pool.kernel[0] * pool.kernel[1]) as f64,
        _ => 1.0,
    });
    pools.product()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_twin_is_as_close_as_its_roundings(seed: u64) {
        let model = common::model(seed);
        let inputs = common::inputs(&model, seed, 20);
        let config = QuantConfig::default();
        let calibration = Calibration::measure(&model, &inputs).unwrap();
        let twin = IntegerModel::from_calibration(&model, &calibration, &config).unwrap();
        prop_assert_eq!(&twin, &IntegerModel::from_float(&model, &inputs, &config).unwrap());
        let (bound, worst) = error_bound(&model, &twin, &calibration, &config);
        for input in inputs.chunks_exact(model.input_len()) {
            let integers = twin.quantise_inputs(input).unwrap();
            let output = match twin.infer(&integers) {
                Ok(output) => twin.dequantise_outputs(&output),
                Err(InferError::Activation { .. }) if worst > config.headroom - 1.0 => continue,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            let float = model.evaluate(input).unwrap();
            prop_assert_eq!(output.len(), float.len());
            for (a, b) in output.iter().zip(&float) {
                prop_assert!(f64::from((a - b).abs()) <= bound, "{a} and {b}, allowed {bound}");
            }
        }
    }

    #[test]
    fn bounds_hold_for_any_legal_input(seed: u64, extreme: bool) {
        let model = common::model(seed);
        let inputs = common::inputs(&model, seed, 5);
        let twin = IntegerModel::from_float(&model, &inputs, &QuantConfig::default()).unwrap();
        let [min, max] = twin.parts().input_range;
        let mut random = common::Random(seed);
        let input: Vec<i64> = (0..twin.input_len())
            .map(|_| match (extreme, random.next() % 2) {
                (true, 0) => min,
                (true, _) => max,
                (false, _) => min + (random.next() % (max - min + 1) as u64) as i64,
            })
            .collect();
        let trace = match twin.trace(&input) {
            Ok(trace) => trace,
            Err(InferError::Activation { value, bound, .. }) => {
                prop_assert!(value.abs() > bound);
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let mut values = trace.input.clone();
        for ((layer, bounds), step) in twin.layers().iter().zip(twin.bounds()).zip(&trace.layers) {
            prop_assert!(values.iter().all(|v| v.abs() <= bounds.input));
            prop_assert!(step.outputs.iter().all(|v| v.abs() <= bounds.output));
            prop_assert!(bounds.output < ACCUMULATOR_BOUND);
            let accumulator = bounds.accumulator.unwrap_or(0);
            prop_assert!(step.accumulators.iter().all(|v| v.abs() <= accumulator));
            let rescale = match layer {
                IntegerLayer::Dense(d) => d.rescale,
                IntegerLayer::Conv2d(c) => c.rescale,
                _ => None,
            };
            if let Some(rescale) = rescale {
                let divisor = rescale.divisor();
                prop_assert!(accumulator + divisor < ACCUMULATOR_BOUND);
                for (acc, q) in step.accumulators.iter().zip(&step.quotients) {
                    let remainder = acc + divisor / 2 - divisor * q;
                    prop_assert!((0..divisor).contains(&remainder));
                }
            }
            values.clone_from(&step.outputs);
        }
        prop_assert_eq!(trace.output(), &twin.infer(&input).unwrap()[..]);
    }

    #[test]
    fn a_twin_survives_json_and_its_digest_tells_models_apart(seed: u64) {
        let model = common::model(seed);
        let inputs = common::inputs(&model, seed, 5);
        let twin = IntegerModel::from_float(&model, &inputs, &QuantConfig::default()).unwrap();
        let json = serde_json::to_string(&twin).unwrap();
        let back: IntegerModel = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&back, &twin);
        prop_assert_eq!(back.digest(), twin.digest());
        let mut renamed = twin.parts().clone();
        renamed.name.push('x');
        prop_assert_eq!(IntegerModel::from_parts(renamed).unwrap().digest(), twin.digest());
        let mut changed = twin.parts().clone();
        for layer in &mut changed.layers {
            if let IntegerLayer::Dense(dense) = layer {
                dense.bias[0] += 1;
            }
        }
        prop_assert_ne!(IntegerModel::from_parts(changed).unwrap().digest(), twin.digest());
    }
}

fn dense(weights: Array2<f32>) -> Layer {
    let bias = Array1::zeros(weights.nrows());
    Layer::Dense(Dense { weights, bias })
}

fn chain(inputs: usize, layers: Vec<Layer>) -> Sequential {
    Sequential { name: "chain".into(), input_shape: vec![inputs], layers }
}

#[test]
fn overflow_names_the_layer() {
    // The second layer cancels exactly on the calibration, so its range is tiny and its weights would be huge.
    let cancel = array![[1.0e6f32, -1.0e6]];
    let copy = array![[1.0f32], [1.0]];
    let model = chain(1, vec![dense(copy), dense(cancel), dense(array![[1.0]])]);
    let mut with_offset = model.clone();
    if let Layer::Dense(dense) = &mut with_offset.layers[1] {
        dense.bias[0] = 1.0e-3;
    }
    let error = IntegerModel::from_float(&with_offset, &[1.0, 2.0], &QuantConfig::default());
    let error = error.unwrap_err();
    assert!(
        matches!(error, QuantError::Overflow { layer: 1, kind: "Dense", bound: ACCUMULATOR_BOUND, got }
            if got >= ACCUMULATOR_BOUND.into()),
        "{error}"
    );
}

#[test]
fn inputs_out_of_range_are_refused() {
    let model = chain(1, vec![dense(array![[1.0f32]]), Layer::Relu, dense(array![[1.0]])]);
    let config = QuantConfig { input_scale: Some(255.0), ..QuantConfig::default() };
    let twin = IntegerModel::from_float(&model, &[0.0, 1.0], &config).unwrap();
    assert_eq!(twin.parts().input_range, [0, 255]);
    assert_eq!(twin.quantise_inputs(&[0.0, 1.0, 0.1]), Ok(vec![0, 255, 26]));
    let range = |index, value| InferError::InputRange { index, value, min: 0, max: 255 };
    assert_eq!(twin.quantise_inputs(&[0.5, 1.1]), Err(range(1, 281)));
    assert_eq!(twin.quantise_inputs(&[-0.1]), Err(range(0, -26)));
    assert_eq!(twin.quantise_inputs(&[f32::MAX]), Err(range(0, i64::MAX)));
    assert_eq!(twin.infer(&[256]), Err(range(0, 256)));
    for bad in [f32::NAN, f32::INFINITY] {
        assert!(matches!(twin.quantise_inputs(&[bad]), Err(InferError::NotFinite { .. })));
    }
    let length = |got| InferError::Length { expected: 1, got };
    assert_eq!(twin.infer(&[1, 2]), Err(length(2)));
    assert_eq!(twin.quantise_inputs(&[]), Err(length(0)));
}

#[test]
fn activations_beyond_the_bound_are_refused() {
    // Calibrated on inputs that cancel; one that does not leads beyond the activation bound.
    let model = chain(2, vec![dense(array![[1.0f32, -1.0]]), Layer::Relu, dense(array![[1.0]])]);
    let calibration = [1.0, 0.9, 0.9, 1.0];
    let twin = IntegerModel::from_float(&model, &calibration, &QuantConfig::default()).unwrap();
    assert_eq!(twin.parts().input_scale.value().to_bits(), 10f64.to_bits());
    assert!(twin.infer(&[10, 9]).is_ok());
    let error = twin.infer(&[10, 0]).unwrap_err();
    assert!(
        matches!(error, InferError::Activation { layer: 0, kind: "Dense", index: 0, value, bound: 1984 }
            if value > 1984),
        "{error}"
    );
    // Negative activations are bounded too, though the ReLU would drop them: circuits look up the magnitude.
    assert!(matches!(twin.infer(&[0, 10]), Err(InferError::Activation { .. })));
}

#[test]
fn rounding_is_to_nearest_with_ties_up() {
    let rescale = Rescale { exponent: 2, relu: false };
    let quotients: Vec<i64> = (-7..=7).map(|acc| rescale.quotient(acc)).collect();
    assert_eq!(quotients, [-2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
    let identity = Rescale { exponent: 0, relu: false };
    assert!((-3..=3).all(|acc| identity.quotient(acc) == acc));
}

#[test]
fn calibration_refuses_what_is_no_number() {
    let model = chain(1, vec![dense(array![[1.0f32]])]);
    let config = QuantConfig::default();
    for bad in [vec![f32::NAN], vec![f32::INFINITY], vec![]] {
        let error = IntegerModel::from_float(&model, &bad, &config).unwrap_err();
        assert!(matches!(error, QuantError::Calibration { .. }), "{error}");
    }
    let huge = chain(1, vec![dense(array![[1.0e30f32]]), dense(array![[1.0e30]])]);
    let error = IntegerModel::from_float(&huge, &[1.0e30], &config).unwrap_err();
    assert!(matches!(error, QuantError::Calibration { .. }), "{error}");
    let no_weights = chain(1, vec![Layer::Relu]);
    let error = IntegerModel::from_float(&no_weights, &[1.0], &config).unwrap_err();
    assert_eq!(error, QuantError::NoLinearLayer);
}

#[test]
fn configurations_out_of_range_are_refused() {
    let model = chain(1, vec![dense(array![[1.0f32]])]);
    let good = QuantConfig::default();
    for bad in [
        QuantConfig { activation_bound: 0, ..good },
        QuantConfig { activation_bound: ACCUMULATOR_BOUND, ..good },
        QuantConfig { max_exponent: 13, ..good },
        QuantConfig { max_output_exponent: 17, ..good },
        QuantConfig { headroom: 0.9, ..good },
        QuantConfig { headroom: f64::NAN, ..good },
        QuantConfig { input_scale: Some(0.0), ..good },
        QuantConfig { input_scale: Some(f64::NAN), ..good },
        QuantConfig { input_scale: Some(1.0e12), ..good },
    ] {
        let error = IntegerModel::from_float(&model, &[1.0], &bad).unwrap_err();
        assert!(matches!(error, QuantError::Config { .. }), "{bad:?}: {error}");
    }
}

#[test]
fn a_model_that_is_zero_over_the_calibration_still_works() {
    let model = chain(1, vec![dense(array![[0.0f32]]), Layer::Relu, dense(array![[1.0]])]);
    let twin = IntegerModel::from_float(&model, &[0.0], &QuantConfig::default()).unwrap();
    assert_eq!(twin.infer(&[0]), Ok(vec![0]));
}

#[test]
fn the_digest_of_a_known_model() {
    let model = chain(2, vec![dense(array![[1.0f32, -1.0]]), Layer::Relu, dense(array![[1.0]])]);
    let twin = IntegerModel::from_float(&model, &[1.0, 0.5], &QuantConfig::default()).unwrap();
    // Of the encoding in docs/quantisation.md, made by an independent program.
    assert_eq!(twin.digest(), "6e7d479616bdfe33514acfeebbc387037eafbeed356c4fdd6e913d0dd76868e4");
}

type Edit = dyn Fn(&mut Parts);

fn first(parts: &mut Parts, edit: impl Fn(&mut IntegerDense)) {
    if let IntegerLayer::Dense(dense) = &mut parts.layers[0] {
        edit(dense);
    }
}

#[test]
fn parts_that_lie_are_refused() {
    let model = chain(2, vec![dense(array![[1.0f32, -1.0]]), Layer::Relu, dense(array![[1.0]])]);
    let twin = IntegerModel::from_float(&model, &[1.0, 0.5], &QuantConfig::default()).unwrap();
    let edits: [(&str, &Edit); 9] = [
        ("a hidden layer without rescale", &|p| first(p, |d| d.rescale = None)),
        ("a huge exponent", &|p| {
            first(p, |d| d.rescale = Some(Rescale { exponent: 63, relu: true }));
        }),
        ("a missing weight", &|p| first(p, |d| d.weights.truncate(1))),
        ("a huge weight", &|p| first(p, |d| d.weights[0] = i64::MIN)),
        ("a huge bias", &|p| first(p, |d| d.bias[0] = i64::MAX)),
        ("a wrong size", &|p| first(p, |d| d.inputs = usize::MAX)),
        ("an even mantissa", &|p| p.input_scale = Scale { mantissa: 2, exponent: 0 }),
        ("a range without 0", &|p| p.input_range = [1, 5]),
        ("an unbounded range", &|p| p.input_range = [i64::MIN, i64::MAX]),
    ];
    for (what, edit) in edits {
        let mut parts = twin.parts().clone();
        edit(&mut parts);
        let json = serde_json::to_string(&parts).unwrap();
        assert!(serde_json::from_str::<IntegerModel>(&json).is_err(), "{what}");
        assert!(IntegerModel::from_parts(parts).is_err(), "{what}");
    }
}
