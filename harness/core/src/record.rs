//! What a run leaves behind: raw samples, the plan that they follow, and the machine. All tables, plots and reports are made from
//! these alone. `docs/results.md` defines every column.

mod environment;
mod generation;
mod load;
mod probe;
mod run;
mod sample;

pub use environment::Environment;
pub use generation::{GenerationRow, TokenRow};
pub use load::{LoadRequest, LoadRow};
pub use probe::{ProbeRow, ProbeVerdict};
pub use run::{
    CellPlan, LanguagePlan, MergedRun, RunRecord, SCHEMA, Settings, Shard, Task, backend_on_machine,
    backend_without_machine,
};
pub use sample::{Sample, SampleFlag};

/// File names inside a run's folder.
pub mod files {
    /// The plan and the backends' descriptions.
    pub const RUN: &str = "run.json";
    /// A row a sample.
    pub const SAMPLES: &str = "samples.csv";
    /// A row a cell.
    pub const CELLS: &str = "cells.csv";
    /// A row a forgery that a verifier was shown.
    pub const PROBES: &str = "probes.csv";
    /// A row a load, where there are enclaves.
    pub const LOAD: &str = "load.csv";
    /// A row an answer of a language model, where there are any.
    pub const GENERATIONS: &str = "generations.csv";
    /// A row a token of such an answer.
    pub const TOKENS: &str = "tokens.csv";
    /// The machine.
    pub const ENVIRONMENT: &str = "environment.json";
    /// What happened, line by line.
    pub const LOG: &str = "run.log";
    /// The folder of evidence files.
    pub const EVIDENCE: &str = "evidence";
}
