//! `lenet-mnist`: LeNet-5 with `ReLU` and average pooling (`LeCun` et al., 1998) on MNIST.

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use zktee_datasets::Mnist;
use zktee_models::graph::{Layer, Pool, Sequential};

use crate::fit::{Schedule, fit};
use crate::net::{Linear, Network, average_pool};

const SCHEDULE: Schedule = Schedule { epochs: 10, batch: 64, learning_rate: 2e-3, weight_decay: 0.02, say_every: 1 };

/// Zeros around the 28 by 28 image, so that the first layer's 32 by 32 field sees its edges.
const PADDING: usize = 2;
const POOL: usize = 2;

struct LeNet {
    conv1: Linear,
    conv2: Linear,
    dense: [Linear; 3],
}

impl LeNet {
    fn new(random: &mut ChaCha8Rng) -> candle_core::Result<Self> {
        Ok(Self {
            conv1: Linear::new(&[6, 5, 5, 1], random)?,
            conv2: Linear::new(&[16, 5, 5, 6], random)?,
            dense: [
                Linear::new(&[120, 400], random)?,
                Linear::new(&[84, 120], random)?,
                Linear::new(&[10, 84], random)?,
            ],
        })
    }

    fn to_sequential(&self) -> Result<Sequential> {
        let [dense1, dense2, dense3] = &self.dense;
        Ok(Sequential {
            name: "lenet-mnist".into(),
            input_shape: vec![1, 28, 28],
            layers: vec![
                Layer::Conv2d(self.conv1.to_conv(PADDING)?),
                Layer::Relu,
                Layer::AveragePool(Pool::square(POOL)),
                Layer::Conv2d(self.conv2.to_conv(0)?),
                Layer::Relu,
                Layer::AveragePool(Pool::square(POOL)),
                Layer::Flatten,
                Layer::Dense(dense1.to_dense()?),
                Layer::Relu,
                Layer::Dense(dense2.to_dense()?),
                Layer::Relu,
                Layer::Dense(dense3.to_dense()?),
            ],
        })
    }
}

impl Network for LeNet {
    /// `images` are (batch, 32, 32, 1).
    fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        let [dense1, dense2, dense3] = &self.dense;
        let maps = average_pool(&self.conv1.conv(images)?.relu()?)?;
        let maps = average_pool(&self.conv2.conv(&maps)?.relu()?)?;
        // ONNX flattens channel by channel.
        let flat = maps.permute((0, 3, 1, 2))?.flatten_from(1)?;
        dense3.dense(&dense2.dense(&dense1.dense(&flat)?.relu()?)?.relu()?)
    }

    fn variables(&self) -> Vec<Var> {
        [&self.conv1, &self.conv2].into_iter().chain(&self.dense).flat_map(Linear::variables).collect()
    }
}

/// The model's input for a pixel: 0 is paper, 1 is ink, and nothing else is done to it.
pub(crate) fn pixel(ink: u8) -> f32 {
    f32::from(ink) / 255.0
}

/// `rows` images as the network takes them: (rows, 32, 32, 1).
fn padded(pixels: Vec<f32>, rows: usize) -> candle_core::Result<Tensor> {
    let images = Tensor::from_vec(pixels, (rows, 28, 28, 1), &Device::Cpu)?;
    images.pad_with_zeros(1, PADDING, PADDING)?.pad_with_zeros(2, PADDING, PADDING)
}

/// Trains on all of `train`.
pub(crate) fn train(train: &Mnist, seed: u64, say: &mut dyn FnMut(&str)) -> Result<Sequential> {
    let rows = train.labels.len();
    let pixels = train.images.iter().map(|&ink| pixel(ink)).collect();
    let images = padded(pixels, rows)?;
    let labels: Vec<u32> = train.labels.iter().map(|&digit| u32::from(digit)).collect();
    let labels = Tensor::from_vec(labels, rows, &Device::Cpu)?;

    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let net = LeNet::new(&mut random)?;
    fit(&net, &images, &labels, &SCHEDULE, &mut random, say)?;
    net.to_sequential()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Channels last here, channels first there: the two must be the same network.
    #[test]
    fn what_is_written_computes_what_was_trained() {
        let net = LeNet::new(&mut ChaCha8Rng::seed_from_u64(7)).unwrap();
        let written = net.to_sequential().unwrap();
        assert_eq!((written.parameters(), written.multiplications().unwrap()), (61_706, 416_520));

        let image: Vec<f32> =
            zktee_datasets::mnist_test().unwrap().images.into_iter().take(28 * 28).map(pixel).collect();
        let expected = written.evaluate(&image).unwrap();
        let scores = net.forward(&padded(image, 1).unwrap()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (score, expected) in scores.iter().zip(&expected) {
            assert!((score - expected).abs() < 1e-4, "{scores:?} {expected:?}");
        }
    }
}
