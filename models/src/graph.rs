//! A sequential model of dense, conv2d, pooling, ReLU and flatten layers, with float weights.
//!
//! Shapes never contain the batch dimension: a model maps one input to one output. A shape is either `[features]` or
//! `[channels, height, width]`.

mod error;
mod evaluate;
mod layer;
mod sequential;
pub(crate) mod shape;

pub use error::GraphError;
pub(crate) use evaluate::image;
pub use layer::{Conv2d, Dense, Layer, Padding, Pool};
pub use sequential::Sequential;

/// Largest number of elements a tensor of a model may have, weights and activations alike.
///
/// A few hundred bytes of ONNX can ask for a convolution padded to terabytes; this refuses it before anything is allocated.
pub const MAX_ELEMENTS: usize = 1 << 26;
