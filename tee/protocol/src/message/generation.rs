//! What a language model is asked, and its answer: as a whole, and token by token.

use crate::codec::{Items, Sink};
use crate::error::Malformed;

use super::{ModelId, Nonce};

/// Bytes that a prompt may have at most.
pub const MAX_PROMPT: usize = 64 * 1024;
/// Tokens of a response at most.
pub const MAX_TOKENS: u32 = 8192;
/// Tokens of a prompt at most: one a byte, and those that a tokenizer puts around it.
pub const MAX_PROMPT_TOKENS: usize = MAX_PROMPT + 64;
/// Bytes that one token may stand for at most.
pub const MAX_PIECE: usize = 4096;
/// Bytes of a response's text at most.
pub const MAX_RESPONSE: usize = 1024 * 1024;

/// The files that make a language model, by their SHA-384.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LanguageFiles {
    /// Its weights.
    pub model: ModelId,
    /// How they are used, where the file of weights does not say it.
    pub config: Option<ModelId>,
    /// The tokenizer, where the file of weights has none.
    pub tokenizer: Option<ModelId>,
}

/// What a language model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Generate {
    /// Which model.
    pub files: LanguageFiles,
    /// For a later attestation over this request.
    pub nonce: Nonce,
    /// The text to go on with, at most [`MAX_PROMPT`] bytes.
    pub prompt: String,
    /// Tokens of the response at most, 1 to [`MAX_TOKENS`].
    pub max_tokens: u32,
    /// Finite and not below 0; there is no -0.
    pub temperature: f32,
    /// Of the random numbers that tokens are drawn with.
    pub seed: u64,
    /// Whether each token is sent as soon as it is known, as a [`Piece`].
    pub stream: bool,
}

/// One token of a response, ahead of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands in the response, from 0.
    pub position: u32,
    /// Its number in the vocabulary.
    pub token: u32,
    /// Its bytes, at most [`MAX_PIECE`]; a character may be spread over several tokens.
    pub bytes: Vec<u8>,
    /// From the token before until it was known, in nanoseconds of the worker's clock.
    pub latency_ns: u64,
}

/// Why a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it.
    Stop,
    /// It has as many tokens as were asked for, or as there is room for.
    Length,
}

/// The whole of a response. Durations are nanoseconds of the worker's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The prompt's tokens, at most [`MAX_PROMPT_TOKENS`].
    pub prompt_tokens: Vec<u32>,
    /// The response's tokens, at most [`MAX_TOKENS`].
    pub tokens: Vec<u32>,
    /// The response's text, at most [`MAX_RESPONSE`] bytes.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Reading the model and making it ready.
    pub load_ns: u64,
    /// From the prompt's text to the logits after it.
    pub prompt_eval_ns: u64,
    /// From there to the response's end.
    pub eval_ns: u64,
    /// Of each token, from the one before until it was known.
    pub token_ns: Vec<u64>,
    /// From the request's arrival to its begin.
    pub queue_ns: u64,
}

impl LanguageFiles {
    /// Fields of a message that these take.
    pub(super) const FIELDS: usize = 3;

    pub(super) fn encode(&self, sink: &mut Sink) {
        sink.bytes(&self.model.0);
        for file in [&self.config, &self.tokenizer] {
            sink.bytes(file.as_ref().map_or(&[], |file| &file.0));
        }
    }

    pub(super) fn decode(items: &mut Items) -> Result<Self, Malformed> {
        let model = ModelId(super::parts::digest(items)?);
        let mut file = |field| match items.bytes(field, 48)? {
            [] => Ok(None),
            bytes => bytes.try_into().map(|digest| Some(ModelId(digest))).map_err(|_| Malformed::Bounds(field)),
        };
        Ok(Self { model, config: file("config")?, tokenizer: file("tokenizer")? })
    }
}

impl Generate {
    /// Fields of the message.
    pub(super) const FIELDS: usize = LanguageFiles::FIELDS + 6;

    pub(super) fn check(&self) -> Result<(), Malformed> {
        within("prompt", self.prompt.len() <= MAX_PROMPT)?;
        within("max_tokens", (1..=MAX_TOKENS).contains(&self.max_tokens))?;
        // Neither a sign nor infinity nor NaN: a temperature has one encoding.
        within("temperature", self.temperature.is_finite() && self.temperature.is_sign_positive())
    }

