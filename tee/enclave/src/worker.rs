//! The runner's side of the process platform: the phases of a cell.
//!
//! `setup` draws a test root and boots; `infer` is a round trip to the model inside; `prove` an attestation of an answer that was
//! given before; `verify` what a third party does with the document. Each phase boots an enclave of its own before the clock runs.

mod booted;
mod language;
mod platform;
mod verify;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zktee_attestation::{Root, TestRoot};
use zktee_core::protocol::{
    Description, ErrorKind, File, FileRole, Job, PhaseReport, Stage, Timed, Worker, WorkerError,
};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{Hardware, Part, Phase, SecurityBasis, SetupTrust, Trust};
use zktee_enclave_protocol::{LanguageFiles, Nonce};

use crate::confine::Layer;
use crate::expectation::Expectation;
use booted::{Booted, Talk, refused};

pub use platform::Platform;

const ROOT_FILE: &str = "test-root.pem";
const EXPECTATION_FILE: &str = "expectation.json";
const DOCUMENT_FILE: &str = "attestation.cbor";

const SEALED: &str = "requests, answers and documents go through an encrypted session, whose key is attested: who carries them \
                      sees none; the verifier is told input and output";

/// Serves the backend over the worker protocol.
#[derive(Debug)]
pub struct EnclaveWorker {
    platform: Platform,
    talk: Talk,
    /// What it was booted for: warm-ups and samples share it.
    booted: Option<(PathBuf, usize, Booted)>,
    /// The same with a language model.
    language: Option<(LanguageFiles, Booted)>,
}

impl EnclaveWorker {
    /// A worker whose enclaves are on this platform, talked to in the open.
    pub const fn new(platform: Platform) -> Self {
        Self { platform, talk: Talk::Plain, booted: None, language: None }
    }

    /// The same in encrypted sessions.
    pub const fn sealed(platform: Platform) -> Self {
        Self { platform, talk: Talk::Sealed, booted: None, language: None }
    }

    /// An enclave with the job's model, as `setup` left it.
    fn booted(&mut self, job: &Job, timed: &mut Timed) -> Result<&Booted, WorkerError> {
        let (path, batch) = (job.model.clone().unwrap_or_default(), job.batch);
        let (.., booted) = match self.booted.take() {
            Some(running) if running.0 == path && running.1 == batch => self.booted.insert(running),
            _ => {
                let mut booted = Booted::boot(&self.platform, job)?;
                if self.talk == Talk::Sealed {
                    booted.seal_as_set_up(job)?;
                }
                self.booted.insert((path, batch, booted))
            }
        };
        timed.beside(booted.enclave.pid().as_slice());
        Ok(booted)
    }

    fn setup(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let pids =
            |booted: &Result<Booted, WorkerError>| booted.iter().filter_map(|booted| booted.enclave.pid()).collect();
        let boot = || {
            let root = self.root(job)?;
            let mut booted = Booted::boot(&self.platform, job)?;
            let expectation = Expectation::new(root.as_ref(), booted.enclave.pcrs(), booted.model());
            write_expectation(job, &expectation)?;
            if self.talk == Talk::Sealed {
                booted.seal(&expectation)?;
            }
            Ok::<_, WorkerError>(booted)
        };
        let booted = timed.call_starting(boot, pids)?;
        Ok(PhaseReport {
            files: self.setup_files(),
            notes: confinement(booted.enclave.layers()),
            ..PhaseReport::default()
        })
    }

    /// The root that documents will be under: on the process platform a new one, kept for the phases to come.
    fn root(&self, job: &Job) -> Result<Option<Root>, WorkerError> {
        Ok(match &self.platform {
            Platform::Process(_) => {
                let root = TestRoot::generate().map_err(failed)?;
                write_secret(&job.dir.join(ROOT_FILE), root.to_pem().as_bytes())?;
                Some(root.root())
            }
            Platform::Qemu(_) => None,
            Platform::Nitro(_) => Some(Root::aws()),
        })
    }

    /// What setup leaves.
    fn setup_files(&self) -> Vec<File> {
        let file = |name: &str, role, verifier| File { name: name.to_owned(), role, verifier, bytes: None };
        let mut files = vec![file(EXPECTATION_FILE, FileRole::VerifyingKey, true)];
        if matches!(self.platform, Platform::Process(_)) {
            files.push(file(ROOT_FILE, FileRole::Settings, false));
        }
        files
    }

    fn infer(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let (input, nonce) = (input(job)?, fresh_nonce()?);
        let booted = self.booted(job, timed)?;
        let mut inside = Inside::default();
        let output = timed.repeat(|| {
            let inferred = booted.infer(&nonce, &input)?;
            inside.add(inferred.inside_ns);
            Ok(inferred.output)
        });
        let output = output.map_err(|error: crate::SessionError| refused(error))?;
        Ok(PhaseReport { outputs: Some(tensor(&output)?), stages: inside.stages(), ..PhaseReport::default() })
    }

    fn prove(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let (input, nonce) = (input(job)?, nonce(job)?);
        let booted = self.booted(job, timed)?;
        let inferred = booted.infer(&nonce, &input).map_err(refused)?;
        let mut inside = Inside::default();
        let document = timed.repeat(|| {
            let (document, attest_ns) = booted.attest(&nonce, inferred.request)?;
            inside.add(attest_ns);
            Ok(document)
        });
        let document = document.map_err(|error: crate::SessionError| refused(error))?;
        let (outputs, stages) = (Some(tensor(&inferred.output)?), inside.stages());
        Ok(PhaseReport { outputs, stages, ..with_document(job, &document)? })
    }
}

