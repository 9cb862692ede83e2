//! The tokenizer that a GGUF file holds.

use super::Gguf;
use super::metadata::Metadata;
use crate::error::LlmError;

/// A file's tokenizer as the file gives it; numbers of tokens in it are in the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GgufTokenizer {
    /// Its family: `gpt2` for byte-level pairs, `llama` for `SentencePiece`.
    pub(crate) model: String,
    /// How text is cut before pairs are joined, such as `smollm`; empty where it is not said.
    pub(crate) pre: String,
    /// Each token's text, in the family's alphabet.
    pub(crate) tokens: Vec<String>,
    /// Pairs that are joined, the first first, each with a space between its parts.
    pub(crate) merges: Vec<String>,
    /// What each token is (1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 a byte); empty where it is not said.
    pub(crate) token_types: Vec<i32>,
    /// Each token's score; empty where it is not said.
    pub(crate) scores: Vec<f32>,
    /// The token that begins a text.
    pub(crate) bos: Option<u32>,
    /// The token that ends a text.
    pub(crate) eos: Option<u32>,
    /// The token that ends a turn, where it is another.
    pub(crate) eot: Option<u32>,
    /// The token for what has none.
    pub(crate) unknown: Option<u32>,
    /// Whether a text begins with `bos`; none where it is not said.
    pub(crate) add_bos: Option<bool>,
    /// Whether a space is put before a text; none where it is not said.
    pub(crate) add_space_prefix: Option<bool>,
}

impl GgufTokenizer {
    /// Reads it out of a file.
    ///
    /// # Errors
    /// [`LlmError::Damaged`] where an entry has another type, [`LlmError::Tokenizer`] where one is missing or they contradict one another.
    pub(crate) fn of(gguf: &Gguf) -> Result<Self, LlmError> {
        let metadata = &gguf.metadata;
        let missing = |what: &str| LlmError::Tokenizer(format!("the file holds no tokenizer.ggml.{what}"));
        let model = metadata.text("tokenizer.ggml.model")?.ok_or_else(|| missing("model"))?;
        let tokens = metadata.texts("tokenizer.ggml.tokens")?.ok_or_else(|| missing("tokens"))?;
        let merges = metadata.texts("tokenizer.ggml.merges")?.unwrap_or_default();
        let types = metadata.integers("tokenizer.ggml.token_type")?.unwrap_or_default();
        let scores = metadata.floats("tokenizer.ggml.scores")?.unwrap_or_default();
        for (what, count) in [("token_type", types.len()), ("scores", scores.len())] {
            if count != 0 && count != tokens.len() {
                return Err(LlmError::Tokenizer(format!(
                    "{} tokens, but {count} of tokenizer.ggml.{what}",
                    tokens.len()
                )));
            }
        }
        let token_types = types.iter().map(|&kind| i32::try_from(kind)).collect::<Result<_, _>>();
        let token_types =
            token_types.map_err(|_| LlmError::Tokenizer("a token's type is no number of 32 bits".into()))?;
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Ok(Self {
            model: model.to_owned(),
            pre: metadata.text("tokenizer.ggml.pre")?.unwrap_or_default().to_owned(),
            tokens: owned(tokens),
            merges: owned(merges),
            token_types,
            scores: scores.to_vec(),
            bos: token(metadata, "bos", tokens.len())?,
            eos: token(metadata, "eos", tokens.len())?,
            eot: token(metadata, "eot", tokens.len())?,
            unknown: token(metadata, "unknown", tokens.len())?,
            add_bos: metadata.bool("tokenizer.ggml.add_bos_token")?,
            add_space_prefix: metadata.bool("tokenizer.ggml.add_space_prefix")?,
        })
    }
}

/// A token with a meaning of its own.
fn token(metadata: &Metadata, name: &str, vocabulary: usize) -> Result<Option<u32>, LlmError> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    let Some(token) = metadata.count(&key)? else { return Ok(None) };
    match u32::try_from(token) {
        Ok(number) if token < vocabulary => Ok(Some(number)),
        _ => Err(LlmError::Tokenizer(format!("{key} is {token}, and there are {vocabulary} tokens"))),
    }
}
