//! What a model answers, and what it refuses to: with a small model of random weights.

use std::ops::ControlFlow;

use zktee_core::protocol::{Finish, Generated, Generation};
use zktee_llm::{LanguageModel, LlmError, LoadOptions, ModelFiles, Piece};

const RECIPE: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":2,"width":64,"heads":2,"context":128,"vocabulary":300,"weights":"f32","seed":1}"#;
const OPTIONS: LoadOptions = LoadOptions { threads: 2, memory_limit: None };

fn load(recipe: &str, options: LoadOptions) -> Result<LanguageModel, LlmError> {
    LanguageModel::load(ModelFiles { model: recipe.into(), config: None, tokenizer: None }, &options)
}

fn model() -> LanguageModel {
    load(RECIPE, OPTIONS).unwrap()
}

fn request() -> Generation {
    Generation { prompt: "Ethereum is".into(), max_tokens: 36, temperature: 0.0, seed: 0 }
}

fn generate(model: &mut LanguageModel, request: &Generation) -> Result<(Generated, Vec<Piece>), LlmError> {
    let mut pieces = Vec::new();
    let generated = model.generate(request, &mut |piece| {
        pieces.push(piece.clone());
        ControlFlow::Continue(())
    })?;
    Ok((generated, pieces))
}

#[test]
fn pieces_make_up_the_response() {
    let (Generated { completion, times }, pieces) = generate(&mut model(), &request()).unwrap();
    assert_eq!(completion.prompt_tokens, b"Ethereum is".map(u32::from));
    assert_eq!((completion.tokens.len(), completion.finish), (36, Finish::Length));
    assert_eq!(completion.tokens, pieces.iter().map(|piece| piece.token).collect::<Vec<_>>());
    assert!(pieces.iter().map(|piece| piece.position).eq(0..36));
    assert_eq!(times.token_ns, pieces.iter().map(|piece| piece.latency_ns).collect::<Vec<_>>());
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.clone()).collect();
    assert_eq!(completion.text, String::from_utf8_lossy(&bytes));
    // The response is no repetition, and it ends with its last token.
    assert!(completion.tokens.windows(2).any(|two| two[0] != two[1]));
    assert_eq!(times.token_ns.iter().sum::<u64>(), times.eval_ns);
    assert!(times.load_ns > 0 && times.prompt_eval_ns > 0);
}

#[test]
fn a_request_decides_the_answer() {
    let mut model = model();
    let mut answer = |request: &Generation| generate(&mut model, request).unwrap().0.completion;
    let first = answer(&request());
    let drawn = |seed| Generation { temperature: 1.0, seed, ..request() };
    let (one, two) = (answer(&drawn(1)), answer(&drawn(2)));
    assert_ne!(one.tokens, two.tokens);
    assert_ne!(one.tokens, first.tokens);
    // Whatever was asked in between.
    assert_eq!(answer(&drawn(1)), one);
    assert_eq!(answer(&request()), first);
    assert_eq!(generate(&mut self::model(), &request()).unwrap().0.completion, first);
    let other = load(&RECIPE.replace("\"seed\":1", "\"seed\":2"), OPTIONS).unwrap();
    assert_ne!(
        { other }.generate(&request(), &mut |_| ControlFlow::Continue(())).unwrap().completion.tokens,
        first.tokens
    );
}

#[test]
fn a_prompt_at_once_and_token_by_token_are_the_same() {
    let mut model = model();
    // More than are read at a time.
    let tokens: Vec<u32> = (0..100).map(|n| n * 7 % 300).collect();
    let each = model.logits(&tokens).unwrap();
    let last = model.last_logits(&tokens).unwrap();
    let difference = each[99 * 300..].iter().zip(&last).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-3, "{difference}");
    // And later tokens change nothing of earlier ones.
    assert_eq!(model.logits(&tokens[..50]).unwrap(), each[..50 * 300]);
}

