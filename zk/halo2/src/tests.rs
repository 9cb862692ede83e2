//! Tests of the circuits through halo2's own checker and through real proofs.

mod honest;
mod proofs;
