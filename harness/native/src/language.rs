//! `native` for language models: the project's own engine, which the enclaves run too.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use zktee_core::protocol::{Description, ErrorKind, Job, PhaseReport, Timed, Worker, WorkerError};
use zktee_core::vocabulary::{Phase, Trust};
use zktee_llm::{LanguageModel, LlmError, LoadOptions, ModelFiles};

use crate::{path_of, read};

/// The worker's name: what stands after `PROGRAM worker`.
pub const LANGUAGE_WORKER: &str = "native-llm";

/// The option by which the runner says how much memory weights and context may take.
const MEMORY_LIMIT: &str = "memory_limit_bytes";

/// The worker's side.
#[derive(Debug, Default)]
pub struct NativeLanguageWorker {
    loaded: Option<(Paths, LanguageModel)>,
}

/// A model's files.
type Paths = [Option<PathBuf>; 3];

impl NativeLanguageWorker {
    /// A worker that has nothing loaded.
    pub const fn new() -> Self {
        Self { loaded: None }
    }

    fn load(job: &Job) -> Result<LanguageModel, WorkerError> {
        let beside = |path: &Option<PathBuf>| path.as_ref().map(read).transpose();
        let files = ModelFiles {
            model: read(path_of(job.model.as_ref(), "model")?)?,
            config: beside(&job.config)?,
            tokenizer: beside(&job.tokenizer)?,
        };
        let memory_limit = job.options.get(MEMORY_LIMIT).and_then(serde_json::Value::as_u64);
        let options = LoadOptions { threads: job.threads, memory_limit };
        LanguageModel::load(files, &options).map_err(|error| refusal(&error, job.model.as_deref()))
    }
}

impl Worker for NativeLanguageWorker {
    fn describe(&self) -> Description {
        Description {
            name: "zktee-llm".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phases: vec![Phase::Setup, Phase::Infer],
            prove_includes_infer: false,
            trust: Trust::no_evidence(),
        }
    }

    fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let paths = [job.model.clone(), job.config.clone(), job.tokenizer.clone()];
        match phase {
            Phase::Setup => {
                // Two at once might not fit.
                self.loaded = None;
                let model = timed.call(|| Self::load(job))?;
                self.loaded = Some((paths, model));
                Ok(PhaseReport::default())
            }
            Phase::Infer => {
                let asked = job.generation.as_ref();
                let asked =
                    asked.ok_or_else(|| WorkerError::new(ErrorKind::InvalidInput, "the job has no `generation`"))?;
                let (_, model) = match self.loaded.take() {
                    Some(loaded) if loaded.0 == paths => self.loaded.insert(loaded),
                    _ => self.loaded.insert((paths, Self::load(job)?)),
                };
                let generated = timed.call(|| model.generate(asked, &mut |_| ControlFlow::Continue(())));
                let generated = generated.map_err(|error| refusal(&error, job.model.as_deref()))?;
                Ok(PhaseReport { generated: Some(generated), ..PhaseReport::default() })
            }
            Phase::Prove | Phase::Verify => {
                Err(WorkerError::new(ErrorKind::Refused, "plain inference gives no evidence"))
            }
        }
    }
}

fn refusal(error: &LlmError, model: Option<&Path>) -> WorkerError {
    let kind = match error {
        LlmError::OutOfMemory { .. } => ErrorKind::OutOfMemory,
        LlmError::Unsupported(_) => ErrorKind::Refused,
        _ => ErrorKind::InvalidInput,
    };
    let model = model.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    let fix = match error {
        LlmError::OutOfMemory { .. } => "give it more with --memory-limit, or a smaller model with --llm",
        LlmError::PromptTooLong { .. } => "a shorter --llm-prompt, or `prompt` in zktee.toml",
        LlmError::Damaged(_) | LlmError::Unsupported(_) | LlmError::Tokenizer(_) | LlmError::Io { .. } => {
            "name another model with --llm, or `model` in zktee.toml (docs/llm.md says which formats are read)"
        }
        LlmError::BadRequest(_) => "",
    };
    WorkerError::new(kind, format!("{model}{error}")).with_fix(fix)
}
