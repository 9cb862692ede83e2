//! One side of a comparison: a run, or several runs of the same code on the same machine.
//!
//! Samples of one run share what the run had: the weather on the machine, the layout of memory, the turbo of the day. Where both sides
//! have several runs, a run therefore counts once, with the median of its samples: T. Kalibera and R. Jones, "Rigorous benchmarking
//! in reasonable time", ISMM 2013, repeat at the level that varies most.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zktee_core::record::{CellPlan, Sample, files};
use zktee_core::vocabulary::{CellId, Hardware, Outcome, Phase};
use zktee_report::{Cell, Run, cells, load, stats};

use crate::criterion::{self, CriterionError};
use crate::error::CompareError;
use crate::metric::Metric;

/// More runs than anybody takes of one side.
const MOST_RUNS: usize = 1000;

/// What was recorded of one side.
#[derive(Clone, Debug)]
pub struct Side {
    path: PathBuf,
    runs: Vec<(PathBuf, Run)>,
    kind: Kind,
}

/// What a side was measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `zktee run`: every sample in a process of its own.
    Runs,
    /// `cargo bench`: all samples in one process.
    Benchmarks,
}

/// A cell of one side.
#[derive(Clone, Debug)]
pub(crate) struct SideCell {
    pub(crate) plan: CellPlan,
    pub(crate) state: State,
    pub(crate) hardware: Option<Hardware>,
    /// Seconds of one call by run, in the order of the runs.
    times: BTreeMap<(Phase, Metric), Vec<Vec<f64>>>,
    /// What is counted and not timed, by name: the largest value.
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// Whether a cell's times count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// It has times.
    Timed,
    /// It failed in one run or more: whatever it timed before is worth nothing.
    Failed(Outcome, String),
    /// It was not measured.
    Absent(Outcome, String),
}

impl Side {
    /// Reads a run's folder, a folder whose subfolders are runs, or what `cargo bench` left: criterion's folder for the last results,
    /// `FOLDER@NAME` for a saved baseline.
    ///
    /// # Errors
    /// When there is no run, or one that is damaged, or when runs of one folder measured different things under one name.
    pub fn load(path: &Path) -> Result<Self, CompareError> {
        let one = |run, kind| Self { path: path.to_owned(), runs: vec![(path.to_owned(), run)], kind };
        if let Some(run) = Self::saved_baseline(path)? {
            return Ok(one(run, Kind::Benchmarks));
        }
        let runs = match Self::runs(path) {
            Err(CompareError::NoRun(path)) => {
                let run = criterion::read(&path, criterion::LAST)?;
                return run.map(|run| one(run, Kind::Benchmarks)).ok_or(CompareError::NoRun(path));
            }
            runs => runs?,
        };
        let side = Self { path: path.to_owned(), runs, kind: Kind::Runs };
        side.check_one_kind()?;
        Ok(side)
    }

    /// What `cargo bench` saved under a name; none where the path is of something else.
    fn saved_baseline(path: &Path) -> Result<Option<Run>, CompareError> {
        let text = path.to_string_lossy();
        let Some((dir, baseline)) = text.rsplit_once('@').filter(|_| !path.exists()) else { return Ok(None) };
        let dir = Path::new(dir);
        let plain = !baseline.is_empty() && !baseline.contains(['/', '\\']) && !baseline.starts_with('.');
        if !plain || !dir.is_dir() {
            return Ok(None);
        }
        let nothing = || CriterionError::Nothing { dir: dir.to_owned(), baseline: baseline.to_owned() };
        Ok(Some(criterion::read(dir, baseline)?.ok_or_else(nothing)?))
    }

    fn runs(path: &Path) -> Result<Vec<(PathBuf, Run)>, CompareError> {
        if path.join(files::RUN).exists() || !path.is_dir() {
            return Ok(vec![(path.to_owned(), load(path)?)]);
        }
        let io = |source| CompareError::Io { path: path.to_owned(), source };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(path).map_err(io)? {
            let folder = entry.map_err(io)?.path();
            if folder.join(files::RUN).exists() {
                folders.push(folder);
            }
        }
        if folders.is_empty() {
            return Err(CompareError::NoRun(path.to_owned()));
        }
        if folders.len() > MOST_RUNS {
            return Err(CompareError::TooMany { path: path.to_owned(), limit: MOST_RUNS });
        }
        folders.sort();
        folders.into_iter().map(|folder| load(&folder).map(|run| (folder, run)).map_err(Into::into)).collect()
    }

    /// The folder that was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The runs, at least one.
    pub fn runs_of(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(|(_, run)| run)
    }

    /// How many runs there are.
    pub fn count(&self) -> usize {
        self.runs.len()
    }

    /// The first run, which stands for the side where all are alike.
    pub(crate) fn first(&self) -> &Run {
        // `load` gives no side without a run.
        &self.runs[0].1
    }

    /// What it was measured with.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What has to be known of the folders themselves.
    pub(crate) fn warnings(&self) -> Vec<String> {
        if self.kind == Kind::Benchmarks {
            let what = "criterion records neither the machine nor the code: that both sides are of one machine is for you to see to";
            return vec![format!("{}: {what}", self.path.display())];
        }
        let of = |(path, run): &(PathBuf, Run)| {
            run.warnings.iter().map(|warning| format!("{}: {warning}", path.display())).collect::<Vec<_>>()
        };
        self.runs.iter().flat_map(of).collect()
    }

