//! Hugging Face's `tokenizer.json`, of the kind that goes with GPT-2: pairs over bytes. What else the format can say is refused by its name.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::pairs::{Pairs, Parts, Special};
use crate::error::LlmError;

/// The longest `tokenizer.json` that is read, bytes.
const MAX_BYTES: usize = 64 << 20;

/// How GPT-2 cuts a text into words.
pub(super) const GPT2_CUTS: &[&str] = &[r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"];

/// The token that ends a text, where the configuration names none.
const END: &str = "<|endoftext|>";

#[derive(Deserialize)]
struct File {
    version: String,
    #[serde(default)]
    truncation: Option<IgnoredAny>,
    #[serde(default)]
    padding: Option<IgnoredAny>,
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Option<Kind>,
    pre_tokenizer: Option<PreTokenizer>,
    #[serde(default)]
    post_processor: Option<Kind>,
    model: Model,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct PreTokenizer {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    add_prefix_space: bool,
    #[serde(default = "yes")]
    use_regex: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the format's own")]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct Model {
    /// Missing in old files, which all are pairs.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    vocab: HashMap<String, u32>,
    #[serde(default)]
    merges: Option<Vec<Merge>>,
    #[serde(default)]
    dropout: Option<f64>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
}

/// Two texts, or in older files one with a space between them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Apart(String, String),
    Together(String),
}

/// Reads a `tokenizer.json` for a network with so many tokens; `end` is the token that ends a text, where it is known.
///
/// # Errors
/// [`LlmError::Unsupported`] names what is not known here, [`LlmError::Tokenizer`] what does not fit.
pub(crate) fn read(bytes: &[u8], vocabulary: usize, end: Option<u32>) -> Result<Pairs, LlmError> {
    let damaged = |what: String| LlmError::Tokenizer(format!("tokenizer.json: {what}"));
    if bytes.len() > MAX_BYTES {
        return Err(damaged(format!("{} bytes; {MAX_BYTES} are the most", bytes.len())));
    }
    let file: File = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    known(&file)?;

    let mut tokens = vec![None; vocabulary];
    let added = file.added_tokens.iter().map(|added| (&added.content, added.id));
    for (text, number) in file.model.vocab.iter().map(|(text, &number)| (text, number)).chain(added) {
        let place = tokens.get_mut(number as usize);
        let place =
            place.ok_or_else(|| damaged(format!("token {number} ({text:?}), and the network has {vocabulary}")))?;
        if place.as_ref().is_some_and(|other| other != text) {
            return Err(damaged(format!("token {number} is twice there")));
        }
        *place = Some(text.clone());
    }
    for added in &file.added_tokens {
        if file.model.vocab.get(&added.content).is_some_and(|&number| number != added.id) {
            return Err(damaged(format!("{:?} has two numbers", added.content)));
        }
    }
    let merges =
        file.model.merges.ok_or_else(|| damaged("it has no merges".into()))?.into_iter().map(|merge| match merge {
            Merge::Apart(left, right) => Ok((left, right)),
            Merge::Together(both) => match both.split_once(' ') {
                Some((left, right)) if !right.contains(' ') => Ok((left.into(), right.into())),
                _ => Err(damaged(format!("{both:?} is no merge"))),
            },
        });
    let merges = merges.collect::<Result<_, _>>()?;
    let end = end.or_else(|| file.added_tokens.iter().find(|added| added.content == END).map(|added| added.id));
    let special = file.added_tokens.iter().map(|added| Special { token: added.id, control: added.special });
    let parts = Parts {
        tokens,
        merges,
        whole_words: file.model.ignore_merges,
        cuts: GPT2_CUTS,
        special: special.collect(),
        first: None,
        ends: end.into_iter().collect(),
    };
    Pairs::new(parts, vocabulary)
}

/// Refuses what would change the tokens and is not done here.
fn known(file: &File) -> Result<(), LlmError> {
    let kind = |kind: &Option<Kind>| kind.as_ref().map(|kind| kind.kind.clone());
    let (model, cutter) = (&file.model, file.pre_tokenizer.as_ref());
    let text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let unknown = [
        (file.version != "1.0").then(|| format!("version {:?}", file.version)),
        file.truncation.is_some().then(|| "truncation".into()),
        file.padding.is_some().then(|| "padding".into()),
        kind(&file.normalizer).map(|kind| format!("normalizer {kind}")),
        kind(&file.post_processor).filter(|kind| kind != "ByteLevel").map(|kind| format!("post-processor {kind}")),
        match cutter {
            None => Some("no pre-tokenizer".into()),
            Some(cutter) if cutter.kind != "ByteLevel" => Some(format!("pre-tokenizer {}", cutter.kind)),
            Some(cutter) if cutter.add_prefix_space => Some("a space before each text (add_prefix_space)".into()),
            Some(cutter) if !cutter.use_regex => Some("a text that is not cut into words (use_regex)".into()),
            Some(_) => None,
        },
        model.kind.as_ref().filter(|kind| *kind != "BPE").map(|kind| format!("model {kind}")),
        model.dropout.filter(|&dropout| dropout != 0.0).map(|_| "dropout".into()),
        text(&model.continuing_subword_prefix).then(|| "continuing_subword_prefix".into()),
        text(&model.end_of_word_suffix).then(|| "end_of_word_suffix".into()),
        model.byte_fallback.then(|| "byte_fallback".into()),
        file.added_tokens
            .iter()
            .find(|added| added.single_word || added.lstrip || added.rstrip)
            .map(|added| format!("single_word, lstrip or rstrip of {:?}", added.content)),
    ];
    match unknown.into_iter().flatten().next() {
        Some(what) => Err(LlmError::Unsupported(format!("tokenizer.json: {what}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = include_str!("../../tests/fixtures/gpt2-small/tokenizer.json");

    #[test]
    fn what_would_change_the_tokens_is_refused_by_name() {
        assert!(read(SMALL.as_bytes(), 300, None).is_ok());
        let refused = |from: &str, to: &str, why: &str| {
            assert!(SMALL.contains(from), "{from}");
            let error = read(SMALL.replacen(from, to, 1).as_bytes(), 300, None).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        };
        refused("\"version\":\"1.0\"", "\"version\":\"2.0\"", "version");
        refused("\"truncation\":null", "\"truncation\":{}", "truncation");
        refused("\"padding\":null", "\"padding\":{}", "padding");
        refused("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}", "normalizer NFC");
        refused("\"add_prefix_space\":false", "\"add_prefix_space\":true", "add_prefix_space");
        refused("\"use_regex\":true", "\"use_regex\":false", "use_regex");
        refused(
            "\"pre_tokenizer\":{\"type\":\"ByteLevel\"",
            "\"pre_tokenizer\":{\"type\":\"Metaspace\"",
            "pre-tokenizer Metaspace",
        );
        refused("\"post_processor\":{\"type\":\"ByteLevel\"", "\"post_processor\":{\"type\":\"X\"", "post-processor X");
        refused("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "model Unigram");
        refused("\"dropout\":null", "\"dropout\":0.1", "dropout");
        refused(
            "\"continuing_subword_prefix\":null",
            "\"continuing_subword_prefix\":\"#\"",
            "continuing_subword_prefix",
        );
        refused("\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"#\"", "end_of_word_suffix");
        refused("\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback");
        refused("\"lstrip\":false", "\"lstrip\":true", "lstrip");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |text: &str, vocabulary, end, why: &str| {
            let error = read(text.as_bytes(), vocabulary, end).expect_err(why);
            assert!(matches!(error, LlmError::Tokenizer(_)) && error.to_string().contains(why), "{error}");
        };
        refused(SMALL, 299, None, "the network has 299");
        refused(SMALL, 300, Some(300), "token 300 has a meaning");
        refused(&SMALL[..SMALL.len() / 2], 300, None, "tokenizer.json: EOF");
        refused(&SMALL.replacen("\"!\":1", "\"!\":2", 1), 300, None, "is twice there");
        refused(&SMALL.replacen("\"!\":1", "\"!\":-1", 1), 300, None, "tokenizer.json");
        refused(&SMALL.replacen("\"merges\"", "\"other\"", 1), 300, None, "no merges");
        refused(&SMALL.replacen("\"id\":0", "\"id\":7", 1), 300, None, "is twice there");
    }
}
