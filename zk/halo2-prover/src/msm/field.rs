//! BN254's base field for long runs of additions of points: numbers below 2q stand for their residues.
//!
//! Montgomery multiplication with R = 2^256 takes such numbers to such numbers without a last subtraction, since
//! 4q < R (Walter, Montgomery exponentiation needs no final subtractions, Electronics Letters 35, 1999).

use halo2curves_axiom::bn256::{Fq, G1Affine};
use halo2curves_axiom::serde::SerdeObject;

/// q, the lowest word first.
const Q: [u64; 4] = [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];

/// 2q.
const DOUBLE: [u64; 4] = [0x7841_182d_b0f9_fa8e, 0x2f02_d522_d0e3_951a, 0x70a0_8b6d_0302_b0bb, 0x60c8_9ce5_c263_4053];

/// What a difference lacks, without and with a borrow.
static SHIFTS: [[u64; 4]; 2] = [[0; 4], DOUBLE];

/// −1/q modulo 2^64.
const INVERSE: u64 = 0x87d2_0782_e486_6389;

/// A residue in Montgomery form, as a number below 2q.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Residue([u64; 4]);

impl Residue {
    pub(super) const ONE: Self =
        Self([0xd35d_438d_c58f_0d9d, 0x0a78_eb28_f5c7_0b3d, 0x666e_a36f_7879_462c, 0x0e0a_77c1_9a07_df2f]);

    pub(super) fn new(element: &Fq) -> Self {
        let bytes = element.to_raw_bytes();
        let mut words = [0; 4];
        for (word, part) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = part.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        Self(words)
    }

    pub(super) fn element(self) -> Fq {
        let (less, borrow) = subtract(&self.0, &Q);
        let words = if borrow { self.0 } else { less };
        let mut bytes = [0; 32];
        for (part, word) in bytes.chunks_exact_mut(8).zip(words) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        Fq::from_raw_bytes_unchecked(&bytes)
    }

    /// Any word, for loading this from memory.
    pub(super) fn word(&self) -> u64 {
        self.0[0]
    }

    #[expect(clippy::inline_always, reason = "an addition's five products take 6 % longer as calls")]
    #[inline(always)]
    pub(super) fn times(&self, other: &Self) -> Self {
        let (a, mut t) = (&self.0, [0; 4]);
        for b in other.0 {
            let (t0, carry) = a[0].carrying_mul_add(b, t[0], 0);
            let m = t0.wrapping_mul(INVERSE);
            let (_, above) = m.carrying_mul(Q[0], t0);
            let (t1, carry) = a[1].carrying_mul_add(b, t[1], carry);
            let (r0, above) = m.carrying_mul_add(Q[1], t1, above);
            let (t2, carry) = a[2].carrying_mul_add(b, t[2], carry);
            let (r1, above) = m.carrying_mul_add(Q[2], t2, above);
            let (t3, carry) = a[3].carrying_mul_add(b, t[3], carry);
            let (r2, above) = m.carrying_mul_add(Q[3], t3, above);
            // Below 2^256: t stays below a + q.
            t = [r0, r1, r2, carry.wrapping_add(above)];
        }
        Self(t)
    }

    #[expect(clippy::inline_always, reason = "see times")]
    #[inline(always)]
    pub(super) fn minus(&self, other: &Self) -> Self {
        let (difference, borrow) = subtract(&self.0, &other.0);
        // By a load, since a compiler makes a branch of a selection, and this one cannot be predicted.
        let more = &SHIFTS[usize::from(borrow)];
        let (d0, carry) = difference[0].carrying_add(more[0], false);
        let (d1, carry) = difference[1].carrying_add(more[1], carry);
        let (d2, carry) = difference[2].carrying_add(more[2], carry);
        let (d3, _) = difference[3].carrying_add(more[3], carry);
        Self([d0, d1, d2, d3])
    }

    /// The negative if `negative`, without a branch: signs of digits cannot be predicted. Zero becomes 2q, which no
    /// y-coordinate is: there are no points of order two.
    #[inline]
    fn negative_if(&self, negative: bool) -> Self {
        let mask = u64::from(negative).wrapping_neg();
        let (opposite, _) = subtract(&DOUBLE, &self.0);
        Self(std::array::from_fn(|i| self.0[i] ^ ((self.0[i] ^ opposite[i]) & mask)))
    }
}

#[inline]
fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (d0, borrow) = a[0].borrowing_sub(b[0], false);
    let (d1, borrow) = a[1].borrowing_sub(b[1], borrow);
    let (d2, borrow) = a[2].borrowing_sub(b[2], borrow);
    let (d3, borrow) = a[3].borrowing_sub(b[3], borrow);
    ([d0, d1, d2, d3], borrow)
}

/// A point other than the identity.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Point {
    pub(super) x: Residue,
    pub(super) y: Residue,
}

impl Point {
    pub(super) fn new(point: &G1Affine) -> Self {
        Self { x: Residue::new(&point.x), y: Residue::new(&point.y) }
    }

    pub(super) fn affine(&self) -> G1Affine {
        G1Affine { x: self.x.element(), y: self.y.element() }
    }

    #[inline]
    pub(super) fn negative_if(&self, negative: bool) -> Self {
        Self { x: self.x, y: self.y.negative_if(negative) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves_axiom::ff::{Field, FromUniformBytes};
    use proptest::prelude::*;

    #[test]
    fn constants_are_those_of_the_field() {
        assert_eq!(Residue::ONE.element(), Fq::ONE);
        assert_eq!(Residue(Q).element(), Fq::ZERO);
        assert_eq!(subtract(&DOUBLE, &Q).0, Q);
        assert_eq!(Q[0].wrapping_mul(INVERSE), u64::MAX);
        assert_eq!(Residue::new(&-Fq::ONE).minus(&Residue(Q)).element(), -Fq::ONE);
    }

    fn element(bytes: [u8; 32]) -> Fq {
        let mut wide = [0; 64];
        wide[..32].copy_from_slice(&bytes);
        Fq::from_uniform_bytes(&wide)
    }

    /// Each residue's two numbers.
    fn both(element: &Fq) -> [Residue; 2] {
        let less = Residue::new(element);
        let (opposite, _) = subtract(&DOUBLE, &Residue::new(&-*element).0);
        [less, Residue(opposite)]
    }

    proptest! {
        #[test]
        fn operations_are_those_of_the_field(a in prop::array::uniform32(any::<u8>()), b in prop::array::uniform32(any::<u8>())) {
            let (a, b) = (element(a), element(b));
            for p in both(&a) {
                prop_assert_eq!(p.element(), a);
                prop_assert_eq!(p.negative_if(true).element(), -a);
                prop_assert_eq!(p.negative_if(false).element(), a);
                for q in both(&b) {
                    for (result, expected) in [(p.times(&q), a * b), (p.minus(&q), a - b), (q.minus(&p), b - a)] {
                        prop_assert_eq!(result.element(), expected);
                        prop_assert!(subtract(&result.0, &DOUBLE).1, "{:?}", result);
                    }
                }
            }
        }
    }
}
