//! A language model is brought in, responds, and has its response attested.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use zktee_attestation::Pcr;
use zktee_core::protocol::{Completion, Finish, Generation};
use zktee_enclave::binding::{self, LanguageStatement};
use zktee_enclave_protocol::{
    Answer, Ask, Client, ClientError, ErrorKind, Finish as WireFinish, Generate, LanguageFiles, Model, ModelId, Over,
    Patience,
};
use zktee_llm::{LanguageModel, LoadOptions, ModelFiles};

use crate::{Checked, PATIENCE, ensure, nonce, text, unsigned};

/// A model of random weights, unless a file is named.
const RECIPE: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":4,"width":256,"heads":4,"context":256,"vocabulary":1000,"weights":"q8_0","seed":1}"#;

/// The article's prompt and length.
fn asked() -> Generation {
    let prompt = "Ethereum is a community-operated technology".to_owned();
    Generation { prompt, max_tokens: 36, temperature: 0.0, seed: 0 }
}

/// Brings in the model in a file, or one of random weights, and compares what it says inside with what it says here.
pub(super) fn language_checks(client: &Client, file: Option<&Path>, registers: &BTreeMap<u8, Pcr>) -> Checked<()> {
    let bytes = file.map_or_else(|| Ok(RECIPE.as_bytes().to_vec()), |file| std::fs::read(file).map_err(text))?;
    let name = file.and_then(Path::file_name).map_or("random weights".into(), |name| name.to_string_lossy());
    let id = ModelId(binding::model(&bytes));
    let files = LanguageFiles { model: id, config: None, tokenizer: None };
    refusals(client, files)?;
    let begin = Instant::now();
    client.load_model(&Model { id, name: name.chars().take(50).collect() }, &bytes, PATIENCE).map_err(text)?;
    let brought = begin.elapsed();
    let Answer::Prepared { load_ns } = client.call(Ask::Prepare(files), PATIENCE).map_err(text)? else {
        return Err("the answer is another".to_owned());
    };
    println!(
        "{name}: {} bytes brought in in {:.1} s, ready in {:.1} s",
        bytes.len(),
        brought.as_secs_f64(),
        load_ns as f64 * 1e-9
    );

    let (asked, nonce) = (asked(), nonce()?);
    let Generation { prompt, max_tokens, temperature, seed } = asked.clone();
    let ask = Generate { files, nonce: nonce.clone(), prompt, max_tokens, temperature, seed, stream: true };
    let patience = Patience { first: PATIENCE * 10, piece: PATIENCE * 10, total: PATIENCE * 60 };
    let mut pieces = 0;
    let count = &mut |_: &_| {
        pieces += 1;
        ControlFlow::Continue(())
    };
    let (request, generated) = client.generate(ask, &patience, count).map_err(text)?;
    ensure(pieces == generated.tokens.len() && pieces > 0, "each token was streamed")?;
    let said = Completion {
        prompt_tokens: generated.prompt_tokens,
        tokens: generated.tokens,
        text: generated.text,
        finish: match generated.finish {
            WireFinish::Stop => Finish::Stop,
            WireFinish::Length => Finish::Length,
        },
    };
    let model = ModelFiles { model: bytes, config: None, tokenizer: None };
    let mut here = LanguageModel::load(model, &LoadOptions { threads: 1, memory_limit: None }).map_err(text)?;
    let expected = here.generate(&asked, &mut |_| ControlFlow::Continue(())).map_err(text)?.completion;
    ensure(said == expected, format!("the enclave says what the engine says here: {said:?}, {expected:?}"))?;

    let ask = Ask::Attest { nonce: nonce.clone(), over: Over::Request(request) };
    let Answer::Attested { document, .. } = client.call(ask, PATIENCE).map_err(text)? else {
        return Err("the answer is another".to_owned());
    };
    let statement = LanguageStatement {
        model: id.0,
        config: None,
        tokenizer: None,
        request: binding::request(&asked),
        response: binding::response(&said),
    };
    unsigned(&document, registers, &nonce, &statement.user_data(nonce.as_bytes()))?;
    println!(
        "{name}: {pieces} tokens streamed, the same as here: {:?}; {:.1} s for the prompt, {:.1} s for the response",
        said.text.chars().take(60).collect::<String>(),
        generated.prompt_eval_ns as f64 * 1e-9,
        generated.eval_ns as f64 * 1e-9,
    );
    Ok(())
}

/// A model that was not brought in, and one beyond the enclave's memory.
fn refusals(client: &Client, files: LanguageFiles) -> Checked<()> {
    let model = Model { id: files.model, name: String::new() };
    let asks = [
        (ErrorKind::UnknownModel, Ask::Prepare(files)),
        (ErrorKind::TooLarge, Ask::LoadModel { model, total: 1 << 40, offset: 0, part: vec![0] }),
    ];
    for (expected, ask) in asks {
        match client.call(ask, PATIENCE) {
            Err(ClientError::Worker { kind, message }) if kind == expected => println!("refused: {message}"),
            other => return Err(format!("expected {expected:?}, found {other:?}")),
        }
    }
    Ok(())
}
