//! What is compared of a sample: its times, and the instructions that it took.

use std::fmt;

use serde::{Deserialize, Serialize};
use zktee_core::record::Sample;
use zktee_report::units;

/// A kind of time, or what stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// What a clock on the wall shows: what a user waits for. Other programs on the machine stretch it.
    Wall,
    /// User and system time of all threads: what the work costs. Steadier than wall time on a machine that is shared.
    Cpu,
    /// Instructions in user space, where the processor's counter could be had: hardly moved by what else the machine does, but not what
    /// a user waits for.
    Instructions,
}

impl Metric {
    /// Both times, in the order of the tables.
    pub const TIMES: [Self; 2] = [Self::Wall, Self::Cpu];
    /// All, in the order of the tables.
    pub const ALL: [Self; 3] = [Self::Wall, Self::Cpu, Self::Instructions];

    /// The name in tables and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "cpu",
            Self::Instructions => "instructions",
        }
    }

    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Wall | Self::Cpu => units::seconds(value),
            Self::Instructions => units::count(value.round() as u64),
        }
    }

    /// Seconds, or instructions, of a sample; none where it was not recorded.
    pub fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Wall => sample.wall_s,
            Self::Cpu => sample.cpu_s(),
            Self::Instructions => sample.instructions.map(|count| count as f64),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
