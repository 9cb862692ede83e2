//! How large a network of the family is, as its file says.

use crate::attention;
use crate::error::LlmError;
use crate::gguf::Gguf;
use crate::llama::BATCH;

/// The numbers that say how large a network is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) layers: usize,
    pub(super) width: usize,
    /// Heads of queries.
    pub(super) heads: usize,
    /// Heads of keys and values, each shared by as many of queries.
    pub(super) shared_heads: usize,
    /// Numbers of a head.
    pub(super) head: usize,
    /// Numbers of a head that are turned by their position.
    pub(super) turned: usize,
    /// Numbers between both halves of the feed-forward part.
    pub(super) inner: usize,
    pub(super) context: usize,
    pub(super) vocabulary: usize,
    /// Added to the mean square in norms.
    pub(super) epsilon: f32,
    /// How fast positions turn.
    pub(super) rotation_base: f32,
}

/// Entries about the architecture that say nothing that changes the network.
const WITHOUT_EFFECT: [&str; 3] = ["vocab_size", "rope.scaling.original_context_length", "tensor_data_layout"];

impl Shape {
    /// Reads it, within bounds that are far above any model's and small enough that no product of them overflows.
    ///
    /// # Errors
    /// [`LlmError::Damaged`] for what contradicts itself, [`LlmError::Unsupported`] for what is not done here, by its name.
    pub(super) fn of(gguf: &Gguf) -> Result<Self, LlmError> {
        let architecture = gguf.metadata.text("general.architecture")?.unwrap_or_default();
        if architecture != "llama" {
            return Err(LlmError::Unsupported(format!("architecture {architecture:?}: of GGUF only llama is read")));
        }
        let mut known = Vec::from(WITHOUT_EFFECT);
        let mut count = |name, otherwise: Option<usize>, most: usize| {
            known.push(name);
            let key = format!("llama.{name}");
            let count = gguf.metadata.count(&key)?.or(otherwise);
            let count = count.ok_or_else(|| LlmError::Damaged(format!("{key} is not said")))?;
            if !(1..=most).contains(&count) {
                return Err(LlmError::Damaged(format!("{key} is {count}; it is from 1 to {most}")));
            }
            Ok(count)
        };
        let layers = count("block_count", None, 1024)?;
        let width = count("embedding_length", None, 1 << 17)?;
        let heads = count("attention.head_count", None, 1024)?;
        let shared_heads = count("attention.head_count_kv", Some(heads), heads)?;
        let head = count("attention.key_length", Some(width / heads), 1024)?;
        let value_length = count("attention.value_length", Some(head), 1024)?;
        let turned = count("rope.dimension_count", Some(head), head)?;
        let inner = count("feed_forward_length", None, 1 << 19)?;
        let context = count("context_length", None, 1 << 24)?;
        let float = |name, otherwise| gguf.metadata.float(&format!("llama.{name}")).map(|value| value.or(otherwise));
        let epsilon = float("attention.layer_norm_rms_epsilon", None)?;
        let epsilon = epsilon.filter(|&epsilon| epsilon > 0.0 && epsilon <= 0.1).ok_or_else(|| {
            LlmError::Damaged("llama.attention.layer_norm_rms_epsilon is missing or no small number".into())
        })?;
        let rotation_base = float("rope.freq_base", Some(10_000.0))?.unwrap_or_default();
        if rotation_base < 1.0 {
            return Err(LlmError::Damaged(format!("llama.rope.freq_base is {rotation_base}")));
        }
        known.extend(["attention.layer_norm_rms_epsilon", "rope.freq_base"]);
        if !heads.is_multiple_of(shared_heads) {
            return Err(LlmError::Damaged(format!("{heads} heads cannot share {shared_heads} evenly")));
        }
        if head != value_length {
            return Err(LlmError::Unsupported(format!("keys of {head} numbers and values of {value_length}")));
        }
        if !turned.is_multiple_of(2) {
            return Err(LlmError::Damaged(format!("{turned} numbers of a head turn, which are no pairs")));
        }
        refuse_others(gguf, &known)?;
        let embedding = gguf.find("token_embd.weight");
        let vocabulary =
            embedding.ok_or_else(|| LlmError::Damaged("there is no tensor token_embd.weight".into()))?.rows;
        if vocabulary > 1 << 22 {
            return Err(LlmError::Damaged(format!("{vocabulary} tokens")));
        }
        Ok(Self {
            layers,
            width,
            heads,
            shared_heads,
            head,
            turned,
            inner,
            context,
            vocabulary,
            epsilon,
            rotation_base,
        })
    }

    /// Bytes that reading so many tokens takes beside the weights.
    pub(super) fn context_bytes(&self, tokens: usize) -> u64 {
        let Self { layers, width, heads, shared_heads, head, inner, vocabulary, .. } = *self;
        let memory = layers as u64 * attention::bytes(tokens, shared_heads, head);
        // Vectors of a batch; the pool holds results of products once more, and quantised vectors are less than half of the floats.
        let batch = (3 * width + 4 * heads * head + 2 * shared_heads * head + 5 * inner) as u64 * BATCH as u64;
        memory + (batch + 2 * vocabulary as u64 + tokens as u64) * 4
    }
}

/// Refuses what is said about the architecture and not known here: it might change the network.
fn refuse_others(gguf: &Gguf, known: &[&str]) -> Result<(), LlmError> {
    for (key, value) in gguf.metadata.entries() {
        let Some(name) = key.strip_prefix("llama.") else { continue };
        let without_effect = match name {
            "rope.scaling.type" => gguf.metadata.text(key)? == Some("none"),
            "rope.scaling.factor" | "rope.scaling.attn_factor" | "rope.scale_linear" | "logit_scale" => {
                gguf.metadata.float(key)? == Some(1.0)
            }
            "expert_count" | "expert_used_count" | "attention.sliding_window" => gguf.metadata.count(key)? == Some(0),
            "attention.causal" => gguf.metadata.bool(key)? == Some(true),
            "rope.scaling.finetuned" => true,
            _ => known.contains(&name),
        };
        if !without_effect {
            return Err(LlmError::Unsupported(format!("{key} = {value:?}")));
        }
    }
    Ok(())
}
