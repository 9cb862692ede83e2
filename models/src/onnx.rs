//! ONNX in and out, directly over the protobuf messages.
//!
//! [`read()`] takes the sequential subset that the integer backends prove; [`inspect()`] tells the cheap facts of any
//! model; [`write()`] makes the files in `models/`. The operators follow the ONNX specification, opset 13
//! (<https://onnx.ai/onnx/operators/>).

mod attributes;
mod error;
mod inspect;
mod proto;
mod read;
mod tensor;
mod write;

pub use error::OnnxError;
pub use inspect::{Batch, Dimension, ModelFacts, ValueFacts, inspect};
pub use read::{SUPPORTED_OPERATORS, read};
pub use write::{OPSET, write};

/// Largest ONNX file read, in bytes.
pub const MAX_ONNX_BYTES: usize = 1 << 28;
