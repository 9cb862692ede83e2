//! One digest for one arithmetic: what two parties compare to know that they mean the same model.

use zktee_datasets::sha256_hex;

use super::{IntegerConv2d, IntegerDense, IntegerLayer, IntegerModel, Rescale, Scale};
use crate::graph::{Padding, Pool};

/// Separates these digests from all others; a change of the encoding changes it.
const DOMAIN: &[u8] = b"zktee integer model v1\0";

impl IntegerModel {
    /// The canonical encoding: the domain string, then each number as eight little-endian bytes (signed ones in two's
    /// complement), each list after its length, in the order of [`super::Parts`] without the name; each layer begins with
    /// a tag: 0 dense, 1 convolution, 2 sum pool, 3 max pool, 4 `ReLU`, 5 flatten. An absent rescale is 0; a present one
    /// is 1, its exponent, and 0 or 1 for `ReLU`.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let parts = self.parts();
        let mut out = Encoder(DOMAIN.to_vec());
        out.sizes(&parts.input_shape);
        out.scale(parts.input_scale);
        out.integer(parts.input_range[0]);
        out.integer(parts.input_range[1]);
        out.integer(parts.activation_bound);
        out.size(parts.layers.len());
        for layer in &parts.layers {
            out.layer(layer);
        }
        out.scale(parts.output_scale);
        out.0
    }

    /// SHA-256 of [`IntegerModel::canonical_bytes`], in lower-case hexadecimal.
    pub fn digest(&self) -> String {
        sha256_hex(&self.canonical_bytes())
    }
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn integer(&mut self, value: i64) {
        self.0.extend(value.to_le_bytes());
    }

    fn size(&mut self, value: usize) {
        self.0.extend((value as u64).to_le_bytes());
    }

    fn each(&mut self, values: &[usize]) {
        for &value in values {
            self.size(value);
        }
    }

    fn sizes(&mut self, values: &[usize]) {
        self.size(values.len());
        self.each(values);
    }

    fn integers(&mut self, values: &[i64]) {
        self.size(values.len());
        for &value in values {
            self.integer(value);
        }
    }

    fn scale(&mut self, scale: Scale) {
        self.0.extend(scale.mantissa.to_le_bytes());
        self.integer(scale.exponent.into());
    }

    fn rescale(&mut self, rescale: Option<Rescale>) {
        match rescale {
            None => self.size(0),
            Some(Rescale { exponent, relu }) => {
                self.each(&[1, exponent as usize, usize::from(relu)]);
            }
        }
    }

    fn pool(&mut self, tag: usize, pool: &Pool) {
        self.size(tag);
        self.each(&pool.kernel);
        self.each(&pool.stride);
    }

    fn layer(&mut self, layer: &IntegerLayer) {
        match layer {
            IntegerLayer::Dense(IntegerDense { outputs, inputs, weights, bias, rescale }) => {
                self.each(&[0, *outputs, *inputs]);
                self.integers(weights);
                self.integers(bias);
                self.rescale(*rescale);
            }
            IntegerLayer::Conv2d(IntegerConv2d {
                outputs,
                channels,
                kernel,
                weights,
                bias,
                stride,
                padding: Padding { top, left, bottom, right },
                rescale,
            }) => {
                self.each(&[1, *outputs, *channels]);
                self.each(kernel);
                self.integers(weights);
                self.integers(bias);
                self.each(stride);
                self.each(&[*top, *left, *bottom, *right]);
                self.rescale(*rescale);
            }
            IntegerLayer::SumPool(pool) => self.pool(2, pool),
            IntegerLayer::MaxPool(pool) => self.pool(3, pool),
            IntegerLayer::Relu => self.size(4),
            IntegerLayer::Flatten => self.size(5),
        }
    }
}
