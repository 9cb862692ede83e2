//! An enclave with the job's model, and how it is talked to.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use zktee_core::protocol::{ErrorKind, Job, WorkerError};
use zktee_enclave_protocol::{Answer, Ask, ClientError, ErrorKind as EnclaveError, ModelId, Nonce, Over, Tensor};

use super::platform::Platform;
use super::{EXPECTATION_FILE, ROOT_FILE, failed, fresh_nonce, invalid};
use crate::binding;
use crate::expectation::Expectation;
use crate::host::{BootError, Enclave, Launch};
use crate::session::{Session, SessionError};

/// The longest that an answer may take; the runner has a limit of its own above it.
const PATIENCE: Duration = Duration::from_mins(10);

/// How a worker talks to its enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talk {
    /// In the open.
    Plain,
    /// In an encrypted session.
    Sealed,
}

/// A running enclave, the digest of the job's model, and the session if there is one.
#[derive(Debug)]
pub(super) struct Booted {
    pub(super) enclave: Enclave,
    model: ModelId,
    session: Option<Session>,
}

/// What came of a run of the model.
pub(super) struct Inferred {
    pub(super) request: u64,
    pub(super) output: Tensor,
    pub(super) inside_ns: u64,
}

impl Booted {
    /// Boots an enclave with the model of the job: its own under the job's root, or an image, which holds the models that it was
    /// built with.
    pub(super) fn boot(platform: &Platform, job: &Job) -> Result<Self, WorkerError> {
        let path = job.model.as_ref().ok_or_else(|| invalid("the job has no `model`"))?;
        let onnx = std::fs::read(path).map_err(|error| invalid(format!("{}: {error}", path.display())))?;
        let enclave = boot(platform, job, tensor_arguments(path, job))?;
        Ok(Self { enclave, model: ModelId(binding::model(&onnx)), session: None })
    }

    /// Boots an enclave that language models can be brought to.
    pub(super) fn boot_for_language(platform: &Platform, job: &Job, model: ModelId) -> Result<Self, WorkerError> {
        let limit = memory_limit(job)?.to_string();
        let threads = job.threads.to_string();
        let arguments = ["--llm-memory".into(), limit.into(), "--llm-threads".into(), threads.into()];
        Ok(Self { enclave: boot(platform, job, arguments.to_vec())?, model, session: None })
    }

    /// The digest of its model.
    pub(super) const fn model(&self) -> &[u8; 48] {
        &self.model.0
    }

    /// Opens a session with an enclave of which this is expected.
    pub(super) fn seal(&mut self, expectation: &Expectation) -> Result<(), WorkerError> {
        let policy = expectation.of_any_answer().map_err(invalid)?;
        let session = Session::open(self.enclave.client(), &policy, &fresh_nonce()?, PATIENCE);
        self.session = Some(session.map_err(refused)?);
        Ok(())
    }

    /// The same with what an earlier setup has written down.
    pub(super) fn seal_as_set_up(&mut self, job: &Job) -> Result<(), WorkerError> {
        self.seal(&Expectation::read(&job.dir.join(EXPECTATION_FILE)).map_err(invalid)?)
    }

    /// The session, where there is one.
    pub(super) const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Asks, and says which number the request had.
    pub(super) fn ask(&self, ask: Ask) -> Result<(u64, Answer), SessionError> {
        if let Some(session) = &self.session {
            return session.call(ask, PATIENCE);
        }
        let pending = self.enclave.client().start(ask)?;
        Ok((pending.id(), pending.wait(PATIENCE)?))
    }

    /// Runs the model.
    pub(super) fn infer(&self, nonce: &Nonce, input: &Tensor) -> Result<Inferred, SessionError> {
        let ask = Ask::Infer { model: self.model, nonce: nonce.clone(), input: input.clone() };
        match self.ask(ask)? {
            (request, Answer::Inferred { output, inference_ns, .. }) => {
                Ok(Inferred { request, output, inside_ns: inference_ns })
            }
            _ => Err(ClientError::Mismatch.into()),
        }
    }

    /// Has an earlier answer attested: the document, and the nanoseconds that it took inside.
    pub(super) fn attest(&self, nonce: &Nonce, request: u64) -> Result<(Vec<u8>, u64), SessionError> {
        match self.ask(Ask::Attest { nonce: nonce.clone(), over: Over::Request(request) })? {
            (_, Answer::Attested { document, attest_ns }) => Ok((document, attest_ns)),
            _ => Err(ClientError::Mismatch.into()),
        }
    }
}

/// Boots; `interior` are arguments that a program of the process platform gets, an image has its own.
fn boot(platform: &Platform, job: &Job, interior: Vec<OsString>) -> Result<Enclave, WorkerError> {
    let enclave = match platform {
        Platform::Process(program) => {
            let mut arguments = vec!["enclave".into(), "--root".into(), job.dir.join(ROOT_FILE).into()];
            arguments.extend(interior);
            Enclave::boot(&Launch { program: program.clone(), arguments })
        }
        Platform::Qemu(image) => Enclave::boot_qemu(image),
        Platform::Nitro(image) => Enclave::boot_nitro(image),
    };
    enclave.map_err(boot_failed)
}

fn tensor_arguments(model: &Path, job: &Job) -> Vec<OsString> {
    let mut placed = OsString::from(format!("{}={}=", job.workload, job.batch));
    placed.push(model);
    vec!["--model".into(), placed]
}

/// Bytes that a process may take for language models: the job's option `memory_limit_bytes`, or nine tenths of the machine's memory. A
/// machine of its own knows what it has.
fn memory_limit(job: &Job) -> Result<u64, WorkerError> {
    let Some(limit) = job.options.get("memory_limit_bytes") else { return Ok(machine_memory() / 10 * 9) };
    limit.as_u64().ok_or_else(|| invalid("the job's option `memory_limit_bytes` is no number of bytes"))
}

#[cfg(target_os = "linux")]
fn machine_memory() -> u64 {
    nix::sys::sysinfo::sysinfo().map_or(u64::MAX, |info| info.ram_total())
}

#[cfg(not(target_os = "linux"))]
const fn machine_memory() -> u64 {
    u64::MAX
}

fn boot_failed(error: BootError) -> WorkerError {
    match error {
        BootError::Ended(_) => WorkerError::new(ErrorKind::Refused, format!("{error}; its words are in the run's log")),
        error => failed(error),
    }
}

pub(super) fn refused(error: impl Into<SessionError>) -> WorkerError {
    let error = error.into();
    let kind = match &error {
        SessionError::Channel(ClientError::Worker { kind, .. }) => match kind {
            EnclaveError::BadInput => ErrorKind::InvalidInput,
            EnclaveError::TooLarge
            | EnclaveError::Unsupported
            | EnclaveError::UnknownModel
            | EnclaveError::BadModel => ErrorKind::Refused,
            EnclaveError::OutOfMemory => ErrorKind::OutOfMemory,
            _ => ErrorKind::Failed,
        },
        // What is asked is beyond what the protocol carries.
        SessionError::Request(_) | SessionError::Channel(ClientError::Request(_) | ClientError::TooLong { .. }) => {
            ErrorKind::InvalidInput
        }
        _ => ErrorKind::Failed,
    };
    WorkerError::new(kind, error.to_string())
}
