//! A prover and a verifier for halo2-axiom circuits of gates alone.
//!
//! Circuits have advice columns in up to three phases with challenges, fixed columns, instance columns and gates; no copy constraints
//! and no lookups. Keys and proofs are upstream's, with KZG on BN254, SHPLONK and a `BLAKE2b` transcript: upstream's
//! verifier takes the proofs (they are not the same bytes, since randomness is drawn in another order), and the [`Verifier`] here takes and
//! refuses what it does. What makes them cheaper is
//!
//! * commitments by tables of the reference string's Lagrange points alone ([`msm`]): every polynomial is committed to, evaluated
//!   and opened by its values on the domain, so that the powers are needed nowhere;
//! * constraints evaluated on as many cosets as their degree needs, by a program made of the gates beforehand;
//! * sums of products with one reduction each.
//!
//! Besides the tables, a [`Prover`] keeps the fixed columns' values on cosets, up to 512 MB of them or what [`Prover::with_cache`] says; a
//! proof takes memory for every advice column's values on each coset that it is read on.

mod circuit;
mod column;
mod commit;
mod error;
pub mod fft;
mod gates;
pub mod msm;
mod opening;
mod prover;
mod quotient;
mod timings;
mod verifier;
mod wide;

pub use column::{Column, Witness};
pub use error::{ProveError, Rejection, Unsupported};
pub use prover::{Proof, Prover};
pub use timings::{Stage, Timing, Timings};
pub use verifier::Verifier;
