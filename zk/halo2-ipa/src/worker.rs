//! The worker's side: the phases of a cell.
//!
//! `setup` writes one file, which verifier and prover make their keys from again before the clock runs: see [`crate::VerifierFile`].

use std::path::PathBuf;

use zktee_core::protocol::{Description, ErrorKind, File, FileRole, Job, PhaseReport, Timed, Worker, WorkerError};
use zktee_core::vocabulary::{Hardware, Part, Phase, SecurityBasis, SetupTrust, Trust};
use zktee_integer::{Twin, bound_inputs, failed, inputs, invalid, outputs, path_of, read_bounded, refusal};
use zktee_models::integer::IntegerModel;

use crate::evidence::MAX_EVIDENCE_BYTES;
use crate::{Error, Evidence, FileError, HALO2_VERSION, Keys, Size, VerifierFile, VerifierKey, prove, verify};

/// The file that `setup` leaves.
const VERIFIER_FILE: &str = "verifier.json";

/// The file that `prove` leaves.
const EVIDENCE_FILE: &str = "evidence.bin";

/// Pallas and Vesta have prime orders just above 2^254 and automorphism groups of order 6, so Pollard's rho takes about
/// `sqrt(π 2^254 / 12)` additions, `2^126.03` (Duursma, Gaudry, Morain, "Speeding up the discrete log computation on curves with
/// automorphisms", ASIACRYPT 1999). The other terms, multiples of the circuit's size over the field's, are far smaller.
const SECURITY_BITS: f64 = 126.0;

/// Serves the backend over the worker protocol.
#[derive(Debug, Default)]
pub struct Halo2IpaWorker {
    /// Keys of the folder that they were made from: warm-ups and samples share them.
    prover: Option<(PathBuf, Keys)>,
    verifier: Option<(PathBuf, VerifierKey)>,
}

impl Halo2IpaWorker {
    /// A worker that has no keys yet.
    pub const fn new() -> Self {
        Self { prover: None, verifier: None }
    }
}

impl Worker for Halo2IpaWorker {
    fn describe(&self) -> Description {
        Description {
            name: "halo2_proofs".to_owned(),
            version: HALO2_VERSION.to_owned(),
            phases: Phase::ALL.to_vec(),
            prove_includes_infer: true,
            trust: Trust {
                setup: SetupTrust::Transparent,
                security_bits: Some(SECURITY_BITS),
                security_basis: SecurityBasis::Conjectured,
                zero_knowledge: true,
                post_quantum: false,
                binds: vec![Part::Model, Part::Input, Part::Output],
                hides: Vec::new(),
                hardware: Hardware::None,
                notes: notes(),
            },
        }
    }

    fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        match phase {
            Phase::Setup => setup(job, timed),
            Phase::Infer => infer(job, timed),
            Phase::Prove => self.prove(job, timed),
            Phase::Verify => self.verify(job, timed),
        }
    }
}

