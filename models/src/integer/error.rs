//! Why a model has no integer twin, and why a twin refuses an input.

use thiserror::Error;

use crate::graph::GraphError;

/// A model that cannot be made into integers within the stated bounds.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QuantError {
    /// The float model is not well formed.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A field of the configuration is out of its range.
    #[error("quantisation: {what} must be {expected}, got {got}")]
    Config {
        /// The field.
        what: &'static str,
        /// Its range.
        expected: String,
        /// Its value.
        got: String,
    },
    /// The model has no weights, so nothing sets its output scale.
    #[error("the model has no dense or convolution layer: there is nothing to quantise")]
    NoLinearLayer,
    /// The calibration inputs do not fit the model, or are not numbers.
    #[error("calibration: expected {expected}, got {got}")]
    Calibration {
        /// What is accepted.
        expected: String,
        /// What was found.
        got: String,
    },
    /// An accumulator could reach the bound: the model is refused, whatever its inputs.
    #[error(
        "layer {layer} ({kind}): its accumulator could reach {got}, the bound is {bound}; even the coarsest weights overflow"
    )]
    Overflow {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name.
        kind: &'static str,
        /// [`super::ACCUMULATOR_BOUND`].
        bound: i64,
        /// The largest magnitude that the weights allow (or 2^100 where they are beyond any integer).
        got: i128,
    },
    /// A serialised twin that no float model gives.
    #[error("integer model: {what} must be {expected}, got {got}")]
    Parts {
        /// The field, with its layer.
        what: String,
        /// What is accepted.
        expected: String,
        /// What was found.
        got: String,
    },
}

/// An input that a twin refuses before anything is proven about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InferError {
    /// The input has another length than the model's.
    #[error("inputs of {expected} values each expected, got {got} values")]
    Length {
        /// Values in one input.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// An input value is NaN or infinite.
    #[error("input value {index} is not finite: {value}")]
    NotFinite {
        /// Position in the slice.
        index: usize,
        /// The value, as text (NaN has no equality).
        value: String,
    },
    /// An input value is outside the calibrated range.
    #[error("input value {index} is {value} in integer units, outside the range {min}..={max}")]
    InputRange {
        /// Position in the slice.
        index: usize,
        /// The value in integer units, saturated.
        value: i64,
        /// Least legal value.
        min: i64,
        /// Largest legal value.
        max: i64,
    },
    /// A rescaled activation is beyond the activation bound: the input is unlike those of the calibration.
    #[error("layer {layer} ({kind}): activation {index} is {value}, the bound is {bound}")]
    Activation {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name.
        kind: &'static str,
        /// Position in the layer's output.
        index: usize,
        /// The rescaled value.
        value: i64,
        /// [`super::QuantConfig::activation_bound`].
        bound: i64,
    },
}
