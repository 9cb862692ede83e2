//! From a float model to integers.

use super::{
    ACCUMULATOR_BOUND, Calibration, IntegerConv2d, IntegerDense, IntegerLayer, IntegerModel, Parts, QuantConfig,
    QuantError, Rescale, Scale,
    model::accumulator_bound,
    scale::{power_below, power_of_two, short},
};
use crate::graph::{Layer, Sequential};

/// Scaled weights beyond this are not even tried: no input but zero stays in bounds, and an `i64` cast stays exact below it.
const LARGEST_WEIGHT: f64 = (1u64 << 40) as f64;

/// Reported where a weight is beyond [`LARGEST_WEIGHT`].
const BEYOND: i128 = 1 << 100;

impl IntegerModel {
    /// Quantises a float model with ranges measured over `calibration`: inputs, row-major, one after the other.
    ///
    /// # Errors
    /// As [`Calibration::measure`] and [`IntegerModel::from_calibration`].
    pub fn from_float(model: &Sequential, calibration: &[f32], config: &QuantConfig) -> Result<Self, QuantError> {
        Self::from_calibration(model, &Calibration::measure(model, calibration)?, config)
    }

    /// Quantises a float model with ranges measured before.
    ///
    /// # Errors
    /// [`QuantError::Config`], [`QuantError::Graph`], [`QuantError::Calibration`], [`QuantError::NoLinearLayer`], and
    /// [`QuantError::Overflow`] naming the layer whose accumulators could reach [`ACCUMULATOR_BOUND`] at every exponent.
    pub fn from_calibration(
        model: &Sequential,
        calibration: &Calibration,
        config: &QuantConfig,
    ) -> Result<Self, QuantError> {
        config.validate()?;
        model.validate()?;
        calibration.check(model)?;
        let last = model.layers.iter().rposition(Layer::is_linear);
        let last = last.ok_or(QuantError::NoLinearLayer)?;
        let input_scale = input_scale(calibration, config)?;
        let input_range = input_range(calibration, input_scale)?;
        let mut walk = Walk {
            config,
            scale: input_scale,
            largest: input_range[1].max(-input_range[0]),
            layers: Vec::with_capacity(model.layers.len()),
        };
        let mut ranges = calibration.linear_outputs.iter();
        let mut layers = model.layers.iter().enumerate().peekable();
        while let Some((index, layer)) = layers.next() {
            let range = if layer.is_linear() { ranges.next() } else { None };
            let hidden = range.filter(|_| index < last).map(|&largest| Hidden {
                largest: largest.into(),
                relu: layers.next_if(|(_, next)| matches!(next, Layer::Relu)).is_some(),
            });
            walk.layer(index, layer, hidden)?;
        }
        let scale = |what, value| {
            let wrong = || QuantError::Config {
                what,
                expected: "a scale within the range of numbers".into(),
                got: format!("{value}"),
            };
            Scale::from_f64(value).ok_or_else(wrong)
        };
        Self::from_parts(Parts {
            name: model.name.clone(),
            input_shape: model.input_shape.clone(),
            input_scale: scale("input_scale", input_scale)?,
            input_range,
            activation_bound: config.activation_bound,
            output_scale: scale("output_scale", walk.scale)?,
            layers: walk.layers,
        })
    }
}

/// The configured scale; or the exact one; or the largest power of two that keeps the inputs within the activation bound.
fn input_scale(calibration: &Calibration, config: &QuantConfig) -> Result<f64, QuantError> {
    if let Some(scale) = config.input_scale {
        return Ok(scale);
    }
    let [min, max] = calibration.input_range.map(f64::from);
    let largest = max.abs().max(min.abs());
    let bound = config.activation_bound as f64;
    match calibration.exact_input_scale {
        Some(scale) if largest * f64::from(scale) <= bound => Ok(scale.into()),
        // (Zeros alone are integers at scale 1.) A range so small that no number is its scale is refused.
        _ => {
            let scale = power_below(bound / largest);
            let got = || QuantError::Calibration {
                expected: "inputs with a usable range".into(),
                got: format!("{min}..={max}"),
            };
            if scale.is_normal() { Ok(scale) } else { Err(got()) }
        }
    }
}

/// The least range `[-2^m or 0, 2^n - 1]` around the calibrated inputs: legal inputs have room up to a power of two.
fn input_range(calibration: &Calibration, scale: f64) -> Result<[i64; 2], QuantError> {
    let [min, max] = calibration.input_range.map(|x| (f64::from(x) * scale).round());
    let limit = ACCUMULATOR_BOUND as f64 / 2.0;
    if min < -limit || max > limit {
        return Err(QuantError::Config {
            what: "input_scale",
            expected: format!("such that inputs stay within {limit} integer units"),
            got: format!("{scale}, which gives {min}..={max}"),
        });
    }
    let min = if min < 0.0 { -((-min) as i64).unsigned_abs().next_power_of_two().cast_signed() } else { 0 };
    let max = if max > 0.0 { (max as u64 + 1).next_power_of_two().cast_signed() - 1 } else { 0 };
    Ok([min, max])
}

