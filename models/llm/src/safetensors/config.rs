//! `config.json` of the GPT-2 family.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::LlmError;
use crate::gpt2::Shape;

/// The longest `config.json` that is read, bytes.
const MAX_BYTES: usize = 1 << 20;

/// What a `config.json` says that counts here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) shape: Shape,
    /// The token that ends a text.
    pub(crate) end: Option<u32>,
}

/// The file: what must be there, and what changes the network's function where it differs from GPT-2's.
#[derive(Deserialize)]
struct File {
    model_type: String,
    n_layer: usize,
    n_embd: usize,
    n_head: usize,
    n_positions: Option<usize>,
    n_ctx: Option<usize>,
    vocab_size: usize,
    layer_norm_epsilon: f32,
    eos_token_id: Option<u32>,
    n_inner: Option<usize>,
    activation_function: Option<String>,
    scale_attn_weights: Option<bool>,
    scale_attn_by_inverse_layer_idx: Option<bool>,
    reorder_and_upcast_attn: Option<bool>,
    add_cross_attention: Option<bool>,
    tie_word_embeddings: Option<bool>,
    quantization_config: Option<IgnoredAny>,
}

impl Config {
    /// Reads a configuration and checks its bounds.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, LlmError> {
        if bytes.len() > MAX_BYTES {
            return Err(LlmError::Damaged(format!("config.json of {} bytes; {MAX_BYTES} are the most", bytes.len())));
        }
        let file: File =
            serde_json::from_slice(bytes).map_err(|error| LlmError::Damaged(format!("config.json: {error}")))?;
        known(&file)?;
        let context =
            file.n_positions.or(file.n_ctx).ok_or_else(|| LlmError::Damaged("config.json: no n_positions".into()))?;
        let shape = Shape {
            layers: file.n_layer,
            width: file.n_embd,
            heads: file.n_head,
            context,
            vocabulary: file.vocab_size,
            epsilon: file.layer_norm_epsilon,
        };
        shape.check()?;
        Ok(Self { shape, end: file.eos_token_id })
    }
}

/// Refuses what makes another function of the weights.
fn known(file: &File) -> Result<(), LlmError> {
    let set = |name: &str, value: Option<bool>, usual: bool| {
        value.filter(|&value| value != usual).map(|value| format!("{name} {value}"))
    };
    let unknown = [
        (file.model_type != "gpt2").then(|| format!("model_type {:?}", file.model_type)),
        file.activation_function
            .as_ref()
            .filter(|name| *name != "gelu_new")
            .map(|name| format!("activation_function {name:?}")),
        file.n_inner.filter(|&inner| Some(inner) != file.n_embd.checked_mul(4)).map(|inner| format!("n_inner {inner}")),
        set("scale_attn_weights", file.scale_attn_weights, true),
        set("scale_attn_by_inverse_layer_idx", file.scale_attn_by_inverse_layer_idx, false),
        set("reorder_and_upcast_attn", file.reorder_and_upcast_attn, false),
        set("add_cross_attention", file.add_cross_attention, false),
        set("tie_word_embeddings", file.tie_word_embeddings, true),
        file.quantization_config.is_some().then(|| "quantization_config".into()),
        file.n_ctx
            .filter(|&context| file.n_positions.is_some_and(|positions| positions != context))
            .map(|n| format!("n_ctx {n}")),
    ];
    match unknown.into_iter().flatten().next() {
        Some(what) => Err(LlmError::Unsupported(format!("config.json: {what}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = include_str!("../../tests/fixtures/gpt2-small/config.json");

    #[test]
    fn what_changes_the_function_is_refused_by_name() {
        let config = Config::parse(SMALL.as_bytes()).unwrap();
        assert_eq!((config.shape.width, config.shape.context, config.end), (40, 64, Some(0)));
        for (from, to) in [
            ("\"gpt2\"", "\"gptj\""),
            ("gelu_new", "gelu"),
            ("\"n_inner\": null", "\"n_inner\": 80"),
            ("\"scale_attn_weights\": true", "\"scale_attn_weights\": false"),
            ("\"scale_attn_by_inverse_layer_idx\": false", "\"scale_attn_by_inverse_layer_idx\": true"),
            ("\"reorder_and_upcast_attn\": false", "\"reorder_and_upcast_attn\": true"),
            ("\"use_cache\": true", "\"tie_word_embeddings\": false"),
            ("\"use_cache\": true", "\"add_cross_attention\": true"),
            ("\"use_cache\": true", "\"quantization_config\": {}"),
            ("\"use_cache\": true", "\"n_ctx\": 63"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let name = to.trim_matches('"').split('"').next().unwrap_or_default();
            let error = Config::parse(SMALL.replacen(from, to, 1).as_bytes()).expect_err(to);
            assert!(matches!(&error, LlmError::Unsupported(what) if what.contains(name)), "{error}");
        }
        assert!(Config::parse(SMALL.replace("\"n_inner\": null", "\"n_inner\": 160").as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_network_is_damaged() {
        for (from, to) in [
            ("\"n_embd\": 40", "\"n_embd\": 41"),
            ("\"n_head\": 4", "\"n_head\": 0"),
            ("\"n_layer\": 3", "\"n_layer\": 1e30"),
            ("\"n_layer\": 3", "\"n_layer\": 18446744073709551615"),
            ("\"n_positions\": 64", "\"other\": 64"),
            ("\"vocab_size\": 300", "\"vocab_size\": 0"),
            ("1e-05", "0"),
            ("1e-05", "-1"),
            ("1e-05", "1"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let error = Config::parse(SMALL.replacen(from, to, 1).as_bytes()).expect_err(to);
            assert!(matches!(error, LlmError::Damaged(_)), "{error}");
        }
        assert!(
            Config::parse(b"{}").is_err()
                && Config::parse(b"").is_err()
                && Config::parse(&vec![b' '; MAX_BYTES + 1]).is_err()
        );
    }
}
