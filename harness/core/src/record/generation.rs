//! Rows of `generations.csv` and `tokens.csv`: what language models said, and how fast.

use serde::{Deserialize, Serialize};

use crate::protocol::Finish;

/// One answer of a language model: a sample of the infer phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationRow {
    /// The workload's name.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// Which round of the interleaved run, from 0.
    pub round: u32,
    /// Which sample of this cell, from 0.
    pub sample: u32,
    /// Tokens of the prompt.
    pub prompt_eval_count: u64,
    /// From the prompt's text to the logits after it, nanoseconds of the engine's clock.
    pub prompt_eval_duration_ns: u64,
    /// Tokens of the response: the article's evaluation count.
    pub eval_count: u64,
    /// From the logits after the prompt to the response's end, nanoseconds of the engine's clock: the article's evaluation duration.
    pub eval_duration_ns: u64,
    /// Reading the model and making it ready, nanoseconds of the engine's clock; 0 where it was ready before.
    pub load_duration_ns: u64,
    /// Prompt to first token, nanoseconds of the engine's clock.
    pub first_token_ns: u64,
    /// Why the response ended.
    pub finish: Finish,
    /// Peak resident memory during the call.
    pub peak_rss_bytes: Option<u64>,
    /// SHA-256 of the response's tokens as little-endian `u32`.
    pub response_sha256: String,
    /// The response's text.
    pub text: String,
}

impl GenerationRow {
    /// Tokens of the response a second.
    pub fn tokens_per_s(&self) -> f64 {
        self.eval_count as f64 / (self.eval_duration_ns as f64 * 1e-9)
    }
}

/// One token of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRow {
    /// The workload's name.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// Which sample of this cell, from 0.
    pub sample: u32,
    /// Where it stands in the response, from 0.
    pub position: u32,
    /// Its number in the vocabulary.
    pub token: u32,
    /// From the token before until it was known, nanoseconds of the engine's clock.
    pub latency_ns: u64,
}
