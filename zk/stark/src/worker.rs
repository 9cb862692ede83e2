//! The worker's side: the phases of a cell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zktee_core::protocol::{
    Description, ErrorKind, File, FileRole, Job, PhaseReport, Stage, Timed, Worker, WorkerError,
};
use zktee_core::vocabulary::{Hardware, Part, Phase, SecurityBasis, SetupTrust, Trust};
use zktee_integer::{Twin, bound_inputs, failed, inputs, invalid, outputs, path_of, read, read_bounded, refusal};
use zktee_models::integer::IntegerModel;

use crate::evidence::{self, Evidence};
use crate::key::{Key, KeyError};
use crate::parameters::{MIN_BITS, Profile};
use crate::prove::{ProofError, Proven};

/// The file that `setup` leaves: prover and verifier read the same.
const KEY_FILE: &str = "stark.key";

/// The file that `prove` leaves.
const EVIDENCE_FILE: &str = "evidence.bin";

/// Serves the backend over the worker protocol.
#[derive(Debug)]
pub struct StarkWorker {
    profile: Profile,
    /// The key of the folder that it was read from: warm-ups and samples share it.
    key: Option<(PathBuf, Key)>,
}

impl StarkWorker {
    /// A worker that has no key yet.
    pub const fn new(profile: Profile) -> Self {
        Self { profile, key: None }
    }
}

impl Worker for StarkWorker {
    fn describe(&self) -> Description {
        let hidden = self.profile.hides_input();
        Description {
            name: "Plonky3 building blocks".to_owned(),
            version: crate::PLONKY3_VERSION.to_owned(),
            phases: Phase::ALL.to_vec(),
            prove_includes_infer: true,
            trust: Trust {
                setup: SetupTrust::Transparent,
                security_bits: Some(MIN_BITS),
                security_basis: SecurityBasis::Proven,
                zero_knowledge: hidden,
                post_quantum: true,
                binds: if hidden {
                    vec![Part::Model, Part::Output]
                } else {
                    vec![Part::Model, Part::Input, Part::Output]
                },
                hides: if hidden { vec![Part::Input] } else { Vec::new() },
                hardware: Hardware::None,
                notes: notes(self.profile),
            },
        }
    }

    fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        match phase {
            Phase::Setup => self.setup(job, timed),
            Phase::Infer => infer(job, timed),
            Phase::Prove => self.prove(job, timed),
            Phase::Verify => self.verify(job, timed),
        }
    }
}

fn notes(profile: Profile) -> Vec<String> {
    let radius = match profile {
        Profile::Fast | Profile::Zk => "within the unique-decoding radius",
        Profile::Small => "up to the Johnson bound",
    };
    let shown = if profile.hides_input() {
        "zero-knowledge of the input and all activations: it is shown that some legal input has these outputs; weights are in the verifier's key"
    } else {
        "not zero-knowledge: a proof shows some of the activations; weights are in the verifier's key"
    };
    vec![
        format!(
            "security: at least {MIN_BITS} bits, proven in the random-oracle model {radius}, the errors of all terms added up"
        ),
        shown.to_owned(),
    ]
}

impl StarkWorker {
    fn setup(&self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let twin = Twin::of(job)?;
        let key = timed.call(|| Key::new(twin.make()?, job.batch, self.profile).map_err(key_error))?;
        write(&job.dir.join(KEY_FILE), &key.to_bytes())?;
        let file = File { name: KEY_FILE.to_owned(), role: FileRole::VerifyingKey, verifier: true, bytes: None };
        let security = key.security();
        let notes = vec![
            format!("integer model {}", key.model().digest()),
            format!("key {}", key.digest()),
            format!(
                "{:.1} bits proven ({}), {:.1} conjectured",
                security.proven_bits, security.regime, security.conjectured_bits
            ),
        ];
        Ok(PhaseReport { files: vec![file], metrics: metrics(&key), notes, ..PhaseReport::default() })
    }

