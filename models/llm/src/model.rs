//! A language model: network, tokenizer, and the loop that makes a text of them.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use zktee_core::protocol::{
    Completion, Finish, Generated, Generation, GenerationTimes, MAX_PROMPT_BYTES, MAX_RESPONSE_TOKENS,
};

use crate::error::LlmError;
use crate::files::{Format, ModelFiles, ModelPaths};
use crate::gguf::{Gguf, GgufTokenizer};
use crate::gpt2::Shape;
use crate::kind::Kind;
use crate::llama;
use crate::network::Network;
use crate::pool::Pool;
use crate::recipe::Recipe;
use crate::safetensors::{self, Config};
use crate::sampling::Sampler;
use crate::tokenizer::{self, Tokenizer};

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Threads that compute, the caller's among them.
    pub threads: usize,
    /// Most memory that weights and context may take, bytes; none for no limit.
    pub memory_limit: Option<u64>,
}

impl LoadOptions {
    /// Whether so many bytes may be taken.
    pub(crate) fn check_memory(&self, needed: u64) -> Result<(), LlmError> {
        match self.memory_limit {
            Some(limit) if needed > limit => Err(LlmError::OutOfMemory { needed, limit }),
            _ => Ok(()),
        }
    }
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
pub struct LanguageModel {
    network: Box<dyn Network>,
    tokenizer: Tokenizer,
    pool: Pool,
    facts: Facts,
    load_ns: u64,
}

impl LanguageModel {
    /// Reads a model's files and makes a model of them. Its load duration holds both.
    ///
    /// # Errors
    /// [`LlmError`].
    pub fn open(paths: &ModelPaths, options: &LoadOptions) -> Result<Self, LlmError> {
        let start = Instant::now();
        let mut model = Self::load(paths.read()?, options)?;
        model.load_ns = nanoseconds(start.elapsed());
        Ok(model)
    }

    /// Makes a model of its files.
    ///
    /// # Errors
    /// [`LlmError`].
    pub fn load(files: ModelFiles, options: &LoadOptions) -> Result<Self, LlmError> {
        let start = Instant::now();
        let (network, tokenizer, facts) = match Format::of(&files.model)? {
            Format::Recipe => recipe(&files, options)?,
            Format::Safetensors => gpt2(files, options)?,
            Format::Gguf => llama(&files, options)?,
        };
        let pool = Pool::new(options.threads);
        Ok(Self { network, tokenizer, pool, facts, load_ns: nanoseconds(start.elapsed()) })
    }

