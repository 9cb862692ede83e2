//! From float tensors to the twin's integers and back.

use zktee_core::protocol::{Job, PhaseReport, WorkerError};
use zktee_core::tensor::Tensor;
use zktee_models::integer::Scale;

use crate::{failed, invalid, path_of};

/// The job's inputs, as many as its batch says.
///
/// # Errors
/// `invalid-input`.
pub fn inputs(job: &Job) -> Result<Tensor, WorkerError> {
    let inputs = Tensor::read(path_of(job.inputs.as_ref(), "inputs")?).map_err(invalid)?;
    if inputs.rows() == job.batch {
        Ok(inputs)
    } else {
        Err(invalid(format!("a batch of {} inputs expected, got {}", job.batch, inputs.rows())))
    }
}

/// Integers as floats, with the shape of one of them behind the batch.
///
/// # Errors
/// `failed` for values that are no whole number of them.
pub fn outputs(shape: &[usize], scale: Scale, values: &[i64]) -> Result<Tensor, WorkerError> {
    let floats: Vec<f32> = values.iter().map(|&value| (value as f64 / scale.value()) as f32).collect();
    let batch = floats.len() / shape.iter().product::<usize>().max(1);
    Tensor::new(std::iter::once(batch).chain(shape.iter().copied()).collect(), floats).map_err(failed)
}

/// Writes the inputs that a verifier decoded into its report, with how far they may be from those that were sent.
///
/// # Errors
/// As [`outputs`].
pub fn bound_inputs(
    report: &mut PhaseReport,
    shape: &[usize],
    scale: Scale,
    values: &[i64],
) -> Result<(), WorkerError> {
    let inputs = outputs(shape, scale, values)?;
    // An input is the nearest integer times the scale; the slack is that of float32.
    let largest = inputs.data.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    report.input_tolerance = Some(0.5 / scale.value() * (1.0 + 1e-6) + f64::from(largest) * f64::from(f32::EPSILON));
    report.inputs = Some(inputs);
    Ok(())
}
