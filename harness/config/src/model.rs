//! What the configuration must know of a user's ONNX file.

use std::path::Path;

use zktee_models::onnx::{Batch, Dimension, inspect};

use crate::error::Problem;
use crate::inputs::read_bytes;

/// A user's model and the facts that a workload needs of it.
pub(crate) struct Model {
    /// The file.
    pub(crate) onnx: Vec<u8>,
    /// The fixed number of inputs of one call, or the name of the open dimension.
    pub(crate) batch: Batch,
    /// Shape of one input.
    pub(crate) input: Vec<usize>,
    /// The last dimension of the output, where the file states it.
    pub(crate) classes: Option<usize>,
}

impl Model {
    pub(crate) fn load(path: &Path) -> Result<Self, Problem> {
        let onnx = read_bytes(path)?;
        let wrong = |source| Problem::Model { path: path.into(), source: Box::new(source) };
        let facts = inspect(&onnx).map_err(wrong)?;
        let input = facts.input_shape().map_err(wrong)?;
        let batch = facts.batch().map_err(wrong)?;
        if batch == Batch::Dynamic(String::new()) {
            return Err(Problem::UnnamedBatch { path: path.into() });
        }
        let [output] = facts.outputs.as_slice() else {
            return Err(Problem::Outputs { path: path.into(), got: facts.outputs.len() });
        };
        let classes = match output.shape.as_deref() {
            Some([_, .., Dimension::Fixed(classes)]) => Some(*classes),
            _ => None,
        };
        Ok(Self { onnx, batch, input, classes })
    }
}
