//! Language models: a file of weights and a tokenizer become a network that goes on with a text, one token at a time.
//!
//! ```text
//!   GGUF (llama family) ──┐                       ┌─ tokenizer: text <-> tokens
//!   safetensors (GPT-2) ──┼─> Matrix, Network ──> LanguageModel ── generate ──> Generated
//!   random (GPT2-XL's shape) ┘     └─ Pool        └─ sampling: logits -> token
//! ```
//!
//! Files come from outside: everything in them is bounded and checked, and what is wrong with them is an [`LlmError`].

mod error;
mod files;
mod gpt2;
mod matrix;
mod model;
mod network;
mod pool;
mod recipe;
mod sampling;
mod tokenizer;

pub use error::LlmError;
pub use files::{ModelFiles, ModelPaths};
pub use model::{Facts, LanguageModel, LoadOptions, Piece};
