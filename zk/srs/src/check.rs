//! Whether a file is a reference string: that its points are points, and that one secret is behind them all.
//!
//! Three relations, after the generators and the curve equations (which every point must satisfy) are found right:
//!
//! * e(\[s\]G, G2) = e(G, \[s\]G2): both groups have the same secret.
//! * e(Σ `r_i` \[s^(i+1)\]G, G2) = e(Σ `r_i` \[s^i\]G, \[s\]G2) for random `r_i`: each power is s times the one before. One pairing
//!   tests them all (small-exponent batch verification; Bellare, Garay, Rabin, EUROCRYPT 1998).
//! * The Lagrange points, added up in m residue classes i mod m, are commitments to polynomials of which the coefficients are
//!   known in closed form and are zero but for every (n/m)th: `Σ_{i ≡ c mod m} L_i(X) = 1/m Σ_t ω_m^(−ct) X^(tn/m)`. A random
//!   combination of the m classes is compared with that of the m powers. With m = n that is the equality of two bases.
//!
//! What is compared are random combinations, so a file that fails is wrong, and one that is wrong may pass with a probability
//! that [`Depth`] sets.

use std::path::Path;

use halo2curves_axiom::bn256::{Bn256, Fr, G1, G1Affine, G2Affine, G2Prepared};
use halo2curves_axiom::ff::{Field, FromUniformBytes};
use halo2curves_axiom::fft::best_fft;
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::group::{Curve, Group};
use halo2curves_axiom::msm::msm_best;
use halo2curves_axiom::pairing::{MillerLoopResult, MultiMillerLoop};
use rand::RngExt;

use crate::error::{Relation, SrsError};
use crate::format::{Position, Source, file_bytes};
use crate::generate::root_of_unity;
use crate::verifier::check_generator;

/// How much a check may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Reads every point once: about a second for k = 19. Any single wrong point is found. Several wrong powers pass with a
    /// probability of 1/255 at most; several wrong Lagrange points pass only if the sum of every residue class of them modulo
    /// 256 stays as it is, as when two of one class are interchanged.
    #[default]
    Quick,
    /// Any wrong file is found but for a probability below 2^−63. Takes several times as long, and the points in memory.
    Full,
}

impl Depth {
    /// Bytes of a random coefficient of a power; each is at least 1.
    fn rounds(self) -> usize {
        match self {
            Self::Quick => 1,
            Self::Full => 8,
        }
    }

    /// The logarithm to base 2 of the number of residue classes that the Lagrange points are added up in.
    fn classes(self, k: u32) -> u32 {
        match self {
            Self::Quick => k.min(8),
            Self::Full => k,
        }
    }
}

/// Checks the file of a reference string of 2^`k` powers as far as [`Depth::Quick`] goes.
///
/// # Errors
/// [`SrsError`] naming the file and what is wrong with it.
pub fn check(path: &Path, k: u32) -> Result<(), SrsError> {
    check_to(path, k, Depth::Quick)
}

/// Checks the file of a reference string of 2^`k` powers. No content of the file makes it panic.
///
/// # Errors
/// [`SrsError`] naming the file and what is wrong with it.
pub fn check_to(path: &Path, k: u32, depth: Depth) -> Result<(), SrsError> {
    if file_bytes(k).is_none() {
        return Err(SrsError::SizeOutOfRange { k });
    }
    let mut source = Source::open(path)?;
    if source.k() != k {
        return Err(SrsError::Size { path: path.to_path_buf(), expected: k, got: source.k() });
    }
    let inconsistent = |relation| SrsError::Inconsistent { path: path.to_path_buf(), relation };

    let classes = depth.classes(k);
    let mut powers = Powers::new(depth.rounds(), k, classes);
    source.g1_section(Position::Power, |i, point| powers.take(i, &point))?;
    check_generator(path, Position::Power(0), &powers.first, &G1Affine::generator())?;

    let mut lagrange = vec![G1::identity(); 1 << classes];
    source.g1_section(Position::Lagrange, |i, point| lagrange[i & ((1 << classes) - 1)] += point)?;

    let g2 = source.g2(Position::G2)?;
    check_generator(path, Position::G2, &g2, &G2Affine::generator())?;
    let s_g2 = source.g2(Position::SecretG2)?;

    let sides = Sides { g2: G2Prepared::from(g2), s_g2: G2Prepared::from(s_g2) };
    if !sides.equal(&powers.second, &powers.first) {
        return Err(inconsistent(Relation::Secret));
    }
    for round in &powers.rounds {
        if !sides.equal(&round.later.sum().to_affine(), &round.earlier.sum().to_affine()) {
            return Err(inconsistent(Relation::Powers));
        }
    }
    if !same_basis(&lagrange, &powers.strided, classes) {
        return Err(inconsistent(Relation::Lagrange));
    }
    Ok(())
}

