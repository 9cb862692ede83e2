//! What can be wrong with a model, its tokenizer, or what it is asked.

use std::path::PathBuf;

/// Why a language model could not be read, or does not answer.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// A file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The model's file is damaged: it is not what its head says, or ends too early.
    #[error("the model's file is damaged: {0}")]
    Damaged(String),
    /// A family, a type of weights or a tokenizer that is not known here.
    #[error("the model is not supported: {0}")]
    Unsupported(String),
    /// The tokenizer is damaged, missing, or another model's.
    #[error("the tokenizer does not fit the model: {0}")]
    Tokenizer(String),
    /// The prompt leaves no room in the model's context.
    #[error("the prompt has {tokens} tokens, the model has room for {context} with at least one of the response")]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens that the model's context holds.
        context: usize,
    },
    /// A prompt without a token, or a setting that is out of its bounds.
    #[error("{0}")]
    BadRequest(String),
    /// It needs more memory than it may take.
    #[error("the model needs {needed} bytes of memory, {limit} are allowed")]
    OutOfMemory {
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that it may take.
        limit: u64,
    },
}
