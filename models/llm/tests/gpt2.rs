//! GPT-2 from files, against what Hugging Face's implementation says of the same (`scripts/llm/reference gpt2`).

use std::ops::ControlFlow;

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use zktee_core::protocol::{Finish, Generation};
use zktee_llm::{LanguageModel, LlmError, LoadOptions, ModelFiles};

const WEIGHTS: &[u8] = include_bytes!("fixtures/gpt2-small/model.safetensors");
const CONFIG: &str = include_str!("fixtures/gpt2-small/config.json");
const TOKENIZER: &[u8] = include_bytes!("fixtures/gpt2-small/tokenizer.json");
const LOGITS: &[u8] = include_bytes!("fixtures/gpt2-small/logits.safetensors");
const EXPECTED: &str = include_str!("fixtures/gpt2-small/expected.json");
const OPTIONS: LoadOptions = LoadOptions { threads: 2, memory_limit: None };

/// Largest difference of a logit from Hugging Face's; they are up to 28.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Expected {
    /// The prompt's tokens and the likeliest continuation, to the context's end.
    tokens: Vec<u32>,
    prompt: String,
    prompt_tokens: Vec<u32>,
    /// Between the two likeliest tokens of a step of it.
    smallest_gap: f32,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    tokens: Vec<u32>,
}

fn expected() -> Expected {
    serde_json::from_str(EXPECTED).unwrap()
}

fn load(weights: &[u8], config: &str) -> Result<LanguageModel, LlmError> {
    let files = ModelFiles { model: weights.into(), config: Some(config.into()), tokenizer: Some(TOKENIZER.into()) };
    LanguageModel::load(files, &OPTIONS)
}

