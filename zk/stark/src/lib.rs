//! A transparent proof that an integer model gives these outputs on these inputs: a STARK over a field of 31 bits.
//!
//! ```text
//!   IntegerModel ──▶ network ──▶ layout ──▶ key ──▶ prove ──▶ evidence ──▶ verify
//!                    stages      lanes,     one file  two phases,  file       the identity at one
//!                                ranges     for both  FRI                     point, FRI
//! ```
//!
//! The protocol is our own, of two phases; field, transforms, Merkle trees, FRI and the challenger are Plonky3's. All weights are public
//! and enter through vectors that prover and verifier both work out from a challenge; nothing is committed to but small integers, one
//! column of helpers a lane and one running sum. `stark/zk` hides the input and is zero-knowledge; the other profiles hide nothing.
//! `docs/stark.md` has the protocol, term by term.

mod bounds;
mod challenges;
mod constraints;
mod degrees;
pub mod evidence;
mod field;
pub mod fuzzing;
mod key;
mod layout;
mod masks;
mod parameters;
mod preamble;
mod proof;
mod prove;
mod provider;
mod quotient;
mod relation;
mod second;
mod security;
mod timings;
mod verify;
mod weights;
mod witness;
mod worker;

pub use bounds::Wraps;
pub use key::{Key, KeyError};
pub use layout::LayoutError;
pub use parameters::{MIN_BITS, Parameters, Profile};
pub use prove::{ProofError, Proven};
pub use provider::Stark;
pub use security::{Security, Term};
pub use timings::{STAGES, Timing};
pub use verify::Rejected;
pub use worker::StarkWorker;

/// The version of the building blocks.
pub const PLONKY3_VERSION: &str = "0.8.0";

#[cfg(test)]
mod tests;
