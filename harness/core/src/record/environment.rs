//! `environment.json`: the machine that the numbers belong to.

use serde::{Deserialize, Serialize};

/// The machine, its software and the code that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// CPU brand string.
    pub cpu: String,
    /// CPU flags that provers care for, e.g. `avx2`, `avx512f`, `bmi2`, `adx`.
    pub cpu_features: Vec<String>,
    /// Logical cores that this process may use.
    pub cores: usize,
    /// Memory.
    pub memory_bytes: u64,
    /// Operating system and release.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Whether a hypervisor is present: its name, or `yes`.
    pub virtualisation: Option<String>,
    /// The type of the cloud instance, where the firmware names one: prices go by it. Runs of before this was recorded have none.
    #[serde(default)]
    pub instance: Option<String>,
    /// CPU frequency governor, where it can be read.
    pub governor: Option<String>,
    /// `rustc --version` that built the runner.
    pub rustc: String,
    /// Target triple and optimisation profile of the runner.
    pub build: String,
    /// Commit that the runner was built from, with `+dirty` where the tree had changes; none outside a checkout.
    pub commit: Option<String>,
    /// Versions of what else takes part, by name.
    pub versions: std::collections::BTreeMap<String, String>,
    /// The machine's load average over one minute at the start.
    pub load_1m: Option<f64>,
}
