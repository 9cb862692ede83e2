//! The host's side of `scripts/enclave/test-qemu`: asks a booted enclave everything that a run asks, and checks what comes back.
//!
//!     check --socket PATH --registers FILE [--document FILE] [--llm FILE]
//!
//! Exit code 0 if every check held. Prints a transcript.

mod language;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use zktee_attestation::{Pcr, Policy, Root, document, verify};
use zktee_enclave::binding::{self, Statement};
use zktee_enclave_guest::PLATFORM;
use zktee_enclave_protocol::{
    Address, Answer, Ask, Client, ClientError, ClientOptions, DEFAULT_PORT, ErrorKind, ModelId, Nonce, Over, Stream,
    Tensor,
};
use zktee_models::reference::FloatModel;
use zktee_models::workload::{Task, Workload, builtins};

/// For one answer; under TCG everything takes ten times as long.
const PATIENCE: Duration = Duration::from_mins(1);
/// Calls of a workload that consists of many.
const MOST_CALLS: usize = 3;

/// Checks a booted enclave.
#[derive(Debug, Parser)]
struct Arguments {
    /// The socket that run-qemu printed.
    #[arg(long)]
    socket: PathBuf,
    /// The enclave's port.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u32,
    /// The image's registers, as build-eif wrote them.
    #[arg(long)]
    registers: PathBuf,
    /// Where the last document goes.
    #[arg(long)]
    document: Option<PathBuf>,
    /// A language model that is one file, to be asked in the place of one of random weights.
    #[arg(long)]
    llm: Option<PathBuf>,
}

type Checked<T> = Result<T, String>;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => {
            println!("every check held");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn ensure(holds: bool, what: impl Display) -> Checked<()> {
    if holds { Ok(()) } else { Err(format!("this does not hold: {what}")) }
}

fn run(arguments: &Arguments) -> Checked<()> {
    let registers = registers(&arguments.registers)?;
    let address = Address::VhostUnix { path: arguments.socket.clone(), port: arguments.port };
    let stream = Stream::connect_patiently(&address, PATIENCE).map_err(text)?;
    let client = Client::new(stream, &ClientOptions::default());
    let workloads = builtins().map_err(text)?;
    hello(&client, &workloads)?;
    let mut last = Vec::new();
    for workload in &workloads {
        last = workload_checks(&client, workload, &registers)?;
    }
    refusals(&client, &workloads[0])?;
    several_channels(&address, &workloads[0])?;
    language::language_checks(&client, arguments.llm.as_deref(), &registers)?;
    if let Some(path) = &arguments.document {
        std::fs::write(path, &last).map_err(text)?;
        println!("the last document is in {}", path.display());
    }
    Ok(())
}

/// `{"PCR0": "…", …}`.
fn registers(path: &PathBuf) -> Checked<BTreeMap<u8, Pcr>> {
    let json = std::fs::read(path).map_err(text)?;
    let named: BTreeMap<String, String> = serde_json::from_slice(&json).map_err(text)?;
    let one =
        |(name, value): (&String, &String)| Some((name.strip_prefix("PCR")?.parse().ok()?, binding::unhex(value)?));
    let registers = named.iter().map(one).collect::<Option<BTreeMap<u8, Pcr>>>();
    registers.filter(|registers| registers.len() == 3).ok_or_else(|| format!("{}: no registers", path.display()))
}

fn hello(client: &Client, workloads: &[Workload]) -> Checked<()> {
    let Answer::Hello { platform, models, message_limit, .. } = client.hello(PATIENCE).map_err(text)? else {
        return Err("the answer to hello is another".to_owned());
    };
    println!("hello: platform {platform}, {} models, messages of up to {message_limit} bytes", models.len());
    ensure(platform == PLATFORM, "the platform's name")?;
    for workload in workloads {
        let id = ModelId(binding::model(&workload.onnx));
        ensure(
            models.iter().any(|model| model.name == workload.name && model.id == id),
            format!("{} is inside", workload.name),
        )?;
    }
    ensure(models.len() == workloads.len(), "nothing else is inside")
}

fn nonce() -> Checked<Nonce> {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).map_err(text)?;
    Nonce::new(bytes.to_vec()).map_err(text)
}