/// The largest difference of the model's logits from Hugging Face's, at any token of the text.
fn difference(model: &mut LanguageModel) -> f32 {
    let reference = SafeTensors::deserialize(LOGITS).unwrap();
    let reference = reference.tensor("logits").unwrap();
    assert_eq!(reference.shape(), [64, 300]);
    let reference = reference.data().as_chunks().0.iter().map(|&four| f32::from_le_bytes(four));
    let logits = model.logits(&expected().tokens).unwrap();
    assert_eq!(logits.len(), reference.len());
    reference.zip(logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The model's file with each tensor changed: its name, its type and its numbers; without those for which there is nothing.
fn rewritten(
    change: impl Fn(&str, Vec<f32>) -> Option<(String, Dtype, Vec<u8>)>,
    more: &[(&str, Dtype, &[usize], Vec<u8>)],
) -> Vec<u8> {
    let file = SafeTensors::deserialize(WEIGHTS).unwrap();
    let tensors: Vec<_> = file
        .iter()
        .filter_map(|(name, view)| {
            let floats = view.data().as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect();
            change(name, floats).map(|(name, kind, data)| (name, kind, view.shape().to_vec(), data))
        })
        .chain(more.iter().map(|(name, kind, shape, data)| ((*name).to_owned(), *kind, shape.to_vec(), data.clone())))
        .collect();
    let views =
        tensors.iter().map(|(name, kind, shape, data)| (name, TensorView::new(*kind, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn logits_are_those_of_hugging_face() {
    let mut model = load(WEIGHTS, CONFIG).unwrap();
    let difference = difference(&mut model);
    assert!(difference < TOLERANCE, "{difference}");
    println!("largest difference: {difference}");
    let facts = model.facts();
    assert_eq!((facts.family.as_str(), facts.weights.as_str()), ("gpt2", "F32"));
    assert_eq!((facts.layers, facts.width, facts.vocabulary, facts.context), (3, 40, 300, 64));
    let numbers: usize = SafeTensors::deserialize(WEIGHTS).unwrap().iter().map(|(_, view)| view.data().len() / 4).sum();
    assert_eq!(facts.parameters, numbers as u64);
}

#[test]
fn a_prompt_at_once_has_those_logits_too() {
    let tokens = expected().tokens;
    let mut model = load(WEIGHTS, CONFIG).unwrap();
    let each = model.logits(&tokens).unwrap();
    let last = model.last_logits(&tokens).unwrap();
    let difference = each[63 * 300..].iter().zip(&last).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < TOLERANCE, "{difference}");
}

#[test]
fn the_continuation_is_that_of_hugging_face() {
    let expected = expected();
    assert!(expected.smallest_gap > 100.0 * TOLERANCE);
    let mut model = load(WEIGHTS, CONFIG).unwrap();
    let request = Generation { prompt: expected.prompt, max_tokens: 100, temperature: 0.0, seed: 0 };
    let completion = model.generate(&request, &mut |_| ControlFlow::Continue(())).unwrap().completion;
    assert_eq!(completion.prompt_tokens, expected.prompt_tokens);
    assert_eq!(completion.tokens, expected.tokens[expected.prompt_tokens.len()..]);
    assert_eq!(completion.finish, Finish::Length);
}

/// Whether the comparison would see it: each of these is a small mistake in the network.
#[test]
fn a_small_mistake_is_seen() {
    let mut wrong = Vec::new();
    let epsilon = CONFIG.replace("1e-05", "1e-06");
    assert_ne!(epsilon, CONFIG);
    wrong.push(("epsilon", difference(&mut load(WEIGHTS, &epsilon).unwrap())));
    // Each tensor counts, and where it stands.
    let names: Vec<String> =
        SafeTensors::deserialize(WEIGHTS).unwrap().iter().map(|(name, _)| name.to_owned()).collect();
    for changed in &names {
        let change = |name: &str, mut floats: Vec<f32>| {
            // Of each tensor the last number that is used: of embeddings those of the first token, and of the first place.
            let at = if name.starts_with("wte") {
                37 * 40
            } else if name.starts_with("wpe") {
                0
            } else {
                floats.len() - 1
            };
            floats[at] += if name == changed { 0.05 } else { 0.0 };
            Some((name.to_owned(), Dtype::F32, bytes(&floats)))
        };
        wrong.push((changed, difference(&mut load(&rewritten(change, &[]), CONFIG).unwrap())));
    }
    for (what, difference) in wrong {
        // A key's bias adds the same to all scores of a token, which makes no difference; the last numbers of c_attn are of values.
        assert!(difference > 2.0 * TOLERANCE, "{what}: {difference}");
    }
}

#[test]
fn names_with_prefix_masks_and_the_last_layer_are_read() {
    let plain = |name: &str, floats: Vec<f32>| Some((format!("transformer.{name}"), Dtype::F32, bytes(&floats)));
    let file = SafeTensors::deserialize(WEIGHTS).unwrap();
    let embeddings = file.tensor("wte.weight").unwrap().data().to_vec();
    let masks: &[(&str, Dtype, &[usize], Vec<u8>)] = &[
        ("transformer.h.0.attn.bias", Dtype::U8, &[1, 1, 64, 64], vec![1; 4096]),
        ("transformer.h.2.attn.masked_bias", Dtype::F32, &[], bytes(&[-1e4])),
        ("lm_head.weight", Dtype::F32, &[300, 40], embeddings.clone()),
    ];
    assert!(difference(&mut load(&rewritten(plain, masks), CONFIG).unwrap()) < TOLERANCE);

    let mut other = embeddings;
    other[0] ^= 1;
    let untied = rewritten(plain, &[("lm_head.weight", Dtype::F32, &[300, 40], other)]);
    assert!(matches!(load(&untied, CONFIG), Err(LlmError::Unsupported(what)) if what.contains("lm_head")));
}

#[test]
fn numbers_of_sixteen_bits_are_read_as_what_they_are() {
    type Rounding = fn(f32) -> (f32, [u8; 2]);
    let halves: [(Dtype, &str, Rounding); 2] = [
        (Dtype::F16, "F16", |x| (f16::from_f32(x).to_f32(), f16::from_f32(x).to_le_bytes())),
        (Dtype::BF16, "BF16", |x| (bf16::from_f32(x).to_f32(), bf16::from_f32(x).to_le_bytes())),
    ];
    for (kind, name, round) in halves {
        let short = |tensor: &str, floats: Vec<f32>| {
            Some((tensor.to_owned(), kind, floats.into_iter().flat_map(|x| round(x).1).collect::<Vec<u8>>()))
        };
        let long = |tensor: &str, floats: Vec<f32>| {
            Some((
                tensor.to_owned(),
                Dtype::F32,
                floats.into_iter().flat_map(|x| round(x).0.to_le_bytes()).collect::<Vec<u8>>(),
            ))
        };
        let mut model = load(&rewritten(short, &[]), CONFIG).unwrap();
        assert_eq!(model.facts().weights, name);
        let tokens = expected().tokens;
        let mut same = load(&rewritten(long, &[]), CONFIG).unwrap();
        let (one, other) = (model.logits(&tokens).unwrap(), same.logits(&tokens).unwrap());
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < TOLERANCE));
    }
}

#[test]
fn texts_have_hugging_faces_tokens() {
    let model = load(WEIGHTS, CONFIG).unwrap();
    for Text { text, tokens } in expected().texts {
        assert_eq!(model.tokens(&text).unwrap(), tokens, "{text:?}");
    }
}

#[test]
fn a_file_of_another_model_is_refused() {
    let whole = |name: &str, floats: Vec<f32>| Some((name.to_owned(), Dtype::F32, bytes(&floats)));
    let without = |name: &str, floats: Vec<f32>| whole(name, floats).filter(|(name, ..)| name != "h.1.ln_2.bias");
    let missing = load(&rewritten(without, &[]), CONFIG).unwrap_err();
    assert!(matches!(&missing, LlmError::Damaged(what) if what.contains("h.1.ln_2.bias")), "{missing}");
    let more = load(&rewritten(whole, &[("adapter.weight", Dtype::F32, &[1], vec![0; 4])]), CONFIG).unwrap_err();
    assert!(matches!(&more, LlmError::Unsupported(what) if what.contains("adapter.weight")), "{more}");
    let integers = |name: &str, floats: Vec<f32>| Some((name.to_owned(), Dtype::I32, bytes(&floats)));
    assert!(
        matches!(load(&rewritten(integers, &[]), CONFIG), Err(LlmError::Unsupported(what)) if what.contains("I32"))
    );
    for (from, to) in [
        ("\"n_layer\": 3", "\"n_layer\": 4"),
        ("\"n_embd\": 40", "\"n_embd\": 80"),
        ("\"n_positions\": 64", "\"n_positions\": 32"),
    ] {
        assert!(matches!(load(WEIGHTS, &CONFIG.replace(from, to)), Err(LlmError::Damaged(_))), "{to}");
    }
    // More layers than are asked for.
    assert!(matches!(
        load(WEIGHTS, &CONFIG.replace("\"n_layer\": 3", "\"n_layer\": 2")),
        Err(LlmError::Unsupported(_))
    ));
    assert!(matches!(
        load(WEIGHTS, &CONFIG.replace("\"vocab_size\": 300", "\"vocab_size\": 299")),
        Err(LlmError::Tokenizer(_))
    ));
}

#[test]
fn a_missing_file_is_said() {
    let files = |config: Option<&str>, tokenizer: Option<&[u8]>| ModelFiles {
        model: WEIGHTS.into(),
        config: config.map(Into::into),
        tokenizer: tokenizer.map(Into::into),
    };
    assert!(
        matches!(LanguageModel::load(files(None, Some(TOKENIZER)), &OPTIONS), Err(LlmError::Damaged(what)) if what.contains("config.json"))
    );
    assert!(
        matches!(LanguageModel::load(files(Some(CONFIG), None), &OPTIONS), Err(LlmError::Tokenizer(what)) if what.contains("tokenizer.json"))
    );
}

#[test]
fn a_memory_limit_is_held() {
    let limited = |limit| {
        let files =
            ModelFiles { model: WEIGHTS.into(), config: Some(CONFIG.into()), tokenizer: Some(TOKENIZER.into()) };
        LanguageModel::load(files, &LoadOptions { memory_limit: Some(limit), ..OPTIONS })
    };
    let Err(LlmError::OutOfMemory { needed, limit: 100_000 }) = limited(100_000) else {
        panic!("it fits into 100000 bytes")
    };
    assert!(needed > WEIGHTS.len() as u64 && limited(needed).is_ok());
    assert!(matches!(limited(needed - 1), Err(LlmError::OutOfMemory { .. })));
}
