//! A network of the family out of its file.

use std::collections::BTreeMap;

use super::rotation::Rotation;
use super::{Block, Llama, Shape};
use crate::attention::Memory;
use crate::dequantise;
use crate::error::LlmError;
use crate::gguf::{Gguf, Tensor};
use crate::kind::Kind;
use crate::matrix::Matrix;
use crate::model::{Facts, LoadOptions};

/// Makes a network of a file.
///
/// Where memory is limited and a full context does not fit beside the weights, the context is as long as fits.
///
/// # Errors
/// [`LlmError::Damaged`], [`LlmError::Unsupported`], and [`LlmError::OutOfMemory`] where not even a short context fits.
pub(crate) fn load(gguf: &Gguf, options: &LoadOptions) -> Result<(Llama, Facts), LlmError> {
    let mut shape = Shape::of(gguf)?;
    shape.context = context(&shape, weight_bytes(gguf), options)?;
    let mut tensors = Tensors { gguf, used: BTreeMap::new() };
    let Shape { layers, width, heads, shared_heads, head, vocabulary, .. } = shape;
    let embedding = tensors.matrix("token_embd.weight", vocabulary, width)?;
    let norm = tensors.floats("output_norm.weight", width)?;
    let output = match gguf.find("output.weight") {
        Some(_) => tensors.matrix("output.weight", vocabulary, width)?,
        None => embedding.clone(),
    };
    let factors = match gguf.find("rope_freqs.weight") {
        Some(_) => tensors.floats("rope_freqs.weight", shape.turned / 2)?,
        None => Vec::new(),
    };
    if !factors.iter().all(|&factor| factor.is_finite() && factor > 0.0) {
        return Err(LlmError::Damaged("tensor rope_freqs.weight holds what nothing can be divided by".into()));
    }
    let blocks = (0..layers).map(|layer| tensors.block(layer, &shape)).collect::<Result<Vec<_>, _>>()?;
    tensors.refuse_others()?;
    let facts = Facts {
        family: "llama".into(),
        parameters: gguf.tensors().map(|(_, tensor)| tensor.rows as u64 * tensor.columns as u64).sum(),
        layers,
        width,
        vocabulary,
        context: shape.context,
        weights: tensors.most().to_string(),
    };
    let memory = (0..layers).map(|_| Memory::new(heads, shared_heads, head)).collect();
    let rotation = Rotation::new(shape.rotation_base, shape.turned, factors);
    let logits = vec![0.0; vocabulary];
    Ok((Llama { shape, embedding, blocks, norm, output, rotation, memory, read: 0, logits }, facts))
}

/// Bytes that all weights take once they are loaded.
fn weight_bytes(gguf: &Gguf) -> u64 {
    gguf.tensors()
        .map(|(_, tensor)| {
            // Norms are held as floats, in no panels.
            if tensor.rows == 1 {
                tensor.columns as u64 * 4
            } else {
                Matrix::bytes(tensor.kind, tensor.rows, tensor.columns)
            }
        })
        .fold(0, u64::saturating_add)
}

/// The longest context that fits into memory beside the weights.
fn context(shape: &Shape, weights: u64, options: &LoadOptions) -> Result<usize, LlmError> {
    /// Shorter ones are of no use.
    const LEAST: usize = 256;
    let needed = |tokens| weights.saturating_add(shape.context_bytes(tokens));
    let least = shape.context.min(LEAST);
    options.check_memory(needed(least))?;
    let (mut fits, mut too_long) = (least, shape.context + 1);
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        if options.check_memory(needed(middle)).is_ok() { fits = middle } else { too_long = middle }
    }
    Ok(fits)
}

/// A file's tensors, and which of them the network took.
struct Tensors<'a, 'b> {
    gguf: &'a Gguf<'b>,
    used: BTreeMap<String, Tensor<'b>>,
}

impl<'b> Tensors<'_, 'b> {
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Tensor<'b>, LlmError> {
        let tensor = self.gguf.tensor(name, rows, columns)?;
        self.used.insert(name.to_owned(), tensor);
        Ok(tensor)
    }

    fn matrix(&mut self, name: &str, outputs: usize, inputs: usize) -> Result<Matrix, LlmError> {
        let tensor = self.take(name, outputs, inputs)?;
        Ok(Matrix::of_kind(tensor.kind, outputs, inputs, tensor.data))
    }

    /// Numbers that are in no matrix.
    fn floats(&mut self, name: &str, count: usize) -> Result<Vec<f32>, LlmError> {
        let Tensor { kind, data, .. } = self.take(name, 1, count)?;
        if kind.block() != 1 {
            return Err(LlmError::Unsupported(format!("tensor {name} of {kind}: it is held in floats")));
        }
        Ok(data.chunks_exact(kind.bytes()).map(|bytes| dequantise::single(kind, bytes)).collect())
    }

    fn block(&mut self, layer: usize, shape: &Shape) -> Result<Block, LlmError> {
        let Shape { width, heads, shared_heads, head, inner, .. } = *shape;
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        Ok(Block {
            attention_norm: self.floats(&name("attn_norm"), width)?,
            query: self.matrix(&name("attn_q"), heads * head, width)?,
            key: self.matrix(&name("attn_k"), shared_heads * head, width)?,
            value: self.matrix(&name("attn_v"), shared_heads * head, width)?,
            attention_out: self.matrix(&name("attn_output"), width, heads * head)?,
            feed_norm: self.floats(&name("ffn_norm"), width)?,
            feed_gate: self.matrix(&name("ffn_gate"), inner, width)?,
            feed_up: self.matrix(&name("ffn_up"), inner, width)?,
            feed_down: self.matrix(&name("ffn_down"), width, inner)?,
        })
    }

    /// Refuses a file with a tensor that has no place in the network: it would be another network.
    fn refuse_others(&self) -> Result<(), LlmError> {
        match self.gguf.tensors().find(|(name, _)| !self.used.contains_key(*name)) {
            Some((name, _)) => Err(LlmError::Unsupported(format!("tensor {name}: a llama has no place for it"))),
            None => Ok(()),
        }
    }

    /// The kind of most weights.
    fn most(&self) -> Kind {
        let mut counts = BTreeMap::new();
        for tensor in self.used.values() {
            *counts.entry(tensor.kind).or_insert(0) += tensor.rows as u64 * tensor.columns as u64;
        }
        counts.into_iter().max_by_key(|&(_, count)| count).map_or(Kind::F32, |(kind, _)| kind)
    }
}
