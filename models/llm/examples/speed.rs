//! Answers one request a line, for `scripts/llm/compare-speed`: `speed MODEL THREADS`, then lines of `MAX_TOKENS PROMPT` on standard input.
//! Of each it prints tokens and nanoseconds of the prompt, then those of the response, then the response's tokens.

use std::io::{BufRead as _, stdin};
use std::ops::ControlFlow;

use anyhow::Context as _;
use zktee_core::protocol::Generation;
use zktee_llm::{LanguageModel, LoadOptions, ModelPaths};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().context("speed MODEL THREADS")?.into();
    let threads = arguments.next().context("speed MODEL THREADS")?.parse()?;
    let paths = ModelPaths { model, config: None, tokenizer: None };
    let mut model = LanguageModel::open(&paths, &LoadOptions { threads, memory_limit: None })?;
    println!("{} {:?}", model.load_ns(), model.facts());
    for line in stdin().lock().lines() {
        let line = line?;
        let (max_tokens, prompt) = line.split_once(' ').context("MAX_TOKENS PROMPT")?;
        let max_tokens = max_tokens.parse()?;
        let request = Generation { prompt: prompt.to_owned(), max_tokens, temperature: 0.0, seed: 0 };
        let generated = model.generate(&request, &mut |_| ControlFlow::Continue(()))?;
        let (answer, times) = (generated.completion, generated.times);
        let tokens: Vec<_> = answer.tokens.iter().map(u32::to_string).collect();
        println!(
            "{} {} {} {} {}",
            answer.prompt_tokens.len(),
            times.prompt_eval_ns,
            tokens.len(),
            times.eval_ns,
            tokens.join(",")
        );
    }
    Ok(())
}
