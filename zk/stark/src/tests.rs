//! Honest proofs, and forgeries through the real prover and verifier.

mod adversary;
mod bounds;
mod first;
mod honest;
mod hostile;
mod models;
mod parameters;
mod phases;
mod random;
mod second;
mod statement;
