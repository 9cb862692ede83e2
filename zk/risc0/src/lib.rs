//! RISC Zero as a backend.
//!
//! ```text
//!   Risc0 (provider) ── compiles on first need ──▶ prover/ (a workspace of its own): execute, prove, verify
//!                                                     ▲ lines of JSON
//!   Risc0Worker ── the worker protocol, the twin ─────┘
//!   guests/program/   what is proven, tested here bit for bit      elf/        the guests, committed
//!   guests/           the same, for the virtual machine            verifier/   receipts, by image id
//! ```
//!
//! The prover is three hundred crates and four minutes of C++: nothing that every build of zktee should pay. So this crate holds
//! what is light, and the prover is compiled when a run asks for it. `docs/risc0.md` tells the rest.

mod account;
mod build;
mod expectation;
mod program;
mod prover;
mod provider;
mod targets;
mod words;
mod worker;

pub use expectation::{Expectation, Other};
pub use program::Program;
pub use provider::{PROVER_VARIABLE, Risc0};
pub use targets::fit_targets;
pub use words::{digest, model_words};
pub use worker::Risc0Worker;

/// The release that is measured.
pub const RISC0_VERSION: &str = "3.0.6";
