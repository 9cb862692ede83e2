//! After the timed samples: forgeries of every cell's evidence, through the same seam as the honest one.
//!
//! The runner knows nothing of proofs or documents. It changes bytes, claims other inputs and outputs, swaps the verifier's files for those of
//! another cell and asks with another nonce; whoever takes any of it is named in the report. A forgery counts as rejected when the worker
//! refuses it or when what it decodes is not what is claimed: the same rule as for honest evidence.
//!
//! Two kinds are kept apart. A *changed statement* (another output, input, key, nonce) must never be taken: a cell that takes one is `unsound`.
//! *Changed bytes* (a flip, an appended byte) can be taken without harm where nobody reads them: that is malleability, and is shown.

mod change;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zktee_core::protocol::{Description, Job};
use zktee_core::record::{ProbeRow, ProbeVerdict};
use zktee_core::vocabulary::{CellId, Hardware, Part, Phase};

use change::{Asked, Change, Said, change_input, change_output, forged, rotate};

use crate::asked::{Answer, Question};
use crate::cell::{Cell, PhaseError, State, hand_over, sha256_hex};
use crate::check;
use crate::evidence;
use crate::failure::Failure;
use crate::folder::io;
use crate::process::{Limits, WorkerProcess};

/// Places of the evidence in which a byte is flipped, in percent of its length.
const FLIPS: [usize; 16] = [0, 1, 3, 7, 13, 19, 25, 31, 37, 44, 53, 61, 72, 83, 94, 99];

/// The longest that a verifier may take over a forgery.
const PATIENCE: Duration = Duration::from_mins(2);

/// A cell whose verifier's files others are shown.
#[derive(Clone, Debug)]
pub(crate) struct KeyHolder {
    pub(crate) cell: CellId,
    pub(crate) folder: PathBuf,
    pub(crate) description: Description,
}

/// Shows a cell's verifier every forgery.
///
/// # Errors
/// When the honest evidence is not taken either, so that the verdicts would say nothing; when the folder cannot be written.
pub(crate) fn probe(
    cell: &Cell<'_>,
    description: &Description,
    holders: &[KeyHolder],
) -> Result<Vec<ProbeRow>, PhaseError> {
    let Some(state) = cell.state()? else { return Ok(Vec::new()) };
    // Forgeries of a part would say nothing: there is no honest evidence that they could be held against.
    let Some(proved) = state.proved.as_ref().filter(|proved| !proved.part) else { return Ok(Vec::new()) };
    let index = proved.call;
    let mut prober = Prober { cell, description, state: &state, call: index, worker: None };
    prober.control()?;
    let mut rows = Vec::new();
    for change in prober.changes(holders) {
        let (verdict, detail) = prober.show(&change)?;
        rows.push(ProbeRow {
            workload: cell.plan.id.workload.clone(),
            backend: cell.plan.id.backend.clone(),
            probe: change.name(),
            changes_statement: change.changes_statement(),
            verdict,
            detail: detail.filter(|words| !words.is_empty()),
        });
    }
    // A verifier that has come to refuse everything would have passed.
    prober.control()?;
    Ok(rows)
}

struct Prober<'a> {
    cell: &'a Cell<'a>,
    description: &'a Description,
    state: &'a State,
    call: usize,
    worker: Option<WorkerProcess>,
}

impl Prober<'_> {
    fn control(&mut self) -> Result<(), PhaseError> {
        match self.show(&Change::Nothing)? {
            (ProbeVerdict::Accepted, _) => Ok(()),
            (_, detail) => {
                let words = detail.unwrap_or_default();
                Err(Failure::crashed(format!("honest evidence was not taken among the forgeries: {words}")).into())
            }
        }
    }

    fn changes(&self, holders: &[KeyHolder]) -> Vec<Change> {
        let mut changes: Vec<_> = FLIPS.map(|percent| Change::Flip { percent }).into();
        changes.extend([Change::CutTo { percent: 99 }, Change::CutTo { percent: 50 }, Change::Empty]);
        changes.extend([Change::Append(&[0]), Change::Append(&[0xff]), Change::Append(&[0; 64])]);
        let binds = &self.description.trust.binds;
        let of_language = self.cell.plan.language.is_some();
        if binds.contains(&Part::Output) {
            if of_language {
                changes.extend(Said::ALL.map(Change::Said));
            } else {
                changes.push(Change::Output);
            }
        }
        if binds.contains(&Part::Input) {
            if of_language {
                changes.extend(Asked::ALL.map(Change::Asked));
            } else {
                changes.push(Change::Input);
            }
            if self.cell.plan.batch > 1 {
                changes.push(Change::Replay);
            }
        }
        if self.description.trust.hardware != Hardware::None {
            changes.push(Change::Nonce);
            let cell_dir = self.cell.context.folder.cell_dir(&self.cell.plan.id).ok();
            let earlier = cell_dir.and_then(|dir| evidence::earlier(&dir));
            changes.extend(earlier.map(|evidence| Change::OtherSample { evidence }));
        }
        // A key of the same system for another model, or of another setup.
        let own = &self.cell.plan.id;
        let others = holders.iter().filter(|holder| {
            holder.cell != *own
                && holder.description.name == self.description.name
                && (holder.cell.backend == own.backend || holder.cell.workload == own.workload)
        });
        let others = others.filter(|holder| self.has_other_files(&holder.folder));
        changes.extend(others.map(|holder| Change::Key { of: holder.cell.clone(), folder: holder.folder.clone() }));
        changes
    }

    /// Whether a verifier's file would become another one. Systems without keys have none, and equal keys are no forgery.
    fn has_other_files(&self, folder: &Path) -> bool {
        let Ok(own) = self.cell.context.folder.cell_dir(&self.cell.plan.id) else { return false };
        self.state.setup_files.iter().filter(|file| file.verifier).any(|file| {
            let digests = [own.as_path(), folder].map(|dir| sha256_hex(&dir.join(&file.name)).ok());
            matches!(&digests, [Some(own), Some(other)] if own != other)
        })
    }

    /// Shows the verifier the evidence with one change.
    fn show(&mut self, change: &Change) -> Result<(ProbeVerdict, Option<String>), PhaseError> {
        let (dir, mut job) = self.cell.job(Phase::Verify, self.call, self.state)?;
        let mut question = self.cell.workload.expected(self.call, self.cell.plan.batch)?.question;
        let mut claimed = self.state.proved.as_ref().and_then(|proved| proved.answer.clone());
        apply(change, &dir, &mut job, &mut question, claimed.as_mut())?;
        if change.needs_own_process() {
            self.worker = None;
        }
        let verdict = match self.ask(&dir, &job) {
            Ok(report) => match check::verified(&report, claimed.as_ref(), &question, &self.description.trust) {
                Ok(()) => (ProbeVerdict::Accepted, None),
                Err(failure) => (ProbeVerdict::Rejected, words(failure)),
            },
            Err(Failure::Interrupted) => return Err(Failure::Interrupted.into()),
            Err(failure) if is_refusal(&failure) => (ProbeVerdict::Rejected, words(failure)),
            Err(failure) => {
                self.worker = None;
                (ProbeVerdict::Crashed, words(failure))
            }
        };
        if change.needs_own_process() {
            self.worker = None;
        }
        Ok(verdict)
    }

    fn ask(&mut self, dir: &Path, job: &Job) -> Result<zktee_core::protocol::PhaseReport, Failure> {
        let limits = Limits { timeout: PATIENCE, ..self.cell.context.limits() };
        let worker = match &mut self.worker {
            Some(worker) => worker,
            none => none.insert(self.cell.spawn(dir)?),
        };
        worker.phase(Phase::Verify, job, limits).map(|(report, _)| report)
    }
}

