//! Many multiples of one point, from a table of its multiples.
//!
//! Fixed-base windowing (Menezes, van Oorschot, Vanstone, Handbook of Applied Cryptography, 14.6.3) with signed digits: a scalar
//! is Σ `d_j` 2^(wj) with |`d_j`| ≤ 2^(w−1), and the table holds d 2^(wj) G for every window j and every d > 0, so a multiple
//! costs one addition a window and no doubling. The additions are affine, and those of a batch share one field inversion
//! (Montgomery's trick; Cohen, A Course in Computational Algebraic Number Theory, 10.3.4): 6 multiplications each, where a
//! projective one takes 11.

use halo2curves_axiom::bn256::{Fq, Fr, G1, G1Affine};
use halo2curves_axiom::ff::{Field, PrimeField};
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::group::{Curve, Group};
use rayon::prelude::*;

/// The multiples of a point that sums of digits are made of.
pub(crate) struct FixedBase {
    /// Bits of a digit, w.
    width: u32,
    /// For each window j: (d + 1) 2^(wj) G at d.
    windows: Vec<Vec<G1Affine>>,
}

impl FixedBase {
    /// The table for `base` that makes about `multiples` multiples cheapest. Uses the current rayon pool.
    pub(crate) fn new(base: G1Affine, multiples: u64) -> Self {
        Self::with_width(base, best_width(multiples))
    }

    fn with_width(base: G1Affine, width: u32) -> Self {
        let count = window_count(width);
        let mut bases = vec![base.to_curve()];
        for _ in 1..count {
            let last = bases[bases.len() - 1];
            bases.push((0..width).fold(last, |point, _| point.double()));
        }
        let windows = bases.par_iter().map(|base| multiples(base, 1 << (width - 1))).collect();
        Self { width, windows }
    }

    /// The multiples of the base by `scalars`, in their order, on the current thread.
    pub(crate) fn multiply(&self, scalars: &[Fr]) -> Vec<G1Affine> {
        let count = self.windows.len();
        let mut digits = vec![0_i32; count * scalars.len()];
        for (i, scalar) in scalars.iter().enumerate() {
            signed_digits(scalar, self.width, |j, digit| digits[j * scalars.len() + i] = digit);
        }
        let mut sums = vec![G1Affine::identity(); scalars.len()];
        let mut scratch = Scratch::default();
        for (window, digits) in self.windows.iter().zip(digits.chunks_exact(scalars.len().max(1))) {
            add_all(&mut sums, &mut scratch, |i| match digits[i] {
                0 => None,
                d if d > 0 => Some(window[d as usize - 1]),
                d => Some(-window[d.unsigned_abs() as usize - 1]),
            });
        }
        sums
    }
}

/// Number of windows of `width` bits, so that the uppermost digit of a scalar below 2^254 needs no carry.
fn window_count(width: u32) -> usize {
    (Fr::NUM_BITS + 1).div_ceil(width) as usize
}

/// The width that takes the fewest field multiplications: 20 for an entry of the table, 6 for an addition. At 15 bits a
/// table is 18 MB, and a window of it, 1 MB, still fits a second-level cache.
fn best_width(multiples: u64) -> u32 {
    let cost = |width| {
        let windows = window_count(width) as u64;
        20 * (windows << (width - 1)) + 6 * windows * multiples
    };
    (2..=15).min_by_key(|&width| cost(width)).unwrap_or(8)
}

/// 1, 2, … times a point.
fn multiples(base: &G1, count: usize) -> Vec<G1Affine> {
    let step = base.to_affine();
    let mut sums = Vec::with_capacity(count);
    let mut sum = *base;
    for _ in 0..count {
        sums.push(sum);
        sum += step;
    }
    let mut affine = vec![G1Affine::identity(); count];
    G1::batch_normalize(&sums, &mut affine);
    affine
}