    pub(super) fn encode(&self, sink: &mut Sink) {
        self.files.encode(sink);
        sink.bytes(self.nonce.as_bytes());
        sink.text(&self.prompt);
        sink.number(u64::from(self.max_tokens));
        sink.number(u64::from(self.temperature.to_bits()));
        sink.number(self.seed);
        sink.number(u64::from(self.stream));
    }

    pub(super) fn decode(items: &mut Items) -> Result<Self, Malformed> {
        Ok(Self {
            files: LanguageFiles::decode(items)?,
            nonce: super::parts::nonce(items)?,
            prompt: items.text("prompt", MAX_PROMPT)?.to_owned(),
            max_tokens: short("max_tokens", items)?,
            temperature: f32::from_bits(short("temperature", items)?),
            seed: items.number("seed")?,
            stream: match items.number("stream")? {
                0 => false,
                1 => true,
                _ => return Err(Malformed::Bounds("stream")),
            },
        })
    }
}

impl Piece {
    /// Fields of the message.
    pub(super) const FIELDS: usize = 4;

    pub(super) fn check(&self) -> Result<(), Malformed> {
        within("position", self.position < MAX_TOKENS)?;
        within("bytes", self.bytes.len() <= MAX_PIECE)
    }

    pub(super) fn encode(&self, sink: &mut Sink) {
        sink.number(u64::from(self.position));
        sink.number(u64::from(self.token));
        sink.bytes(&self.bytes);
        sink.number(self.latency_ns);
    }

    pub(super) fn decode(items: &mut Items) -> Result<Self, Malformed> {
        Ok(Self {
            position: short("position", items)?,
            token: short("token", items)?,
            bytes: items.bytes("bytes", MAX_PIECE)?.to_owned(),
            latency_ns: items.number("latency_ns")?,
        })
    }
}

impl Generated {
    /// Fields of the message.
    pub(super) const FIELDS: usize = 9;

    pub(super) fn check(&self) -> Result<(), Malformed> {
        within("prompt_tokens", self.prompt_tokens.len() <= MAX_PROMPT_TOKENS)?;
        within("tokens", self.tokens.len() <= MAX_TOKENS as usize)?;
        within("text", self.text.len() <= MAX_RESPONSE)?;
        within("token_ns", self.token_ns.len() == self.tokens.len())
    }

    pub(super) fn encode(&self, sink: &mut Sink) {
        for tokens in [&self.prompt_tokens, &self.tokens] {
            sink.array(tokens.len());
            for token in tokens {
                sink.number(u64::from(*token));
            }
        }
        sink.text(&self.text);
        sink.number(match self.finish {
            Finish::Stop => 0,
            Finish::Length => 1,
        });
        sink.number(self.load_ns);
        sink.number(self.prompt_eval_ns);
        sink.number(self.eval_ns);
        sink.array(self.token_ns.len());
        for ns in &self.token_ns {
            sink.number(*ns);
        }
        sink.number(self.queue_ns);
    }

    pub(super) fn decode(items: &mut Items) -> Result<Self, Malformed> {
        Ok(Self {
            prompt_tokens: items.list("prompt_tokens", MAX_PROMPT_TOKENS, |items| short("prompt_tokens", items))?,
            tokens: items.list("tokens", MAX_TOKENS as usize, |items| short("tokens", items))?,
            text: items.text("text", MAX_RESPONSE)?.to_owned(),
            finish: match items.number("finish")? {
                0 => Finish::Stop,
                1 => Finish::Length,
                _ => return Err(Malformed::Bounds("finish")),
            },
            load_ns: items.number("load_ns")?,
            prompt_eval_ns: items.number("prompt_eval_ns")?,
            eval_ns: items.number("eval_ns")?,
            token_ns: items.list("token_ns", MAX_TOKENS as usize, |items| items.number("token_ns"))?,
            queue_ns: items.number("queue_ns")?,
        })
    }
}

fn within(field: &'static str, holds: bool) -> Result<(), Malformed> {
    if holds { Ok(()) } else { Err(Malformed::Bounds(field)) }
}

/// A number below 2^32.
fn short(field: &'static str, items: &mut Items) -> Result<u32, Malformed> {
    u32::try_from(items.number(field)?).map_err(|_| Malformed::Bounds(field))
}
