//! Which integer twin a job's model has: one for all integer backends.

use zktee_core::protocol::{ErrorKind, Job, WorkerError};
use zktee_core::tensor::Tensor;
use zktee_models::integer::{IntegerModel, QuantConfig, QuantError};
use zktee_models::{onnx, workload};

use crate::{invalid, path_of, read};

/// The bytes that a twin is made from, read before any clock runs.
#[derive(Debug)]
pub struct Twin {
    workload: String,
    model: Vec<u8>,
    calibration: Option<Tensor>,
}

impl Twin {
    /// Reads a job's model and representative inputs.
    ///
    /// # Errors
    /// `invalid-input`, naming the file.
    pub fn of(job: &Job) -> Result<Self, WorkerError> {
        Ok(Self {
            workload: job.workload.clone(),
            model: read(path_of(job.model.as_ref(), "model")?)?,
            calibration: job.calibration.as_deref().map(Tensor::read).transpose().map_err(invalid)?,
        })
    }

    /// Quantises.
    ///
    /// # Errors
    /// As [`twin`].
    pub fn make(&self) -> Result<IntegerModel, WorkerError> {
        twin(&self.workload, &self.model, self.calibration.as_ref())
    }
}

/// The integer twin of a float model.
///
/// A built-in workload has its ranges from its whole data set, kept beside the model. A user's own model, or another file under a
/// built-in name, is calibrated on the job's representative inputs.
///
/// # Errors
/// `refused`, naming the layer or operator that has no twin; `invalid-input` for calibration data that do not fit.
pub fn twin(workload: &str, model: &[u8], calibration: Option<&Tensor>) -> Result<IntegerModel, WorkerError> {
    let refused = |error: &dyn std::fmt::Display| WorkerError::new(ErrorKind::Refused, error.to_string());
    if let Some(built_in) = workload::builtin(workload).ok().filter(|built_in| *built_in.onnx == *model) {
        return built_in.integer_model().map_err(|error| refused(&error));
    }
    let calibration = calibration.ok_or_else(|| invalid("the job has no `calibration`"))?;
    let float = onnx::read(model).map_err(|error| refused(&error))?;
    IntegerModel::from_float(&float, &calibration.data, &QuantConfig::default()).map_err(|error| match error {
        QuantError::Calibration { .. } => invalid(error),
        _ => refused(&error),
    })
}