/// A worker that answers with an error of its own has refused; one that died has not.
fn is_refusal(failure: &Failure) -> bool {
    use zktee_core::vocabulary::Outcome;
    matches!(failure, Failure::Cell { outcome: Outcome::Refused | Outcome::Wrong, .. })
}

fn words(failure: Failure) -> Option<String> {
    match failure {
        Failure::Cell { reason, .. } => Some(reason.chars().take(200).collect()),
        Failure::Interrupted => None,
    }
}

/// Changes what the verifier is handed. Its files are links to the honest ones: whatever is changed is written anew.
fn apply(
    change: &Change,
    dir: &Path,
    job: &mut Job,
    question: &mut Question,
    claimed: Option<&mut Answer>,
) -> Result<(), PhaseError> {
    match change {
        Change::Nothing => return Ok(()),
        Change::Flip { .. } | Change::CutTo { .. } | Change::Append(_) | Change::Empty => {
            if let Some(path) = &job.evidence {
                let honest = fs::read(path).map_err(io(path))?;
                rewrite(path, &forged(change, honest))?;
            }
            return Ok(());
        }
        Change::OtherSample { evidence } => {
            if let Some(path) = &job.evidence {
                rewrite(path, &fs::read(evidence).map_err(io(evidence))?)?;
            }
            return Ok(());
        }
        Change::Nonce => {
            job.nonce = job.nonce.as_ref().map(|nonce| nonce.chars().rev().collect());
            return Ok(());
        }
        Change::Key { folder, .. } => return swap_keys(dir, folder, job),
        Change::Output | Change::Input | Change::Replay | Change::Asked(_) | Change::Said(_) => {}
    }
    change_statement(change, question, claimed, dir, job)
}

/// Changes what is asked or claimed.
fn change_statement(
    change: &Change,
    question: &mut Question,
    claimed: Option<&mut Answer>,
    dir: &Path,
    job: &mut Job,
) -> Result<(), PhaseError> {
    match (change, &mut *question) {
        (Change::Input, Question::Inputs(inputs)) => change_input(inputs),
        (Change::Replay, Question::Inputs(inputs)) => rotate(inputs),
        (Change::Asked(asked), Question::Generation(generation)) => asked.change(generation),
        _ => {}
    }
    question.hand_over(dir, job)?;
    if let Some(claimed) = claimed {
        match (change, &mut *claimed) {
            (Change::Output, Answer::Outputs(outputs)) => change_output(outputs),
            (Change::Replay, Answer::Outputs(outputs)) => rotate(outputs),
            (Change::Said(said), Answer::Completion(completion)) => said.change(completion),
            _ => {}
        }
        claimed.hand_over(dir, job)?;
    }
    Ok(())
}

/// Puts another cell's files in the place of a verifier's own.
fn swap_keys(dir: &Path, folder: &Path, job: &Job) -> Result<(), PhaseError> {
    for entry in fs::read_dir(dir).map_err(io(dir))?.flatten() {
        let (own, other) = (entry.path(), folder.join(entry.file_name()));
        let of_statement = [&job.evidence, &job.inputs, &job.outputs, &job.completion];
        let is_key = of_statement.into_iter().all(|path| path.as_ref() != Some(&own));
        if is_key && other.is_file() {
            fs::remove_file(&own).map_err(io(&own))?;
            hand_over(&other, &own)?;
        }
    }
    Ok(())
}

fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), PhaseError> {
    fs::remove_file(path).map_err(io(path))?;
    fs::write(path, bytes).map_err(io(path))?;
    Ok(())
}
