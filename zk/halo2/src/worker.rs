//! The worker's side: the phases of a cell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zktee_core::protocol::{
    Description, ErrorKind, File, FileRole, Job, PhaseReport, Stage, Timed, Worker, WorkerError,
};
use zktee_core::vocabulary::{Hardware, Part, Phase, SecurityBasis, SetupTrust, Trust};
use zktee_integer::{Twin, bound_inputs, failed, inputs, invalid, outputs, path_of, read, read_bounded, refusal};
use zktee_models::integer::IntegerModel;

use crate::evidence::{self, Evidence};
use crate::keys::{KeyError, ProvingKey, VerifyingKey};
use crate::plan::Plan;
use crate::prove::{ProofError, Proven};
use crate::provider::{SRS_VARIABLE, Statement};
use crate::srs::{ReferenceString, Source, SrsUnavailable};

/// Files that `setup` leaves.
const MODEL_FILE: &str = "integer-model.json";
const PROVER_FILE: &str = "prover.key";
const VERIFIER_FILE: &str = "verifier.key";

/// The file that `prove` leaves.
const EVIDENCE_FILE: &str = "evidence.bin";

/// The option that names a reference string of the user's.
const SRS_OPTION: &str = "srs";

/// BN254 offers about 100 bits since the extended tower number field sieve (Kim and Barbulescu, CRYPTO 2016; estimates of Guillevic,
/// "A short-list of pairing-friendly curves resistant to special TNFS at the 128-bit security level", PKC 2020: 2^103).
const SECURITY_BITS: f64 = 100.0;

/// Serves the backend over the worker protocol.
#[derive(Debug)]
pub struct Halo2Worker {
    statement: Statement,
    /// Keys of the folder that they were read from: warm-ups and samples share them.
    prover: Option<(PathBuf, IntegerModel, ProvingKey)>,
    verifier: Option<(PathBuf, VerifyingKey, IntegerScales)>,
}

/// What the verifier must know of the model to speak in floats.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct IntegerScales {
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
    input: zktee_models::integer::Scale,
    output: zktee_models::integer::Scale,
}

/// The verifier's view of scales.
const SCALES_FILE: &str = "scales.json";

impl Halo2Worker {
    /// A worker that has no keys yet.
    pub const fn new(statement: Statement) -> Self {
        Self { statement, prover: None, verifier: None }
    }
}