    /// What is known of it.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How long it took to read it and make it ready, nanoseconds.
    pub const fn load_ns(&self) -> u64 {
        self.load_ns
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// [`LlmError::Tokenizer`].
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, LlmError> {
        self.tokenizer.encode(text)
    }

    /// The logits after each of these tokens, which are read one at a time from an empty context: `[tokens, vocabulary]`, row-major.
    ///
    /// # Errors
    /// [`LlmError::BadRequest`] where a token is not in the vocabulary, [`LlmError::PromptTooLong`] where they are more than the context holds.
    pub fn logits(&mut self, tokens: &[u32]) -> Result<Vec<f32>, LlmError> {
        self.start(tokens, 0)?;
        let mut logits = Vec::with_capacity(tokens.len() * self.network.vocabulary());
        for token in tokens {
            logits.extend_from_slice(self.network.read(&self.pool, &[*token]));
        }
        Ok(logits)
    }

    /// The logits after the last of these tokens, which are read at once into an empty context: `[vocabulary]`.
    ///
    /// # Errors
    /// As of [`Self::logits`].
    pub fn last_logits(&mut self, tokens: &[u32]) -> Result<Vec<f32>, LlmError> {
        self.start(tokens, 0)?;
        Ok(self.network.read(&self.pool, tokens).to_vec())
    }

    /// Goes on with a prompt; each prompt starts anew. `on_token` is told of each token as soon as it is known; if it breaks, the response ends
    /// there, as if it were of that length.
    ///
    /// # Errors
    /// [`LlmError::PromptTooLong`] and [`LlmError::BadRequest`].
    pub fn generate(
        &mut self,
        request: &Generation,
        on_token: &mut dyn FnMut(&Piece) -> ControlFlow<()>,
    ) -> Result<Generated, LlmError> {
        check(request)?;
        let start = Instant::now();
        let prompt_tokens = self.tokenizer.encode(&request.prompt)?;
        self.start(&prompt_tokens, 1)?;
        let room = self.network.context() - prompt_tokens.len();
        let most = room.min(request.max_tokens as usize);
        let mut sampler = Sampler::new(request.temperature, request.seed);
        let mut logits = self.network.read(&self.pool, &prompt_tokens);
        let prompted = Instant::now();

        let (mut tokens, mut bytes, mut token_ns) = (Vec::new(), Vec::new(), Vec::new());
        let mut last = prompted;
        let finish = loop {
            let token = sampler.choose(logits);
            let now = Instant::now();
            let latency_ns = nanoseconds(now - last);
            last = now;
            if self.tokenizer.ends(token) {
                break Finish::Stop;
            }
            let piece = Piece { position: tokens.len() as u32, token, bytes: self.tokenizer.bytes(token), latency_ns };
            tokens.push(token);
            token_ns.push(latency_ns);
            bytes.extend_from_slice(&piece.bytes);
            if on_token(&piece).is_break() || tokens.len() == most {
                break Finish::Length;
            }
            logits = self.network.read(&self.pool, &[token]);
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let times = GenerationTimes {
            load_ns: self.load_ns,
            prompt_eval_ns: nanoseconds(prompted - start),
            eval_ns: nanoseconds(last - prompted),
            token_ns,
        };
        Ok(Generated { completion: Completion { prompt_tokens, tokens, text, finish }, times })
    }

    /// Empties the context, and checks that these tokens can be read into it with room left for `more`.
    fn start(&mut self, tokens: &[u32], more: usize) -> Result<(), LlmError> {
        let (context, vocabulary) = (self.network.context(), self.network.vocabulary());
        if tokens.is_empty() {
            return Err(LlmError::BadRequest("the prompt has no token".into()));
        }
        if tokens.len() + more > context {
            return Err(LlmError::PromptTooLong { tokens: tokens.len(), context });
        }
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(LlmError::BadRequest(format!("token {token} is not in the vocabulary of {vocabulary}")));
        }
        self.network.clear();
        Ok(())
    }
}

impl fmt::Debug for LanguageModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LanguageModel").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// What a loader makes of files.
type Loaded = (Box<dyn Network>, Tokenizer, Facts);

fn recipe(files: &ModelFiles, options: &LoadOptions) -> Result<Loaded, LlmError> {
    if files.config.is_some() || files.tokenizer.is_some() {
        return Err(LlmError::Tokenizer(
            "a recipe of random weights has neither configuration nor tokenizer beside it".into(),
        ));
    }
    let recipe = Recipe::parse(&files.model)?;
    let shape = recipe.shape();
    options.check_memory(shape.weight_bytes(recipe.kind()) + shape.context_bytes())?;
    let facts = facts("gpt2 (random weights)", &shape, recipe.kind());
    Ok((Box::new(recipe.build()), Tokenizer::Bytes, facts))
}

fn gpt2(files: ModelFiles, options: &LoadOptions) -> Result<Loaded, LlmError> {
    let config = files.config.ok_or_else(|| LlmError::Damaged("safetensors need a config.json beside them".into()))?;
    let Config { shape, end } = Config::parse(&config)?;
    let tokenizer =
        files.tokenizer.ok_or_else(|| LlmError::Tokenizer("safetensors need a tokenizer.json beside them".into()))?;
    let tokenizer = tokenizer::read_json(&tokenizer, shape.vocabulary, end)?;
    let (network, weights) = safetensors::read(files.model, shape, options)?;
    Ok((Box::new(network), Tokenizer::Pairs(Box::new(tokenizer)), facts("gpt2", &shape, weights)))
}

fn llama(files: &ModelFiles, options: &LoadOptions) -> Result<Loaded, LlmError> {
    if files.config.is_some() || files.tokenizer.is_some() {
        return Err(LlmError::Tokenizer("a GGUF file holds its configuration and tokenizer: none go beside it".into()));
    }
    let gguf = Gguf::parse(&files.model)?;
    let (network, facts) = llama::load(&gguf, options)?;
    let tokenizer = tokenizer::read_gguf(GgufTokenizer::of(&gguf)?, facts.vocabulary)?;
    Ok((Box::new(network), Tokenizer::Pairs(Box::new(tokenizer)), facts))
}

fn facts(family: &str, shape: &Shape, weights: Kind) -> Facts {
    Facts {
        family: family.into(),
        parameters: shape.parameters(),
        layers: shape.layers,
        width: shape.width,
        vocabulary: shape.vocabulary,
        context: shape.context,
        weights: weights.to_string(),
    }
}

/// Whether a request is within its bounds, whatever the model.
fn check(request: &Generation) -> Result<(), LlmError> {
    let refused = |what: String| Err(LlmError::BadRequest(what));
    if request.prompt.is_empty() {
        return refused("the prompt is empty".into());
    }
    if request.prompt.len() > MAX_PROMPT_BYTES {
        return refused(format!("a prompt of {} bytes; {MAX_PROMPT_BYTES} are the most", request.prompt.len()));
    }
    if !(1..=MAX_RESPONSE_TOKENS).contains(&request.max_tokens) {
        return refused(format!("{} tokens asked for; it is from 1 to {MAX_RESPONSE_TOKENS}", request.max_tokens));
    }
    if !(request.temperature.is_finite() && request.temperature >= 0.0) {
        return refused(format!("a temperature of {}; it is 0 or above", request.temperature));
    }
    Ok(())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
