//! Proofs by this crate, verified by upstream.

mod case;
mod common;
mod proofs;
mod random;
mod refusals;
