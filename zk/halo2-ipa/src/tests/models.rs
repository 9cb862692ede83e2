//! Small integer models.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zktee_models::graph::{Padding, Pool};
use zktee_models::integer::{IntegerConv2d, IntegerDense, IntegerLayer, IntegerModel, Parts, Rescale, Scale};

const ONE: Scale = Scale { mantissa: 1, exponent: 0 };

pub(super) fn model(input_shape: &[usize], range: [i64; 2], bound: i64, layers: Vec<IntegerLayer>) -> IntegerModel {
    IntegerModel::from_parts(Parts {
        name: "test".into(),
        input_shape: input_shape.to_vec(),
        input_scale: ONE,
        input_range: range,
        activation_bound: bound,
        layers,
        output_scale: ONE,
    })
    .expect("a model within its bounds")
}

pub(super) fn dense(weights: &[&[i64]], bias: &[i64], rescale: Option<Rescale>) -> IntegerLayer {
    IntegerLayer::Dense(IntegerDense {
        outputs: weights.len(),
        inputs: weights[0].len(),
        weights: weights.concat(),
        bias: bias.to_vec(),
        rescale,
    })
}

pub(super) const fn rescale(exponent: u32, relu: bool) -> Rescale {
    Rescale { exponent, relu }
}

/// Two inputs, three hidden values, two outputs; `bound` is for the hidden ones.
pub(super) fn hidden(bound: i64, relu: bool) -> IntegerModel {
    let first = dense(&[&[5, 3], &[-7, 2], &[1, 1]], &[4, -3, 0], Some(rescale(4, relu)));
    model(&[2], [-64, 63], bound, vec![first, dense(&[&[1, -2, 3], &[4, 5, -6]], &[10, -10], None)])
}

/// Any small model that the seed says: every kind of layer, in any order that shapes allow, with one or more linear ones.
pub(super) fn random(seed: u64) -> IntegerModel {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut image = rng.random_bool(0.6);
    let mut shape = if image { vec![rng.random_range(1..3), 4, 5] } else { vec![rng.random_range(1..6)] };
    let input_shape = shape.clone();
    let linear = rng.random_range(1..4);
    let mut layers = Vec::new();
    for index in 0..linear {
        let by = (index + 1 < linear).then(|| Rescale { exponent: rng.random_range(0..7), relu: rng.random_bool(0.5) });
        if image && (rng.random_bool(0.3) || index + 1 == linear && rng.random_bool(0.5)) {
            layers.push(IntegerLayer::Flatten);
            shape = vec![shape.iter().product()];
            image = false;
        }
        let outputs = rng.random_range(1..4);
        let mut weights = |count: usize| (0..count).map(|_| rng.random_range(-9..10)).collect::<Vec<i64>>();
        if image {
            let kernel = [shape[1].min(2), shape[2].min(3)];
            let (values, bias) = (weights(outputs * shape[0] * kernel[0] * kernel[1]), weights(outputs));
            let stride = [rng.random_range(1..3), rng.random_range(1..3)];
            let mut pad = || rng.random_range(0..2);
            let padding = Padding { top: pad(), left: pad(), bottom: pad(), right: pad() };
            layers.push(IntegerLayer::Conv2d(IntegerConv2d {
                outputs,
                channels: shape[0],
                kernel,
                weights: values,
                bias,
                stride,
                padding,
                rescale: by,
            }));
            shape = vec![
                outputs,
                (shape[1] + padding.top + padding.bottom - kernel[0]) / stride[0] + 1,
                (shape[2] + padding.left + padding.right - kernel[1]) / stride[1] + 1,
            ];
        } else {
            let (values, bias) = (weights(outputs * shape[0]), weights(outputs));
            layers.push(IntegerLayer::Dense(IntegerDense {
                outputs,
                inputs: shape[0],
                weights: values,
                bias,
                rescale: by,
            }));
            shape = vec![outputs];
        }
        for _ in 0..rng.random_range(0..3) {
            let pool =
                Pool { kernel: [rng.random_range(1..3), rng.random_range(1..3)], stride: [1, rng.random_range(1..3)] };
            let fits = image && pool.kernel[0] <= shape[1] && pool.kernel[1] <= shape[2];
            match rng.random_range(0..3) {
                0 => layers.push(IntegerLayer::Relu),
                kind if fits => {
                    layers.push(if kind == 1 { IntegerLayer::MaxPool(pool) } else { IntegerLayer::SumPool(pool) });
                    shape[1] = (shape[1] - pool.kernel[0]) / pool.stride[0] + 1;
                    shape[2] = (shape[2] - pool.kernel[1]) / pool.stride[1] + 1;
                }
                _ => {}
            }
        }
    }
    let range = if rng.random_bool(0.5) { [0, 15] } else { [-16, 15] };
    let bound = [900, 1984, 100_000][rng.random_range(0..3)];
    model(&input_shape, range, bound, layers)
}

/// Legal inputs.
pub(super) fn inputs(model: &IntegerModel, batch: usize, seed: u64) -> Vec<i64> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
    let [min, max] = model.parts().input_range;
    (0..model.input_len() * batch).map(|_| rng.random_range(min..=max)).collect()
}