#[test]
fn the_number_of_threads_changes_no_number() {
    let tokens: Vec<u32> = (0..40).map(|n| n * 7 % 300).collect();
    for recipe in [RECIPE.to_owned(), RECIPE.replace("f32", "q8_0")] {
        let logits = |threads| load(&recipe, LoadOptions { threads, ..OPTIONS }).unwrap().logits(&tokens).unwrap();
        let one = logits(1);
        assert_eq!(logits(2), one);
        assert_eq!(logits(5), one);
    }
}

#[test]
fn weights_in_eight_bits_are_near_the_same() {
    let tokens: Vec<u32> = (0..40).map(|n| n * 7 % 300).collect();
    let mut floats = model();
    let mut blocks = load(&RECIPE.replace("f32", "q8_0"), OPTIONS).unwrap();
    assert_eq!((floats.facts().weights.as_str(), blocks.facts().weights.as_str()), ("F32", "Q8_0"));
    let (one, other) = (floats.logits(&tokens).unwrap(), blocks.logits(&tokens).unwrap());
    let size = one.iter().map(|x| x * x).sum::<f32>().sqrt();
    let apart = one.iter().zip(&other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
    assert!(apart > 0.0 && apart < 0.05 * size, "{apart} of {size}");
}

#[test]
fn a_response_ends_where_its_reader_does() {
    let generated = model().generate(&request(), &mut |piece| {
        if piece.position == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let completion = generated.unwrap().completion;
    assert_eq!((completion.tokens.len(), completion.finish), (5, Finish::Length));
}

#[test]
fn a_response_ends_with_the_context() {
    let mut model = model();
    let long = |length| Generation { prompt: "a".repeat(length), ..request() };
    let (generated, _) = generate(&mut model, &long(100)).unwrap();
    assert_eq!((generated.completion.tokens.len(), generated.completion.finish), (28, Finish::Length));
    assert_eq!(generate(&mut model, &long(127)).unwrap().0.completion.tokens.len(), 1);
    assert!(matches!(generate(&mut model, &long(128)), Err(LlmError::PromptTooLong { tokens: 128, context: 128 })));
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let mut model = model();
    for bad in [
        Generation { prompt: String::new(), ..request() },
        Generation { prompt: "a".repeat((64 << 10) + 1), ..request() },
        Generation { max_tokens: 0, ..request() },
        Generation { max_tokens: 8193, ..request() },
        Generation { temperature: -0.5, ..request() },
        Generation { temperature: f32::NAN, ..request() },
        Generation { temperature: f32::INFINITY, ..request() },
    ] {
        assert!(matches!(generate(&mut model, &bad), Err(LlmError::BadRequest(_))), "{bad:?}");
    }
    assert!(matches!(model.logits(&[300]), Err(LlmError::BadRequest(_))));
    assert!(matches!(model.logits(&[]), Err(LlmError::BadRequest(_))));
    assert!(matches!(model.logits(&[0; 129]), Err(LlmError::PromptTooLong { tokens: 129, context: 128 })));
}

#[test]
fn a_memory_limit_is_held_before_memory_is_taken() {
    let limited = |recipe: &str, limit| load(recipe, LoadOptions { memory_limit: Some(limit), ..OPTIONS });
    let Err(LlmError::OutOfMemory { needed, limit: 1000 }) = limited(RECIPE, 1000) else {
        panic!("it fits into 1000 bytes")
    };
    assert!(matches!(limited(RECIPE, needed - 1), Err(LlmError::OutOfMemory { .. })));
    assert!(limited(RECIPE, needed).is_ok());
    // Terabytes, which would not be there.
    let giant = RECIPE.replace("\"layers\":2", "\"layers\":128").replace("\"width\":64", "\"width\":16384");
    assert!(matches!(limited(&giant, 1 << 30), Err(LlmError::OutOfMemory { .. })));
}

#[test]
fn files_that_go_with_another_model_are_refused() {
    let beside = ModelFiles { model: RECIPE.into(), config: None, tokenizer: Some(b"{}".to_vec()) };
    assert!(matches!(LanguageModel::load(beside, &OPTIONS), Err(LlmError::Tokenizer(_))));
    assert!(matches!(load("", OPTIONS), Err(LlmError::Unsupported(_))));
    assert!(matches!(load("{}", OPTIONS), Err(LlmError::Damaged(_))));
}
