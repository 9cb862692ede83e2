//! Reference strings for KZG commitments over BN254, as EZKL and halo2 read them: made, checked, and cut down for a verifier.
//!
//! **For benchmarks alone.** A structured reference string (SRS) is sound only if nobody knows the secret `s` that it was made
//! from. [`generate()`] draws `s` itself, in this process: whoever runs it could forge proofs under its string. A string for real
//! use comes from a ceremony of many parties. The secret is never written or shown and is dropped after use, but its memory is
//! not wiped.
//!
//! ```text
//!   secret s ──┬─ 1, s, s², …             ─┐
//!              └─ L₀(s), L₁(s), …         ─┴─ fixed-base table of G ──> file ──┬─ check          before it is used
//!                                                                              └─ verifier_part  388 bytes, whatever k
//! ```
//!
//! The file is what halo2's `ParamsKZG::write` makes, all integers little-endian, points uncompressed with their coordinates in
//! Montgomery form; the point at infinity never occurs:
//!
//! | bytes      | content                                                                              |
//! |------------|--------------------------------------------------------------------------------------|
//! | 4          | k                                                                                    |
//! | 64 · 2^k   | \[s^i\]G for i = 0 … 2^k − 1                                                         |
//! | 64 · 2^k   | \[L_i(s)\]G for the Lagrange basis over the 2^k-th roots of unity, in natural order  |
//! | 128        | the generator of G2                                                                  |
//! | 128        | \[s\]G2                                                                              |

mod check;
mod error;
mod fixed_base;
mod format;
mod generate;
mod verifier;

pub use check::{Depth, check, check_to};
pub use error::{Relation, SrsError};
pub use format::{G1_BYTES, G2_BYTES, MAX_K, MIN_K, Position, VERIFIER_BYTES, file_bytes};
pub use generate::{generate, write_atomically};
pub use verifier::verifier_part;