fn notes() -> Vec<String> {
    [
        "security: discrete logarithms on the Pasta curves, by Pollard's rho with their automorphisms 2^126.0 additions",
        "halo2_proofs 0.4.1 cannot write keys: the verifier's file is the integer model with the SHA-256 of the pinned verifying key, \
         and prover and verifier make their keys from it again before the clock runs",
        "the verifier holds the model, so nothing of the statement is hidden",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn setup(job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    let twin = Twin::of(job)?;
    let keys = timed.call(|| Keys::generate(&twin.make()?, job.batch).map_err(|error| library(&error)))?;
    let key = keys.verifier();
    VerifierFile::new(key).write(&job.dir.join(VERIFIER_FILE)).map_err(file)?;
    let notes = vec![
        format!("integer model {}", key.model().digest()),
        format!("verifying key {}", key.digest()),
        describe(&key.size()),
    ];
    let files =
        vec![File { name: VERIFIER_FILE.to_owned(), role: FileRole::VerifyingKey, verifier: true, bytes: None }];
    let metrics = metrics(&key.size());
    Ok(PhaseReport { files, metrics, notes, ..PhaseReport::default() })
}

fn infer(job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    let verifier_file = VerifierFile::read(&job.dir.join(VERIFIER_FILE)).map_err(file)?;
    let model = verifier_file.model();
    let inputs = inputs(job)?;
    let outputs = timed.repeat(|| model.quantise_inputs(&inputs.data).and_then(|values| model.infer_all(&values)));
    let outputs = outputs_tensor(model, &outputs.map_err(|error| refusal(&error))?)?;
    Ok(PhaseReport { outputs: Some(outputs), ..PhaseReport::default() })
}

impl Halo2IpaWorker {
    fn prove(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let path = job.dir.join(VERIFIER_FILE);
        let (_, keys) = match self.prover.take() {
            Some(loaded) if loaded.0 == path => self.prover.insert(loaded),
            _ => {
                let keys = VerifierFile::read(&path).and_then(|file| file.keys()).map_err(file)?;
                self.prover.insert((path, keys))
            }
        };
        let floats = inputs(job)?;
        let model = keys.verifier().model();
        let (inputs, proven) = timed.call(|| {
            let inputs = model.quantise_inputs(&floats.data).map_err(|error| refusal(&error))?;
            let proven = prove(keys, &inputs).map_err(|error| library(&error))?;
            Ok((inputs, proven))
        })?;
        let outputs = outputs_tensor(model, &proven.outputs)?;
        let proof_bytes = proven.proof.len() as u64;
        let evidence = Evidence { inputs, outputs: proven.outputs, proof: proven.proof };
        let path = job.dir.join(EVIDENCE_FILE);
        let bytes = evidence.to_bytes().map_err(failed)?;
        std::fs::write(&path, bytes).map_err(|error| failed(format!("{}: {error}", path.display())))?;
        let files = vec![File {
            name: EVIDENCE_FILE.to_owned(),
            role: FileRole::Proof,
            verifier: false,
            bytes: Some(proof_bytes),
        }];
        let metrics = metrics(&keys.verifier().size());
        Ok(PhaseReport { outputs: Some(outputs), evidence: Some(path), files, metrics, ..PhaseReport::default() })
    }

    fn verify(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let path = job.dir.join(VERIFIER_FILE);
        let (_, key) = match self.verifier.take() {
            Some(loaded) if loaded.0 == path => self.verifier.insert(loaded),
            _ => {
                let key = VerifierFile::read(&path).and_then(|file| file.verifier()).map_err(file)?;
                self.verifier.insert((path, key))
            }
        };
        let evidence =
            Evidence::from_bytes(&read_bounded(path_of(job.evidence.as_ref(), "evidence")?, MAX_EVIDENCE_BYTES)?);
        let evidence = evidence.map_err(invalid)?;
        let verdict = timed.repeat(|| verify(key, &evidence.inputs, &evidence.outputs, &evidence.proof));
        let model = key.model();
        let mut report = PhaseReport { valid: Some(verdict.is_ok()), ..PhaseReport::default() };
        match verdict {
            Ok(()) => {
                bound_inputs(&mut report, &model.shapes()[0], model.parts().input_scale, &evidence.inputs)?;
                report.outputs = Some(outputs_tensor(model, &evidence.outputs)?);
            }
            // What a rejected proof claims is nothing to report.
            Err(error) => report.notes.push(error.to_string()),
        }
        Ok(report)
    }
}

fn metrics(size: &Size) -> std::collections::BTreeMap<String, f64> {
    let numbers = [
        ("rows", 1usize << size.k),
        ("used_rows", size.rows),
        ("k", size.k as usize),
        ("advice_columns", size.advice),
        ("fixed_columns", size.fixed),
        ("instance_columns", size.instance),
        ("copied_columns", size.copied),
        ("lookups", size.lookups),
    ];
    numbers.into_iter().map(|(name, number)| (name.to_owned(), number as f64)).collect()
}

fn describe(size: &Size) -> String {
    let Size { k, rows, advice, fixed, instance, lookups, lanes, sums, .. } = size;
    format!(
        "2^{k} rows, {rows} used; {lanes} inputs and {sums} dot products a row; {advice} advice, {fixed} fixed and {instance} public \
         columns, {lookups} lookups"
    )
}

/// A batch of outputs in the model's float units.
fn outputs_tensor(model: &IntegerModel, values: &[i64]) -> Result<zktee_core::tensor::Tensor, WorkerError> {
    let shape = model.shapes().last().map_or(&[][..], Vec::as_slice);
    outputs(shape, model.parts().output_scale, values)
}

fn library(error: &Error) -> WorkerError {
    let kind = match error {
        Error::Input { source, .. } => refusal(source).kind,
        Error::TooLarge { .. } | Error::Bound { .. } => ErrorKind::Refused,
        Error::EmptyBatch | Error::Statement(_) => ErrorKind::InvalidInput,
        Error::Halo2 { .. } | Error::Rejected { .. } => ErrorKind::Failed,
    };
    WorkerError::new(kind, error.to_string())
}

fn file(error: FileError) -> WorkerError {
    match error {
        FileError::Key(error) => library(&error),
        error => invalid(error),
    }
}
