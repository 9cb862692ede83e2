//! What the members are made of, and their sizes, known without a single weight.

use ndarray::{Array1, Array2, Array4};

use super::draw::Draw;
use crate::graph::{Conv2d, Dense, Layer, Padding, Pool, Sequential};

/// Outputs of every member.
pub(super) const OUTPUTS: usize = 10;

/// Height and width of the images.
const SIDE: usize = 16;

/// Height and width of every convolution's kernel; a ring of zeros keeps the image's size.
const KERNEL: usize = 3;

/// The power that a layer passes on: `He` initialisation doubles what a `ReLU` halves (He et al., "Delving Deep into
/// Rectifiers", 2015). A mean over four cells then takes half again, near enough, which the layer after it makes good.
const AFTER_RELU: f64 = 2.0;
const AFTER_POOL: f64 = 4.0;

/// The shape of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `width - width - width - 10`, `ReLU` between.
    Mlp { width: usize },
    /// Two convolutions of 3x3 on an image of 16x16 and one channel, each with `ReLU` and a mean over 2x2, then one dense layer.
    Cnn { channels: [usize; 2] },
}

impl Shape {
    /// Inputs and outputs of each linear layer, and by how many output pixels its weights are shared.
    fn linear(self) -> [(usize, usize, usize); 3] {
        match self {
            Self::Mlp { width } => [(width, width, 1), (width, width, 1), (width, OUTPUTS, 1)],
            Self::Cnn { channels: [first, second] } => {
                let window = KERNEL * KERNEL;
                let (half, quarter) = (SIDE / 2, SIDE / 4);
                [
                    (window, first, SIDE * SIDE),
                    (first * window, second, half * half),
                    (second * quarter * quarter, OUTPUTS, 1),
                ]
            }
        }
    }

    pub(super) fn multiplications(self) -> u64 {
        self.linear().iter().map(|(inputs, outputs, pixels)| (inputs * outputs * pixels) as u64).sum()
    }

    pub(super) fn parameters(self) -> u64 {
        self.linear().iter().map(|(inputs, outputs, _)| ((inputs + 1) * outputs) as u64).sum()
    }

    pub(super) fn input_shape(self) -> Vec<usize> {
        match self {
            Self::Mlp { width } => vec![width],
            Self::Cnn { .. } => vec![1, SIDE, SIDE],
        }
    }

    /// What it is, in a few words.
    pub(super) fn in_words(self) -> String {
        match self {
            Self::Mlp { width } => format!("perceptron {width}-{width}-{width}-{OUTPUTS}"),
            Self::Cnn { channels: [first, second] } => {
                format!("convolutions of {first} and {second} channels on {SIDE}x{SIDE}, then {OUTPUTS} outputs")
            }
        }
    }

    /// The model with its weights, drawn layer by layer, weights before biases, row-major.
    pub(super) fn model(self, name: &str, draw: &mut Draw) -> Sequential {
        let layers = match self {
            Self::Mlp { width } => vec![
                dense(width, width, AFTER_RELU, draw),
                Layer::Relu,
                dense(width, width, AFTER_RELU, draw),
                Layer::Relu,
                dense(width, OUTPUTS, AFTER_RELU, draw),
            ],
            Self::Cnn { channels: [first, second] } => vec![
                conv(1, first, AFTER_RELU, draw),
                Layer::Relu,
                Layer::AveragePool(Pool::square(2)),
                conv(first, second, AFTER_POOL, draw),
                Layer::Relu,
                Layer::AveragePool(Pool::square(2)),
                Layer::Flatten,
                dense(second * (SIDE / 4) * (SIDE / 4), OUTPUTS, AFTER_POOL, draw),
            ],
        };
        Sequential { name: name.to_owned(), input_shape: self.input_shape(), layers }
    }
}

/// The largest weight of an even spread whose variance is `gain / fan_in`. A square root is correctly rounded by IEEE 754.
fn weight_limit(gain: f64, fan_in: usize) -> f64 {
    (3.0 * gain / fan_in as f64).sqrt()
}

/// The largest bias: small beside what the weights give, and not zero, so that a backend that forgets it is found out.
fn bias_limit(fan_in: usize) -> f64 {
    1.0 / (fan_in as f64).sqrt()
}

fn dense(inputs: usize, outputs: usize, gain: f64, draw: &mut Draw) -> Layer {
    let weights = draw.even(weight_limit(gain, inputs), inputs * outputs);
    let bias = draw.even(bias_limit(inputs), outputs);
    Layer::Dense(Dense {
        weights: Array2::from_shape_vec((outputs, inputs), weights).expect("as many weights as were drawn"),
        bias: Array1::from_vec(bias),
    })
}

fn conv(channels: usize, outputs: usize, gain: f64, draw: &mut Draw) -> Layer {
    let fan_in = channels * KERNEL * KERNEL;
    let weights = draw.even(weight_limit(gain, fan_in), fan_in * outputs);
    let bias = draw.even(bias_limit(fan_in), outputs);
    let shape = (outputs, channels, KERNEL, KERNEL);
    Layer::Conv2d(Conv2d {
        weights: Array4::from_shape_vec(shape, weights).expect("as many weights as were drawn"),
        bias: Array1::from_vec(bias),
        stride: [1, 1],
        padding: Padding::uniform(KERNEL / 2),
    })
}
