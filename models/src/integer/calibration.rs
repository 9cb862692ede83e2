//! What a data set tells of the ranges in a float model.

use serde::{Deserialize, Serialize};

use super::QuantError;
use crate::graph::Sequential;

/// The ranges that a model's values take over a whole data set.
///
/// They are measured by [`Sequential::evaluate`]'s fixed order of operations, so every machine measures the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Least and largest input value.
    pub input_range: [f32; 2],
    /// The first of [`Calibration::INPUT_SCALES`] at which every input value is an integer, if any.
    pub exact_input_scale: Option<u32>,
    /// Largest magnitude of each linear layer's result (before any `ReLU`), first to last.
    pub linear_outputs: Vec<f32>,
}

impl Calibration {
    /// Scales tried for the inputs: integers, tenths, hundredths, pixels, thousandths.
    pub const INPUT_SCALES: [u32; 5] = [1, 10, 100, 255, 1000];

    /// Runs every input (row-major, one after the other) through the float model.
    ///
    /// # Errors
    /// [`QuantError::Graph`] for a model that is not well formed; [`QuantError::Calibration`] for inputs that are no whole
    /// positive number of the model's, or that are, or lead to, NaN or infinity.
    pub fn measure(model: &Sequential, inputs: &[f32]) -> Result<Self, QuantError> {
        model.validate()?;
        let shapes = model.shapes()?;
        let each = model.input_len();
        if inputs.is_empty() || !inputs.len().is_multiple_of(each) {
            return Err(wrong(&format!("inputs of {each} values each"), inputs.len().to_string()));
        }
        if let Some(value) = inputs.iter().find(|x| !x.is_finite()) {
            return Err(wrong("finite inputs", value.to_string()));
        }
        let mut largest = vec![0f32; model.layers.len()];
        for input in inputs.chunks_exact(each) {
            model.evaluate_each(&shapes, input, |layer, values| {
                largest[layer] = values.iter().fold(largest[layer], |m, v| match v.abs() {
                    // `f32::max` would forget a NaN.
                    v if v > m || v.is_nan() => v,
                    _ => m,
                });
            })?;
        }
        let layers = model.layers.iter().zip(&largest).filter(|(layer, _)| layer.is_linear());
        let calibration = Self {
            input_range: inputs.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], &x| [a.min(x), b.max(x)]),
            exact_input_scale: Self::INPUT_SCALES.into_iter().find(|&s| exact(s, inputs)),
            linear_outputs: layers.map(|(_, &m)| m).collect(),
        };
        calibration.check(model)?;
        Ok(calibration)
    }

    /// Checks that the ranges are numbers and fit the model, wherever they come from.
    pub(super) fn check(&self, model: &Sequential) -> Result<(), QuantError> {
        let [min, max] = self.input_range;
        if !(min.is_finite() && max.is_finite() && min <= max) {
            return Err(wrong("a finite input range", format!("{min}..={max}")));
        }
        if self.exact_input_scale == Some(0) {
            return Err(wrong("a positive input scale", "0".into()));
        }
        let linear = model.layers.iter().filter(|layer| layer.is_linear()).count();
        if self.linear_outputs.len() != linear {
            let expected = format!("ranges of {linear} linear layers");
            return Err(wrong(&expected, self.linear_outputs.len().to_string()));
        }
        match self.linear_outputs.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
            Some(value) => Err(wrong("finite values in every layer", value.to_string())),
            None => Ok(()),
        }
    }
}

/// Whether each value times the scale is an integer, but for the rounding of `f32` (2^-24 of the value, doubled).
fn exact(scale: u32, inputs: &[f32]) -> bool {
    inputs.iter().all(|&x| {
        let scaled = f64::from(x) * f64::from(scale);
        (scaled - scaled.round()).abs() <= scaled.abs() * f64::from(f32::EPSILON)
    })
}

fn wrong(expected: &str, got: String) -> QuantError {
    QuantError::Calibration { expected: expected.into(), got }
}
