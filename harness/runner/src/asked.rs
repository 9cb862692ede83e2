//! What a model is asked, what it answers, and what is known to be right: tensors of an ONNX model, text of a language model.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zktee_config::question_sha256;
use zktee_core::protocol::{Completion, Generation, Job, PhaseReport};
use zktee_core::tensor::{Tensor, TensorError};

use crate::failure::Failure;
use crate::folder::{FolderError, io, write_json};
use crate::plan::tensor_sha256;

/// Claimed inputs, in a cell's folder of evidence.
const INPUTS: &str = "claimed-inputs.json";
/// Claimed outputs.
const OUTPUTS: &str = "claimed-outputs.json";
/// What a language model was asked.
const GENERATION: &str = "generation.json";
/// What it is claimed to have said.
const COMPLETION: &str = "completion.json";
/// The largest such file of a language model that is read: its prompt, and 8192 tokens with their text.
const MAX_BYTES: u64 = 4 << 20;

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// The inputs of one call.
    Inputs(Tensor),
    /// What a language model is asked.
    Generation(Generation),
}

/// What a model answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// The outputs of one call.
    Outputs(Tensor),
    /// What a language model said.
    Completion(Completion),
}

/// What is known to be right about one call.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// What is asked.
    pub(crate) question: Question,
    /// The reference's answer.
    pub(crate) reference: Answer,
    /// The right classes.
    pub(crate) labels: Option<Vec<usize>>,
}

impl Question {
    /// What was asked of kept evidence.
    pub(crate) fn read(kept: &Path, of_language: bool) -> Result<Self, Failure> {
        if of_language {
            return read_json(&kept.join(GENERATION)).map(Self::Generation);
        }
        Tensor::read(&kept.join(INPUTS)).map(Self::Inputs).map_err(|error| Failure::wrong(error.to_string()))
    }

    /// Its digest, as the plan has it where one call is the whole workload.
    pub(crate) fn sha256(&self) -> String {
        match self {
            Self::Inputs(inputs) => tensor_sha256(inputs),
            Self::Generation(generation) => question_sha256(generation),
        }
    }

    /// Puts it into a folder as a file.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), FolderError> {
        match self {
            Self::Inputs(inputs) => write_tensor(inputs, &dir.join(INPUTS)),
            Self::Generation(generation) => write_json(&dir.join(GENERATION), generation),
        }
    }

    /// Puts it into a verifier's folder and into its job.
    pub(crate) fn hand_over(&self, dir: &Path, job: &mut Job) -> Result<(), FolderError> {
        match self {
            Self::Inputs(_) => job.inputs = Some(dir.join(INPUTS)),
            Self::Generation(generation) => job.generation = Some(generation.clone()),
        }
        self.write(dir)
    }
}

impl Answer {
    /// What a phase reports, of whichever kind.
    pub(crate) fn of(report: &PhaseReport) -> Option<Self> {
        let said = report.generated.as_ref().map(|generated| Self::Completion(generated.completion.clone()));
        said.or_else(|| report.outputs.clone().map(Self::Outputs))
    }

    /// What is claimed in kept evidence; none where nothing is.
    pub(crate) fn read(kept: &Path, of_language: bool) -> Result<Option<Self>, Failure> {
        let path = kept.join(if of_language { COMPLETION } else { OUTPUTS });
        if !path.is_file() {
            return Ok(None);
        }
        if of_language {
            return read_json(&path).map(|completion| Some(Self::Completion(completion)));
        }
        let outputs = Tensor::read(&path).map_err(|error| Failure::wrong(error.to_string()))?;
        Ok(Some(Self::Outputs(outputs)))
    }

    /// Puts it into a folder as a file.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), FolderError> {
        match self {
            Self::Outputs(outputs) => write_tensor(outputs, &dir.join(OUTPUTS)),
            Self::Completion(completion) => write_json(&dir.join(COMPLETION), completion),
        }
    }

    /// Puts it into a verifier's folder and into its job.
    pub(crate) fn hand_over(&self, dir: &Path, job: &mut Job) -> Result<(), FolderError> {
        match self {
            Self::Outputs(_) => job.outputs = Some(dir.join(OUTPUTS)),
            Self::Completion(_) => job.completion = Some(dir.join(COMPLETION)),
        }
        self.write(dir)
    }
}

fn write_tensor(tensor: &Tensor, path: &Path) -> Result<(), FolderError> {
    tensor.write(path).map_err(|error| match error {
        TensorError::Io { path, source } => FolderError::Io { path, source },
        error => io(path)(std::io::Error::other(error.to_string())),
    })
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let wrong = |error: String| Failure::wrong(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong(format!("it is larger than {MAX_BYTES} bytes")));
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}
