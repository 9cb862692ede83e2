//! Which tensors a safetensors file holds, and where.

use std::collections::HashMap;
use std::ops::Range;

use ::safetensors::Dtype;
use ::safetensors::tensor::{Metadata, TensorInfo};

use crate::error::LlmError;
use crate::gpt2::Shape;
use crate::kind::Kind;

/// The longest head that is read, bytes: that of the largest network takes a tenth of it.
const MAX_HEAD: usize = 4 << 20;

/// What stands before the names of a network that has a last layer.
const PREFIX: &str = "transformer.";

/// A tensor of the file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its name without the prefix.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
    /// Where it is in the file.
    pub(super) bytes: Range<usize>,
}

impl Place {
    /// How many numbers it has.
    pub(super) fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it stands as `[inputs, outputs]`: all matrices within the layers do.
    pub(super) fn transposed(&self) -> bool {
        self.shape.len() == 2 && self.name.starts_with("h.")
    }
}

/// The head of a file.
#[derive(Debug)]
pub(super) struct Header {
    tensors: HashMap<String, TensorInfo>,
    /// Where their bytes begin in the file.
    start: usize,
}

impl Header {
    /// Reads the head of a file. Its tensors fill the rest of it without a gap.
    pub(super) fn parse(file: &[u8]) -> Result<Self, LlmError> {
        let damaged = |what: String| LlmError::Damaged(format!("safetensors: {what}"));
        let (length, rest) = file.split_first_chunk().ok_or_else(|| damaged("it ends in the head".into()))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_HEAD {
            return Err(damaged(format!("a head of {length} bytes; {MAX_HEAD} are the most")));
        }
        let (head, data) = rest.split_at_checked(length).ok_or_else(|| damaged("it ends in the head".into()))?;
        let metadata: Metadata = serde_json::from_slice(head).map_err(|error| damaged(error.to_string()))?;
        if metadata.data_len() != data.len() {
            return Err(damaged(format!(
                "{} bytes of tensors, where the head says {}",
                data.len(),
                metadata.data_len()
            )));
        }
        let tensors = metadata.tensors().into_iter().map(|(name, tensor)| (name, tensor.clone())).collect();
        Ok(Self { tensors, start: 8 + length })
    }

    /// The tensors of a network of this shape, in the order of the file: all that it needs, and nothing that would count beside.
    pub(super) fn check(self, shape: &Shape, file: &[u8]) -> Result<Vec<Place>, LlmError> {
        let mut needed = needed(shape);
        let mut places = Vec::with_capacity(needed.len());
        let (mut last_layer, mut unknown) = (None, None);
        for (name, tensor) in self.tensors {
            let name = name.strip_prefix(PREFIX).unwrap_or(&name).to_owned();
            if is_buffer(&name) {
                continue;
            }
            if name == "lm_head.weight" {
                last_layer = Some(tensor);
                continue;
            }
            let Some(expected) = needed.remove(&name) else {
                unknown = Some(name);
                continue;
            };
            if tensor.shape != expected {
                return Err(LlmError::Damaged(format!(
                    "tensor {name} is {:?}, where {expected:?} is needed",
                    tensor.shape
                )));
            }
            let kind = match tensor.dtype {
                Dtype::F32 => Kind::F32,
                Dtype::F16 => Kind::F16,
                Dtype::BF16 => Kind::Bf16,
                other => {
                    return Err(LlmError::Unsupported(format!(
                        "tensor {name} of type {other:?}; F32, F16 and BF16 are read"
                    )));
                }
            };
            let bytes = self.start + tensor.data_offsets.0..self.start + tensor.data_offsets.1;
            places.push(Place { name, kind, shape: tensor.shape, bytes });
        }
        if let Some(name) = needed.keys().min() {
            let parts = "; a model in several files has to be put into one first";
            return Err(LlmError::Damaged(format!("there is no tensor {name}{parts}")));
        }
        if let Some(name) = unknown {
            return Err(LlmError::Unsupported(format!("tensor {name}")));
        }
        let tokens = places.iter().find(|place| place.name == "wte.weight");
        if let (Some(last), Some(tokens)) = (last_layer, tokens) {
            let bytes = self.start + last.data_offsets.0..self.start + last.data_offsets.1;
            if last.shape != tokens.shape || file[bytes] != file[tokens.bytes.clone()] {
                return Err(LlmError::Unsupported(
                    "a last layer (lm_head.weight) that is not the tokens' embeddings".into(),
                ));
            }
        }
        places.sort_by_key(|place| place.bytes.start);
        Ok(places)
    }
}

/// Masks of attention, which older files hold as tensors: which token sees which is known without them.
fn is_buffer(name: &str) -> bool {
    name.strip_prefix("h.")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(layer, rest)| layer.parse::<u32>().is_ok() && matches!(rest, "attn.bias" | "attn.masked_bias"))
}

/// The tensors that a network of this shape needs.
fn needed(shape: &Shape) -> HashMap<String, Vec<usize>> {
    let Shape { layers, width, context, vocabulary, .. } = *shape;
    let mut needed = HashMap::from([
        ("wte.weight".to_owned(), vec![vocabulary, width]),
        ("wpe.weight".to_owned(), vec![context, width]),
        ("ln_f.weight".to_owned(), vec![width]),
        ("ln_f.bias".to_owned(), vec![width]),
    ]);
    for layer in 0..layers {
        for norm in ["ln_1", "ln_2"] {
            needed.insert(format!("h.{layer}.{norm}.weight"), vec![width]);
            needed.insert(format!("h.{layer}.{norm}.bias"), vec![width]);
        }
        for (linear, inputs, outputs) in [
            ("attn.c_attn", width, 3 * width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", width, 4 * width),
            ("mlp.c_proj", 4 * width, width),
        ] {
            needed.insert(format!("h.{layer}.{linear}.weight"), vec![inputs, outputs]);
            needed.insert(format!("h.{layer}.{linear}.bias"), vec![outputs]);
        }
    }
    needed
}
