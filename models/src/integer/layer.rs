//! The layers of an integer model.

use serde::{Deserialize, Serialize};

use crate::graph::{Padding, Pool};

/// What follows the accumulators of a hidden linear layer: `q = floor((acc + D/2) / D)` with `D = 2^exponent`
/// (for `D = 1`, `q = acc`), then `max(q, 0)` where `relu` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescale {
    /// `k` of the divisor `D = 2^k`.
    pub exponent: u32,
    /// Whether negative quotients become 0.
    pub relu: bool,
}

impl Rescale {
    /// The divisor `D`.
    pub const fn divisor(self) -> i64 {
        1 << self.exponent
    }

    /// `floor((acc + D/2) / D)`: rounding to nearest, ties towards positive infinity.
    pub const fn quotient(self, accumulator: i64) -> i64 {
        (accumulator + self.divisor() / 2) >> self.exponent
    }
}

/// `acc = W x + b`, rescaled in a hidden layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegerDense {
    /// Number of outputs.
    pub outputs: usize,
    /// Number of inputs.
    pub inputs: usize,
    /// Weights, `[outputs, inputs]`, row-major.
    pub weights: Vec<i64>,
    /// Bias, `[outputs]`.
    pub bias: Vec<i64>,
    /// The rescale of a hidden layer; `None` in the last linear layer.
    pub rescale: Option<Rescale>,
}

/// A convolution, rescaled in a hidden layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegerConv2d {
    /// Number of output channels.
    pub outputs: usize,
    /// Number of input channels.
    pub channels: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Weights, `[outputs, channels, kernel height, kernel width]`, row-major.
    pub weights: Vec<i64>,
    /// Bias, `[outputs]`.
    pub bias: Vec<i64>,
    /// Step down and to the right, in pixels.
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding,
    /// The rescale of a hidden layer; `None` in the last linear layer.
    pub rescale: Option<Rescale>,
}

/// One layer of an integer model. A `ReLU` right after a hidden linear layer is part of its [`Rescale`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntegerLayer {
    /// A dense layer, `[inputs] -> [outputs]`.
    Dense(IntegerDense),
    /// A convolution, `[channels, h, w] -> [outputs, h', w']`.
    Conv2d(IntegerConv2d),
    /// The sum of each window: an average pool whose division is in the next layer's scale.
    SumPool(Pool),
    /// The maximum of each window.
    MaxPool(Pool),
    /// `max(x, 0)` where no hidden linear layer comes right before.
    Relu,
    /// Any shape to one dimension; the values stay as they are.
    Flatten,
}

impl IntegerLayer {
    /// The layer's name in messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dense(_) => "Dense",
            Self::Conv2d(_) => "Conv2d",
            Self::SumPool(_) => "SumPool",
            Self::MaxPool(_) => "MaxPool",
            Self::Relu => "Relu",
            Self::Flatten => "Flatten",
        }
    }

    /// Weights (rows of one output each), bias and rescale of a linear layer.
    pub(super) fn linear(&self) -> Option<(&[i64], &[i64], Option<Rescale>)> {
        match self {
            Self::Dense(d) => Some((&d.weights, &d.bias, d.rescale)),
            Self::Conv2d(c) => Some((&c.weights, &c.bias, c.rescale)),
            _ => None,
        }
    }
}
