//! Drives worker.py over the protocol, as the runner does.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use zktee_ezkl::Ezkl;

/// Where EZKL and the reference strings are kept between tests and runs.
fn cache() -> PathBuf {
    std::env::var_os("ZKTEE_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("ezkl-cache"), PathBuf::from)
}

/// EZKL, installed; `None` with `ZKTEE_OFFLINE=1` where it cannot be. Without that variable a machine that cannot install it
/// fails the test: a suite that measures nothing must not be green.
pub(crate) fn ezkl() -> Option<&'static Ezkl> {
    static EZKL: OnceLock<Option<Ezkl>> = OnceLock::new();
    EZKL.get_or_init(|| {
        let ezkl = Ezkl::new(cache());
        match ezkl.provision(&mut |message| eprintln!("{message}")) {
            Ok(()) => Some(ezkl),
            Err(error) if std::env::var_os("ZKTEE_OFFLINE").is_some_and(|value| value == "1") => {
                eprintln!("skipped, ZKTEE_OFFLINE=1: {error}");
                None
            }
            Err(error) => panic!("EZKL cannot be set up: {error}; {}. ZKTEE_OFFLINE=1 skips these tests", error.fix()),
        }
    })
    .as_ref()
}

/// A file of tests/fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A worker process.
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Worker {
    pub(crate) fn start(ezkl: &Ezkl, profile: &str, folder: &Path) -> Self {
        let command = ezkl.command(profile).expect("set up above");
        std::fs::create_dir_all(folder).unwrap();
        let mut child = Command::new(command.program)
            .args(command.args)
            .envs(command.env)
            .env("RAYON_NUM_THREADS", "2")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output, next: 0 }
    }

    /// Sends a line as it is and reads the answer.
    pub(crate) fn raw(&mut self, line: &str) -> Value {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
        input.flush().unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?} to {line}"))
    }

    pub(crate) fn ask(&mut self, op: &str, job: &Value) -> Result<Value, Value> {
        self.next += 1;
        let request = json!({"v": 1, "id": self.next, "cell": "tiny@ezkl", "op": op, "job": job});
        let mut answer = self.raw(&request.to_string());
        assert_eq!((&answer["id"], &answer["cell"]), (&json!(self.next), &json!("tiny@ezkl")), "{answer}");
        if answer["ok"].is_null() { Err(answer["error"].take()) } else { Ok(answer["ok"].take()) }
    }

    /// Ends the input: the worker must go by itself, with code 0.
    pub(crate) fn finish(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A workload's folders and files.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) profile: &'static str,
    pub(crate) model: PathBuf,
    pub(crate) batch: usize,
    ezkl: &'static Ezkl,
    cache: PathBuf,
}

impl Bench {
    /// The small model with this batch, its inputs and calibration data in place.
    pub(crate) fn new(ezkl: &'static Ezkl, profile: &'static str, batch: usize) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            profile,
            model: fixture("tiny.onnx"),
            batch,
            ezkl,
            cache: cache(),
        };
        let (inputs, _) = reference();
        bench.write_tensor("inputs.tensor", batch, &inputs[..batch * 3]);
        bench.write_tensor("calibration.tensor", inputs.len() / 3, &inputs);
        bench
    }

    /// With a cache folder of its own, for tests that damage what is in it.
    pub(crate) fn with_own_cache(mut self) -> Self {
        self.cache = self.folder.path().join("cache");
        self
    }

    pub(crate) fn write_tensor(&self, name: &str, rows: usize, data: &[f64]) {
        let tensor = json!({"shape": [rows, data.len() / rows], "data": data});
        std::fs::write(self.folder.path().join(name), tensor.to_string()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker::start(self.ezkl, self.profile, self.folder.path())
    }

    pub(crate) fn job(&self) -> Value {
        json!({
            "workload": "tiny", "backend": format!("ezkl/{}", self.profile), "threads": 2, "batch": self.batch,
            "dir": self.path("cell"), "cache": self.cache, "model": self.model, "batch_symbol": "batch",
            "calibration": self.path("calibration.tensor"), "inputs": self.path("inputs.tensor"),
            "nonce": "00".repeat(32), "options": {},
        })
    }

    pub(crate) fn ask(&self, op: &str) -> Result<Value, Value> {
        let mut worker = self.worker();
        let answer = worker.ask(op, &self.job());
        worker.finish();
        answer
    }

    /// Sets up and proves; the proof's path.
    pub(crate) fn proved(&self) -> PathBuf {
        self.ask("setup").unwrap();
        PathBuf::from(self.ask("prove").unwrap()["evidence"].as_str().unwrap())
    }

    /// Verifies in a folder that holds only what setup marked for the verifier.
    pub(crate) fn verify(&self, evidence: &Path) -> Result<Value, Value> {
        let verifier = self.path("verifier");
        std::fs::create_dir_all(&verifier).unwrap();
        for name in ["vk.key", "settings.json", "verifier.srs"] {
            std::fs::copy(self.path("cell").join(name), verifier.join(name)).unwrap();
        }
        let job = json!({
            "workload": "tiny", "backend": "ezkl", "threads": 2, "batch": self.batch, "dir": verifier, "cache": self.cache,
            "evidence": evidence, "options": {},
        });
        let mut worker = self.worker();
        let answer = worker.ask("verify", &job);
        worker.finish();
        answer
    }

    /// Writes a changed copy of a JSON file and returns its path.
    pub(crate) fn changed(&self, original: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
        let mut document: Value = serde_json::from_slice(&std::fs::read(original).unwrap()).unwrap();
        change(&mut document);
        let path = self.path("changed.json");
        std::fs::write(&path, document.to_string()).unwrap();
        path
    }
}

/// The inputs of tests/fixtures/tiny.json and the float model's outputs.
pub(crate) fn reference() -> (Vec<f64>, Vec<f64>) {
    let document: Value = serde_json::from_slice(&std::fs::read(fixture("tiny.json")).unwrap()).unwrap();
    (floats(&document["inputs"]["data"]), floats(&document["outputs"]["data"]))
}

/// A JSON array of numbers.
pub(crate) fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The largest distance between two lists of the same length.
pub(crate) fn distance(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
