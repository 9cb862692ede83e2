//! What a token costs: of a small model of random weights, which is always there, and of the GGUF file that `ZKTEE_LLM_GGUF` names.
//!
//! `cargo bench --bench llm`. With llama.cpp at its side: `scripts/llm/compare-speed`.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zktee_core::protocol::Generation;
use zktee_llm::{LanguageModel, LoadOptions, ModelFiles, ModelPaths};

const SMALL: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":4,"width":256,"heads":4,"context":512,"vocabulary":4096,"weights":"q8_0","seed":1}"#;

fn load(threads: usize) -> Vec<(&'static str, LanguageModel)> {
    let options = LoadOptions { threads, memory_limit: None };
    let files = ModelFiles { model: SMALL.into(), config: None, tokenizer: None };
    let mut models = vec![("small", LanguageModel::load(files, &options).expect("the recipe is sound"))];
    if let Some(model) = std::env::var_os("ZKTEE_LLM_GGUF") {
        let paths = ModelPaths { model: PathBuf::from(model), config: None, tokenizer: None };
        models.push((
            "gguf",
            LanguageModel::open(&paths, &options).expect("the file that ZKTEE_LLM_GGUF names is a model"),
        ));
    }
    models
}

fn ask(model: &mut LanguageModel, prompt: &str, max_tokens: u32) {
    let request = Generation { prompt: prompt.into(), max_tokens, temperature: 0.0, seed: 0 };
    black_box(model.generate(&request, &mut |_| ControlFlow::Continue(())).expect("the request is sound"));
}

fn tokens(criterion: &mut Criterion) {
    let long = "Ethereum is a community-operated technology. ".repeat(8);
    for threads in [1, 2] {
        for (name, mut model) in load(threads) {
            let mut group = criterion.benchmark_group(name);
            group.sample_size(10);
            group.throughput(Throughput::Elements(32));
            group.bench_function(BenchmarkId::new("response of 32 tokens", threads), |bencher| {
                bencher.iter(|| ask(&mut model, "E", 32));
            });
            let count = model.tokens(&long).expect("a text").len();
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::new(format!("prompt of {count} tokens"), threads), |bencher| {
                bencher.iter(|| ask(&mut model, &long, 1));
            });
            group.finish();
        }
    }
}

criterion_group!(benches, tokens);
criterion_main!(benches);
