//! What a run works on: the built-in workloads and those of a user's `zktee.toml`, with readers for their inputs.
//!
//! ```text
//!   zktee_models::workload ── builtins() ──────────┐
//!                                                  ├──> Workload
//!   zktee.toml ── Config::load ──┬─ model, inputs ─┘
//!                                └─ ExternalWorker, a Provider ──> backends of the user's own
//! ```
//!
//! `docs/configuration.md` describes the file. Everything in it is checked when it is loaded, so that a mistake costs a message
//! and not a run.

mod builtin;
mod config;
mod error;
mod example;
pub mod inputs;
mod model;
mod names;
mod worker;
mod workload;

pub use builtin::{
    BATCH_NAMES, BUILTIN_NAMES, BuiltinError, SCALE_FAMILIES, ScaleFamily, ScaleMember, builtin, builtins, scale_member,
};
pub use config::{Config, FILE_NAME, Taken};
pub use error::{ConfigError, Problem};
pub use example::EXAMPLE;
pub use worker::ExternalWorker;
pub use workload::Workload;
