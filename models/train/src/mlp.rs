//! `mlp-iris`: 4-20-20-3 with `ReLU` on Iris, centimetres in, species scores out.

use anyhow::{Context as _, Result};
use candle_core::{Device, Tensor, Var};
use ndarray::Axis;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use zktee_datasets::Iris;
use zktee_models::graph::{Dense, Layer, Sequential};

use crate::fit::{Schedule, fit};
use crate::net::{Linear, Network};

const SCHEDULE: Schedule = Schedule { epochs: 150, batch: 16, learning_rate: 5e-3, weight_decay: 0.05, say_every: 50 };

struct Mlp([Linear; 3]);

impl Network for Mlp {
    fn forward(&self, inputs: &Tensor) -> candle_core::Result<Tensor> {
        let [first, second, third] = &self.0;
        third.dense(&second.dense(&first.dense(inputs)?.relu()?)?.relu()?)
    }

    fn variables(&self) -> Vec<Var> {
        self.0.iter().flat_map(Linear::variables).collect()
    }
}

/// Trains on all 150 rows: the model is a fixed piece of work for the benchmark, not a study of generalisation.
pub(crate) fn train(iris: &Iris, seed: u64, say: &mut dyn FnMut(&str)) -> Result<Sequential> {
    let features = &iris.features;
    let mean = features.mean_axis(Axis(0)).context("Iris has rows")?;
    let deviation = features.std_axis(Axis(0), 0.0);
    let standard = (features - &mean) / &deviation;
    let inputs = Tensor::from_iter(standard.iter().copied(), &Device::Cpu)?.reshape(features.dim())?;
    let labels = Tensor::from_iter(iris.species.iter().map(|&species| species as u32), &Device::Cpu)?;

    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut layer = |inputs, outputs| Linear::new(&[outputs, inputs], &mut random);
    let net = Mlp([layer(4, 20)?, layer(20, 20)?, layer(20, 3)?]);
    fit(&net, &inputs, &labels, &SCHEDULE, &mut random, say)?;

    // The model takes centimetres: with z = (x - mean) / deviation, W z + b = (W / deviation) x + (b - (W / deviation) mean).
    let [first, second, third] = &net.0;
    let Dense { weights, bias } = first.to_dense()?;
    let weights = weights / &deviation;
    let bias = bias - weights.dot(&mean);
    Ok(Sequential {
        name: "mlp-iris".into(),
        input_shape: vec![4],
        layers: vec![
            Layer::Dense(Dense { weights, bias }),
            Layer::Relu,
            Layer::Dense(second.to_dense()?),
            Layer::Relu,
            Layer::Dense(third.to_dense()?),
        ],
    })
}
