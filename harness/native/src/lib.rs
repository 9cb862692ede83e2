//! The `native` backend: plain inference by tract, or of language models by the project's own engine; the floor that evidence is paid on top of,
//! and what others' answers are held to.

mod language;

use std::path::PathBuf;

use zktee_core::protocol::{Description, ErrorKind, Job, PhaseReport, Timed, Worker, WorkerError};
use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{Phase, Trust};
use zktee_models::reference::{FloatModel, ReferenceError};

pub use language::{LANGUAGE_WORKER, NativeLanguageWorker};

/// The name in `--backend`.
pub const NAME: &str = "native";

/// The version of tract that infers.
pub const TRACT_VERSION: &str = "0.23.9";

const UNOPTIMISED: &str =
    "tract's optimiser fails on this model or changes its answers: it runs as it stands in the file";

/// `native` as a family of one. Its worker is `PROGRAM worker native`.
#[derive(Debug, Clone)]
pub struct Native {
    program: PathBuf,
}

impl Native {
    /// With the program that serves [`NativeWorker`] when it is called that way.
    pub const fn new(program: PathBuf) -> Self {
        Self { program }
    }

    fn worker(&self, name: &str) -> WorkerCommand {
        WorkerCommand { program: self.program.clone(), args: vec!["worker".into(), name.into()], env: Vec::new() }
    }
}

impl Provider for Native {
    fn profiles(&self) -> Vec<Profile> {
        let summary =
            "plain inference by tract, one thread (language models: by zktee-llm): no evidence, the floor".to_owned();
        vec![Profile { backend: NAME.to_owned(), summary }]
    }

    fn availability(&self) -> Availability {
        Availability::Ready
    }

    fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        Ok(())
    }

    fn command(&self, _backend: &str) -> Result<WorkerCommand, Unavailable> {
        Ok(self.worker(NAME))
    }

    fn answers_language_models(&self) -> bool {
        true
    }

    fn language_command(&self, _backend: &str) -> Result<WorkerCommand, Unavailable> {
        Ok(self.worker(LANGUAGE_WORKER))
    }
}

/// The worker's side.
#[derive(Debug)]
pub struct NativeWorker {
    loaded: Option<(PathBuf, usize, FloatModel)>,
}

impl NativeWorker {
    /// A worker that has nothing loaded.
    pub const fn new() -> Self {
        Self { loaded: None }
    }

    fn load(job: &Job) -> Result<FloatModel, WorkerError> {
        let path = path_of(job.model.as_ref(), "model")?;
        FloatModel::load(&read(path)?, job.batch).map_err(refusal)
    }
}

impl Default for NativeWorker {
    fn default() -> Self {
        Self::new()
    }
}

impl Worker for NativeWorker {
    fn describe(&self) -> Description {
        Description {
            name: "tract-onnx".to_owned(),
            version: TRACT_VERSION.to_owned(),
            phases: vec![Phase::Setup, Phase::Infer],
            prove_includes_infer: false,
            trust: Trust::no_evidence(),
        }
    }

    fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        match phase {
            Phase::Setup => {
                let bytes = read(path_of(job.model.as_ref(), "model")?)?;
                timed.repeat(|| FloatModel::load_unchecked(&bytes, job.batch)).map_err(refusal)?;
                Ok(PhaseReport::default())
            }
            Phase::Infer => {
                let model_path = path_of(job.model.as_ref(), "model")?;
                let inputs = Tensor::read(path_of(job.inputs.as_ref(), "inputs")?).map_err(invalid)?;
                let (_, _, model) = match self.loaded.take() {
                    Some(loaded) if loaded.0 == *model_path && loaded.1 == job.batch => self.loaded.insert(loaded),
                    _ => self.loaded.insert((model_path.clone(), job.batch, Self::load(job)?)),
                };
                let prepared = model.prepare(&inputs.data).map_err(invalid)?;
                let outputs = timed.repeat(|| model.run(&prepared)).map_err(refusal)?;
                let values = outputs.values().map_err(invalid)?.to_vec();
                let outputs = Tensor::new(model.output_shape().to_vec(), values).map_err(invalid)?;
                let notes = if model.is_optimised() { Vec::new() } else { vec![UNOPTIMISED.to_owned()] };
                Ok(PhaseReport { outputs: Some(outputs), notes, ..PhaseReport::default() })
            }
            Phase::Prove | Phase::Verify => {
                Err(WorkerError::new(ErrorKind::Refused, "plain inference gives no evidence"))
            }
        }
    }
}

fn path_of<'a>(path: Option<&'a PathBuf>, name: &str) -> Result<&'a PathBuf, WorkerError> {
    path.ok_or_else(|| WorkerError::new(ErrorKind::InvalidInput, format!("the job has no `{name}`")))
}

fn read(path: &PathBuf) -> Result<Vec<u8>, WorkerError> {
    std::fs::read(path).map_err(|error| invalid(format!("{}: {error}", path.display())))
}

fn invalid(error: impl std::fmt::Display) -> WorkerError {
    WorkerError::new(ErrorKind::InvalidInput, error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refusal(error: ReferenceError) -> WorkerError {
    let kind = match error {
        ReferenceError::Run { .. } | ReferenceError::Panic { .. } => ErrorKind::Failed,
        ReferenceError::NotFinite { .. } | ReferenceError::Length { .. } => ErrorKind::InvalidInput,
        _ => ErrorKind::Refused,
    };
    WorkerError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"tract-onnx\"\nversion = \"{TRACT_VERSION}\"")));
    }
}
