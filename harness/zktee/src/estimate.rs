//! How long a sample of everything in a cell takes: what the published run took, on its machine.

use std::collections::BTreeMap;

use serde::Deserialize;
use zktee_core::vocabulary::CellId;

/// The cells of the published run, made by `zktee run` with the code of its commit.
const PUBLISHED: &str = include_str!("../../../reports/published/cells.csv");

/// The columns that an estimate needs; an older or newer published run may have others.
#[derive(Debug, Deserialize)]
struct PublishedCell {
    workload: String,
    backend: String,
    outcome: String,
    calls: u64,
    setup_wall_s_median: Option<f64>,
    infer_wall_s_median: Option<f64>,
    prove_wall_s_median: Option<f64>,
    verify_wall_s_median: Option<f64>,
}

impl PublishedCell {
    /// One sample of each phase, seconds: the table's times are of all calls.
    fn one_of_each_s(&self) -> Option<f64> {
        // Worked out from a part of a phase: how long the part took stands in samples.csv alone.
        if self.outcome == "estimated" && self.calls <= 1 {
            return None;
        }
        let calls = [self.infer_wall_s_median, self.prove_wall_s_median, self.verify_wall_s_median];
        let one_call: f64 = calls.into_iter().flatten().map(|s| s / self.calls.max(1) as f64).sum();
        Some(self.setup_wall_s_median? + one_call)
    }
}

/// Seconds by cell.
#[derive(Debug)]
pub(crate) struct Estimates(BTreeMap<CellId, f64>);

impl Estimates {
    /// Those of the published run.
    pub(crate) fn published() -> Self {
        let mut reader = csv::Reader::from_reader(PUBLISHED.as_bytes());
        let cells = reader.deserialize().filter_map(Result::<PublishedCell, _>::ok);
        Self(
            cells
                .filter_map(|cell| Some((CellId::new(&cell.workload, &cell.backend), cell.one_of_each_s()?)))
                .collect(),
        )
    }

    /// One sample of each phase of a cell, seconds; none for cells that the published run does not have.
    pub(crate) fn cell_s(&self, cell: &CellId) -> Option<f64> {
        self.0.get(cell).copied()
    }
}