/// Splits a scalar into digits between −2^(width−1) and 2^(width−1), the lowest first.
fn signed_digits(scalar: &Fr, width: u32, mut put: impl FnMut(usize, i32)) {
    let bytes = scalar.to_repr();
    let limb = |i: usize| match bytes.get(8 * i..8 * i + 8) {
        Some(part) => u64::from_le_bytes(part.try_into().unwrap_or_default()),
        None => 0,
    };
    let mut carry = 0;
    for j in 0..window_count(width) {
        let bit = j * width as usize;
        let (i, shift) = (bit / 64, bit % 64);
        let pair = u128::from(limb(i)) | u128::from(limb(i + 1)) << 64;
        let mut digit = ((pair >> shift) as i32 & ((1 << width) - 1)) + carry;
        carry = i32::from(digit > 1 << (width - 1));
        digit -= carry << width;
        put(j, digit);
    }
}

/// Memory of [`add_all`], kept between calls.
#[derive(Default)]
struct Scratch {
    /// For each addition: which sum, and what is added.
    terms: Vec<(usize, G1Affine)>,
    /// The denominator of its slope, and the product of those before it.
    denominators: Vec<(Fq, Fq)>,
}

/// Adds a point, if there is one, to each of the sums.
fn add_all(sums: &mut [G1Affine], scratch: &mut Scratch, term: impl Fn(usize) -> Option<G1Affine>) {
    scratch.terms.clear();
    scratch.denominators.clear();
    let mut product = Fq::ONE;
    for (i, sum) in sums.iter_mut().enumerate() {
        let Some(term) = term(i) else { continue };
        if bool::from(sum.is_identity()) {
            *sum = term;
            continue;
        }
        let denominator = term.x - sum.x;
        if bool::from(denominator.is_zero()) {
            // The same point or its negative: no chord goes through them.
            *sum = (sum.to_curve() + term).to_affine();
            continue;
        }
        scratch.terms.push((i, term));
        scratch.denominators.push((denominator, product));
        product *= denominator;
    }
    let Some(mut inverse) = Option::<Fq>::from(product.invert()) else { return };
    for (&(i, term), &(denominator, before)) in scratch.terms.iter().zip(&scratch.denominators).rev() {
        let sum = &mut sums[i];
        let slope = (term.y - sum.y) * (inverse * before);
        inverse *= denominator;
        let x = slope.square() - sum.x - term.x;
        *sum = G1Affine { x, y: slope * (sum.x - x) - sum.y };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves_axiom::ff::FromUniformBytes;
    use proptest::prelude::*;

    #[test]
    fn every_width_agrees_with_double_and_add() {
        let g = G1Affine::generator();
        let mut scalars: Vec<Fr> = (0..40).map(Fr::from).collect();
        scalars.extend((0..40).map(|i| -Fr::from(i)));
        scalars.extend((0..254).map(|i| Fr::from(2).pow_vartime([i])));
        scalars.push(Fr::from(2).invert().unwrap());
        let expected: Vec<G1Affine> = scalars.iter().map(|s| (g * s).to_affine()).collect();
        for width in 2..=12 {
            assert_eq!(FixedBase::with_width(g, width).multiply(&scalars), expected, "width {width}");
        }
    }

    #[test]
    fn an_empty_batch_is_empty() {
        assert!(FixedBase::with_width(G1Affine::generator(), 4).multiply(&[]).is_empty());
    }

    #[test]
    fn sums_of_equal_and_opposite_points_are_right() {
        let g = G1Affine::generator();
        let mut sums = vec![g, g, g, G1Affine::identity()];
        let terms = [Some(g), Some(-g), None, Some(g)];
        add_all(&mut sums, &mut Scratch::default(), |i| terms[i]);
        assert_eq!(sums, [(g.to_curve().double()).to_affine(), G1Affine::identity(), g, g]);
    }

    proptest! {
        #[test]
        fn digits_add_up(bytes in prop::array::uniform32(any::<u8>()), width in 2_u32..=15) {
            let mut wide = [0; 64];
            wide[..32].copy_from_slice(&bytes);
            let scalar = Fr::from_uniform_bytes(&wide);
            let mut sum = Fr::ZERO;
            signed_digits(&scalar, width, |j, digit| {
                assert!(digit.unsigned_abs() <= 1 << (width - 1));
                let size = Fr::from(u64::from(digit.unsigned_abs())) * Fr::from(2).pow_vartime([j as u64 * u64::from(width)]);
                sum += if digit < 0 { -size } else { size };
            });
            prop_assert_eq!(sum, scalar);
        }
    }
}
