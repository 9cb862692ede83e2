//! How far a run is, from its samples alone.

use std::collections::{BTreeMap, BTreeSet};

use zktee_core::record::Sample;
use zktee_core::vocabulary::{CellId, Outcome, Phase};

/// How many samples there are of what, and which cells are done for.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) taken: BTreeMap<(CellId, Phase), u32>,
    pub(crate) failed: BTreeSet<CellId>,
    /// Seconds that the last sample of each phase took, all calls and the process around them.
    last_s: BTreeMap<(CellId, Phase), f64>,
}

impl Progress {
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let mut progress = Self::default();
        for sample in samples {
            progress.count(sample);
        }
        progress
    }

    pub(crate) fn count(&mut self, sample: &Sample) {
        let cell = CellId::new(&sample.workload, &sample.backend);
        if sample.is_whole_and_good() {
            let key = (cell, sample.phase);
            // An estimate is of more than was done.
            let took_s = match sample.outcome {
                Outcome::Estimated => sample.runner_wall_s,
                _ => sample.wall_s.map(|s| s * sample.iterations.unwrap_or(1) as f64),
            };
            self.last_s.insert(key.clone(), took_s.unwrap_or(0.0));
            *self.taken.entry(key).or_default() += 1;
        } else if sample.stage.is_none() {
            self.failed.insert(cell);
        }
    }

    pub(crate) fn taken(&self, cell: &CellId, phase: Phase) -> u32 {
        self.taken.get(&(cell.clone(), phase)).copied().unwrap_or(0)
    }

    /// What one more round of a cell is expected to take; nothing is known before the first.
    pub(crate) fn expected_s(&self, cell: &CellId) -> f64 {
        const PROCESS_S: f64 = 0.2;
        Phase::ALL.into_iter().filter_map(|phase| self.last_s.get(&(cell.clone(), phase))).map(|s| s + PROCESS_S).sum()
    }

    /// Rounds that a cell has gone through, some of its phases at least.
    pub(crate) fn rounds(&self, cell: &CellId) -> u32 {
        Phase::ALL.into_iter().map(|phase| self.taken(cell, phase)).max().unwrap_or(0)
    }
}