/// Inference and attestation of a workload, together and apart; its last document.
fn workload_checks(client: &Client, workload: &Workload, registers: &BTreeMap<u8, Pcr>) -> Checked<Vec<u8>> {
    let reference = FloatModel::load(&workload.onnx, workload.batch).map_err(text)?;
    let values: Vec<f32> = workload.inputs.iter().copied().collect();
    let shape: Vec<u32> = reference.input_shape().iter().map(|dimension| *dimension as u32).collect();
    let model = ModelId(binding::model(&workload.onnx));
    let mut last = Vec::new();
    let each = values.len() / workload.repeat;
    for (call, values) in values.chunks_exact(each).take(MOST_CALLS).enumerate() {
        let input = Tensor::new(shape.clone(), values.to_vec()).map_err(text)?;
        let expected = reference.infer(values).map_err(text)?;
        let nonce = nonce()?;
        let begin = Instant::now();
        let (output, document) = if call % 2 == 0 {
            together(client, model, &nonce, &input)?
        } else {
            apart(client, model, &nonce, &input)?
        };
        let took = begin.elapsed();
        let (difference, agreed) = compare(output.values(), &expected, workload)?;
        let statement = statement(model, &input, &output);
        unsigned(&document, registers, &nonce, &statement.user_data(nonce.as_bytes()))?;
        println!(
            "{}, call {}: {} outputs, largest difference to the reference {difference:e}{agreed}; document of {} bytes; {:.1} ms",
            workload.name,
            call + 1,
            expected.len(),
            document.len(),
            took.as_secs_f64() * 1e3,
        );
        last = document;
    }
    Ok(last)
}

fn together(client: &Client, model: ModelId, nonce: &Nonce, input: &Tensor) -> Checked<(Tensor, Vec<u8>)> {
    let ask = Ask::InferAndAttest { model, nonce: nonce.clone(), input: input.clone() };
    match client.call(ask, PATIENCE).map_err(text)? {
        Answer::InferredAndAttested { output, document, .. } => Ok((output, document)),
        _ => Err("the answer is another".to_owned()),
    }
}

fn apart(client: &Client, model: ModelId, nonce: &Nonce, input: &Tensor) -> Checked<(Tensor, Vec<u8>)> {
    let pending = client.start(Ask::Infer { model, nonce: nonce.clone(), input: input.clone() }).map_err(text)?;
    let over = Over::Request(pending.id());
    let Answer::Inferred { output, .. } = pending.wait(PATIENCE).map_err(text)? else {
        return Err("the answer is another".to_owned());
    };
    match client.call(Ask::Attest { nonce: nonce.clone(), over }, PATIENCE).map_err(text)? {
        Answer::Attested { document, .. } => Ok((output, document)),
        _ => Err("the answer is another".to_owned()),
    }
}

fn shape_of(tensor: &Tensor) -> Vec<usize> {
    tensor.shape().iter().map(|dimension| *dimension as usize).collect()
}

fn statement(model: ModelId, input: &Tensor, output: &Tensor) -> Statement {
    let digest = |tensor: &Tensor| binding::tensor(&shape_of(tensor), tensor.values());
    Statement { model: model.0, input: digest(input), output: digest(output) }
}

/// The largest difference, and how many classes agree, as text. Beyond the workload's tolerance it fails.
fn compare(output: &[f32], expected: &[f32], workload: &Workload) -> Checked<(f64, String)> {
    ensure(output.len() == expected.len(), "as many outputs as the reference has")?;
    let difference = output.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    ensure(
        difference <= workload.tolerance,
        format!("outputs within {} of the reference, not {difference}", workload.tolerance),
    )?;
    if workload.task == Task::Regression {
        return Ok((difference, String::new()));
    }
    let classes = output.len() / workload.batch;
    let best = |row: &[f32]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
    let agreed = output.chunks(classes).zip(expected.chunks(classes)).filter(|(a, b)| best(a) == best(b)).count();
    ensure(agreed as f64 >= workload.min_class_agreement * workload.batch as f64, format!("{agreed} classes agree"))?;
    Ok((difference, format!(", {agreed} of {} classes agree", workload.batch)))
}

