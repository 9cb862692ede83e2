//! Tests of the circuits through halo2's own checker and through real proofs.

use zktee_testing as models;

mod adversary;
mod cells;
mod honest;
mod hostile;
mod random;
mod second;
mod statement;
mod tall;
mod upstream;
mod wide;