/// The two sides of a pairing equation.
struct Sides {
    g2: G2Prepared,
    s_g2: G2Prepared,
}

impl Sides {
    /// Whether `later` is s times `earlier`.
    fn equal(&self, later: &G1Affine, earlier: &G1Affine) -> bool {
        let product = Bn256::multi_miller_loop(&[(later, &self.g2), (&-*earlier, &self.s_g2)]);
        product.final_exponentiation().is_identity().into()
    }
}

/// What is kept of the powers while they pass.
struct Powers {
    first: G1Affine,
    second: G1Affine,
    /// Every (n/m)th.
    strided: Vec<G1Affine>,
    /// The logarithm to base 2 of n/m.
    stride: u32,
    last: usize,
    rounds: Vec<Round>,
}

impl Powers {
    fn new(rounds: usize, k: u32, classes: u32) -> Self {
        Self {
            first: G1Affine::identity(),
            second: G1Affine::identity(),
            strided: Vec::with_capacity(1 << classes),
            stride: k - classes,
            last: (1 << k) - 1,
            rounds: (0..rounds).map(|_| Round::default()).collect(),
        }
    }

    fn take(&mut self, i: usize, point: &G1Affine) {
        match i {
            0 => self.first = *point,
            1 => self.second = *point,
            _ => (),
        }
        if i & ((1 << self.stride) - 1) == 0 {
            self.strided.push(*point);
        }
        for round in &mut self.rounds {
            if i > 0 {
                round.later.add(round.coefficient, point);
            }
            if i < self.last {
                round.coefficient = rand::rng().random_range(1..=u8::MAX);
                round.earlier.add(round.coefficient, point);
            }
        }
    }
}

/// One random combination of the powers, and of those that follow them.
#[derive(Default)]
struct Round {
    /// Of the power before.
    coefficient: u8,
    earlier: Buckets,
    later: Buckets,
}

/// A sum of points with coefficients of one byte: those of equal coefficients are added up first (Pippenger's method).
struct Buckets(Vec<G1>);

impl Default for Buckets {
    fn default() -> Self {
        Self(vec![G1::identity(); 255])
    }
}

impl Buckets {
    /// Adds `coefficient` times `point`.
    fn add(&mut self, coefficient: u8, point: &G1Affine) {
        if let Some(i) = coefficient.checked_sub(1) {
            self.0[usize::from(i)] += point;
        }
    }

    fn sum(&self) -> G1 {
        let (mut suffix, mut sum) = (G1::identity(), G1::identity());
        for bucket in self.0.iter().rev() {
            suffix += bucket;
            sum += suffix;
        }
        sum
    }
}

/// Whether m residue classes of Lagrange points and m powers commit to the same polynomials; m is 2^`k`.
fn same_basis(classes: &[G1], powers: &[G1Affine], k: u32) -> bool {
    let mut rng = rand::rng();
    let weights: Vec<Fr> = classes.iter().map(|_| random_scalar(&mut rng)).collect();
    let mut coefficients = weights.clone();
    // Σ_c weight_c ω^(−ct) for every t.
    let Some(inverse_root) = Option::<Fr>::from(root_of_unity(k).invert()) else { return false };
    best_fft(&mut coefficients, inverse_root, k);
    let part = Fr::from(1 << k).invert().unwrap_or(Fr::ZERO);
    let mut affine = vec![G1Affine::identity(); classes.len()];
    G1::batch_normalize(classes, &mut affine);
    msm_best(&weights, &affine) == msm_best(&coefficients, powers) * part
}

fn random_scalar(rng: &mut impl RngExt) -> Fr {
    let mut bytes = [0; 64];
    rng.fill(&mut bytes);
    Fr::from_uniform_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_sum_as_multiplication_does() {
        let g = G1Affine::generator();
        let mut buckets = Buckets::default();
        for (coefficient, times) in [(1, 1), (2, 5), (200, 3), (255, 7), (0, 9)] {
            buckets.add(coefficient, &(g * Fr::from(times)).to_affine());
        }
        assert_eq!(buckets.sum(), g * Fr::from(1 + 10 + 600 + 1785));
    }
}