/// What an emulator's document must say, and that nobody is to believe it.
fn unsigned(bytes: &[u8], registers: &BTreeMap<u8, Pcr>, nonce: &Nonce, user_data: &[u8]) -> Checked<()> {
    let unsigned = document::parse_unsigned(bytes).map_err(text)?;
    ensure(!unsigned.authenticated(), "the document is unsigned")?;
    let content = unsigned.content();
    for (index, expected) in registers {
        ensure(content.pcrs.get(index) == Some(expected), format!("PCR{index} of the document is the image's"))?;
    }
    ensure(content.nonce.as_deref() == Some(nonce.as_bytes()), "the nonce is echoed")?;
    ensure(
        content.user_data.as_deref() == Some(user_data),
        "user_data binds what was asked and answered, and the nonce",
    )?;
    let policy = Policy {
        pcrs: registers.clone(),
        nonce: content.nonce.clone(),
        user_data: content.user_data.clone(),
        allow_debug: true,
        ..Policy::new(Root::aws())
    };
    ensure(verify(bytes, &policy).is_err(), "AWS's policy rejects it")
}

/// What the worker does not do leaves the channel as it was.
fn refusals(client: &Client, workload: &Workload) -> Checked<()> {
    let input = Tensor::new(vec![1, 2], vec![1.0, 2.0]).map_err(text)?;
    let model = ModelId(binding::model(&workload.onnx));
    let asks = [
        (ErrorKind::UnknownModel, Ask::Infer { model: ModelId([7; 48]), nonce: nonce()?, input: input.clone() }),
        (ErrorKind::BadInput, Ask::Infer { model, nonce: nonce()?, input }),
        (ErrorKind::BadInput, Ask::Attest { nonce: nonce()?, over: Over::Request(u64::MAX) }),
    ];
    for (expected, ask) in asks {
        match client.call(ask, PATIENCE) {
            Err(ClientError::Worker { kind, message }) if kind == expected => println!("refused: {message}"),
            other => return Err(format!("expected {expected:?}, found {other:?}")),
        }
    }
    client.hello(PATIENCE).map(drop).map_err(text)
}

/// Many channels at once, each with answers of its own.
fn several_channels(address: &Address, workload: &Workload) -> Checked<()> {
    const CHANNELS: usize = 4;
    const CALLS: usize = 25;
    let reference = FloatModel::load(&workload.onnx, workload.batch).map_err(text)?;
    let shape: Vec<u32> = reference.input_shape().iter().map(|dimension| *dimension as u32).collect();
    let model = ModelId(binding::model(&workload.onnx));
    let channel = |number: usize| -> Checked<()> {
        let stream = Stream::connect_patiently(address, PATIENCE).map_err(text)?;
        let client = Client::new(stream, &ClientOptions::default());
        // Inputs of its own, so that a mixed-up answer would show.
        let values: Vec<f32> = workload.inputs.iter().map(|value| value + number as f32).collect();
        let expected = reference.infer(&values).map_err(text)?;
        let input = Tensor::new(shape.clone(), values).map_err(text)?;
        for _ in 0..CALLS {
            let ask = Ask::Infer { model, nonce: nonce()?, input: input.clone() };
            let Answer::Inferred { output, .. } = client.call(ask, PATIENCE).map_err(text)? else {
                return Err("the answer is another".to_owned());
            };
            compare(output.values(), &expected, workload)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CHANNELS).map(|number| scope.spawn(move || channel(number))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a channel panicked".to_owned())?)
    })?;
    println!("{CHANNELS} channels at once, {CALLS} calls each: every answer is its own");
    Ok(())
}
