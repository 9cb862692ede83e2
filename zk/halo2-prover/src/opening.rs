//! SHPLONK: one short proof that many polynomials have their values at many points.
//!
//! Boneh, Drake, Fisch and Gabizon, "Efficient polynomial commitment schemes for multiple points and polynomials" (2020/081), in the
//! form of upstream's verifier. Everything here is done with values on the domain, which the points avoid: no polynomial's
//! coefficients are needed, and division by `X − t` is a division of values. With `F_i` the combination (by powers of a challenge y)
//! of the polynomials that are opened at the set `T_i` of points, the first quotient is
//!
//! ```text
//! h = Σ_i v^i (F_i − R_i) / Π_(t∈T_i) (X − t) = Σ_t 1/(X − t) Σ_(i: t∈T_i) v^i λ_(i,t) (F_i − F_i(t)),   λ_(i,t) = 1 / Π_(t'≠t) (t − t')
//! ```
//!
//! (`R_i` has the values of `F_i` on `T_i`), and the second, with z of a set S for `Π_(t∈S) (u − t)`, is
//!
//! ```text
//! (Σ_i v^i z(T∖T_i) (F_i − R_i(u)) − z(T) h) / (X − u) / z(T∖T_0).
//! ```

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{BatchInvert, Field};
use rayon::prelude::*;

use crate::column::Values;
use crate::error::ProveError;
use crate::fft::{Domain, powers};
use crate::wide::{Limbs, Multiples, Products, limbs};

/// The domain seen from a point x outside of it.
#[derive(Debug)]
pub(crate) struct Point {
    x: Fr,
    omega: Fr,
    /// `1 / (x − ω^i)`, twice in a row, so that rotated parts are slices.
    inverses: Vec<Fr>,
    /// The values at x of the Lagrange polynomials, likewise.
    weights: Vec<Fr>,
}

/// `1 / (point − ω^i)` for all rows.
fn inverses(domain: &Domain, point: Fr) -> Result<Vec<Fr>, ProveError> {
    let mut differences: Vec<Fr> =
        powers(Fr::ONE, domain.omega(), domain.len()).into_iter().map(|row| point - row).collect();
    if differences.contains(&Fr::ZERO) {
        return Err(ProveError::Challenge);
    }
    differences.iter_mut().batch_invert();
    Ok(differences)
}

impl Point {
    /// # Errors
    /// If the point is on the domain.
    pub(crate) fn new(domain: &Domain, x: Fr) -> Result<Self, ProveError> {
        let mut inverses = inverses(domain, x)?;
        // l_i(x) = (x^n − 1) / n · ω^i / (x − ω^i)
        let first = (x.pow_vartime([domain.len() as u64]) - Fr::ONE) * domain.divisor();
        let rows = powers(first, domain.omega(), domain.len());
        let mut weights: Vec<Fr> = rows.iter().zip(&inverses).map(|(row, inverse)| row * inverse).collect();
        weights.extend_from_within(..);
        inverses.extend_from_within(..);
        Ok(Self { x, omega: domain.omega(), inverses, weights })
    }

    /// The point.
    pub(crate) const fn x(&self) -> Fr {
        self.x
    }

    fn rotated(both: &[Fr], rotation: usize) -> &[Fr] {
        let n = both.len() / 2;
        &both[n - rotation..2 * n - rotation]
    }

    /// The value at `x·ω^rotation` of the polynomial that has these values on the domain.
    pub(crate) fn evaluate(&self, values: &Values, rotation: usize) -> Fr {
        // l_i(x·ω^r) = l_(i−r)(x).
        values.dot(Self::rotated(&self.weights, rotation))
    }

    /// `x·ω^rotation`.
    fn at(&self, rotation: usize) -> Fr {
        self.x * self.omega.pow_vartime([rotation as u64])
    }
}

/// A polynomial to be opened.
#[derive(Debug, Clone)]
pub(crate) struct Member<'a> {
    /// Its values on the domain.
    pub(crate) values: &'a Values,
    /// Its values at the points of its set.
    pub(crate) evaluations: Vec<Fr>,
}

/// Polynomials that are opened at the same points.
#[derive(Debug, Clone)]
pub(crate) struct Set<'a> {
    pub(crate) rotations: &'a [usize],
    pub(crate) members: Vec<Member<'a>>,
}

/// `Σ factors[j]·members[j]`, values and evaluations.
#[derive(Debug)]
struct Combination<'a> {
    rotations: &'a [usize],
    values: Vec<Fr>,
    evaluations: Vec<Fr>,
}

/// Rows that are combined by one task.
const ROWS: usize = 256;

fn combine<'a>(set: &Set<'a>, y: Fr, rows: usize) -> Combination<'a> {
    let factors: Vec<Limbs> = powers(Fr::ONE, y, set.members.len()).iter().map(limbs).collect();
    let evaluations = (0..set.rotations.len()).map(|point| {
        let mut sum = Products::default();
        for (member, factor) in set.members.iter().zip(&factors) {
            sum.add(&limbs(&member.evaluations[point]), factor);
        }
        sum.sum()
    });
    let evaluations = evaluations.collect();
    let mut values = vec![Fr::ZERO; rows];
    values.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, values)| {
        let from = chunk * ROWS;
        let mut multiples = vec![Multiples::default(); values.len()];
        let mut products = vec![Products::default(); values.len()];
        for (member, factor) in set.members.iter().zip(&factors) {
            let Values { small, field } = member.values;
            let of_small = small.get(from..).unwrap_or(&[]);
            for (sum, value) in multiples.iter_mut().zip(of_small) {
                if *value != 0 {
                    sum.add(factor, *value);
                }
            }
            // The elements begin where the integers end.
            let (skipped, first) = (small.len().saturating_sub(from), from.saturating_sub(small.len()));
            let of_field = field.get(first..).unwrap_or(&[]);
            for (sum, value) in products.iter_mut().skip(skipped).zip(of_field) {
                sum.add(factor, &limbs(value));
            }
        }
        for ((value, multiples), products) in values.iter_mut().zip(multiples).zip(products) {
            *value = multiples.sum() + products.sum();
        }
    });
    Combination { rotations: set.rotations, values, evaluations }
}