    fn check_one_kind(&self) -> Result<(), CompareError> {
        let mut plans: BTreeMap<&CellId, &CellPlan> = BTreeMap::new();
        for (path, run) in &self.runs {
            for plan in &run.record.cells {
                let first = plans.entry(&plan.id).or_insert(plan);
                if let Some(what) = other_thing(first, plan) {
                    let (cell, run) = (plan.id.clone(), path.clone());
                    return Err(CompareError::Mixed { path: self.path.clone(), cell, what, run });
                }
            }
        }
        Ok(())
    }

    /// The cells of all runs, in the order of the plans.
    pub(crate) fn cells(&self) -> Vec<SideCell> {
        let mut all: Vec<SideCell> = Vec::new();
        for (_, run) in &self.runs {
            let reported = cells(run);
            for (plan, cell) in run.record.cells.iter().zip(&reported) {
                match all.iter_mut().find(|it| it.plan.id == plan.id) {
                    Some(known) => known.add(cell, run),
                    None => {
                        let mut new = SideCell::new(plan.clone());
                        new.add(cell, run);
                        all.push(new);
                    }
                }
            }
        }
        all
    }
}

/// Why two plans of one name are not of the same thing; none where they are.
pub(crate) fn other_thing(one: &CellPlan, other: &CellPlan) -> Option<&'static str> {
    [
        ("model", one.model_sha256 != other.model_sha256),
        ("set of inputs", one.inputs_sha256 != other.inputs_sha256),
        ("batch", one.batch != other.batch),
        ("number of calls", one.repeat != other.repeat),
        ("tokenizer", beside(one) != beside(other)),
    ]
    .into_iter()
    .find(|(_, differs)| *differs)
    .map(|(what, _)| what)
}

/// The digests of what stands beside a language model's file.
fn beside(plan: &CellPlan) -> Option<(&Option<String>, &Option<String>)> {
    plan.language.as_ref().map(|it| (&it.tokenizer_sha256, &it.config_sha256))
}

impl SideCell {
    fn new(plan: CellPlan) -> Self {
        let state = State::Absent(Outcome::Unfinished, "no run has it".to_owned());
        Self { plan, state, hardware: None, times: BTreeMap::new(), counts: BTreeMap::new() }
    }

    fn add(&mut self, cell: &Cell, run: &Run) {
        let reason = || cell.reason.clone().unwrap_or_else(|| "no reason recorded".to_owned());
        self.hardware = self.hardware.or(cell.hardware);
        match cell.outcome {
            Outcome::Crashed | Outcome::Wrong | Outcome::Unsound | Outcome::Timeout | Outcome::OutOfMemory => {
                if !matches!(self.state, State::Failed(..)) {
                    self.state = State::Failed(cell.outcome, reason());
                }
                return;
            }
            Outcome::Unavailable | Outcome::Refused | Outcome::Published => {
                if matches!(self.state, State::Absent(..)) {
                    self.state = State::Absent(cell.outcome, reason());
                }
                return;
            }
            // A run that was cut short has times of what it came to, and they are times.
            Outcome::Measured | Outcome::Simulated | Outcome::Estimated | Outcome::Unfinished => {}
        }
        let mut any = false;
        for phase in Phase::ALL {
            let samples: Vec<&Sample> = run.samples.iter().filter(|s| is_of(s, &self.plan.id, phase)).collect();
            any |= !samples.is_empty();
            for metric in Metric::ALL {
                // A metric that some samples lack would compare some with all.
                let values: Option<Vec<f64>> = samples.iter().map(|sample| metric.of(sample)).collect();
                if let Some(values) = values.filter(|values| !values.is_empty()) {
                    self.times.entry((phase, metric)).or_default().push(values);
                }
            }
        }
        match &self.state {
            State::Absent(..) if any => self.state = State::Timed,
            State::Absent(..) => self.state = State::Absent(cell.outcome, reason()),
            State::Timed | State::Failed(..) => {}
        }
        let counts = [
            ("proof bytes", cell.proof_bytes),
            ("proving key bytes", cell.proving_key_bytes),
            ("verifying key bytes", cell.verifying_key_bytes),
            ("rows", cell.rows),
            ("cycles", cell.cycles),
        ];
        for (name, count) in counts.into_iter().filter_map(|(name, count)| Some((name, count?))) {
            let largest = self.counts.entry(name).or_default();
            *largest = count.max(*largest);
        }
    }

    /// Seconds of one call; a value a run where `by_run`, else a value a sample.
    pub(crate) fn times(&self, phase: Phase, metric: Metric, by_run: bool) -> Vec<f64> {
        let Some(runs) = self.times.get(&(phase, metric)) else { return Vec::new() };
        if by_run { runs.iter().filter_map(|run| stats::median(run)).collect() } else { runs.concat() }
    }
}

fn is_of(sample: &Sample, cell: &CellId, phase: Phase) -> bool {
    sample.is_whole_and_good()
        && sample.phase == phase
        && sample.workload == cell.workload
        && sample.backend == cell.backend
}
