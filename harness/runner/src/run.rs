//! The run: rounds over cells, phases within a cell, a budget over all.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use zktee_config::Workload;
use zktee_core::record::{Sample, files};
use zktee_core::vocabulary::{CellId, Outcome, Phase};
use zktee_report::samples::{self, Journal, JournalError, SamplesError};
use zktee_report::{LoadError, RowsError};

use crate::cell::{Cell, Context, PhaseError, Taken, blank_sample};
use crate::failure::Failure;
use crate::folder::{FolderError, Log, RunFolder};
use crate::generations::Generations;
use crate::orphans;
use crate::pace::Pace;
use crate::plan::{Plan, PlannedCell, left_out};
use crate::probe::{KeyHolder, probe};
use crate::process::Interrupt;
use crate::progress::Progress;
use crate::workload::WorkloadFiles;

/// A cell is cheap when a round of it takes less than this share of the time budget.
const CHEAP_SHARE: f64 = 0.005;

/// What happens, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many samples are planned at most; so many of them are there already.
    Planned {
        /// Samples planned at most.
        samples: u64,
        /// Samples that an earlier run left.
        done: u64,
    },
    /// A sample begins.
    Begin {
        /// The cell.
        cell: &'a CellId,
        /// The phase.
        phase: Phase,
        /// Which sample of the phase, from 0.
        index: u32,
    },
    /// A sample is recorded, good or not.
    Recorded(&'a Sample),
    /// So many planned samples will not be taken: a cell failed or the budget is used up.
    Skipped {
        /// How many.
        samples: u64,
    },
    /// Something worth a line.
    Note(&'a str),
}

/// Whoever shows what happens.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: Event<'_>);
}

/// How a run ended that did not fail itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All that was planned was done, or the budget is used up.
    Complete,
    /// The user stopped it; it can be resumed.
    Interrupted,
}

/// Why a run could not go on. What was recorded before stands.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The record of samples cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The record of samples cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// What was recorded before cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The record of probes, or of what language models said, cannot be read or written.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// Runs a plan in its folder, from wherever its samples stand.
///
/// # Errors
/// When the folder cannot be written; never because of what a backend does.
pub fn run(
    plan: &mut Plan,
    folder: &RunFolder,
    cache: &Path,
    log: &Arc<Log>,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<RunEnd, RunError> {
    orphans::adopt();
    folder.write_record(&plan.record)?;
    let journal = Journal::open(&folder.samples())?;
    let earlier = samples::read(&folder.samples())?.rows;
    let of_language = plan.record.cells.iter().any(|cell| cell.language.is_some());
    let generations = of_language.then(|| open_generations(folder)).transpose()?;
    let mut run = Run {
        generations,
        progress: Progress::of(&earlier),
        journal,
        files: BTreeMap::new(),
        spent_before_s: earlier.iter().filter_map(|sample| sample.runner_wall_s).sum(),
        start: Instant::now(),
        pace: Pace::default(),
        folder,
        cache,
        log,
        interrupt,
        observer,
    };
    run.all_rounds(plan)
}

/// Goes on with what language models have said in samples that are recorded.
fn open_generations(folder: &RunFolder) -> Result<Generations, RunError> {
    let run = zktee_report::load(folder.root())?;
    Ok(Generations::open(folder.root(), &run.generations, &run.tokens)?)
}

struct Run<'a> {
    progress: Progress,
    journal: Journal,
    generations: Option<Generations>,
    files: BTreeMap<String, Result<Rc<WorkloadFiles>, Failure>>,
    spent_before_s: f64,
    start: Instant,
    pace: Pace,
    folder: &'a RunFolder,
    cache: &'a Path,
    log: &'a Arc<Log>,
    interrupt: &'a Interrupt,
    observer: &'a mut dyn Observer,
}

/// Why a cell's turn ended early, and in which phase.
struct TurnError {
    phase: Phase,
    error: PhaseError,
}

/// For what goes wrong before the first phase: it is put down to the setup.
impl<E: Into<PhaseError>> From<E> for TurnError {
    fn from(error: E) -> Self {
        Self { phase: Phase::Setup, error: error.into() }
    }
}

