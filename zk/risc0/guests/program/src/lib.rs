//! What runs inside RISC Zero's virtual machine, as a library without the standard library and without dependencies.
//!
//! ```text
//!   words of a model ── Model::read ──▶ Model ── infer ──▶ outputs          (guest `predict`)
//!   words of data ───── Data::read ───▶ fit ── matches? ──▶ infer ──▶ outputs   (guest `fit`)
//! ```
//!
//! A guest is these calls between reading and hashing. So the arithmetic that is proven can be tested without a virtual machine, bit
//! for bit against the integer reference, by an ordinary `cargo test`.
//!
//! Everything that enters is a sequence of 32-bit words: the machine reads them without a copy and hashes them with one instruction
//! a block. All values of an integer model are below 2^29 in magnitude (`zktee_models::integer::ACCUMULATOR_BOUND`), so `i32` holds
//! each of them and each partial sum.

#![no_std]

extern crate alloc;

#[expect(
    clippy::needless_range_loop,
    reason = "a triangle is copied to the other side: both indices are of one matrix"
)]
mod fit;
mod infer;
mod model;
mod statement;

pub use fit::{Data, FitError};
pub use infer::{InferError, infer};
pub use model::{Linear, Model, ModelError, Pool, Rescale, Stage};
pub use statement::{Statement, StatementError};
