//! What `docs/configuration.md` shows works: its configuration loads, and its Python worker speaks the protocol.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use zktee_config::{Config, FILE_NAME, Taken};
use zktee_core::protocol::{Description, Job, Operation, PhaseReport, Reply, Request, Response, VERSION};
use zktee_core::provider::{Availability, Provider};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::Phase;
use zktee_models::graph::{Dense, Layer, Sequential};
use zktee_models::onnx::{Batch, write};

const DOCS: &str = include_str!("../../../docs/configuration.md");

/// The fenced blocks of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    DOCS.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn model(inputs: usize, weights: Vec<f32>) -> Vec<u8> {
    let outputs = weights.len() / inputs;
    let weights = ndarray::Array2::from_shape_vec((outputs, inputs), weights).unwrap();
    let dense = Dense { weights, bias: ndarray::Array1::from_elem(outputs, 0.5) };
    let model = Sequential { name: "m".into(), input_shape: vec![inputs], layers: vec![Layer::Dense(dense)] };
    write(&model, &Batch::dynamic()).unwrap()
}

fn idx(dims: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    file.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    file.extend(bytes);
    file
}

fn load(dir: &Path, text: &str) -> Config {
    let path = dir.join(FILE_NAME);
    fs::write(&path, text).unwrap();
    let taken = Taken { workloads: &["ols-iris"], backends: &["native", "ezkl/tuned"] };
    Config::load(&path, taken).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_example_of_a_model_loads() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["model", "data"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    put("model/digits.onnx", &model(4, vec![1.0; 8]));
    put("data/images-idx3-ubyte.gz", &idx(&[600, 2, 2], &[255; 2400]));
    put("data/labels-idx1-ubyte.gz", &idx(&[600], &[1; 600]));
    let config = load(dir.path(), &blocks("toml")[0]);
    let workload = config.workloads[0].tensors().unwrap();
    assert_eq!((workload.inputs.shape.as_slice(), workload.repeat()), (&[500, 4][..], 5));
    assert_eq!((workload.inputs.data[0], workload.min_class_agreement), (1.0, 0.99));
}

#[test]
fn the_example_of_a_language_model_loads() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model/story");
    fs::create_dir_all(&model).unwrap();
    for name in ["model.safetensors", "config.json", "tokenizer.json"] {
        fs::write(model.join(name), "12345678{").unwrap();
    }
    let config = load(dir.path(), &blocks("toml")[1]);
    let language = config.workloads[0].language().unwrap();
    assert_eq!((language.generation.max_tokens, language.bytes().unwrap()), (128, 27));
}

/// A running worker.
struct Conversation {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    id: u64,
}

impl Conversation {
    fn line(&mut self, line: &str) -> Response {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn ask(&mut self, op: Operation, job: Option<Job>) -> Reply {
        self.id += 1;
        let request = Request { v: VERSION, id: self.id, cell: "w@python".into(), op, job };
        let response = self.line(&serde_json::to_string(&request).unwrap());
        assert_eq!((response.v, response.id, response.cell.as_deref()), (VERSION, Some(self.id), Some("w@python")));
        response.reply
    }

    fn phase(&mut self, op: Operation, job: Job) -> PhaseReport {
        match self.ask(op, Some(job)) {
            Reply::Ok(value) => serde_json::from_value(value).unwrap(),
            Reply::Error(error) => panic!("{error}"),
        }
    }

    fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn the_worker_in_python_speaks_the_protocol() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("worker.py"), &blocks("python")[0]).unwrap();
    let config = load(dir.path(), &blocks("toml")[2]);
    let worker = &config.workers[0];
    if worker.availability() != Availability::Ready {
        eprintln!("skipped: no python3 on this machine");
        return;
    }

    let cell = dir.path().join("cell");
    fs::create_dir(&cell).unwrap();
    let put = |name: &str, tensor: &Tensor| -> PathBuf {
        let path = cell.join(name);
        tensor.write(&path).unwrap();
        path
    };
    let workload = zktee_config::builtin("ols-iris").unwrap();
    let workload = workload.tensors().unwrap();
    let inputs = put("inputs.json", &workload.call(0));
    let model_path = cell.join("model.onnx");
    fs::write(&model_path, &workload.onnx).unwrap();
    let job = Job {
        workload: "w".into(),
        backend: "python".into(),
        dir: cell.clone(),
        threads: 1,
        cache: cell.clone(),
        batch: workload.batch,
        model: Some(model_path),
        inputs: Some(inputs),
        ..Job::default()
    };

    let command = worker.command("python").unwrap();
    let mut child = Command::new(&command.program)
        .args(&command.args)
        .current_dir(&cell)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
    let mut worker = Conversation { child, input, output, id: 0 };

    let Reply::Ok(description) = worker.ask(Operation::Describe, None) else { panic!("no description") };
    let description: Description = serde_json::from_value(description).unwrap();
    assert_eq!(description.phases, [Phase::Setup, Phase::Infer]);
    let setup = worker.phase(Operation::Setup, job.clone());
    assert!(setup.wall_s > 0.0 && setup.untimed_s >= 0.0 && setup.peak_rss_bytes > 1 << 20, "{setup:?}");
    let infer = worker.phase(Operation::Infer, job.clone());
    let outputs = infer.outputs.as_ref().unwrap();
    assert_eq!(outputs.shape, [workload.batch, 1]);
    let reference = zktee_models::onnx::read(&workload.onnx).unwrap();
    for (input, output) in workload.inputs.data.chunks_exact(3).zip(&outputs.data) {
        let expected = reference.evaluate(input).unwrap()[0];
        assert!((expected - output).abs() < 1e-5, "{expected} and {output}");
    }
    assert!(infer.wall_s > 0.0 && infer.user_s <= infer.wall_s + 0.05, "{infer:?}");
    assert!(matches!(worker.ask(Operation::Prove, Some(job)), Reply::Error(_)));
    for line in
        ["no request", r#"{"v":2,"id":1,"cell":"c","op":"describe"}"#, r#"{"v":1,"id":1,"cell":"c","op":"infer"}"#]
    {
        assert!(matches!(worker.line(line).reply, Reply::Error(_)), "{line}");
    }
    worker.end();
}