/// What a hidden linear layer needs beside its weights.
#[derive(Clone, Copy)]
struct Hidden {
    /// Largest magnitude of its float result over the calibration.
    largest: f64,
    /// Whether a `ReLU` comes right after.
    relu: bool,
}

/// The layers made so far, and what the next one takes.
struct Walk<'a> {
    config: &'a QuantConfig,
    /// Integer units of one float unit entering the next layer.
    scale: f64,
    /// Largest magnitude entering the next layer, in integer units.
    largest: i64,
    layers: Vec<IntegerLayer>,
}

impl Walk<'_> {
    fn layer(&mut self, index: usize, layer: &Layer, hidden: Option<Hidden>) -> Result<(), QuantError> {
        let made = match layer {
            Layer::Dense(dense) => {
                let weights = dense.weights.as_standard_layout();
                let weights = weights.as_slice().unwrap_or_default();
                let made = self.linear(index, layer, weights, &dense.bias.to_vec(), hidden)?;
                let (outputs, inputs) = dense.weights.dim();
                let Linear { weights, bias, rescale } = made;
                IntegerLayer::Dense(IntegerDense { outputs, inputs, weights, bias, rescale })
            }
            Layer::Conv2d(conv) => {
                let weights = conv.weights.as_standard_layout();
                let weights = weights.as_slice().unwrap_or_default();
                let made = self.linear(index, layer, weights, &conv.bias.to_vec(), hidden)?;
                let (outputs, channels, height, width) = conv.weights.dim();
                IntegerLayer::Conv2d(IntegerConv2d {
                    outputs,
                    channels,
                    kernel: [height, width],
                    weights: made.weights,
                    bias: made.bias,
                    stride: conv.stride,
                    padding: conv.padding,
                    rescale: made.rescale,
                })
            }
            Layer::AveragePool(pool) => {
                let cells = pool.kernel[0] * pool.kernel[1];
                // The mean times n is the sum: n more integer units of one float unit.
                self.scale *= cells as f64;
                self.largest = self.largest.saturating_mul(cells as i64);
                IntegerLayer::SumPool(*pool)
            }
            Layer::MaxPool(pool) => IntegerLayer::MaxPool(*pool),
            Layer::Relu => IntegerLayer::Relu,
            Layer::Flatten => IntegerLayer::Flatten,
        };
        self.layers.push(made);
        Ok(())
    }

    /// Weights and bias at the largest exponent whose accumulators stay under the bound.
    fn linear(
        &mut self,
        index: usize,
        layer: &Layer,
        weights: &[f32],
        bias: &[f32],
        hidden: Option<Hidden>,
    ) -> Result<Linear, QuantError> {
        // A layer that is 0 over the whole calibration keeps the scale that it takes.
        let target = match &hidden {
            Some(Hidden { largest, .. }) if *largest > 0.0 => {
                short(self.config.activation_bound as f64 / self.config.headroom / largest)
            }
            _ => self.scale,
        };
        let finest = match &hidden {
            Some(_) => self.config.max_exponent,
            None => self.config.max_output_exponent,
        };
        let mut reach = BEYOND;
        for exponent in (0..=finest).rev() {
            let accumulator_scale = power_of_two(exponent.cast_signed()) * target;
            let scaled = (integers(weights, accumulator_scale / self.scale), integers(bias, accumulator_scale));
            let (Some(weights), Some(bias)) = scaled else { continue };
            reach = accumulator_bound(&weights, &bias, self.largest);
            let rescale = hidden.as_ref().map(|hidden| Rescale { exponent, relu: hidden.relu });
            reach += i128::from(rescale.map_or(0, Rescale::divisor));
            if reach < i128::from(ACCUMULATOR_BOUND) {
                if rescale.is_some() {
                    self.scale = target;
                    self.largest = self.config.activation_bound;
                } else {
                    self.scale = accumulator_scale;
                    self.largest = reach as i64;
                }
                return Ok(Linear { weights, bias, rescale });
            }
        }
        Err(QuantError::Overflow { layer: index, kind: layer.kind(), bound: ACCUMULATOR_BOUND, got: reach })
    }
}

/// A linear layer's integers.
struct Linear {
    weights: Vec<i64>,
    bias: Vec<i64>,
    rescale: Option<Rescale>,
}

/// Each value times the scale, to the nearest integer, ties away from 0; `None` where one is beyond all bounds.
fn integers(values: &[f32], scale: f64) -> Option<Vec<i64>> {
    let one = |&v: &f32| {
        let scaled = (f64::from(v) * scale).round();
        (scaled.abs() <= LARGEST_WEIGHT).then_some(scaled as i64)
    };
    values.iter().map(one).collect()
}