impl Worker for Halo2Worker {
    fn describe(&self) -> Description {
        let private = self.statement.private_input();
        let binds =
            if private { vec![Part::Model, Part::Output] } else { vec![Part::Model, Part::Input, Part::Output] };
        Description {
            name: "halo2-axiom".to_owned(),
            version: crate::HALO2_VERSION.to_owned(),
            phases: Phase::ALL.to_vec(),
            prove_includes_infer: true,
            trust: Trust {
                setup: SetupTrust::Trusted,
                security_bits: Some(SECURITY_BITS),
                security_basis: SecurityBasis::Conjectured,
                zero_knowledge: true,
                post_quantum: false,
                binds,
                hides: if private { vec![Part::Input] } else { Vec::new() },
                hardware: Hardware::None,
                notes: notes(private),
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

fn notes(private: bool) -> Vec<String> {
    let mut notes = vec![
        "security: discrete logarithms and pairings on BN254, about 2^100 operations by the number field sieve".to_owned(),
        "weights are bound by the verifying key; a proof's evaluations reveal linear combinations of them, so they are not hidden"
            .to_owned(),
    ];
    if private {
        notes.push("the input is committed to in the proof and shown to be in range; it is not revealed".to_owned());
    }
    notes
}

impl Halo2Worker {
    fn setup(&self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let twin = Twin::of(job)?;
        // Which reference string is needed depends on the plan, and it is made (or read) before the clock runs: it is universal.
        let private = self.statement.private_input();
        let planned = Plan::new(&twin.make()?, job.batch, private).map_err(spec)?;
        let source = srs_source(job)?;
        let srs = source.get(planned.spec.design.k()).map_err(|error| srs_error(&error))?;
        let (model, key) = timed.call(|| {
            let model = twin.make()?;
            let plan = Plan::new(&model, job.batch, private).map_err(spec)?;
            let key = ProvingKey::generate(plan.spec, &srs).map_err(key_error)?;
            Ok((model, key))
        })?;
        let verifier = key.verifier_bytes();
        let digest = VerifyingKey::from_bytes(&verifier, Path::new(VERIFIER_FILE)).map_err(key_error)?;
        let scales = IntegerScales {
            input_shape: model.shapes().first().cloned().unwrap_or_default(),
            output_shape: model.shapes().last().cloned().unwrap_or_default(),
            input: model.parts().input_scale,
            output: model.parts().output_scale,
        };
        let json = |value: &dyn erased::Json| value.bytes().map_err(failed);
        for (name, bytes) in [
            (MODEL_FILE, json(&model)?),
            (PROVER_FILE, key.prover_bytes()),
            (VERIFIER_FILE, verifier),
            (SCALES_FILE, json(&scales)?),
        ] {
            write(&job.dir.join(name), &bytes)?;
        }
        let file = |name: &str, role, verifier| File { name: name.to_owned(), role, verifier, bytes: None };
        let files = vec![
            file(VERIFIER_FILE, FileRole::VerifyingKey, true),
            file(SCALES_FILE, FileRole::Settings, true),
            file(PROVER_FILE, FileRole::ProvingKey, false),
        ];
        let notes = vec![
            format!("integer model {}", model.digest()),
            format!("verifying key {}", digest.digest()),
            srs_note(&srs).to_owned(),
        ];
        Ok(PhaseReport { files, metrics: metrics(&key), notes, ..PhaseReport::default() })
    }

    fn prove(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let (_, model, key) = match self.prover.take() {
            Some(loaded) if loaded.0 == job.dir => self.prover.insert(loaded),
            _ => {
                let (model, key) = load_prover(job)?;
                self.prover.insert((job.dir.clone(), model, key))
            }
        };
        let floats = inputs(job)?;
        let proven = timed.call(|| {
            let inputs = model.quantise_inputs(&floats.data).map_err(|error| refusal(&error))?;
            key.prove(model, &inputs).map_err(proof_error)
        })?;
        let Proven { evidence, .. } = &proven;
        let path = job.dir.join(EVIDENCE_FILE);
        write(&path, &evidence.to_bytes())?;
        let bytes = evidence.proofs.iter().map(|proof| proof.len() as u64).sum();
        let files =
            vec![File { name: EVIDENCE_FILE.to_owned(), role: FileRole::Proof, verifier: false, bytes: Some(bytes) }];
        let shape = model.shapes().last().cloned().unwrap_or_default();
        let outputs = outputs(&shape, model.parts().output_scale, &evidence.outputs)?;
        Ok(PhaseReport {
            outputs: Some(outputs),
            evidence: Some(path),
            files,
            stages: stages(&proven),
            metrics: metrics(key),
            ..PhaseReport::default()
        })
    }

    fn verify(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let (_, key, scales) = match self.verifier.take() {
            Some(loaded) if loaded.0 == job.dir => self.verifier.insert(loaded),
            _ => {
                let path = job.dir.join(VERIFIER_FILE);
                let key = VerifyingKey::from_bytes(&read(&path)?, &path).map_err(key_error)?;
                let scales = serde_json::from_slice(&read(&job.dir.join(SCALES_FILE))?).map_err(invalid)?;
                self.verifier.insert((job.dir.clone(), key, scales))
            }
        };
        let bytes = read_bounded(path_of(job.evidence.as_ref(), "evidence")?, evidence::MAX_BYTES)?;
        let evidence = Evidence::from_bytes(&bytes).map_err(invalid)?;
        let verdict = timed.repeat(|| key.verify(&evidence));
        let mut report = PhaseReport { valid: Some(verdict.is_ok()), ..PhaseReport::default() };
        match verdict {
            Ok(()) => {
                report.outputs = Some(outputs(&scales.output_shape, scales.output, &evidence.outputs)?);
                if !evidence.inputs.is_empty() {
                    bound_inputs(&mut report, &scales.input_shape, scales.input, &evidence.inputs)?;
                }
            }
            // What a rejected proof claims is nothing to report.
            Err(error) => report.notes.push(error.to_string()),
        }
        Ok(report)
    }
}

/// Serialisation of two types in one loop.
mod erased {
    pub(super) trait Json {
        fn bytes(&self) -> serde_json::Result<Vec<u8>>;
    }

    impl<T: serde::Serialize> Json for T {
        fn bytes(&self) -> serde_json::Result<Vec<u8>> {
            serde_json::to_vec(self)
        }
    }
}

fn infer(job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    let model: IntegerModel = serde_json::from_slice(&read(&job.dir.join(MODEL_FILE))?).map_err(invalid)?;
    let floats = inputs(job)?;
    let values = timed.repeat(|| model.quantise_inputs(&floats.data).and_then(|values| model.infer_all(&values)));
    let values = values.map_err(|error| refusal(&error))?;
    let shape = model.shapes().last().cloned().unwrap_or_default();
    let outputs = outputs(&shape, model.parts().output_scale, &values)?;
    Ok(PhaseReport { outputs: Some(outputs), ..PhaseReport::default() })
}

fn load_prover(job: &Job) -> Result<(IntegerModel, ProvingKey), WorkerError> {
    let model: IntegerModel = serde_json::from_slice(&read(&job.dir.join(MODEL_FILE))?).map_err(invalid)?;
    let path = job.dir.join(PROVER_FILE);
    let bytes = read(&path)?;
    let k = ProvingKey::rows_of(&bytes, &path).map_err(key_error)?;
    let srs = srs_source(job)?.get(k).map_err(|error| srs_error(&error))?;
    Ok((model, ProvingKey::from_bytes(&bytes, &path, &srs).map_err(key_error)?))
}

/// A file of the user's by the workload's option `srs` or by `--srs`, else the cache.
fn srs_source(job: &Job) -> Result<Source, WorkerError> {
    match job.options.get(SRS_OPTION) {
        None => Ok(std::env::var_os(SRS_VARIABLE)
            .map_or_else(|| Source::Cache(job.cache.join("srs")), |path| Source::File(path.into()))),
        Some(Value::String(path)) => Ok(Source::File(path.into())),
        Some(other) => Err(invalid(format!("the option `{SRS_OPTION}` is {other}: expected the path of a file"))),
    }
}

const fn srs_note(srs: &ReferenceString) -> &'static str {
    if srs.generated {
        "reference string made on this machine, for benchmarks alone: its maker could forge"
    } else {
        "reference string from a file of the user's"
    }
}

fn metrics(key: &ProvingKey) -> BTreeMap<String, f64> {
    let design = &key.spec().design;
    let [advice, fixed, instance] = key.columns_by_kind();
    [
        ("rows", (1_u64 << design.k()) as f64),
        ("k", f64::from(design.k())),
        ("advice_columns", advice as f64),
        ("fixed_columns", fixed as f64),
        ("instance_columns", instance as f64),
        ("degree", design.degree() as f64),
    ]
    .into_iter()
    .map(|(name, number)| (name.to_owned(), number))
    .collect()
}

/// The prover's stages, summed over the proofs of a call.
fn stages(proven: &Proven) -> Vec<Stage> {
    let mut stages = vec![Stage::new("infer", proven.infer_s, proven.infer_s)];
    for timing in proven.timings.iter().flat_map(zktee_halo2_prover::Timings::stages) {
        let name = timing.stage.to_string();
        let (wall_s, cpu_s) = (timing.wall.as_secs_f64(), timing.cpu.as_secs_f64());
        match stages.iter_mut().find(|stage| stage.name == name) {
            Some(stage) => {
                stage.wall_s += wall_s;
                stage.cpu_s += cpu_s;
            }
            None => stages.push(Stage::new(name, wall_s, cpu_s)),
        }
    }
    stages
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), WorkerError> {
    std::fs::write(path, bytes).map_err(|error| failed(format!("{}: {error}", path.display())))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn spec(error: crate::SpecError) -> WorkerError {
    WorkerError::new(ErrorKind::Refused, error.to_string())
}

fn key_error(error: KeyError) -> WorkerError {
    match error {
        KeyError::Spec(error) => spec(error),
        KeyError::Generation(_) => failed(error),
        KeyError::File { .. } => invalid(error),
    }
}

fn srs_error(error: &SrsUnavailable) -> WorkerError {
    WorkerError::new(ErrorKind::Unavailable, error.to_string())
        .with_fix("remove the folder `srs` in the cache, or name a powers-of-tau file with --srs")
}

fn proof_error(error: ProofError) -> WorkerError {
    match error {
        ProofError::Infer(error) => refusal(&error),
        ProofError::Count { .. } => invalid(error),
        ProofError::Prove(_) => failed(error),
    }
}
