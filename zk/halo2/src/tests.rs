//! Tests of the circuits through halo2's own checker and through real proofs.

mod adversary;
mod cells;
mod models;
mod second;
mod statement;
mod tall;
mod wide;
