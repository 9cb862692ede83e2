//! Small integer models of every kind, random ones, and inputs for them: what the tests of integer backends have in common. A crate of its
//! own, so that nothing of it is built into a backend.
//!
//! Everything here is the same each time, and panics where a test would.

mod random;

use zktee_models::graph::{Padding, Pool};
use zktee_models::integer::{IntegerConv2d, IntegerDense, IntegerLayer, IntegerModel, Parts, Rescale, Scale};
use zktee_models::workload;

pub use random::{legal, random};

const ONE: Scale = Scale { mantissa: 1, exponent: 0 };

/// Numbers that look random and are always the same.
#[derive(Debug, Clone)]
pub struct Numbers(
    /// The state.
    pub u64,
);

impl Numbers {
    /// The next number of `low..=high`.
    pub fn next(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + ((self.0 >> 33) % (high - low + 1) as u64) as i64
    }

    fn list(&mut self, count: usize, largest: i64) -> Vec<i64> {
        (0..count).map(|_| self.next(-largest, largest)).collect()
    }

    /// A dense layer.
    pub fn dense(&mut self, [outputs, inputs]: [usize; 2], rescale: Option<Rescale>) -> IntegerLayer {
        let (weights, bias) = (self.list(outputs * inputs, 3), self.list(outputs, 9));
        IntegerLayer::Dense(IntegerDense { outputs, inputs, weights, bias, rescale })
    }

    /// A convolution; padding is top, left, bottom, right.
    pub fn conv(
        &mut self,
        [outputs, channels]: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        [top, left, bottom, right]: [usize; 4],
        rescale: Option<Rescale>,
    ) -> IntegerLayer {
        let weights = self.list(outputs * channels * kernel[0] * kernel[1], 3);
        let bias = self.list(outputs, 9);
        let padding = Padding { top, left, bottom, right };
        IntegerLayer::Conv2d(IntegerConv2d { outputs, channels, kernel, weights, bias, stride, padding, rescale })
    }

    /// Legal inputs.
    pub fn inputs(&mut self, model: &IntegerModel, count: usize) -> Vec<i64> {
        let [low, high] = model.parts().input_range;
        (0..model.input_len() * count).map(|_| self.next(low, high)).collect()
    }
}

/// A rescale with a `ReLU`.
pub const fn relu(exponent: u32) -> Option<Rescale> {
    Some(Rescale { exponent, relu: true })
}

/// A rescale without one.
pub const fn signed(exponent: u32) -> Option<Rescale> {
    Some(Rescale { exponent, relu: false })
}

/// A pool whose windows do not overlap.
pub const fn tiles(kernel: [usize; 2]) -> Pool {
    Pool { kernel, stride: kernel }
}

/// A model of these layers, with inputs in -8..=7.
pub fn model(input_shape: &[usize], activation_bound: i64, layers: Vec<IntegerLayer>) -> IntegerModel {
    IntegerModel::from_parts(Parts {
        name: "test".into(),
        input_shape: input_shape.to_vec(),
        input_scale: ONE,
        input_range: [-8, 7],
        activation_bound,
        layers,
        output_scale: ONE,
    })
    .unwrap()
}

/// Dense layers alone; the middle one is signed and has another exponent.
pub fn dense() -> IntegerModel {
    let mut n = Numbers(1);
    model(&[4], 60, vec![n.dense([5, 4], relu(2)), n.dense([3, 5], signed(3)), n.dense([2, 3], None)])
}

/// Two dense layers: the activations' one is the last hidden one.
pub fn shallow() -> IntegerModel {
    let mut n = Numbers(7);
    model(&[4], 60, vec![n.dense([6, 4], relu(3)), n.dense([2, 6], None)])
}

/// Padded convolutions of several channels with strides, a sum pool that leaves lines over, a signed layer.
pub fn convolutions() -> IntegerModel {
    let mut n = Numbers(2);
    let layers = vec![
        n.conv([3, 2], [2, 3], [1, 1], [1, 0, 0, 1], relu(3)),
        IntegerLayer::SumPool(tiles([2, 2])),
        n.conv([2, 3], [2, 2], [1, 1], [1, 1, 0, 1], signed(2)),
        IntegerLayer::Flatten,
        n.dense([7, 2 * 2 * 3], None),
    ];
    model(&[2, 4, 5], 120, layers)
}

/// Max pools of two sizes, one of which leaves lines over and has a padded convolution with a stride after it.
pub fn maxima() -> IntegerModel {
    let mut n = Numbers(3);
    let layers = vec![
        n.conv([2, 1], [2, 2], [1, 1], [0; 4], relu(2)),
        IntegerLayer::MaxPool(tiles([2, 2])),
        n.conv([3, 2], [2, 2], [2, 1], [1, 1, 0, 1], signed(1)),
        IntegerLayer::MaxPool(tiles([1, 2])),
        IntegerLayer::Relu,
        IntegerLayer::Flatten,
        n.dense([3, 3 * 2], None),
    ];
    model(&[1, 7, 6], 100, layers)
}

/// A convolution as the last layer.
pub fn image() -> IntegerModel {
    let mut n = Numbers(5);
    let layers = vec![n.conv([2, 1], [3, 3], [1, 1], [1; 4], relu(2)), n.conv([2, 2], [2, 2], [2, 2], [0; 4], None)];
    model(&[1, 5, 6], 300, layers)
}

/// A dense layer of the input and nothing else.
pub fn linear() -> IntegerModel {
    model(&[3], 1, vec![Numbers(4).dense([2, 3], None)])
}

/// All of them.
pub fn all() -> Vec<IntegerModel> {
    vec![dense(), shallow(), convolutions(), maxima(), image(), linear()]
}

/// A model that is built in, with its first inputs.
pub fn builtin(name: &str, count: usize) -> (IntegerModel, Vec<i64>) {
    let workload = workload::builtin(name).unwrap();
    let model = workload.integer_model().unwrap();
    let wanted = count * model.input_len();
    let inputs = if workload.inputs.len() < wanted { workload::data_set(name).unwrap() } else { workload.inputs };
    let inputs: Vec<f32> = inputs.iter().copied().take(wanted).collect();
    assert_eq!(inputs.len(), wanted);
    let inputs = model.quantise_inputs(&inputs).unwrap();
    (model, inputs)
}
