//! A workload as the runner uses it, wherever it came from.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use zktee_core::record::Task;
use zktee_core::tensor::Tensor;

use crate::language::Language;

/// A model, and what it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Its name, e.g. `mlp-iris`.
    pub name: String,
    /// One line for lists.
    pub summary: String,
    /// Where the model came from, for messages: a file's path, or `built-in`.
    pub origin: String,
    /// What kind of model it is, and what it is asked.
    pub kind: Kind,
    /// Settings by backend with profile (`ezkl/tuned`), handed to its worker as they are.
    pub options: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// A kind of model with what it is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An ONNX model that makes tensors of tensors.
    Tensors(Box<Tensors>),
    /// A language model that goes on with a text.
    Language(Language),
}

/// An ONNX model, a data set and a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensors {
    /// The float ONNX model.
    pub onnx: Vec<u8>,
    /// Name of the ONNX model's symbolic batch dimension; none when it is fixed (then equal to `batch`).
    pub batch_symbol: Option<String>,
    /// All inputs, `[count, ...shape of one input]`; the first dimension is a multiple of `batch`.
    pub inputs: Tensor,
    /// The right class of each input, where known.
    pub labels: Option<Vec<usize>>,
    /// Inputs of one call, at least 1.
    pub batch: usize,
    /// Kind of answer.
    pub task: Task,
    /// Largest absolute difference to the float reference that counts as right.
    pub tolerance: f64,
    /// Smallest share of inputs whose class equals the float reference's, 0 to 1; 0 for regression.
    pub min_class_agreement: f64,
    /// Representative inputs for backends that calibrate, `[any, ...shape of one input]`.
    pub calibration: Tensor,
}

impl Workload {
    /// The ONNX model and its inputs; none of a language model.
    pub fn tensors(&self) -> Option<&Tensors> {
        match &self.kind {
            Kind::Tensors(tensors) => Some(tensors),
            Kind::Language(_) => None,
        }
    }

    /// The language model and what it is asked; none of an ONNX model.
    pub const fn language(&self) -> Option<&Language> {
        match &self.kind {
            Kind::Tensors(_) => None,
            Kind::Language(language) => Some(language),
        }
    }

    /// How many calls make up the workload: a language model is asked one thing.
    pub fn repeat(&self) -> u64 {
        self.tensors().map_or(1, Tensors::repeat)
    }
}

impl Tensors {
    /// How many calls make up the workload.
    pub fn repeat(&self) -> u64 {
        (self.inputs.rows() / self.batch.max(1)) as u64
    }

    /// The inputs of call `index`, from 0.
    ///
    /// # Panics
    /// When there are not so many calls.
    #[must_use]
    pub fn call(&self, index: u64) -> Tensor {
        self.inputs.slice(index as usize * self.batch, self.batch)
    }

    /// Multiplications by a weight for one input; none of a model that is no sequence of layers which can be counted.
    pub fn multiplications(&self) -> Option<u64> {
        zktee_models::onnx::read(&self.onnx).ok()?.multiplications().ok()
    }

    /// SHA-256 of the ONNX file, in hexadecimal.
    pub fn model_sha256(&self) -> String {
        zktee_datasets::sha256_hex(&self.onnx)
    }

    /// SHA-256 of all inputs as little-endian `f32`, row-major, in hexadecimal.
    pub fn inputs_sha256(&self) -> String {
        let mut hasher = Sha256::new();
        for number in &self.inputs.data {
            hasher.update(number.to_le_bytes());
        }
        hex(&hasher.finalize())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}
