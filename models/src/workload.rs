//! The built-in workloads: a model, its inputs, and what counts as a right answer.

mod builtin;
mod error;
mod scale;

use std::borrow::Cow;

use ndarray::ArrayD;

pub use builtin::{BATCH_NAMES, BUILTIN_NAMES, CALIBRATION_INPUTS, builtin, builtins, data_set};
pub use error::{TwinError, WorkloadError};
pub use scale::{SCALE_FAMILIES, SCALE_INPUTS, SCALE_TOLERANCE, ScaleFamily, ScaleMember, scale_member};

use crate::integer::{Calibration, IntegerModel, QuantConfig};
use crate::onnx;

/// Kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Numbers.
    Regression,
    /// The class with the largest output.
    Classification,
}

/// A model, a data set and a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Its name, such as `mlp-iris`.
    pub name: &'static str,
    /// One line for lists.
    pub summary: Cow<'static, str>,
    /// The float ONNX model.
    pub onnx: Cow<'static, [u8]>,
    /// All inputs, `[count, ...shape of one input]`, in the model's float units; `count` is `batch * repeat`.
    pub inputs: ArrayD<f32>,
    /// The right class of each input, of a classification.
    pub labels: Option<Vec<usize>>,
    /// The right numbers, `[count, ...shape of one output]`, of a regression that has any: random models answer nothing.
    pub targets: Option<ArrayD<f32>>,
    /// Inputs of one call.
    pub batch: usize,
    /// Calls that make the workload.
    pub repeat: usize,
    /// Kind of answer.
    pub task: Task,
    /// Largest absolute difference to the float reference that counts as right, in the output's float units.
    pub tolerance: f64,
    /// Smallest share of inputs whose class equals the float reference's, 0 to 1; 0 for regression.
    pub min_class_agreement: f64,
    /// Representative inputs for backends that calibrate by themselves, `[any, ...shape of one input]`. They are few, because
    /// some backends take seconds for each; the integer twin uses `ranges`.
    pub calibration: ArrayD<f32>,
    /// The ranges of the model over its [whole data set](data_set), for the integer twin.
    pub ranges: Calibration,
    /// Integer units of one float unit of input for the integer twin: the data are integers at this scale.
    pub input_scale: f64,
}

impl Workload {
    /// The quantisation of the integer twin: the defaults, at this workload's input scale.
    pub fn quant_config(&self) -> QuantConfig {
        QuantConfig { input_scale: Some(self.input_scale), ..QuantConfig::default() }
    }

    /// The integer twin that all integer backends share.
    ///
    /// # Errors
    /// [`TwinError`] where the ONNX model is not sequential or has no twin within the stated bounds.
    pub fn integer_model(&self) -> Result<IntegerModel, TwinError> {
        let model = onnx::read(&self.onnx)?;
        Ok(IntegerModel::from_calibration(&model, &self.ranges, &self.quant_config())?)
    }
}
