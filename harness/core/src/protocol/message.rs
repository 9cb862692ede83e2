//! The messages of both directions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::generation::{Completion, Generated, Generation};
use crate::tensor::Tensor;
use crate::vocabulary::{Phase, Trust};

/// The protocol's version.
pub const VERSION: u32 = 1;

/// The longest line that either side reads, bytes.
pub const MAX_LINE_BYTES: u64 = 64 << 20;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Say who you are.
    Describe,
    /// Do the setup phase.
    Setup,
    /// Do the infer phase.
    Infer,
    /// Do the prove phase.
    Prove,
    /// Do the verify phase.
    Verify,
}

impl From<Phase> for Operation {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Setup => Self::Setup,
            Phase::Infer => Self::Infer,
            Phase::Prove => Self::Prove,
            Phase::Verify => Self::Verify,
        }
    }
}

impl Operation {
    /// The phase that it is, or none for `describe`.
    pub const fn phase(self) -> Option<Phase> {
        match self {
            Self::Describe => None,
            Self::Setup => Some(Phase::Setup),
            Self::Infer => Some(Phase::Infer),
            Self::Prove => Some(Phase::Prove),
            Self::Verify => Some(Phase::Verify),
        }
    }
}

/// One line from the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The protocol's version.
    pub v: u32,
    /// The response repeats it.
    pub id: u64,
    /// The cell, `workload@backend`; the response repeats it.
    pub cell: String,
    /// What is asked for.
    pub op: Operation,
    /// What to work on; absent for `describe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
}

/// What a phase works on. Which fields are present in which phase stands in `docs/worker-protocol.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The workload's name.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// The folder that the worker may write to.
    pub dir: PathBuf,
    /// How many threads to use.
    pub threads: usize,
    /// A folder kept between runs for things that belong to no cell.
    pub cache: PathBuf,
    /// How many inputs one call works on.
    pub batch: usize,
    /// The float ONNX model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// The ONNX model's symbolic batch dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_symbol: Option<String>,
    /// Representative inputs, as a tensor file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<PathBuf>,
    /// The inputs, as a tensor file; in `verify` those that the evidence is to be about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<PathBuf>,
    /// In `verify`: the outputs that are claimed, as a tensor file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<PathBuf>,
    /// A language model's tokenizer, where it does not stand in the model's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// A language model's `config.json`, where the model's file does not say how its weights are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// What a language model is asked; in `verify` what the evidence is to be about. In the place of inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// In `verify`: what a language model is claimed to have said, a [`Completion`] as a JSON file. In the place of outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<PathBuf>,
    /// The evidence to verify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PathBuf>,
    /// 32 bytes in hexadecimal, fresh for each sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Settings of the workload for this backend.
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
}

/// One line from the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The protocol's version.
    pub v: u32,
    /// The request's number; null when the request could not be read.
    pub id: Option<u64>,
    /// The request's cell; null when the request could not be read.
    pub cell: Option<String>,
    /// The answer.
    #[serde(flatten)]
    pub reply: Reply,
}

/// The answer itself, whose form in `ok` depends on the operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// It worked: a [`Description`] or a [`PhaseReport`] as JSON.
    Ok(serde_json::Value),
    /// It did not.
    Error(WorkerError),
}

/// Why a worker could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct WorkerError {
    /// The kind, which decides the outcome.
    pub kind: ErrorKind,
    /// What went wrong, in a sentence.
    pub message: String,
    /// What mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// The kinds of failure that a worker can report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The backend does not do this model or this input.
    Refused,
    /// Something is missing on this machine.
    Unavailable,
    /// A damaged file or a shape that does not fit.
    InvalidInput,
    /// Memory ran out.
    OutOfMemory,
    /// All else.
    Failed,
}

impl WorkerError {
    /// A failure of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fix: None }
    }

    /// The same with a sentence that says what mends it.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// The answer to `describe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The system under test.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The phases that it has, in order.
    pub phases: Vec<Phase>,
    /// Whether `prove` starts from the raw inputs.
    pub prove_includes_infer: bool,
    /// What a verifier relies on.
    pub trust: Trust,
}

/// The answer to a phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Wall-clock seconds of the call.
    pub wall_s: f64,
    /// User CPU seconds of the call, all threads.
    pub user_s: f64,
    /// System CPU seconds of the call, all threads.
    pub system_s: f64,
    /// Peak resident memory during the call.
    pub peak_rss_bytes: u64,
    /// Instructions that the call completed in user space, all threads and children, where they can be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
    /// Seconds between request and response outside the call.
    pub untimed_s: f64,
    /// All times are a mean of so many calls.
    #[serde(default = "one")]
    pub iterations: u64,
    /// Parts of the call, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// The model's outputs, or in `verify` those that the evidence binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Tensor>,
    /// In `verify`: the inputs that the evidence binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Tensor>,
    /// A language model's answer and its times, in the place of outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// In `verify`: what the evidence says that a language model was asked, and what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<(Generation, Completion)>,
    /// In `verify`: how far a decoded input may stand from the one sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tolerance: Option<f64>,
    /// In `verify`: did the verifier accept?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// In `prove`: the evidence file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PathBuf>,
    /// Files that the phase left, relative to the job's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// Numbers that belong to the backend: `rows`, `cycles`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// Sentences that belong beside the numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

const fn one() -> u64 {
    1
}

/// A part of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name, e.g. `keygen`.
    pub name: String,
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// CPU seconds, all threads.
    pub cpu_s: f64,
    /// How much of its work the stage did, where that was not all of it: what the whole takes is then estimated from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<StagePart>,
}

impl Stage {
    /// A stage that did all of its work.
    pub fn new(name: impl Into<String>, wall_s: f64, cpu_s: f64) -> Self {
        Self { name: name.into(), wall_s, cpu_s, part: None }
    }
}

/// How much of a stage's work was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePart {
    /// So many were done,
    pub done: u64,
    /// of so many,
    pub of: u64,
    /// of these, e.g. `rows`.
    pub unit: String,
}

impl StagePart {
    /// Whether it is a part: something was done, and no more than all. Times as long as the whole stay times.
    pub fn is_sound(&self) -> bool {
        self.done > 0 && self.done <= self.of
    }

    /// What its times are multiplied by; at least 1 where it is sound.
    pub fn factor(&self) -> f64 {
        self.of as f64 / self.done as f64
    }
}

/// A file that a phase left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path, relative to the job's folder.
    pub name: String,
    /// What it is.
    pub role: FileRole,
    /// Whether the verifier needs it: it is copied into the verifier's folder.
    #[serde(default)]
    pub verifier: bool,
    /// Its size where the file wraps what is meant; the file's own size otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileRole {
    /// The prover's key.
    ProvingKey,
    /// The verifier's key.
    VerifyingKey,
    /// Settings of the circuit.
    Settings,
    /// A structured reference string.
    Srs,
    /// The compiled circuit.
    Circuit,
    /// The witness.
    Witness,
    /// An enclave's or a virtual machine's image.
    Image,
    /// The bare proof or attestation document.
    Proof,
}