/// Leaves a document where the runner finds it.
fn with_document(job: &Job, document: &[u8]) -> Result<PhaseReport, WorkerError> {
    let path = job.dir.join(DOCUMENT_FILE);
    std::fs::write(&path, document).map_err(|error| failed(format!("{}: {error}", path.display())))?;
    let bytes = Some(document.len() as u64);
    let files = vec![File { name: DOCUMENT_FILE.to_owned(), role: FileRole::Proof, verifier: false, bytes }];
    Ok(PhaseReport { evidence: Some(path), files, ..PhaseReport::default() })
}

fn write_expectation(job: &Job, expectation: &Expectation) -> Result<(), WorkerError> {
    let json = serde_json::to_vec_pretty(expectation).map_err(failed)?;
    let path = job.dir.join(EXPECTATION_FILE);
    std::fs::write(&path, json).map_err(|error| failed(format!("{}: {error}", path.display())))
}

/// Time inside, by the enclave's own clock.
#[derive(Default)]
struct Inside {
    ns: u64,
    calls: u64,
}

impl Inside {
    fn add(&mut self, ns: u64) {
        self.ns += ns;
        self.calls += 1;
    }

    /// The mean as a stage. One thread computes and waits for nothing, so that CPU time and wall time are one.
    fn stages(&self) -> Vec<Stage> {
        let mean_s = self.ns as f64 * 1e-9 / self.calls.max(1) as f64;
        vec![Stage::new("inside", mean_s, mean_s)]
    }
}

/// What a reader must know of how far the process is shut in.
fn confinement(layers: &[Layer]) -> Vec<String> {
    let names = |holding: bool| {
        let of_kind = layers.iter().filter(|layer| layer.missing.is_none() == holding);
        let text = of_kind.map(|layer| match &layer.missing {
            Some(why) => format!("{} ({why})", layer.name),
            None => layer.name.clone(),
        });
        text.collect::<Vec<_>>()
    };
    if layers.is_empty() {
        return Vec::new();
    }
    let mut notes = vec![format!("shut in by: {}", names(true).join(", "))];
    let missing = names(false);
    if !missing.is_empty() {
        notes.push(format!("not held on this machine: {}", missing.join(", ")));
    }
    notes
}

impl Worker for EnclaveWorker {
    fn describe(&self) -> Description {
        let notes = self.platform.notes().iter().copied().chain((self.talk == Talk::Sealed).then_some(SEALED));
        let hardware = self.platform.hardware();
        let (setup, security_basis) = match hardware {
            Hardware::Real => (SetupTrust::HardwareVendor, SecurityBasis::Hardware),
            _ => (SetupTrust::None, SecurityBasis::None),
        };
        Description {
            name: self.platform.name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phases: Phase::ALL.to_vec(),
            prove_includes_infer: false,
            trust: Trust {
                setup,
                security_bits: None,
                security_basis,
                zero_knowledge: false,
                post_quantum: false,
                binds: vec![Part::Model, Part::Input, Part::Output],
                hides: Vec::new(),
                hardware,
                notes: notes.map(str::to_owned).collect(),
            },
        }
    }

    fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        match phase {
            Phase::Setup if language::is_language(job) => self.setup_language(job, timed),
            Phase::Infer if job.generation.is_some() => self.generate(job, timed),
            Phase::Prove if job.generation.is_some() => self.attest_response(job, timed),
            Phase::Setup => self.setup(job, timed),
            Phase::Infer => self.infer(job, timed),
            Phase::Prove => self.prove(job, timed),
            Phase::Verify => verify::verify(job, timed),
        }
    }
}

fn input(job: &Job) -> Result<zktee_enclave_protocol::Tensor, WorkerError> {
    let path = job.inputs.as_ref().ok_or_else(|| invalid("the job has no `inputs`"))?;
    let Tensor { shape, data } = Tensor::read(path).map_err(invalid)?;
    let shape: Result<Vec<u32>, _> = shape.into_iter().map(u32::try_from).collect();
    zktee_enclave_protocol::Tensor::new(shape.map_err(invalid)?, data).map_err(invalid)
}

fn tensor(tensor: &zktee_enclave_protocol::Tensor) -> Result<Tensor, WorkerError> {
    let shape = tensor.shape().iter().map(|dimension| *dimension as usize).collect();
    Tensor::new(shape, tensor.values().to_vec()).map_err(invalid)
}

fn nonce(job: &Job) -> Result<Nonce, WorkerError> {
    let text = job.nonce.as_deref().unwrap_or_default();
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    Nonce::new(bytes.unwrap_or_default()).map_err(|error| invalid(format!("the job's `nonce`: {error}")))
}

/// A nonce that was never used: a session's document must not be an old one.
fn fresh_nonce() -> Result<Nonce, WorkerError> {
    Nonce::new(rand::random::<[u8; 32]>()).map_err(failed)
}

/// A file that nobody else reads.
fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), WorkerError> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(|error| failed(format!("{}: {error}", path.display())))
}

fn invalid(error: impl std::fmt::Display) -> WorkerError {
    WorkerError::new(ErrorKind::InvalidInput, error.to_string())
}

fn failed(error: impl std::fmt::Display) -> WorkerError {
    WorkerError::new(ErrorKind::Failed, error.to_string())
}
