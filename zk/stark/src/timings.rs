//! Where a proof's time went.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// The prover's parts, in order.
pub const STAGES: [&str; 10] = [
    "infer",
    "witness",
    "commit first",
    "public vectors",
    "second phase",
    "commit second",
    "quotient",
    "commit quotient",
    "open",
    "serialise",
];

/// One part of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Its name.
    pub stage: &'static str,
    /// Wall-clock time.
    pub wall: Duration,
    /// CPU time of all threads of the process.
    pub cpu: Duration,
}

/// Parts of a call, one after the other.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Instant,
    cpu: Duration,
    parts: Vec<Timing>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu(), parts: Vec::new() }
    }

    /// What has run since the last call was this.
    pub(crate) fn lap(&mut self, stage: &'static str) {
        let (now, used) = (Instant::now(), cpu());
        self.parts.push(Timing { stage, wall: now - self.wall, cpu: used.saturating_sub(self.cpu) });
        (self.wall, self.cpu) = (now, used);
    }

    pub(crate) fn stop(self) -> Vec<Timing> {
        self.parts
    }
}

/// CPU time of this process so far; 0 where it cannot be asked for.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
