//! The layers a sequential model is made of.

use ndarray::{Array1, Array2, Array4};
use serde::{Deserialize, Serialize};

/// `y = W x + b` on a flat input.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Weights, `[outputs, inputs]`.
    pub weights: Array2<f32>,
    /// Bias, `[outputs]`.
    pub bias: Array1<f32>,
}

/// Rows and columns of zeros around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// The same number of zeros on all four sides.
    pub const fn uniform(n: usize) -> Self {
        Self { top: n, left: n, bottom: n, right: n }
    }
}

/// A two-dimensional cross-correlation with bias, one group, no dilation, as ONNX `Conv` defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2d {
    /// Weights, `[output channels, input channels, kernel height, kernel width]`.
    pub weights: Array4<f32>,
    /// Bias, `[output channels]`.
    pub bias: Array1<f32>,
    /// Step down and to the right, in pixels.
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding,
}

/// A pooling window, without padding; a window that would stick out is left away (ONNX `ceil_mode` 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Window height and width, in pixels.
    pub kernel: [usize; 2],
    /// Step down and to the right, in pixels.
    pub stride: [usize; 2],
}

impl Pool {
    /// A square window that moves by its own size: the pooling of `LeNet-5`.
    pub const fn square(n: usize) -> Self {
        Self { kernel: [n, n], stride: [n, n] }
    }
}

/// One layer of a sequential model.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A dense (fully connected) layer, `[inputs] -> [outputs]`.
    Dense(Dense),
    /// A convolution, `[in, h, w] -> [out, h', w']`.
    Conv2d(Conv2d),
    /// The mean of each window, `[c, h, w] -> [c, h', w']`.
    AveragePool(Pool),
    /// The maximum of each window, `[c, h, w] -> [c, h', w']`.
    MaxPool(Pool),
    /// `max(x, 0)`, any shape.
    Relu,
    /// Any shape to one dimension, row-major.
    Flatten,
}

impl Layer {
    /// The layer's name in messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dense(_) => "Dense",
            Self::Conv2d(_) => "Conv2d",
            Self::AveragePool(_) => "AveragePool",
            Self::MaxPool(_) => "MaxPool",
            Self::Relu => "Relu",
            Self::Flatten => "Flatten",
        }
    }

    /// Whether the layer multiplies by weights.
    pub const fn is_linear(&self) -> bool {
        matches!(self, Self::Dense(_) | Self::Conv2d(_))
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.weights.len() + dense.bias.len(),
            Self::Conv2d(conv) => conv.weights.len() + conv.bias.len(),
            _ => 0,
        }
    }
}
