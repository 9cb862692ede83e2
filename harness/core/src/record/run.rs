//! `run.json`: the plan, and what each backend said of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::{Description, Generation};
use crate::record::Environment;
use crate::vocabulary::{CellId, Outcome};

/// The version of the whole folder's layout. A folder of a newer one is not touched.
pub const SCHEMA: u32 = 1;

/// The plan of a run and what became known of its cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The folder's layout: [`SCHEMA`].
    pub schema: u32,
    /// The version of zktee that measured.
    pub zktee_version: String,
    /// When the run began, RFC 3339, UTC.
    pub started_at: String,
    /// The command line, program name first.
    pub command: Vec<String>,
    /// What holds for every cell.
    pub settings: Settings,
    /// The cells in the order of the tables.
    pub cells: Vec<CellPlan>,
    /// What each backend said of itself, by backend with profile.
    pub descriptions: BTreeMap<String, Description>,
    /// What each backend said of itself where it answers for language models: that may be another program.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub language_descriptions: BTreeMap<String, Description>,
    /// The part that this is of a larger plan; none where it is the whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The runs that were put together here; none where it was measured as it stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedRun>,
}

impl RunRecord {
    /// What the backend of a cell said of itself.
    pub fn description(&self, plan: &CellPlan) -> Option<&Description> {
        let of_kind = if plan.language.is_some() { &self.language_descriptions } else { &self.descriptions };
        of_kind.get(&plan.id.backend)
    }
}

/// One of the parts that a plan was split into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub index: u32,
    /// How many parts there are.
    pub count: u32,
    /// The cells of the whole plan, in its order.
    pub plan: Vec<CellId>,
}

/// One of the runs that a merged one was put together from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedRun {
    /// Its folder, as it was named.
    pub folder: String,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// Its command line.
    pub command: Vec<String>,
    /// Its part of the plan, from 1; none where it was no part of one.
    pub shard: Option<u32>,
    /// Which kind of machine it was measured on, from 1. Backends of machine 1 keep their names.
    pub machine: u32,
    /// That machine.
    pub environment: Environment,
}

/// What stands before the machine's number in the name of a backend of a merged run.
const ON_MACHINE: &str = " (machine ";

/// The name of a backend in a merged run's row for one kind of machine: on machine 1 its own.
pub fn backend_on_machine(backend: &str, machine: u32) -> String {
    if machine <= 1 { backend.to_owned() } else { format!("{backend}{ON_MACHINE}{machine})") }
}

/// A backend's own name, from the name that it may have in a merged run.
pub fn backend_without_machine(name: &str) -> &str {
    let number = |rest: &str| rest.strip_suffix(')').is_some_and(|it| it.parse::<u32>().is_ok());
    match name.rsplit_once(ON_MACHINE) {
        Some((backend, rest)) if number(rest) => backend,
        _ => name,
    }
}

/// What holds for every cell of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Threads of each worker.
    pub threads: usize,
    /// Samples wanted of each phase.
    pub samples: u32,
    /// Fewer samples than this mark a cell.
    pub min_samples: u32,
    /// Untimed calls before the first sample of a phase in a process, where they are cheap.
    pub warmup: u32,
    /// No sample is begun that is expected to end later than so many seconds after the start.
    pub time_budget_s: Option<f64>,
    /// Longest time for one request, seconds.
    pub timeout_s: f64,
    /// Most memory of a worker's process group.
    pub memory_limit_bytes: Option<u64>,
    /// Most room that a worker's folder may take on the disk. Runs of before this was recorded had no limit.
    #[serde(default)]
    pub disk_limit_bytes: Option<u64>,
    /// Whether it is a quick look.
    pub quick: bool,
    /// The type of machine that costs are reckoned with though the run was on another: somebody's assumption, and reported as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_instance: Option<String>,
    /// Whether verifiers are shown forgeries after the timed samples. Runs of before this was recorded showed none.
    #[serde(default)]
    pub probes: bool,
}

/// What kind of answer a model gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Numbers.
    Regression,
    /// The class is the largest output.
    Classification,
    /// A text that is gone on with.
    Generation,
}

/// What a cell of a language model has in the place of inputs, tolerance and classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LanguagePlan {
    /// What the model is asked.
    pub generation: Generation,
    /// Bytes of the model's files.
    pub model_bytes: u64,
    /// Whether the weights were drawn at random: the shape of a model, which has learnt nothing.
    pub random_weights: bool,
    /// SHA-256 of `config.json`, where there is one beside the model's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_sha256: Option<String>,
    /// SHA-256 of the tokenizer's file, where there is one beside the model's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer_sha256: Option<String>,
}

/// One cell's part of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellPlan {
    /// The cell.
    pub id: CellId,
    /// Inputs of one call.
    pub batch: usize,
    /// Calls that make up the workload; only a sample of them is measured when it is more than one, and times are extrapolated.
    pub repeat: u64,
    /// Kind of answer.
    pub task: Task,
    /// Largest absolute difference to the float reference that counts as right.
    pub tolerance: f64,
    /// Smallest share of inputs whose class equals the float reference's.
    pub min_class_agreement: f64,
    /// Multiplications by a weight for one input, where the model is of layers that can be counted. Runs of before this was
    /// recorded have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplications: Option<u64>,
    /// SHA-256 of the model's file: ONNX, or a language model's weights.
    pub model_sha256: String,
    /// SHA-256 of the inputs as little-endian f32, row-major; of a language model's question as compact JSON.
    pub inputs_sha256: String,
    /// Where the model is a language model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguagePlan>,
    /// An outcome known before the first worker starts (`unavailable`, `refused`), with its reason and fix.
    pub decided: Option<(Outcome, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_another_machine_still_names_its_backend() {
        assert_eq!(backend_on_machine("halo2/public-input", 1), "halo2/public-input");
        for name in ["native", "halo2/public-input", "mine (machine x)"] {
            assert_eq!(backend_without_machine(&backend_on_machine(name, 12)), name);
            assert_eq!(backend_without_machine(name), name);
        }
    }
}
