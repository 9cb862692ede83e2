//! The times of a sample that are compared.

use std::fmt;

use serde::{Deserialize, Serialize};
use zktee_core::record::Sample;

/// A kind of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// What a clock on the wall shows: what a user waits for. Other programs on the machine stretch it.
    Wall,
    /// User and system time of all threads: what the work costs. Steadier than wall time on a machine that is shared.
    Cpu,
}

impl Metric {
    /// Both, in the order of the tables.
    pub const ALL: [Self; 2] = [Self::Wall, Self::Cpu];

    /// The name in tables and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "cpu",
        }
    }

    /// Seconds of a sample; none where it was not recorded.
    pub fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Wall => sample.wall_s,
            Self::Cpu => sample.cpu_s(),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
