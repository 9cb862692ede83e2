//! The worker's side: the phases of a cell. What only RISC Zero's crates can do is asked of the prover, a child process.

use std::path::{Path, PathBuf};

use zktee_core::protocol::{
    Description, ErrorKind, File, FileRole, Job, Meter, PhaseReport, Stage, StagePart, Timed, Worker, WorkerError,
};
use zktee_core::vocabulary::{Hardware, Part, Phase, SecurityBasis, SetupTrust, Trust};
use zktee_integer::{Twin, failed, inputs, invalid, outputs, path_of, read, refusal};
use zktee_models::integer::IntegerModel;
use zktee_risc0_program::Statement;

use crate::RISC0_VERSION;
use crate::account::{account, first_of_too_many, metrics, most_rows};
use crate::expectation::Expectation;
use crate::program::Program;
use crate::prover::{Answer, Prover, Request};
use crate::targets::fit_targets;
use crate::words::model_words;

/// Read by the prover: the integer model; the targets of a fit.
const MODEL_FILE: &str = "model.json";
const TARGETS_FILE: &str = "targets.json";
/// Read by the verifier.
const EXPECTATION_FILE: &str = "expectation.json";
/// What the program in the virtual machine reads.
const INPUT_FILE: &str = "input.words";
const EVIDENCE_FILE: &str = "receipt.bin";
/// In its place where the first segment alone was proven.
const PART_FILE: &str = "part.bin";

/// Bits that RISC Zero's own analysis gives the largest segments that are made here, of 2^18 rows: by the toy problem, by the
/// proximity-gap conjecture, proven. A test of the prover's holds them to the analysis.
const BITS: [f64; 3] = [98.0, 78.0, 45.0];

/// Serves the backend over the worker protocol.
#[derive(Debug)]
pub struct Risc0Worker {
    program: Program,
    prover: PathBuf,
    child: Option<Prover>,
}

impl Risc0Worker {
    /// A worker whose prover is this program; it is started when a phase needs it.
    pub const fn new(program: Program, prover: PathBuf) -> Self {
        Self { program, prover, child: None }
    }

    fn child(&mut self) -> Result<&mut Prover, WorkerError> {
        let child = match self.child.take() {
            Some(child) => child,
            None => Prover::start(&self.prover).map_err(|error| {
                WorkerError::new(ErrorKind::Unavailable, error.to_string()).with_fix("zktee run --backend risc0")
            })?,
        };
        Ok(self.child.insert(child))
    }
}

