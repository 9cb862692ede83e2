//! The training loop that both networks share: shuffled batches, `AdamW`, a learning rate that falls along a cosine.

use std::f64::consts::PI;

use anyhow::Result;
use candle_core::{Device, Tensor};
use candle_nn::{AdamW, Optimizer as _, ParamsAdamW, loss};
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::net::Network;

/// How long and how fast.
pub(crate) struct Schedule {
    /// Passes over the data.
    pub epochs: usize,
    /// Rows a step.
    pub batch: usize,
    /// Of the first step; the last one's is nearly zero.
    pub learning_rate: f64,
    /// Decoupled decay of weights (Loshchilov and Hutter, arXiv:1711.05101). Small weights keep activations in a range that
    /// integers hold well.
    pub weight_decay: f64,
    /// Say the loss once in this many epochs.
    pub say_every: usize,
}

/// Trains `net` on `inputs` (rows, …) with the class numbers `labels`, in an order drawn from `random`.
pub(crate) fn fit(
    net: &impl Network,
    inputs: &Tensor,
    labels: &Tensor,
    schedule: &Schedule,
    random: &mut ChaCha8Rng,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let rows = inputs.dim(0)?;
    let steps = (schedule.epochs * rows.div_ceil(schedule.batch)) as f64;
    let params = ParamsAdamW { weight_decay: schedule.weight_decay, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(net.variables(), params)?;
    let mut order: Vec<u32> = (0..rows as u32).collect();
    let mut step = 0.0;
    for epoch in 1..=schedule.epochs {
        order.shuffle(random);
        let mut sum = 0.0;
        for batch in order.chunks(schedule.batch) {
            optimizer.set_learning_rate(schedule.learning_rate * 0.5 * (1.0 + (PI * step / steps).cos()));
            step += 1.0;
            let chosen = Tensor::new(batch, &Device::Cpu)?;
            let scores = net.forward(&inputs.index_select(&chosen, 0)?)?;
            let loss = loss::cross_entropy(&scores, &labels.index_select(&chosen, 0)?)?;
            optimizer.backward_step(&loss)?;
            sum += f64::from(loss.to_scalar::<f32>()?) * batch.len() as f64;
        }
        if epoch % schedule.say_every == 0 {
            say(&format!("  epoch {epoch:>3} of {}: mean loss {:.5}", schedule.epochs, sum / rows as f64));
        }
    }
    Ok(())
}