impl Run<'_> {
    fn all_rounds(&mut self, plan: &mut Plan) -> Result<RunEnd, RunError> {
        self.log.line(&format!("run of {} cells: {}", plan.record.cells.len(), plan.record.command.join(" ")));
        let samples = plan.record.settings.samples;
        // Four phases a cell until its backend has said which it has.
        let planned = plan.cells.len() as u64 * u64::from(samples) * Phase::ALL.len() as u64;
        let done = self.progress.taken.values().map(|n| u64::from(*n)).sum();
        self.observer.event(Event::Planned { samples: planned, done });
        for round in 0..samples {
            // Each round begins with another cell, so that no cell always follows the same neighbour.
            let count = plan.cells.len();
            for turn in 0..count {
                let cell = plan.cells[(turn + round as usize) % count].clone();
                let ended =
                    self.turn(plan, &cell, round).inspect_err(|error| self.log.line(&format!("stopped: {error}")));
                if ended? == RunEnd::Interrupted {
                    self.log.line("interrupted");
                    return Ok(RunEnd::Interrupted);
                }
            }
        }
        if plan.record.settings.probes && self.probes(plan)? == RunEnd::Interrupted {
            self.log.line("interrupted");
            return Ok(RunEnd::Interrupted);
        }
        self.log.line("complete");
        Ok(RunEnd::Complete)
    }

    /// Forgeries of the evidence of every cell that has some, after all that is timed. What an earlier run has done stands.
    fn probes(&mut self, plan: &Plan) -> Result<RunEnd, RunError> {
        let path = self.folder.root().join(files::PROBES);
        let mut rows = zktee_report::load(self.folder.root()).map(|run| run.probes).unwrap_or_default();
        let settings = plan.record.settings.clone();
        let context = Context {
            folder: self.folder,
            cache: self.cache,
            settings: &settings,
            log: self.log,
            interrupt: self.interrupt,
        };
        let verified: Vec<&PlannedCell> = plan
            .cells
            .iter()
            .filter(|cell| self.progress.taken(&plan.record.cells[cell.index].id, Phase::Verify) > 0)
            .collect();
        let holders = verified.iter().filter_map(|planned| {
            let cell_plan = &plan.record.cells[planned.index];
            let cell = cell_plan.id.clone();
            let description = plan.record.description(cell_plan)?.clone();
            let folder = self.folder.cell_dir(&cell).ok()?;
            Some(KeyHolder { cell, folder, description })
        });
        let holders: Vec<KeyHolder> = holders.collect();
        for planned in verified {
            let cell_plan = plan.record.cells[planned.index].clone();
            let id = cell_plan.id.clone();
            let done = rows.iter().any(|row| row.workload == id.workload && row.backend == id.backend);
            let Some(description) = plan.record.description(&cell_plan).filter(|_| !done) else { continue };
            let result = self.workload_files(plan, &id.workload, &context).and_then(|workload| {
                let cell = Cell { plan: &cell_plan, workload: &workload, command: &planned.command, context: &context };
                probe(&cell, description, &holders)
            });
            match result {
                Ok(of_cell) => rows.extend(of_cell),
                Err(PhaseError::Failed(Failure::Interrupted)) => return Ok(RunEnd::Interrupted),
                Err(PhaseError::Failed(Failure::Cell { reason, .. })) => {
                    self.observer.event(Event::Note(&format!("{id}: not probed: {reason}")));
                    self.log.line(&format!("{id}: not probed: {reason}"));
                }
                Err(PhaseError::Folder(error)) => return Err(error.into()),
                Err(PhaseError::Journal(error)) => return Err(error.into()),
                Err(PhaseError::Rows(error)) => return Err(error.into()),
            }
            zktee_report::write_rows(&path, &rows)?;
        }
        Ok(RunEnd::Complete)
    }

    /// One cell's turn in one round, whose failures are the cell's own.
    fn turn(&mut self, plan: &mut Plan, planned: &PlannedCell, round: u32) -> Result<RunEnd, RunError> {
        let id = plan.record.cells[planned.index].id.clone();
        if self.progress.failed.contains(&id) || self.left_out(plan, planned, round)? {
            return Ok(RunEnd::Complete);
        }
        let start = Instant::now();
        let Err(TurnError { phase, error }) = self.take_samples(plan, planned, round) else {
            if let (Some(estimate_s), 0) = (planned.estimate_s, round) {
                self.pace.count(start.elapsed().as_secs_f64(), estimate_s);
            }
            return Ok(RunEnd::Complete);
        };
        match error {
            PhaseError::Failed(Failure::Interrupted) => Ok(RunEnd::Interrupted),
            PhaseError::Failed(Failure::Cell { outcome, reason }) => {
                self.log.line(&format!("{id} {phase}: {outcome}: {reason}"));
                let mut row = blank_sample(&id, phase, round, round);
                row.outcome = outcome;
                row.reason = Some(reason);
                self.record(&[row])?;
                let rounds_left = u64::from(plan.record.settings.samples - round);
                self.observer.event(Event::Skipped { samples: rounds_left * Phase::ALL.len() as u64 });
                Ok(RunEnd::Complete)
            }
            PhaseError::Folder(error) => Err(error.into()),
            PhaseError::Journal(error) => Err(error.into()),
            PhaseError::Rows(error) => Err(error.into()),
        }
    }

    /// Whether a quick run does without a cell, because with it the run would end later than its budget. The record says so.
    fn left_out(&mut self, plan: &mut Plan, planned: &PlannedCell, round: u32) -> Result<bool, FolderError> {
        let settings = &plan.record.settings;
        let (Some(budget_s), Some(estimate_s), 0) = (settings.time_budget_s, planned.estimate_s, round) else {
            return Ok(false);
        };
        let expected_s = self.pace.here(estimate_s);
        let begun = self.progress.rounds(&plan.record.cells[planned.index].id) > 0;
        if begun || self.start.elapsed().as_secs_f64() + expected_s <= budget_s {
            return Ok(false);
        }
        let cell = &mut plan.record.cells[planned.index];
        cell.decided = Some((Outcome::Unfinished, left_out(&cell.id, expected_s)));
        self.log.line(&format!("{}: left out, about {expected_s:.0} s", cell.id));
        self.folder.write_record(&plan.record)?;
        self.observer.event(Event::Skipped { samples: Phase::ALL.len() as u64 });
        Ok(true)
    }

    fn take_samples(&mut self, plan: &mut Plan, planned: &PlannedCell, round: u32) -> Result<(), TurnError> {
        let settings = plan.record.settings.clone();
        let context = Context {
            folder: self.folder,
            cache: self.cache,
            settings: &settings,
            log: self.log,
            interrupt: self.interrupt,
        };
        let id = plan.record.cells[planned.index].id.clone();
        let workload = self.workload_files(plan, &id.workload, &context)?;
        let cell_plan = plan.record.cells[planned.index].clone();
        let cell = Cell { plan: &cell_plan, workload: &workload, command: &planned.command, context: &context };
        let description = if let Some(description) = plan.record.description(&cell_plan) {
            description.clone()
        } else {
            let description = cell.describe()?;
            let record = &mut plan.record;
            let of_kind =
                if cell_plan.language.is_some() { &mut record.language_descriptions } else { &mut record.descriptions };
            of_kind.insert(id.backend.clone(), description.clone());
            self.folder.write_record(&plan.record)?;
            description
        };
        let skipped_phases =
            if round == 0 { Phase::ALL.len() - description.phases.len().min(Phase::ALL.len()) } else { 0 };
        self.observer.event(Event::Skipped { samples: skipped_phases as u64 * u64::from(settings.samples) });
        if self.beyond_budget(plan, &id, round) {
            let left = description.phases.iter().filter(|phase| self.progress.taken(&id, **phase) <= round).count();
            self.observer.event(Event::Skipped { samples: left as u64 });
            return Ok(());
        }
        for phase in Phase::ALL.into_iter().filter(|phase| description.phases.contains(phase)) {
            // A resumed run finds the round's earlier phases done.
            if self.progress.taken(&id, phase) > round {
                continue;
            }
            let at = |error| TurnError { phase, error };
            if self.interrupt.is_set() {
                return Err(at(Failure::Interrupted.into()));
            }
            self.observer.event(Event::Begin { cell: &id, phase, index: round });
            let Taken { rows, generated } = cell.sample(&description, phase, round, round).map_err(at)?;
            // Before the sample that it belongs to: a kill between them leaves what the next start leaves out.
            if let (Some(generated), Some(generations)) = (&generated, &mut self.generations) {
                generations.append(&rows[0], generated).map_err(|error| at(error.into()))?;
            }
            self.record(&rows).map_err(|error| at(error.into()))?;
            if !rows[0].is_good() {
                let rounds_left = u64::from(settings.samples - round);
                self.observer.event(Event::Skipped { samples: rounds_left * Phase::ALL.len() as u64 });
                break;
            }
        }
        Ok(())
    }

    /// A workload's files and reference, prepared at its first cell.
    fn workload_files(
        &mut self,
        plan: &Plan,
        name: &str,
        context: &Context<'_>,
    ) -> Result<Rc<WorkloadFiles>, PhaseError> {
        if let Some(known) = self.files.get(name) {
            return known.clone().map_err(PhaseError::Failed);
        }
        let prepared = match WorkloadFiles::prepare(&plan.workloads[name], &plan.references, context) {
            Ok(files) => Ok(Rc::new(files)),
            Err(PhaseError::Failed(failure)) => Err(without_reference(failure, &plan.workloads[name])),
            Err(error) => return Err(error),
        };
        self.files.insert(name.to_owned(), prepared.clone());
        prepared.map_err(PhaseError::Failed)
    }

    /// The first round is always taken, and those that bring a cheap cell to the least number of samples. Any other is taken only when it
    /// is expected to end within the budget, together with all that cheaper cells still need to reach the least number of samples: one
    /// dear cell must not cost many others theirs.
    fn beyond_budget(&self, plan: &Plan, id: &CellId, round: u32) -> bool {
        let settings = &plan.record.settings;
        let Some(budget_s) = settings.time_budget_s.filter(|_| round > 0) else { return false };
        let spent_s = self.spent_before_s + self.start.elapsed().as_secs_f64();
        let own_s = self.progress.expected_s(id);
        // On a slow machine the first round alone may use the budget up; what is cheap is not left with one sample for it.
        if round < settings.min_samples && own_s < budget_s * CHEAP_SHARE {
            return false;
        }
        let others = plan.cells.iter().map(|cell| &plan.record.cells[cell.index].id);
        let owed_s: f64 = others
            .filter(|other| *other != id && !self.progress.failed.contains(other))
            .map(|other| {
                (self.progress.expected_s(other), settings.min_samples.saturating_sub(self.progress.rounds(other)))
            })
            .filter(|(expected_s, _)| *expected_s < own_s)
            .map(|(expected_s, rounds)| expected_s * f64::from(rounds))
            .sum();
        spent_s + own_s + owed_s > budget_s
    }

    /// Puts one sample's rows on disk; the first stands for the whole phase.
    fn record(&mut self, rows: &[Sample]) -> Result<(), JournalError> {
        self.journal.append_all(rows)?;
        self.progress.count(&rows[0]);
        self.observer.event(Event::Recorded(&rows[0]));
        Ok(())
    }
}

/// Without a reference nothing can be checked, so nothing is measured.
fn without_reference(failure: Failure, workload: &Workload) -> Failure {
    match failure {
        Failure::Cell { outcome, reason } => {
            let what = if workload.language().is_some() { "reference answer" } else { "float reference" };
            let outcome = if outcome == Outcome::Crashed { Outcome::Refused } else { outcome };
            Failure::new(outcome, format!("no {what} to hold it to: {reason}"))
        }
        Failure::Interrupted => Failure::Interrupted,
    }
}
