//! Why a sequential model is not well formed.

use thiserror::Error;

/// A model whose layers do not fit each other, or whose numbers are unusable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// The layer takes another rank or size than the layer before it gives.
    #[error("layer {layer} ({kind}) expects an input of shape {expected}, got {got:?}")]
    Shape {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name, such as `Dense`.
        kind: &'static str,
        /// The shape it takes, in words.
        expected: String,
        /// The shape it was given, without the batch.
        got: Vec<usize>,
    },
    /// A kernel is larger than the (padded) image that it slides over.
    #[error("layer {layer} ({kind}) has a kernel of {kernel:?}, larger than its padded input of {input:?}")]
    KernelTooLarge {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name.
        kind: &'static str,
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Padded input height and width.
        input: [usize; 2],
    },
    /// A kernel, a stride or a dimension is zero.
    #[error("layer {layer} ({kind}): {what} must be at least 1, got 0")]
    Zero {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name.
        kind: &'static str,
        /// What is zero.
        what: &'static str,
    },
    /// The bias has another length than the layer has outputs.
    #[error("layer {layer} ({kind}) has {expected} outputs but a bias of {got}")]
    Bias {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name.
        kind: &'static str,
        /// Outputs (features or channels) of the layer.
        expected: usize,
        /// Length of the bias.
        got: usize,
    },
    /// A weight or bias is NaN or infinite.
    #[error("layer {layer} ({kind}) has a weight that is not finite: {value}")]
    NotFinite {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name.
        kind: &'static str,
        /// The offending value, as text (NaN has no equality).
        value: String,
    },
    /// A tensor would have more than [`super::MAX_ELEMENTS`] elements.
    #[error("layer {layer} ({kind}) would need a tensor of more than {max} elements", max = super::MAX_ELEMENTS)]
    TooLarge {
        /// Index of the layer, from 0.
        layer: usize,
        /// The layer's name.
        kind: &'static str,
    },
    /// The input shape has a rank other than 1 or 3, a zero dimension, or too many elements.
    #[error("the input shape must be [features] or [channels, height, width], all at least 1 and not above {max} elements; got {got:?}", max = super::MAX_ELEMENTS)]
    Input {
        /// The shape given, without the batch.
        got: Vec<usize>,
    },
    /// An input handed to the model has another length than the model's input shape.
    #[error("an input has {expected} values, got {got}")]
    InputLength {
        /// Product of the input shape.
        expected: usize,
        /// Length given.
        got: usize,
    },
}
