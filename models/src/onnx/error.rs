//! Why an ONNX file is not read.

use thiserror::Error;

use crate::graph::GraphError;

/// An ONNX file that is damaged, or that is not in the subset this project reads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OnnxError {
    /// The file is larger than [`super::MAX_ONNX_BYTES`].
    #[error("the ONNX file has {got} bytes, more than the {max} that are read")]
    TooLarge {
        /// The limit.
        max: usize,
        /// The file's size.
        got: usize,
    },
    /// The bytes are no protobuf message of an ONNX model.
    #[error("not an ONNX model, or a truncated one: {reason}")]
    Decode {
        /// The decoder's message.
        reason: String,
    },
    /// The model has no graph, such as an empty file (a valid protobuf message).
    #[error("the ONNX file holds no graph")]
    NoGraph,
    /// The model imports no default operator set, or one too old.
    #[error("the ONNX model must import operator set {min} or later, got {got:?}")]
    Opset {
        /// The oldest version read.
        min: i64,
        /// The version imported, if any.
        got: Option<i64>,
    },
    /// The model uses an operator outside the sequential subset. Backends report this as `refused`.
    #[error("unsupported operator {operator} (node `{node}`): {reason}")]
    UnsupportedOperator {
        /// The ONNX operator, such as `Softmax`, with its domain where that is not the default one.
        operator: String,
        /// The node's name, or its output's.
        node: String,
        /// What is supported instead.
        reason: String,
    },
    /// An attribute that is missing, unknown or has a value that is not supported.
    #[error("operator {operator} (node `{node}`): attribute {attribute} must be {expected}, got {got}")]
    Attribute {
        /// The ONNX operator.
        operator: String,
        /// The node's name, or its output's.
        node: String,
        /// The attribute.
        attribute: String,
        /// What is accepted.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A node does not continue the chain from the model's input to its output.
    #[error("operator {operator} (node `{node}`) breaks the chain of layers: {reason}")]
    NotSequential {
        /// The ONNX operator.
        operator: String,
        /// The node's name, or its output's.
        node: String,
        /// What is wrong.
        reason: String,
    },
    /// A weight tensor that is missing, of another type or shape, or whose data do not fill its shape.
    #[error("tensor `{tensor}`: expected {expected}, got {got}")]
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What is accepted.
        expected: String,
        /// What was found.
        got: String,
    },
    /// The graph's inputs or outputs are not one float tensor each, with a batch first and fixed dimensions after it.
    #[error("model {which}: expected {expected}, got {got}")]
    Interface {
        /// `input` or `output`.
        which: &'static str,
        /// What is accepted.
        expected: String,
        /// What was found.
        got: String,
    },
    /// The layers do not fit each other.
    #[error(transparent)]
    Graph(#[from] GraphError),
}