/// What belongs to one point: `1/(x − ω^i)` turned to it, the combinations with their factors, and what is taken off their sum.
type Share<'a> = (&'a [Fr], Vec<(&'a [Fr], Limbs)>, Fr);

/// The product of the differences between a point and others.
pub(crate) fn vanishing(u: Fr, points: impl Iterator<Item = Fr>) -> Fr {
    points.map(|point| u - point).product()
}

/// An opening under way: `y` and `v` are its challenges.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    point: &'a Point,
    combinations: Vec<Combination<'a>>,
    v: Fr,
    /// The values of h.
    pub(crate) quotient: Vec<Fr>,
}

impl<'a> Opening<'a> {
    /// Works out the first quotient.
    pub(crate) fn new(domain: &Domain, point: &'a Point, sets: &[Set<'a>], y: Fr, v: Fr) -> Self {
        let combinations: Vec<Combination<'a>> = sets.iter().map(|set| combine(set, y, domain.len())).collect();
        let mut rotations: Vec<usize> = sets.iter().flat_map(|set| set.rotations.iter().copied()).collect();
        rotations.sort_unstable();
        rotations.dedup();
        let v_powers = powers(Fr::ONE, v, combinations.len());
        let shares: Vec<Share<'_>> = rotations
            .iter()
            .map(|&rotation| {
                let t = point.at(rotation);
                let mut offset = Fr::ZERO;
                let mut terms = Vec::new();
                for (combination, power) in combinations.iter().zip(&v_powers) {
                    let Some(at) = combination.rotations.iter().position(|other| *other == rotation) else { continue };
                    let others = combination.rotations.iter().filter(|other| **other != rotation);
                    let lambda = vanishing(t, others.map(|other| point.at(*other))).invert().unwrap_or(Fr::ZERO);
                    // 1/(ω^i − x·ω^r) = −ω^(−r) / (x − ω^(i−r))
                    let turn = point.omega.pow_vartime([(domain.len() - rotation) as u64]);
                    let factor = -(lambda * power * turn);
                    offset += combination.evaluations[at] * factor;
                    terms.push((&combination.values[..], limbs(&factor)));
                }
                (Point::rotated(&point.inverses, rotation), terms, offset)
            })
            .collect();
        let value = |row: usize| {
            let mut sum = Products::default();
            for (inverses, terms, offset) in &shares {
                let mut numerator = Products::default();
                for (values, factor) in terms {
                    numerator.add(&limbs(&values[row]), factor);
                }
                sum.add(&limbs(&(numerator.sum() - offset)), &limbs(&inverses[row]));
            }
            sum.sum()
        };
        let quotient = (0..domain.len()).into_par_iter().with_min_len(ROWS).map(value).collect();
        Self { point, combinations, v, quotient }
    }

    /// The values of the second quotient, for the challenge `u`.
    ///
    /// # Errors
    /// If `u` is on the domain or one of the points.
    pub(crate) fn finish(&self, domain: &Domain, u: Fr) -> Result<Vec<Fr>, ProveError> {
        let mut rotations: Vec<usize> = self.combinations.iter().flat_map(|c| c.rotations.iter().copied()).collect();
        rotations.sort_unstable();
        rotations.dedup();
        let all = vanishing(u, rotations.iter().map(|&rotation| self.point.at(rotation)));
        let mut first = None;
        let mut offset = Fr::ZERO;
        let mut terms: Vec<(&[Fr], Limbs)> = Vec::new();
        for (combination, power) in self.combinations.iter().zip(powers(Fr::ONE, self.v, self.combinations.len())) {
            let own: Vec<Fr> = combination.rotations.iter().map(|&rotation| self.point.at(rotation)).collect();
            let own_vanishing = vanishing(u, own.iter().copied()).invert();
            let own_inverse = Option::<Fr>::from(own_vanishing).ok_or(ProveError::Challenge)?;
            let rest = all * own_inverse;
            // Everything is divided by the first set's.
            let first = *first.get_or_insert(Option::<Fr>::from(rest.invert()).ok_or(ProveError::Challenge)?);
            let factor = power * rest * first;
            offset += factor * interpolate(&own, &combination.evaluations, u);
            terms.push((&combination.values, limbs(&factor)));
        }
        terms.push((&self.quotient, limbs(&-(all * first.unwrap_or(Fr::ONE)))));
        // 1/(ω^i − u) = −1/(u − ω^i)
        let inverses = inverses(domain, u)?;
        let value = |row: usize| {
            let mut numerator = Products::default();
            for (values, factor) in &terms {
                numerator.add(&limbs(&values[row]), factor);
            }
            (offset - numerator.sum()) * inverses[row]
        };
        Ok((0..domain.len()).into_par_iter().with_min_len(ROWS).map(value).collect())
    }
}

/// The value at `u` of the polynomial of least degree that has these values at these points.
pub(crate) fn interpolate(points: &[Fr], values: &[Fr], u: Fr) -> Fr {
    let value = |at: usize| {
        let others = || points.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, point)| *point);
        vanishing(u, others()) * vanishing(points[at], others()).invert().unwrap_or(Fr::ZERO) * values[at]
    };
    (0..points.len()).map(value).sum()
}
