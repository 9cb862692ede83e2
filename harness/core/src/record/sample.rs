//! `samples.csv`: one row a sample.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{CellId, Outcome, Phase};

/// One timed repetition of one phase, or of one stage of it, or the failure that stood in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The workload's name.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// The phase.
    pub phase: Phase,
    /// Empty for the whole phase, else the part of it that this row times. Stages repeat no column but the times.
    pub stage: Option<String>,
    /// Which round of the interleaved run, from 0.
    pub round: u32,
    /// Which sample of this cell and phase, from 0.
    pub sample: u32,
    /// `measured`; `estimated` where only a part of the work was done; or what went wrong.
    pub outcome: Outcome,
    /// Why, when it went wrong, with the fix where one is known; of an estimate the arithmetic.
    pub reason: Option<String>,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// Wall-clock seconds of the call.
    pub wall_s: Option<f64>,
    /// User CPU seconds of the call.
    pub user_s: Option<f64>,
    /// System CPU seconds of the call.
    pub system_s: Option<f64>,
    /// Wall-clock seconds of the process's first call, before any warm-up; as the worker read it. Runs of before this was recorded have none.
    #[serde(default)]
    pub first_wall_s: Option<f64>,
    /// Instructions of the call in user space, where they can be counted. Runs of before this was recorded lack the column.
    pub instructions: Option<u64>,
    /// Calls that the times are a mean of.
    pub iterations: Option<u64>,
    /// Seconds that the worker spent outside the call.
    pub untimed_s: Option<f64>,
    /// The runner's own clock for the whole request.
    pub runner_wall_s: Option<f64>,
    /// Peak resident memory during the call, as the worker read it.
    pub peak_rss_bytes: Option<u64>,
    /// Peak resident memory of the process group, as the runner saw it.
    pub group_rss_bytes: Option<u64>,
    /// Bare proof or attestation document.
    pub proof_bytes: Option<u64>,
    /// Proving key.
    pub proving_key_bytes: Option<u64>,
    /// Verifying key.
    pub verifying_key_bytes: Option<u64>,
    /// Witness.
    pub witness_bytes: Option<u64>,
    /// Structured reference string.
    pub srs_bytes: Option<u64>,
    /// Constraint rows.
    pub rows: Option<u64>,
    /// Cycles of a virtual machine.
    pub cycles: Option<u64>,
    /// Largest absolute difference to the float reference.
    pub max_abs_error: Option<f64>,
    /// Mean absolute difference to the float reference.
    pub mean_abs_error: Option<f64>,
    /// Share of inputs whose class equals the float reference's.
    pub class_agreement: Option<f64>,
    /// Share of inputs whose class equals the label.
    pub accuracy: Option<f64>,
    /// In `verify`: accepted, and bound to the inputs sent and the outputs reported.
    pub verified: Option<bool>,
    /// SHA-256 of the evidence file.
    pub evidence_sha256: Option<String>,
    /// The machine's load average over one minute before the sample.
    pub load_1m: Option<f64>,
    /// [`SampleFlag`]s, separated by `;`.
    pub flags: Option<String>,
    /// Notes of the worker, separated by ` | `.
    pub notes: Option<String>,
}

/// What makes a sample worth a second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleFlag {
    /// The worker's clocks do not add up to the runner's.
    ClockMismatch,
    /// The worker claims more CPU time than there was.
    CpuMismatch,
    /// The parts of the call take longer than the whole.
    StageMismatch,
}

impl SampleFlag {
    /// The name used in the CSV files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClockMismatch => "clock-mismatch",
            Self::CpuMismatch => "cpu-mismatch",
            Self::StageMismatch => "stage-mismatch",
        }
    }
}

impl Sample {
    /// A row with its names, `measured`, and nothing else.
    pub fn blank(cell: &CellId, phase: Phase) -> Self {
        Self {
            workload: cell.workload.clone(),
            backend: cell.backend.clone(),
            phase,
            stage: None,
            round: 0,
            sample: 0,
            outcome: Outcome::Measured,
            reason: None,
            started_at: String::new(),
            wall_s: None,
            user_s: None,
            system_s: None,
            first_wall_s: None,
            instructions: None,
            iterations: None,
            untimed_s: None,
            runner_wall_s: None,
            peak_rss_bytes: None,
            group_rss_bytes: None,
            proof_bytes: None,
            proving_key_bytes: None,
            verifying_key_bytes: None,
            witness_bytes: None,
            srs_bytes: None,
            rows: None,
            cycles: None,
            max_abs_error: None,
            mean_abs_error: None,
            class_agreement: None,
            accuracy: None,
            verified: None,
            evidence_sha256: None,
            load_1m: None,
            flags: None,
            notes: None,
        }
    }

    /// User and system CPU seconds together.
    pub fn cpu_s(&self) -> Option<f64> {
        Some(self.user_s? + self.system_s?)
    }

    /// Whether nothing went wrong: it was timed, or worked out from a part that was.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Measured | Outcome::Estimated)
    }

    /// Whether it times the whole phase and nothing went wrong.
    pub fn is_whole_and_good(&self) -> bool {
        self.stage.is_none() && self.is_good()
    }
}
