//! Sums Σ sᵢ Pᵢ over points of BN254's G1: [`FixedBase`] for those that never change, as the Lagrange points of a reference string, [`msm`] for
//! those that come once, as a verifier's.
//!
//! Pippenger's bucket method with all windows merged (Brickell, Gordon, `McCurley` and Wilson, Fast exponentiation with
//! precomputation, EUROCRYPT 1992): the table holds 2^(cj) Pᵢ for every window j of c bits, so a scalar is a sum of signed digits
//! whose points all go into one set of buckets, and there is one sum Σ d `B_d` over buckets a call and no doubling:
//!
//! ```text
//!   scalars ── digits (d, j, i) ── sorted by |d| ── buckets B_d ─┬─ rows    R_u = Σ_v B_(u 2^k + v) ─┬─ 2^k Σ u R_u + Σ v C_v
//!                                                                └─ columns C_v = Σ_u B_(u 2^k + v) ─┘
//! ```
//!
//! All sums but the last are of affine points, and those of a round share one field inversion (Montgomery's trick; Cohen, A
//! Course in Computational Algebraic Number Theory, 10.3.4). A call of N digits and M buckets takes about N + M additions of
//! six multiplications.

mod buckets;
mod digits;
mod field;
mod fixed_base;
mod shape;
mod sums;
mod table;
mod variable_base;

#[cfg(test)]
mod tests;

pub use fixed_base::FixedBase;
pub use variable_base::msm;