    /// The key in a job's folder.
    fn key(&mut self, job: &Job) -> Result<&Key, WorkerError> {
        let loaded = self.key.take().filter(|(folder, _)| *folder == job.dir);
        let loaded = match loaded {
            Some(loaded) => loaded,
            None => (job.dir.clone(), load(&job.dir)?),
        };
        Ok(&self.key.insert(loaded).1)
    }

    fn prove(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let key = self.key(job)?;
        let floats = inputs(job)?;
        let proven = timed.call(|| {
            let inputs = key.model().quantise_inputs(&floats.data).map_err(|error| refusal(&error))?;
            key.prove(&inputs).map_err(proof_error)
        })?;
        let Proven { evidence, timings } = proven;
        let path = job.dir.join(EVIDENCE_FILE);
        write(&path, &evidence.to_bytes())?;
        let bytes = Some(evidence.proof.len() as u64);
        let file = File { name: EVIDENCE_FILE.to_owned(), role: FileRole::Proof, verifier: false, bytes };
        let stage = |it: &crate::Timing| Stage::new(it.stage, it.wall.as_secs_f64(), it.cpu.as_secs_f64());
        Ok(PhaseReport {
            outputs: Some(outputs(output_shape(key.model()), key.model().parts().output_scale, &evidence.outputs)?),
            evidence: Some(path),
            files: vec![file],
            stages: timings.iter().map(stage).collect(),
            metrics: metrics(key),
            ..PhaseReport::default()
        })
    }

    fn verify(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let key = self.key(job)?;
        let bytes = read_bounded(path_of(job.evidence.as_ref(), "evidence")?, evidence::MAX_BYTES)?;
        let evidence = Evidence::from_bytes(&bytes).map_err(invalid)?;
        let verdict = timed.repeat(|| key.verify(&evidence));
        let mut report = PhaseReport { valid: Some(verdict.is_ok()), ..PhaseReport::default() };
        match verdict {
            Ok(()) => {
                let parts = key.model().parts();
                report.outputs = Some(outputs(output_shape(key.model()), parts.output_scale, &evidence.outputs)?);
                if !key.profile().hides_input() {
                    bound_inputs(&mut report, &parts.input_shape, parts.input_scale, &evidence.inputs)?;
                }
            }
            // What a rejected proof claims is nothing to report.
            Err(error) => report.notes.push(error.to_string()),
        }
        Ok(report)
    }
}

fn infer(job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    let key = load(&job.dir)?;
    let model = key.model();
    let floats = inputs(job)?;
    let values = timed.repeat(|| model.quantise_inputs(&floats.data).and_then(|values| model.infer_all(&values)));
    let values = values.map_err(|error| refusal(&error))?;
    let outputs = outputs(output_shape(model), model.parts().output_scale, &values)?;
    Ok(PhaseReport { outputs: Some(outputs), ..PhaseReport::default() })
}

fn load(folder: &Path) -> Result<Key, WorkerError> {
    let path = folder.join(KEY_FILE);
    Key::from_bytes(&read(&path)?, &path).map_err(key_error)
}

fn output_shape(model: &IntegerModel) -> &[usize] {
    model.shapes().last().map_or(&[], Vec::as_slice)
}

fn metrics(key: &Key) -> BTreeMap<String, f64> {
    let security = key.security();
    let bits = [("proven_bits", security.proven_bits), ("conjectured_bits", security.conjectured_bits)];
    let queries = [("queries", key.parameters().queries as f64)];
    let sizes = key.sizes().map(|(name, number)| (name, number as f64));
    sizes.into_iter().chain(queries).chain(bits).map(|(name, number)| (name.to_owned(), number)).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), WorkerError> {
    std::fs::write(path, bytes).map_err(|error| failed(format!("{}: {error}", path.display())))
}

fn key_error(error: KeyError) -> WorkerError {
    match error {
        KeyError::File { .. } => invalid(error),
        _ => WorkerError::new(ErrorKind::Refused, error.to_string()),
    }
}

fn proof_error(error: ProofError) -> WorkerError {
    match error {
        ProofError::Infer(error) => refusal(&error),
        ProofError::Count { .. } => invalid(error),
        ProofError::Pole | ProofError::Open(_) => failed(error),
    }
}
