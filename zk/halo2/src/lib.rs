//! Integer models as halo2 circuits with KZG on BN254.
//!
//! ```text
//!   IntegerModel ──▶ network ──▶ plan ──▶ spec ──▶ keys ──▶ prove ──▶ evidence ──▶ verify
//!                    stages      which    circuit  halo2's   witness    file       our
//!                                layout            keygen    our prover            verifier
//! ```
//!
//! Keys and proofs are upstream's (halo2-axiom, imported as `halo2_proofs`); prover and verifier are those of `zktee-halo2-prover`. Two
//! layouts share the range checks (`logup`): `tall` for large models, `wide` for small ones on many inputs. `docs/halo2.md` explains both,
//! with drawings.

mod cache;
mod circuit;
mod cost;
pub mod evidence;
mod explain;
mod field;
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod logup;
mod picture;
mod plan;
mod prove;
mod provider;
mod spec;
mod srs;
mod statement;
#[doc(hidden)]
pub mod stock;
mod tall;
mod verify;
mod wide;
mod worker;

pub use cache::Origin;
pub use cost::Cost;
pub use explain::{ColumnCounts, Explanation};
pub use keys::{KeyError, ProvingKey, VerifyingKey};
pub use picture::PictureError;
pub use plan::{Considered, Plan};
pub use prove::{ProofError, Proven};
pub use provider::{Halo2, Statement};
pub use spec::{Design, Spec, SpecError};
pub use srs::{ReferenceString, Source, SrsUnavailable};
pub use tall::TallParameters;
pub use verify::Rejected;
pub use wide::WideParameters;
pub use worker::Halo2Worker;
pub use zktee_integer::network;

/// The version of the proof system.
pub const HALO2_VERSION: &str = "0.5.3";

#[cfg(test)]
mod tests;
