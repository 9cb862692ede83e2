//! Integer models as halo2 circuits with the inner-product argument: no trusted setup.
//!
//! ```text
//!   IntegerModel ─ program ─▶ operations ─ plan ─▶ shape ─ layout ─▶ fixed columns, copies, steps ─ circuit ─▶ keys
//!                                                                                      │
//!                                                              inputs ─ witness ───────┴─▶ proof ─▶ evidence
//! ```
//!
//! The circuit has the classic layout of dot products, as zkml has it (Chen, Waiwitlikhit, Stoica, Kang, "ZKML: An Optimizing System
//! for ML Inference in Zero-Knowledge Proofs", `EuroSys` 2024): inputs and weights stand side by side, a gate adds up a row's products,
//! a division with a remainder from a lookup table rescales. It is proven with zcash's `halo2_proofs`, whose commitments are over the
//! Pasta curves and opened by an inner-product argument, so that its parameters hold no secret. Against the other halo2 backend it shows
//! what that costs, and what a setup that must be trusted buys.
//!
//! Where this departs from zkml it is for soundness, or because of it:
//!
//! * Weights, biases and divisors are in fixed columns, so the verifying key commits to them. zkml assigns its weights to advice
//!   columns, which bind nothing by themselves: such a proof says that *some* weights give this output, unless the circuit also hashes
//!   them (its `commit` option) and the verifier compares the hash. Fixed columns need no hash.
//! * As fixed columns cost the prover next to nothing, several dot products share one row's inputs.
//! * Every quotient is bounded on both sides, as is every remainder; see the table and the argument in `circuit.rs`.
//! * Inputs and outputs are public, both; the verifier checks the inputs' range itself.
//!
//! halo2 0.4.1 cannot write or read keys. The verifier's file is therefore the integer model with the digest of the pinned verifying
//! key; the verifier makes the key again from the model before it verifies, and compares. So a verifier knows the model, and nothing
//! that `prove` hands over has to be trusted.

mod circuit;
mod error;
mod evidence;
mod file;
mod keys;
mod layout;
mod pack;
mod plan;
mod program;
mod provider;
mod shape;
mod witness;
mod worker;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use evidence::{Evidence, EvidenceError};
pub use file::{FileError, VerifierFile};
pub use keys::{Keys, Proven, Size, VerifierKey, prove, verify};
pub use provider::Halo2Ipa;
pub use worker::Halo2IpaWorker;

/// The backend's name.
pub const NAME: &str = "halo2-ipa";

/// The version of `halo2_proofs` that proves and verifies.
pub const HALO2_VERSION: &str = "0.4.1";