impl Worker for Risc0Worker {
    fn describe(&self) -> Description {
        let [toy, conjectured, proven] = BITS;
        Description {
            name: "risc0-zkvm".to_owned(),
            version: RISC0_VERSION.to_owned(),
            phases: Phase::ALL.to_vec(),
            prove_includes_infer: true,
            trust: Trust {
                setup: SetupTrust::Transparent,
                security_bits: Some(toy),
                security_basis: SecurityBasis::Conjectured,
                zero_knowledge: false,
                post_quantum: true,
                binds: vec![Part::Model, Part::Input, Part::Output],
                hides: Vec::new(),
                hardware: Hardware::None,
                notes: vec![
                    "composite receipt: one STARK a segment, hashed with Poseidon2; no recursion".to_owned(),
                    format!(
                        "security by RISC Zero's own analysis: {toy} bits by the toy problem, {conjectured} by the proximity-gap \
                         conjecture, {proven} proven"
                    ),
                    "model and inputs are bound by their digests: whoever verifies has to know both".to_owned(),
                ],
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

fn refused(reason: impl Into<String>) -> WorkerError {
    WorkerError::new(ErrorKind::Refused, reason)
}

impl Risc0Worker {
    /// Quantises the model. The programs are compiled beforehand: they know no model.
    fn setup(&self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let twin = Twin::of(job)?;
        let (model, targets, expectation) = timed.call(|| {
            let model = twin.make()?;
            let targets = match self.program {
                Program::Predict => None,
                Program::Fit => Some(fit_targets(&job.workload, &model).map_err(refused)?),
            };
            let expectation = Expectation::new(&model, targets.as_deref()).map_err(refused)?;
            Ok::<_, WorkerError>((model, targets, expectation))
        })?;
        let file = |name: &str, role, verifier| File { name: name.to_owned(), role, verifier, bytes: None };
        write_json(&job.dir.join(MODEL_FILE), &model)?;
        write_json(&job.dir.join(EXPECTATION_FILE), &expectation)?;
        let mut files =
            vec![file(MODEL_FILE, FileRole::Circuit, false), file(EXPECTATION_FILE, FileRole::VerifyingKey, true)];
        if let Some(targets) = targets {
            write_json(&job.dir.join(TARGETS_FILE), &targets)?;
            files.push(file(TARGETS_FILE, FileRole::Circuit, false));
        }
        let image_id = self.program.image_id().unwrap_or("unknown");
        let notes = vec![format!("integer model {}", model.digest()), format!("image id {image_id}")];
        Ok(PhaseReport { files, notes, ..PhaseReport::default() })
    }

    fn prove(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let model: IntegerModel = read_json(&job.dir.join(MODEL_FILE))?;
        let targets: Option<Vec<i32>> = match self.program {
            Program::Predict => None,
            Program::Fit => Some(read_json(&job.dir.join(TARGETS_FILE))?),
        };
        let floats = inputs(job)?;
        let (input, receipt, part) = (job.dir.join(INPUT_FILE), job.dir.join(EVIDENCE_FILE), job.dir.join(PART_FILE));
        let most = most_rows()?;
        let program = self.program.name();
        let child = self.child()?;
        timed.beside(&[child.id()]);
        let (executed, proven, stages) = timed.call(|| {
            let id = [child.id()];
            let meter = Meter::start_with(&id);
            write(&input, &program_input(&model, targets.as_deref(), &floats.data)?)?;
            let executed = match child.ask(&Request::Execute { guest: program, input: &input }).map_err(failed)? {
                Answer::Executed(executed) => executed,
                other => return Err(failed(unexpected(other))),
            };
            let execute = stage("execute", &meter);
            let part_rows = first_of_too_many(&executed, most);
            let request = match part_rows {
                None => Request::Prove { receipt: &receipt },
                Some(_) => Request::ProvePart { part: &part },
            };
            // Peak memory begins anew here: proving takes the more.
            let meter = Meter::start_with(&id);
            let proven = match child.ask(&request).map_err(failed)? {
                Answer::Proven(proven) => proven,
                other => return Err(failed(unexpected(other))),
            };
            let of_rows = |done| StagePart { done, of: executed.total_cycles, unit: "rows".to_owned() };
            let prove = Stage { part: part_rows.map(of_rows), ..stage("prove", &meter) };
            Ok((executed, proven, vec![execute, prove]))
        })?;
        let in_part = stages.iter().any(|stage| stage.part.is_some());
        // A part says as much of the seals: they are of one size, but for a shorter last one.
        let segments = if in_part { executed.po2s.len() as u64 } else { 1 };
        let (name, evidence) = if in_part { (PART_FILE, part) } else { (EVIDENCE_FILE, receipt) };
        let bytes = Some(proven.seal_bytes.saturating_mul(segments));
        let file = File { name: name.to_owned(), role: FileRole::Proof, verifier: false, bytes };
        let statement =
            Statement::read(&executed.journal).map_err(|_| failed("the program committed to no statement"))?;
        let values: Vec<i64> = statement.outputs.iter().copied().map(i64::from).collect();
        Ok(PhaseReport {
            outputs: Some(outputs(output_shape(&model), model.parts().output_scale, &values)?),
            evidence: Some(evidence),
            files: vec![file],
            stages,
            metrics: metrics(&executed, &proven),
            notes: vec![account(&executed, &proven, in_part)],
            ..PhaseReport::default()
        })
    }

    fn verify(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let expectation: Expectation = read_json(&job.dir.join(EXPECTATION_FILE))?;
        let inputs = inputs(job)?;
        let receipt = path_of(job.evidence.as_ref(), "evidence")?;
        if receipt.file_name().is_some_and(|name| name == PART_FILE) {
            return self.verify_part(receipt, timed);
        }
        let guest = self.program.name();
        let child = self.child()?;
        timed.beside(&[child.id()]);
        let verdict = timed.repeat(|| {
            let accepted = match child.ask(&Request::Verify { guest, receipt }).map_err(failed)? {
                Answer::Accepted(accepted) => accepted,
                Answer::Rejected(reason) => return Ok(Err(reason)),
                other => return Err(failed(unexpected(other))),
            };
            let Ok(statement) = Statement::read(&accepted.journal) else {
                return Ok(Err("the journal is no statement".to_owned()));
            };
            let checked = expectation.check(&statement, &inputs.data, job.batch);
            Ok(checked.map(|()| (accepted, statement)).map_err(|error| error.to_string()))
        })?;
        let mut report = PhaseReport { valid: Some(verdict.is_ok()), ..PhaseReport::default() };
        match verdict {
            Ok((accepted, statement)) => {
                let values: Vec<i64> = statement.outputs.iter().copied().map(i64::from).collect();
                report.outputs = Some(outputs(&expectation.output_shape, expectation.output_scale, &values)?);
                report.metrics.insert("segments".to_owned(), accepted.segments as f64);
                report.metrics.insert("seal_bytes".to_owned(), accepted.seal_bytes as f64);
            }
            // What a rejected receipt claims is nothing to report.
            Err(reason) => report.notes.push(reason),
        }
        Ok(report)
    }

    /// The proof of a first segment: whether the program ran that far. It says nothing of outputs.
    fn verify_part(&mut self, part: &Path, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let guest = self.program.name();
        let child = self.child()?;
        timed.beside(&[child.id()]);
        let answer = timed.repeat(|| child.ask(&Request::VerifyPart { guest, part })).map_err(failed)?;
        let segments = match answer {
            Answer::AcceptedPart { segments } => segments,
            Answer::Rejected(reason) => {
                return Ok(PhaseReport { valid: Some(false), notes: vec![reason], ..PhaseReport::default() });
            }
            other => return Err(failed(unexpected(other))),
        };
        let reading = timed.reading().ok_or_else(|| failed("nothing was timed"))?;
        let verify = Stage {
            part: Some(StagePart { done: 1, of: segments, unit: "segments".to_owned() }),
            ..Stage::new("verify", reading.wall_s, reading.user_s + reading.system_s)
        };
        let note =
            "the proof of the first segment holds; there is none of the others, so nothing is shown of the outputs";
        Ok(PhaseReport {
            valid: Some(true),
            stages: vec![verify],
            notes: vec![note.to_owned()],
            ..PhaseReport::default()
        })
    }
}

/// The answer without a proof: the same integers, outside of the virtual machine.
fn infer(job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    let model: IntegerModel = read_json(&job.dir.join(MODEL_FILE))?;
    let floats = inputs(job)?;
    let values = timed.repeat(|| model.quantise_inputs(&floats.data).and_then(|values| model.infer_all(&values)));
    let values = values.map_err(|error| refusal(&error))?;
    let outputs = outputs(output_shape(&model), model.parts().output_scale, &values)?;
    Ok(PhaseReport { outputs: Some(outputs), ..PhaseReport::default() })
}

/// What the program reads: sequences of words, each after its length, little-endian.
fn program_input(model: &IntegerModel, targets: Option<&[i32]>, floats: &[f32]) -> Result<Vec<u8>, WorkerError> {
    let values = model.quantise_inputs(floats).map_err(|error| refusal(&error))?;
    let values: Option<Vec<i32>> = values.iter().map(|&value| i32::try_from(value).ok()).collect();
    let values = values.ok_or_else(|| refused("an input has more than 32 bits"))?;
    let words = model_words(model).map_err(refused)?;
    let mut input = Vec::new();
    for sequence in [words.as_slice(), &values].into_iter().chain(targets) {
        let length = u32::try_from(sequence.len()).map_err(|_| refused("more words than the machine has memory"))?;
        input.extend(length.to_le_bytes());
        input.extend(sequence.iter().flat_map(|word| word.to_le_bytes()));
    }
    Ok(input)
}

fn unexpected(answer: Answer) -> String {
    match answer {
        Answer::Failed(reason) | Answer::Rejected(reason) => reason,
        _ => "RISC Zero's prover answered another request".to_owned(),
    }
}

fn output_shape(model: &IntegerModel) -> &[usize] {
    model.shapes().last().map_or(&[], Vec::as_slice)
}

fn stage(name: &str, meter: &Meter) -> Stage {
    let reading = meter.read();
    Stage::new(name, reading.wall_s, reading.user_s + reading.system_s)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), WorkerError> {
    std::fs::write(path, bytes).map_err(|error| failed(format!("{}: {error}", path.display())))
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), WorkerError> {
    write(path, &serde_json::to_vec(value).map_err(failed)?)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, WorkerError> {
    serde_json::from_slice(&read(path)?).map_err(|error| invalid(format!("{}: {error}", path.display())))
}
