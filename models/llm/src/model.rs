//! A language model: network, tokenizer, and the loop that makes a text of them.

use std::ops::ControlFlow;
use std::path::PathBuf;

use zktee_core::protocol::{Generated, Generation};

use crate::error::LlmError;

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Threads that compute, the caller's among them.
    pub threads: usize,
    /// Most memory that weights and context may take, bytes; none for no limit.
    pub memory_limit: Option<u64>,
}

/// A model's files, as they were read, or came over a channel.
#[derive(Debug)]
pub struct ModelFiles {
    /// A GGUF file, safetensors of the GPT-2 family, or a recipe of random weights (JSON).
    pub model: Vec<u8>,
    /// `config.json`, which goes with safetensors.
    pub config: Option<Vec<u8>>,
    /// `tokenizer.json`, where the model's file holds no tokenizer.
    pub tokenizer: Option<Vec<u8>>,
}

/// Where a model's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPaths {
    /// A GGUF file, safetensors of the GPT-2 family, or a recipe of random weights (JSON).
    pub model: PathBuf,
    /// `config.json`, which goes with safetensors.
    pub config: Option<PathBuf>,
    /// `tokenizer.json`, where the model's file holds no tokenizer.
    pub tokenizer: Option<PathBuf>,
}

/// What is known of a model once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its family, such as `llama`.
    pub family: String,
    /// Numbers that were learnt.
    pub parameters: u64,
    /// Layers.
    pub layers: usize,
    /// Numbers of a token's vector.
    pub width: usize,
    /// Tokens that there are.
    pub vocabulary: usize,
    /// Tokens that it can hold.
    pub context: usize,
    /// How most weights are held, such as `Q4_1`.
    pub weights: String,
}

/// A token of a response, as soon as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands in the response, from 0.
    pub position: u32,
    /// Its number in the vocabulary.
    pub token: u32,
    /// Its bytes; a character may be spread over several tokens.
    pub bytes: Vec<u8>,
    /// From the token before until it was known, nanoseconds.
    pub latency_ns: u64,
}

/// A language model that is ready to answer.
#[derive(Debug)]
pub struct LanguageModel {}

impl LanguageModel {
    /// Makes a model of its files.
    ///
    /// # Errors
    /// [`LlmError`].
    pub fn load(_files: ModelFiles, _options: &LoadOptions) -> Result<Self, LlmError> {
        todo!()
    }

    /// What is known of it.
    pub fn facts(&self) -> Facts {
        todo!()
    }

    /// Goes on with a prompt. `on_token` is told of each token as soon as it is known; if it breaks, the response ends there, as if it were of that length.
    ///
    /// # Errors
    /// [`LlmError::PromptTooLong`] and [`LlmError::BadRequest`].
    pub fn generate(
        &mut self,
        _request: &Generation,
        _on_token: &mut dyn FnMut(&Piece) -> ControlFlow<()>,
    ) -> Result<Generated, LlmError> {
        todo!()
    }
}
