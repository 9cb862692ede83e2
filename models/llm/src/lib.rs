//! Language models: a file of weights and a tokenizer become a network that goes on with a text, one token at a time.
//!
//! ```text
//!   GGUF (llama family) ──┐                       ┌─ tokenizer: text <-> tokens
//!   safetensors (GPT-2) ──┼─> Matrix, Network ──> LanguageModel ── generate ──> Generated
//!   random (GPT2-XL's shape) ┘     └─ Pool        └─ sampling: logits -> token
//! ```
//!
//! Files come from outside: everything in them is bounded and checked, and what is wrong with them is an [`LlmError`].

mod activations;
mod attention;
mod dequantise;
mod error;
mod files;
mod gguf;
mod gpt2;
mod kind;
mod llama;
mod matrix;
mod model;
mod network;
mod pool;
mod recipe;
mod safetensors;
mod sampling;
mod tokenizer;
mod vectors;

pub use error::LlmError;
pub use files::{ModelFiles, ModelPaths};
pub use model::{Facts, LanguageModel, LoadOptions, Piece};
