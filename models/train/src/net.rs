//! The trainable layers, started from a seed, and their way into a [`Sequential`](zktee_models::graph::Sequential).

use anyhow::{Context as _, Result};
use candle_core::{Device, Tensor, Var};
use ndarray::{Array1, Array2, Array4};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use zktee_models::graph::{Conv2d, Dense, Padding};

use crate::unfold::unfold;

/// Something with weights that maps a batch to class scores.
pub(crate) trait Network {
    /// Scores (batch, classes) of `inputs`, whose first dimension is the batch.
    fn forward(&self, inputs: &Tensor) -> candle_core::Result<Tensor>;

    /// Every weight and bias.
    fn variables(&self) -> Vec<Var>;
}

/// Weights and bias of one linear layer: dense (outputs, inputs) or convolution (outputs, height, width, channels).
pub(crate) struct Linear {
    weights: Var,
    bias: Var,
}

impl Linear {
    /// Weights drawn uniformly so that `ReLU` keeps the variance (He et al., arXiv:1502.01852), biases zero. From our own
    /// generator, for candle's is global and seeded apart.
    pub(crate) fn new(shape: &[usize], random: &mut ChaCha8Rng) -> candle_core::Result<Self> {
        let inputs: usize = shape[1..].iter().product();
        let bound = (6.0 / inputs as f32).sqrt();
        let weights: Vec<f32> = (0..shape.iter().product()).map(|_| random.random_range(-bound..bound)).collect();
        Ok(Self {
            weights: Var::from_vec(weights, shape, &Device::Cpu)?,
            bias: Var::from_vec(vec![0_f32; shape[0]], shape[0], &Device::Cpu)?,
        })
    }

    /// Weights, then bias.
    pub(crate) fn variables(&self) -> [Var; 2] {
        [self.weights.clone(), self.bias.clone()]
    }

    /// The dense layer on (batch, inputs).
    pub(crate) fn dense(&self, inputs: &Tensor) -> candle_core::Result<Tensor> {
        inputs.matmul(&self.weights.t()?)?.broadcast_add(&self.bias)
    }

    /// The convolution with step 1 and no padding on (batch, height, width, channels), channels last as in the result.
    pub(crate) fn conv(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, height, width, _) = images.dims4()?;
        let (_, size, _, _) = self.weights.dims4()?;
        let kernels = self.weights.flatten_from(1)?.t()?;
        let maps = unfold(images, size)?.matmul(&kernels)?.broadcast_add(&self.bias)?;
        maps.reshape((batch, height + 1 - size, width + 1 - size, ()))
    }

    /// The trained weights as a dense layer of the model to be written.
    pub(crate) fn to_dense(&self) -> Result<Dense> {
        let (outputs, inputs) = self.weights.dims2()?;
        Ok(Dense {
            weights: Array2::from_shape_vec((outputs, inputs), values(&self.weights)?)?,
            bias: Array1::from_vec(values(&self.bias)?),
        })
    }

    /// The trained weights as a convolution of the model to be written, which has its channels before height and width
    /// and brings its own padding.
    pub(crate) fn to_conv(&self, padding: usize) -> Result<Conv2d> {
        let weights = self.weights.permute((0, 3, 1, 2))?;
        Ok(Conv2d {
            weights: Array4::from_shape_vec(weights.dims4()?, values(&weights)?)?,
            bias: Array1::from_vec(values(&self.bias)?),
            stride: [1, 1],
            padding: Padding::uniform(padding),
        })
    }
}

/// The mean of each two by two window of (batch, height, width, channels), step 2.
pub(crate) fn average_pool(maps: &Tensor) -> candle_core::Result<Tensor> {
    let (batch, height, width, channels) = maps.dims4()?;
    maps.reshape(vec![batch, height / 2, 2, width / 2, 2, channels])?.mean((2, 4))
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1().context("weights are f32")
}
