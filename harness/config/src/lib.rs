//! What a run works on: the built-in workloads and those of a user's `zktee.toml`, with readers for their inputs.
//!
//! ```text
//!   zktee_models::workload ── builtins() ──────────┐
//!                                                  ├──> Workload: tensors, or a language model
//!   zktee.toml ── Config::load ──┬─ model, inputs ─┤
//!                                ├─ language ──────┘
//!                                └─ ExternalWorker, a Provider ──> backends of the user's own
//! ```
//!
//! `docs/configuration.md` describes the file. Everything in it is checked when it is loaded, so that a mistake costs a message
//! and not a run.

mod builtin;
mod config;
mod error;
mod example;
#[doc(hidden)]
pub mod fuzzing;
pub mod inputs;
mod language;
mod model;
mod names;
mod package;
mod worker;
mod workload;

pub use builtin::{
    BATCH_NAMES, BUILTIN_NAMES, BuiltinError, LANGUAGE_NAMES, PACKAGES, SCALE_FAMILIES, SHAPE_NAME, ScaleFamily,
    ScaleMember, builtin, builtins, language, scale_member,
};
pub use config::{Config, FILE_NAME, Taken};
pub use error::{ConfigError, Problem};
pub use example::EXAMPLE;
pub use language::{Digests, FileError, Files, Language, Source, generation, name_for, question_sha256};
pub use package::Package;
pub use worker::ExternalWorker;
pub use workload::{Kind, Tensors, Workload};
