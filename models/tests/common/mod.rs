//! Random small models and inputs, from a seed.
#![allow(dead_code, reason = "each test file uses its own part")]

use ndarray::{Array1, Array2, Array4};
use zktee_models::graph::{Conv2d, Dense, Layer, Padding, Pool, Sequential};

/// `SplitMix64` (Steele, Lea, Flood 2014): enough for test data, and the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() as usize) % (high - low + 1)
    }

    /// In `-1..1`, a multiple of 2^-23.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    fn weights(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.unit()).collect()
    }
}

fn dense(random: &mut Random, inputs: usize) -> (Layer, Vec<usize>) {
    let outputs = random.size(1, 7);
    let weights = Array2::from_shape_vec((outputs, inputs), random.weights(outputs * inputs));
    let bias = Array1::from_vec(random.weights(outputs));
    (Layer::Dense(Dense { weights: weights.unwrap(), bias }), vec![outputs])
}

fn conv(random: &mut Random, [c, h, w]: [usize; 3]) -> (Layer, Vec<usize>) {
    let (outputs, kh, kw) = (random.size(1, 4), random.size(1, h.min(3)), random.size(1, w.min(3)));
    let stride = [random.size(1, 2), random.size(1, 2)];
    let mut side = || random.size(0, 2);
    let padding = Padding { top: side(), left: side(), bottom: side(), right: side() };
    let data = random.weights(outputs * c * kh * kw);
    let weights = Array4::from_shape_vec((outputs, c, kh, kw), data).unwrap();
    let bias = Array1::from_vec(random.weights(outputs));
    let out = |n, before, after, k, s| (n + before + after - k) / s + 1;
    let shape = vec![
        outputs,
        out(h, padding.top, padding.bottom, kh, stride[0]),
        out(w, padding.left, padding.right, kw, stride[1]),
    ];
    (Layer::Conv2d(Conv2d { weights, bias, stride, padding }), shape)
}

fn pool(random: &mut Random, [c, h, w]: [usize; 3]) -> (Pool, Vec<usize>) {
    let kernel = [random.size(1, h.min(3)), random.size(1, w.min(3))];
    let stride = [random.size(1, 3), random.size(1, 3)];
    let shape = vec![c, (h - kernel[0]) / stride[0] + 1, (w - kernel[1]) / stride[1] + 1];
    (Pool { kernel, stride }, shape)
}

/// A well-formed model of up to nine layers with at least one linear layer.
pub(crate) fn model(seed: u64) -> Sequential {
    let mut random = Random(seed);
    let image = random.size(0, 2) > 0;
    let input_shape =
        if image { vec![random.size(1, 3), random.size(1, 9), random.size(1, 9)] } else { vec![random.size(1, 9)] };
    let mut shape = input_shape.clone();
    let mut layers = vec![];
    for _ in 0..random.size(0, 6) {
        let (layer, next) = match (shape.as_slice(), random.size(0, 5)) {
            (&[c, h, w], 0 | 1) => conv(&mut random, [c, h, w]),
            (&[c, h, w], 2) => {
                let (pool, next) = pool(&mut random, [c, h, w]);
                (Layer::AveragePool(pool), next)
            }
            (&[c, h, w], 3) => {
                let (pool, next) = pool(&mut random, [c, h, w]);
                (Layer::MaxPool(pool), next)
            }
            ([_, _, _], 4) => (Layer::Flatten, vec![shape.iter().product()]),
            (&[inputs], 0..=2) => dense(&mut random, inputs),
            _ => (Layer::Relu, shape.clone()),
        };
        layers.push(layer);
        shape = next;
    }
    if shape.len() == 3 {
        layers.push(Layer::Flatten);
    }
    layers.push(dense(&mut random, shape.iter().product()).0);
    if random.size(0, 4) == 0 {
        layers.push(Layer::Relu);
    }
    let model = Sequential { name: format!("random-{seed}"), input_shape, layers };
    model.validate().expect("the generator makes well-formed models");
    model
}

/// `n` inputs of the model, one after the other.
pub(crate) fn inputs(model: &Sequential, seed: u64, n: usize) -> Vec<f32> {
    let mut random = Random(seed ^ 0x00da_7a5e_ed00);
    (0..n * model.input_len()).map(|_| random.unit()).collect()
}
