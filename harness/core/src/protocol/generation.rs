//! What a language model is asked, and what came of it.

use serde::{Deserialize, Serialize};

/// The longest prompt that is taken, bytes.
pub const MAX_PROMPT_BYTES: usize = 64 << 10;

/// The most tokens that can be asked for.
pub const MAX_RESPONSE_TOKENS: u32 = 8192;

/// What a language model is asked: all that its answer depends on but the model itself. Fixed in a run's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// The text to go on with, as it stands: no template of a conversation is put around it.
    pub prompt: String,
    /// Tokens of the response at most.
    pub max_tokens: u32,
    /// 0 takes the likeliest token each time; above, tokens are drawn with their logits divided by it.
    pub temperature: f32,
    /// Of the random numbers that tokens are drawn with.
    pub seed: u64,
}

/// Why a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended it.
    Stop,
    /// It has as many tokens as were asked for, or as the model's context has room for.
    Length,
}

/// What a language model said: what is right or wrong about an answer, whatever time it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// The prompt's tokens, as the model's tokenizer has them.
    pub prompt_tokens: Vec<u32>,
    /// The response's tokens, without the one that ended it.
    pub tokens: Vec<u32>,
    /// The response's bytes, where they are text; what is none stands as U+FFFD.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
}

/// How long the parts of an answer took, by the clock of the engine (inside, where there is an enclave). Nanoseconds.
///
/// The names are those that Ollama gives to them, in which the article reports: its evaluation count is the number of the response's
/// tokens, its evaluation duration `eval_ns`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationTimes {
    /// Reading the model and making it ready.
    pub load_ns: u64,
    /// From the prompt's text to the logits after it.
    pub prompt_eval_ns: u64,
    /// From there to the response's end.
    pub eval_ns: u64,
    /// Of each token of the response: from the one before, or from the logits after the prompt, until it is known. The first thus holds no evaluation
    /// of the model; time to first token is `prompt_eval_ns` and the first of these.
    pub token_ns: Vec<u64>,
}

/// A language model's answer with its times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    /// What it said.
    pub completion: Completion,
    /// How long that took.
    pub times: GenerationTimes,
}
