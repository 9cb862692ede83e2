//! Fourier transforms between the domain, coefficients and cosets.
//!
//! Coefficients stand in bit-reversed order everywhere: transforms to coefficients decimate in frequency and those from coefficients
//! in time, so that nothing is ever permuted. A coset's shift is part of the twiddle factors and costs nothing.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};

/// The domain: the 2^k-th roots of unity.
#[derive(Debug, Clone)]
pub struct Domain {
    k: u32,
    omega: Fr,
    /// For each half block length h = 1, 2, 4, …, h factors: the powers of the inverse of a 2h-th root of unity.
    inverse: Vec<Fr>,
}

/// A coset of the domain, as twiddle factors: those of half block length h from index h − 1.
#[derive(Debug, Clone)]
pub struct Coset {
    shift: Fr,
    twiddles: Vec<Fr>,
}

/// The 2^k-th root of unity that upstream takes.
pub(crate) fn root_of_unity(k: u32) -> Fr {
    (k..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square())
}

/// `count` powers of `base`, times `first`.
pub(crate) fn powers(first: Fr, base: Fr, count: usize) -> Vec<Fr> {
    std::iter::successors(Some(first), |power| Some(power * base)).take(count).collect()
}

impl Domain {
    /// The domain of 2^k points.
    pub fn new(k: u32) -> Self {
        let inverse = (0..k).flat_map(|stage| {
            let root = root_of_unity(stage + 1).invert().unwrap_or(Fr::ONE);
            powers(Fr::ONE, root, 1 << stage)
        });
        Self { k, omega: root_of_unity(k), inverse: inverse.collect() }
    }

    /// Number of points.
    #[expect(clippy::len_without_is_empty, reason = "it has a point at least")]
    pub const fn len(&self) -> usize {
        1 << self.k
    }

    /// The logarithm to base 2 of the number of points.
    pub const fn k(&self) -> u32 {
        self.k
    }

    /// The generator.
    pub const fn omega(&self) -> Fr {
        self.omega
    }

    /// One over the number of points.
    pub fn divisor(&self) -> Fr {
        Fr::TWO_INV.pow_vartime([u64::from(self.k)])
    }

    /// Values on the domain to coefficients times the number of points, in bit-reversed order.
    ///
    /// # Panics
    /// If there are not as many values as points.
    pub fn to_coefficients(&self, values: &mut [Fr]) {
        assert_eq!(values.len(), self.len(), "a value for each point");
        let mut half = values.len() / 2;
        while half > 1 {
            let twiddles = &self.inverse[half - 1..2 * half - 1];
            for block in values.chunks_exact_mut(2 * half) {
                let (left, right) = block.split_at_mut(half);
                for ((x, y), twiddle) in left.iter_mut().zip(right).zip(twiddles) {
                    let difference = *x - *y;
                    *x += *y;
                    *y = difference * twiddle;
                }
            }
            half /= 2;
        }
        for [x, y] in values.as_chunks_mut::<2>().0 {
            (*x, *y) = (*x + *y, *x - *y);
        }
    }

    /// The coset `shift·H`; with a shift of 1 the domain itself.
    pub fn coset(&self, shift: Fr) -> Coset {
        let twiddles = (0..self.k).flat_map(|stage| {
            let first = shift.pow_vartime([1 << (self.k - 1 - stage)]);
            powers(first, root_of_unity(stage + 1), 1 << stage)
        });
        Coset { shift, twiddles: twiddles.collect() }
    }

    /// `first·base^i` for the coefficients i = 0, 1, …, in bit-reversed order.
    pub fn reversed_powers(&self, first: Fr, base: Fr) -> Vec<Fr> {
        let mut reversed = vec![first; self.len()];
        // Doubling: index 2^s·j + 2^(s−1) in reversed order differs from 2^s·j by the power 2^(k−s).
        for stage in 0..self.k {
            let step = 1 << stage;
            let factor = base.pow_vartime([1 << (self.k - 1 - stage)]);
            let (done, next) = reversed.split_at_mut(step);
            for (to, from) in next.iter_mut().zip(done) {
                *to = *from * factor;
            }
        }
        reversed
    }
}

impl Coset {
    /// What the domain is multiplied by.
    pub const fn shift(&self) -> Fr {
        self.shift
    }

    /// Coefficients in bit-reversed order to values in natural order.
    ///
    /// # Panics
    /// If there are more of them than points.
    pub fn evaluate(&self, values: &mut [Fr]) {
        let mut half = 1;
        while half < values.len() {
            let twiddles = &self.twiddles[half - 1..2 * half - 1];
            for block in values.chunks_exact_mut(2 * half) {
                let (left, right) = block.split_at_mut(half);
                for ((x, y), twiddle) in left.iter_mut().zip(right).zip(twiddles) {
                    let product = *y * twiddle;
                    *y = *x - product;
                    *x += product;
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use halo2_proofs::arithmetic::eval_polynomial;
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn transforms_are_evaluations() {
        for k in [1, 2, 3, 6] {
            let domain = Domain::new(k);
            let n = domain.len();
            let natural: Vec<Fr> = (0..n).map(|_| Fr::random(OsRng)).collect();
            let reversed = |i: usize| i.reverse_bits() >> (usize::BITS - k);
            let coefficients: Vec<Fr> = (0..n).map(|i| natural[reversed(i)]).collect();
            for shift in [Fr::ONE, Fr::from(7)] {
                let mut values = coefficients.clone();
                domain.coset(shift).evaluate(&mut values);
                for (i, value) in values.iter().enumerate() {
                    let point = shift * domain.omega().pow_vartime([i as u64]);
                    assert_eq!(*value, eval_polynomial(&natural, point));
                }
                domain.to_coefficients(&mut values);
                let back = domain.reversed_powers(domain.divisor(), shift.invert().unwrap());
                let returned: Vec<Fr> = values.iter().zip(&back).map(|(value, factor)| value * factor).collect();
                assert_eq!(returned, coefficients);
            }
        }
    }
}
