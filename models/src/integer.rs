//! The integer twin: one documented quantisation of a sequential model, and its exact inference.
//!
//! The scheme is written out in `docs/quantisation.md`. In short: inputs and activations are integers at known scales;
//! each linear layer accumulates `W x + b`; a hidden one rescales by a power of two, `q = floor((acc + D/2) / D)`; the
//! last one gives its raw accumulators. When a model is made, each accumulator is proven to stay under
//! [`ACCUMULATOR_BOUND`]; when it runs, an input or activation out of its range is an error. The circuits prove exactly
//! this arithmetic.
//!
//! The scheme is that of uniform quantisation with integer-only inference (Jacob et al., "Quantization and Training of
//! Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2017), made symmetric, without zero points, and with
//! the multiplier of the rescale absorbed into the weights, so that what is left to prove is a division by a power of two.

mod calibration;
mod config;
mod digest;
mod error;
mod infer;
mod layer;
mod model;
mod quantise;
mod scale;

pub use calibration::Calibration;
pub use config::{
    ACCUMULATOR_BOUND, DEFAULT_ACTIVATION_BOUND, DEFAULT_HEADROOM, DEFAULT_MAX_EXPONENT, EXPONENT_LIMIT,
    OUTPUT_EXPONENT_LIMIT, QuantConfig,
};
pub use error::{InferError, QuantError};
pub use infer::{LayerTrace, Trace};
pub use layer::{IntegerConv2d, IntegerDense, IntegerLayer, Rescale};
pub use model::{IntegerModel, LayerBounds, Parts};
pub use scale::Scale;
