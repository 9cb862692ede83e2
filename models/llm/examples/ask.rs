//! Asks a model to go on with a prompt, and says how long that took.
//!
//! ```text
//! cargo run --release -p zktee-llm --example ask -- MODEL [PROMPT [TOKENS [THREADS]]]
//! ```
//!
//! MODEL is a GGUF file, a recipe, or a folder with `model.safetensors`, `config.json` and `tokenizer.json`.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use zktee_core::protocol::Generation;
use zktee_llm::{LanguageModel, LoadOptions, ModelPaths};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("name a model")?);
    let prompt = arguments.next().unwrap_or_else(|| "Ethereum is a community-operated technology".into());
    let max_tokens = arguments.next().map_or(Ok(36), |tokens| tokens.parse())?;
    let threads = arguments.next().map_or(Ok(2), |threads| threads.parse())?;
    let paths = if path.is_dir() {
        let beside = |name: &str| Some(path.join(name));
        ModelPaths {
            model: path.join("model.safetensors"),
            config: beside("config.json"),
            tokenizer: beside("tokenizer.json"),
        }
    } else {
        ModelPaths { model: path, config: None, tokenizer: None }
    };
    let mut model = LanguageModel::open(&paths, &LoadOptions { threads, memory_limit: None })?;
    println!("{:?}", model.facts());
    let request = Generation { prompt, max_tokens, temperature: 0.0, seed: 0 };
    let mut out = std::io::stdout();
    let answer = model.generate(&request, &mut |piece| {
        let said = out.write_all(&piece.bytes).and_then(|()| out.flush());
        if said.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let (seconds, times) = (|ns: u64| ns as f64 / 1e9, answer.times);
    let (prompted, count) = (answer.completion.prompt_tokens.len(), answer.completion.tokens.len());
    println!("\nload {:.3} s", seconds(times.load_ns));
    println!("prompt {prompted} tokens in {:.3} s", seconds(times.prompt_eval_ns));
    println!(
        "response {count} tokens in {:.3} s: {:.2} tokens/s",
        seconds(times.eval_ns),
        count as f64 / seconds(times.eval_ns)
    );
    Ok(())
}
