//! How long the stages of a proof took.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A stage of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The witness's columns of a phase (from 0), which the caller works out, and meanwhile what can be done of earlier phases and
    /// of the random polynomial.
    Witness(u8),
    /// Commitments to a phase's columns.
    Commit(u8),
    /// Columns on cosets, as far as there was no time for them earlier, and the quotient's values.
    Quotient,
    /// Commitments to the quotient's pieces.
    CommitQuotient,
    /// Values at the challenge.
    Evaluations,
    /// The opening with its two commitments.
    Opening,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Witness(phase) => write!(f, "witness of phase {}", phase + 1),
            Self::Commit(phase) => write!(f, "commitments of phase {}", phase + 1),
            Self::Quotient => f.write_str("quotient"),
            Self::CommitQuotient => f.write_str("commitments of the quotient"),
            Self::Evaluations => f.write_str("evaluations"),
            Self::Opening => f.write_str("opening"),
        }
    }
}

/// Time that a stage took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Which stage.
    pub stage: Stage,
    /// By the clock.
    pub wall: Duration,
    /// By the processors, for the whole process: everything else that runs in it counts as well.
    pub cpu: Duration,
}

/// The stages of a proof, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timings {
    stages: Vec<Timing>,
}

impl Timings {
    /// The stages, in order.
    pub fn stages(&self) -> &[Timing] {
        &self.stages
    }
}

/// Takes the time between calls.
#[derive(Debug)]
pub(crate) struct Clock {
    timings: Timings,
    wall: Duration,
    cpu: Duration,
}

fn now(clock: ClockId) -> Duration {
    // These clocks exist on every system that this can be built for.
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

const CPU: ClockId = ClockId::CLOCK_PROCESS_CPUTIME_ID;
const WALL: ClockId = ClockId::CLOCK_MONOTONIC;

impl Clock {
    /// Begins the first stage.
    pub(crate) fn start() -> Self {
        Self { timings: Timings::default(), wall: now(WALL), cpu: now(CPU) }
    }

    /// Ends a stage, and begins the next one.
    pub(crate) fn end(&mut self, stage: Stage) {
        let (wall, cpu) = (now(WALL), now(CPU));
        let timing = Timing { stage, wall: wall.saturating_sub(self.wall), cpu: cpu.saturating_sub(self.cpu) };
        self.timings.stages.push(timing);
        (self.wall, self.cpu) = (wall, cpu);
    }

    /// The stages that have ended.
    pub(crate) fn finish(self) -> Timings {
        self.timings
    }
}
