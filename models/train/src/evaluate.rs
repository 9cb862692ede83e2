//! Measures a model through its ONNX file, with tract: what is measured is what is committed.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use zktee_datasets::sha256_hex;
use zktee_models::graph::Sequential;
use zktee_models::onnx::{self, OPSET};
use zktee_models::reference::FloatModel;

use crate::model::{Answers, Exam};

/// Inputs a call to tract: bounds its memory.
const BATCH: usize = 50;
/// Inputs whose activations are looked at.
const LOOKED_AT: usize = 150;

/// What `metrics.json` holds for each model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metrics {
    /// Of the ONNX file.
    pub sha256: String,
    /// ONNX operator set.
    pub opset: i64,
    /// Weights and biases.
    pub parameters: usize,
    /// Multiplications by a weight for one input.
    pub multiplications: u64,
    /// `r2` or `accuracy`.
    pub metric: String,
    /// Its value from 0 to 1.
    pub value: f64,
    /// Inputs it was measured on.
    pub inputs: usize,
    /// The largest absolute value after any layer, over the first inputs.
    pub largest_activation: f32,
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sha256, metric, value, inputs, parameters, multiplications, largest_activation, .. } = self;
        write!(
            f,
            "{metric} {value:.6} on {inputs} inputs; {parameters} parameters, {multiplications} multiplications, \
             activations up to {largest_activation:.2}; SHA-256 {sha256}"
        )
    }
}

/// Runs the ONNX file `bytes` on `exam`.
pub(crate) fn measure(bytes: &[u8], exam: &Exam) -> Result<Metrics> {
    let model = onnx::read(bytes)?;
    let outputs = FloatModel::load(bytes, BATCH)?.infer(&exam.inputs)?;
    let (metric, value, inputs) = match &exam.answers {
        Answers::Values(right) => ("r2", r2(&outputs, right)?, right.len()),
        Answers::Classes(right) => ("accuracy", accuracy(&outputs, right)?, right.len()),
    };
    Ok(Metrics {
        sha256: sha256_hex(bytes),
        opset: OPSET,
        parameters: model.parameters(),
        multiplications: model.multiplications()?,
        metric: metric.into(),
        value,
        inputs,
        largest_activation: largest_activation(&model, &exam.inputs)?,
    })
}

/// The coefficient of determination: 1 - (squared errors) / (squared distances from the mean).
fn r2(outputs: &[f32], right: &[f32]) -> Result<f64> {
    if outputs.len() != right.len() {
        bail!("{} outputs for {} values", outputs.len(), right.len());
    }
    let right = || right.iter().map(|&value| f64::from(value));
    let mean = right().sum::<f64>() / right().count() as f64;
    let errors: f64 = right().zip(outputs).map(|(value, &output)| (value - f64::from(output)).powi(2)).sum();
    let spread: f64 = right().map(|value| (value - mean).powi(2)).sum();
    Ok(1.0 - errors / spread)
}

/// The share of inputs whose largest score is the right class's.
fn accuracy(outputs: &[f32], right: &[usize]) -> Result<f64> {
    let classes = outputs.len() / right.len();
    if classes * right.len() != outputs.len() || classes == 0 {
        bail!("{} scores for {} inputs", outputs.len(), right.len());
    }
    let mut correct = 0_usize;
    for (scores, &class) in outputs.chunks_exact(classes).zip(right) {
        let best = (0..classes).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).context("there are classes")?;
        correct += usize::from(best == class);
    }
    Ok(correct as f64 / right.len() as f64)
}

/// Integer backends hold activations in fixed point: their range is what they must make room for.
fn largest_activation(model: &Sequential, inputs: &[f32]) -> Result<f32> {
    let mut largest = 0_f32;
    for end in 1..=model.layers.len() {
        let start = Sequential { layers: model.layers[..end].to_vec(), ..model.clone() };
        for input in inputs.chunks_exact(model.input_len()).take(LOOKED_AT) {
            largest = start.evaluate(input)?.iter().fold(largest, |most, value| most.max(value.abs()));
        }
    }
    Ok(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_of_the_right_values_is_one_and_of_their_mean_zero() {
        let right = [1.0, 2.0, 6.0];
        assert!((r2(&right, &right).unwrap() - 1.0).abs() < 1e-12);
        assert!(r2(&[3.0; 3], &right).unwrap().abs() < 1e-12);
        assert!(r2(&[3.0; 2], &right).is_err());
    }

    #[test]
    fn accuracy_counts_the_largest_score() {
        let scores = [0.1, 0.9, 0.8, 0.2, 0.3, 0.7];
        assert!((accuracy(&scores, &[1, 0, 0]).unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!(accuracy(&scores, &[0; 4]).is_err());
    }
}
