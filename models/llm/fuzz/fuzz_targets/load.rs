//! Any bytes as each of a model's files, and the files of small models with any edits: an error or an answer, never a panic, within a limit of
//! memory.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use zktee_core::protocol::Generation;
use zktee_llm::{LanguageModel, LoadOptions, ModelFiles};

const WEIGHTS: &[u8] = include_bytes!("../../tests/fixtures/gpt2-small/model.safetensors");
const CONFIG: &[u8] = include_bytes!("../../tests/fixtures/gpt2-small/config.json");
const TOKENIZER: &[u8] = include_bytes!("../../tests/fixtures/gpt2-small/tokenizer.json");
const GGUF: &[u8] = include_bytes!("../../tests/fixtures/tiny.gguf");
const RECIPE: &[u8] =
    br#"{"zktee_recipe":1,"family":"gpt2","layers":2,"width":32,"heads":2,"context":32,"vocabulary":256,"weights":"q8_0","seed":1}"#;

/// Each three bytes of `edits` put one byte at a place of the first 65536 of the original.
fn edited(original: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[at] = edit[2];
    }
    bytes
}

fn read(model: &[u8], beside: Option<(&[u8], &[u8])>) {
    let (config, tokenizer) = beside.map(|(config, tokenizer)| (config.to_vec(), tokenizer.to_vec())).unzip();
    let options = LoadOptions { threads: 1, memory_limit: Some(8 << 20) };
    let Ok(mut model) = LanguageModel::load(ModelFiles { model: model.to_vec(), config, tokenizer }, &options) else { return };
    let request = Generation { prompt: "A prompt, 1.".into(), max_tokens: 2, temperature: 0.5, seed: 1 };
    if let Ok(answer) = model.generate(&request, &mut |_| ControlFlow::Continue(())) {
        assert!(answer.completion.tokens.len() <= 2);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 8 {
        0 => read(data, None),
        1 => read(data, Some((CONFIG, TOKENIZER))),
        2 => read(WEIGHTS, Some((data, TOKENIZER))),
        3 => read(WEIGHTS, Some((CONFIG, data))),
        4 => read(&edited(GGUF, data), None),
        5 => read(&edited(WEIGHTS, data), Some((CONFIG, TOKENIZER))),
        6 => read(WEIGHTS, Some((&edited(CONFIG, data), &edited(TOKENIZER, data)))),
        _ => read(&edited(RECIPE, data), None),
    }
});
