//! One run in short.

use serde::{Deserialize, Serialize};
use zktee_core::vocabulary::{CellId, Outcome, Phase};
use zktee_report::{Run, cells, stats, units};

use crate::metric::Metric;

/// The version of a line. A line of a newer one is left out with a warning.
pub(crate) const SCHEMA: u32 = 1;

/// A run in short: a line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The version of this form: 1.
    pub schema: u32,
    /// When the run began, RFC 3339, UTC.
    pub started_at: String,
    /// The version of zktee that measured.
    pub zktee_version: String,
    /// The commit of the runner.
    pub commit: Option<String>,
    /// Processor, cores, memory and virtualisation: runs of two machines are never joined by a line.
    pub machine: String,
    /// Threads of each worker.
    pub threads: usize,
    /// The cells in the plan's order.
    pub cells: Vec<EntryCell>,
}

/// A cell of a run in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryCell {
    /// The cell.
    pub id: CellId,
    /// What became of it.
    pub outcome: Outcome,
    /// SHA-256 of the model.
    pub model_sha256: String,
    /// SHA-256 of the inputs.
    pub inputs_sha256: String,
    /// Inputs of one call.
    pub batch: usize,
    /// Its times; empty where it failed or was not measured.
    pub times: Vec<EntryTime>,
}

/// One phase of a cell in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryTime {
    /// The phase.
    pub phase: Phase,
    /// Samples.
    pub n: usize,
    /// Median wall-clock time of one call, seconds.
    pub wall_s: f64,
    /// Median CPU time of one call, seconds.
    pub cpu_s: Option<f64>,
}

impl Entry {
    /// A run in short.
    pub fn of(run: &Run) -> Self {
        let environment = run.environment.as_ref();
        let machine = environment.map_or_else(
            || "unknown machine".to_owned(),
            |it| {
                let kind = it.virtualisation.as_deref().map_or_else(String::new, |kind| format!(", virtual: {kind}"));
                format!("{}, {} cores, {}{kind}", it.cpu, it.cores, units::bytes(it.memory_bytes))
            },
        );
        let of_cell = |(plan, cell): (&zktee_core::record::CellPlan, &zktee_report::Cell)| EntryCell {
            id: plan.id.clone(),
            outcome: cell.outcome,
            model_sha256: plan.model_sha256.clone(),
            inputs_sha256: plan.inputs_sha256.clone(),
            batch: plan.batch,
            times: if cell.outcome.has_times() { times(run, &plan.id) } else { Vec::new() },
        };
        Self {
            schema: SCHEMA,
            started_at: run.record.started_at.clone(),
            zktee_version: run.record.zktee_version.clone(),
            commit: environment.and_then(|it| it.commit.clone()),
            machine,
            threads: run.record.settings.threads,
            cells: run.record.cells.iter().zip(&cells(run)).map(of_cell).collect(),
        }
    }

    /// Whether both are of the same run: nothing else begins at the same millisecond on the same machine.
    pub fn is_same_run(&self, other: &Self) -> bool {
        (&self.started_at, &self.machine, &self.commit) == (&other.started_at, &other.machine, &other.commit)
    }

    /// When it began, as a time to sort by; none where the text is no time.
    pub fn began(&self) -> Option<jiff::Timestamp> {
        self.started_at.parse().ok()
    }

    /// What is wrong with it, though it could be read.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.schema > SCHEMA {
            return Some(format!("schema {}, and this zktee reads up to {SCHEMA}", self.schema));
        }
        if self.began().is_none() {
            return Some("`started_at` is no time".to_owned());
        }
        let bad = |value: f64| !value.is_finite() || value < 0.0;
        let mut times = self.cells.iter().flat_map(|cell| &cell.times);
        let any = times.any(|time| bad(time.wall_s) || time.cpu_s.is_some_and(bad));
        any.then(|| "a time that is not a finite number of at least 0".to_owned())
    }
}

fn times(run: &Run, cell: &CellId) -> Vec<EntryTime> {
    let of_phase = |phase: Phase| {
        let samples = || {
            run.samples.iter().filter(move |s| {
                s.phase == phase && s.is_whole_and_good() && s.workload == cell.workload && s.backend == cell.backend
            })
        };
        let median = |metric: Metric| {
            let values: Option<Vec<f64>> = samples().map(|sample| metric.of(sample)).collect();
            stats::median(&values?)
        };
        let wall_s = median(Metric::Wall)?;
        Some(EntryTime { phase, n: samples().count(), wall_s, cpu_s: median(Metric::Cpu) })
    };
    Phase::ALL.into_iter().filter_map(of_phase).collect()
}
