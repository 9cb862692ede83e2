//! The numbers of the quantisation that can be chosen, and why they are what they are.

use super::QuantError;

/// Every accumulator, and every value that leaves the last layer, is below this in magnitude: `2^29`.
///
/// The circuits work in fields of 31 bits or more. Of those in use, `BabyBear` has the smallest half,
/// `(2^31 - 2^27) / 2 = 1 006 632 960`; below `2^29` a signed accumulator has one representative alone in each of them,
/// and `D q + r - D/2`, at most `2^23` beside it, cannot meet it again modulo the field either.
pub const ACCUMULATOR_BOUND: i64 = 1 << 29;

/// Default of [`QuantConfig::activation_bound`]: `2^11 - 64 = 1984`.
///
/// A halo2 circuit of `2^11` rows loses some to blinding (2 039 are usable), and its table of legal magnitudes must fit
/// into what is left: `0..=1984` does, with room for other rows.
pub const DEFAULT_ACTIVATION_BOUND: i64 = (1 << 11) - 64;

/// Default of [`QuantConfig::max_exponent`]: remainders below `2^10` share a table of `2^11` rows as well.
pub const DEFAULT_MAX_EXPONENT: u32 = 10;

/// The largest exponent of a rescale that any circuit has to take: its remainders fill a table of `2^12` rows.
pub const EXPONENT_LIMIT: u32 = 12;

/// The largest exponent of the last linear layer, and its default: no remainder has to be looked up there, so its weights
/// may be as fine as the accumulator's bound lets them, and more than `2^-17` of error a weight is worth nothing.
pub const OUTPUT_EXPONENT_LIMIT: u32 = 16;

/// Default of [`QuantConfig::headroom`]: activations twice as large as any of the calibration are still in range.
///
/// It costs one bit of resolution, which the models here do not miss: what limits their precision is the weights.
pub const DEFAULT_HEADROOM: f64 = 2.0;

/// How a float model becomes integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantConfig {
    /// Largest magnitude of a rescaled activation, before `ReLU`; an input that leads above it is refused.
    pub activation_bound: i64,
    /// Largest `k` of a hidden layer's divisor `D = 2^k`, at most [`EXPONENT_LIMIT`].
    pub max_exponent: u32,
    /// Largest `k` of the last linear layer, whose weights are multiplied by `2^k` and whose accumulators are never
    /// divided, at most [`OUTPUT_EXPONENT_LIMIT`].
    pub max_output_exponent: u32,
    /// The activation bound over the largest magnitude of the calibration, at least 1.
    pub headroom: f64,
    /// Integer units of one float unit of input, such as 255 for pixels in `0..=1`; `None` chooses from the calibration.
    pub input_scale: Option<f64>,
}

impl Default for QuantConfig {
    fn default() -> Self {
        Self {
            activation_bound: DEFAULT_ACTIVATION_BOUND,
            max_exponent: DEFAULT_MAX_EXPONENT,
            max_output_exponent: OUTPUT_EXPONENT_LIMIT,
            headroom: DEFAULT_HEADROOM,
            input_scale: None,
        }
    }
}

impl QuantConfig {
    /// Checks the ranges of all fields.
    pub(super) fn validate(&self) -> Result<(), QuantError> {
        let wrong = |what, expected: String, got: String| QuantError::Config { what, expected, got };
        if !(1..ACCUMULATOR_BOUND).contains(&self.activation_bound) {
            let expected = format!("from 1 to below {ACCUMULATOR_BOUND}");
            return Err(wrong("activation_bound", expected, self.activation_bound.to_string()));
        }
        if self.max_exponent > EXPONENT_LIMIT {
            let expected = format!("at most {EXPONENT_LIMIT}");
            return Err(wrong("max_exponent", expected, self.max_exponent.to_string()));
        }
        if self.max_output_exponent > OUTPUT_EXPONENT_LIMIT {
            let expected = format!("at most {OUTPUT_EXPONENT_LIMIT}");
            return Err(wrong("max_output_exponent", expected, self.max_output_exponent.to_string()));
        }
        if !(self.headroom >= 1.0 && self.headroom.is_finite()) {
            return Err(wrong("headroom", "at least 1".into(), self.headroom.to_string()));
        }
        match self.input_scale {
            Some(scale) if !(scale.is_normal() && scale > 0.0) => {
                Err(wrong("input_scale", "a positive number".into(), scale.to_string()))
            }
            _ => Ok(()),
        }
    }
}
