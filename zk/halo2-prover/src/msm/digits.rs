//! Scalars as sums of signed digits.

use super::shape::Shape;
use halo2curves_axiom::bn256::Fr;
use halo2curves_axiom::ff::PrimeField;

/// r, the number of scalars, lowest word first.
const ORDER: [u64; 4] = [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];

/// A scalar as a sign and an integer of at most 253 bits, lowest word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) negative: bool,
    pub(super) words: [u64; 4],
}

impl Signed {
    /// The one of s and s − r that is nearer to zero: what comes of a small negative number is as short as the number.
    pub(super) fn new(scalar: &Fr) -> Self {
        let bytes = scalar.to_repr();
        let mut words = [0; 4];
        for (word, part) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = part.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        if words == [words[0], 0, 0, 0] {
            return Self { negative: false, words };
        }
        let opposite = order_minus(&words);
        let negative = opposite.iter().rev().lt(words.iter().rev());
        Self { negative, words: if negative { opposite } else { words } }
    }

    pub(super) fn small(value: i32) -> Self {
        Self { negative: value < 0, words: [u64::from(value.unsigned_abs()), 0, 0, 0] }
    }

    /// Gives each digit that is not zero as its window and value: the integer is Σ digit 2^(width · window). Windows grow and
    /// are below `shape.windows()`; digits lie between −2^(width − 1) and 2^(width − 1).
    pub(super) fn digits(&self, shape: Shape, mut put: impl FnMut(usize, i32)) {
        let Some(last) = self.words.iter().rposition(|&word| word != 0) else { return };
        let bits = 64 * last as u32 + 64 - self.words[last].leading_zeros();
        let (mask, half) = ((1_u64 << shape.width) - 1, 1_u64 << (shape.width - 1));
        let (mut window, mut carry) = (0, 0);
        while window * shape.width < bits || carry != 0 {
            let value = (self.from(window * shape.width) & mask) + carry;
            carry = u64::from(value > half);
            let digit = value as i64 - (carry << shape.width) as i64;
            if digit != 0 {
                put(window as usize, if self.negative { -digit } else { digit } as i32);
            }
            window += 1;
        }
    }

    /// The bits from `bit` on, 64 where the integer has as many.
    fn from(&self, bit: u32) -> u64 {
        let (i, shift) = ((bit / 64) as usize, bit % 64);
        let word = |i: usize| self.words.get(i).copied().unwrap_or(0);
        ((u128::from(word(i)) | u128::from(word(i + 1)) << 64) >> shift) as u64
    }
}

/// r − s for s below r.
fn order_minus(words: &[u64; 4]) -> [u64; 4] {
    let mut borrow = false;
    std::array::from_fn(|i| {
        let (difference, first) = ORDER[i].overflowing_sub(words[i]);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        borrow = first | second;
        difference
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves_axiom::ff::{Field, FromUniformBytes};
    use proptest::prelude::*;

    fn total(scalar: &Fr, shape: Shape) -> Fr {
        let mut sum = Fr::ZERO;
        let mut next = 0;
        Signed::new(scalar).digits(shape, |window, digit| {
            assert!(window >= next && window < shape.windows(), "window {window} of {}", shape.windows());
            next = window + 1;
            assert!(digit != 0 && digit.unsigned_abs() <= 1 << (shape.width - 1));
            let size = Fr::from(u64::from(digit.unsigned_abs()));
            let size = size * Fr::from(2).pow_vartime([window as u64 * u64::from(shape.width)]);
            sum += if digit < 0 { -size } else { size };
        });
        sum
    }

    #[test]
    fn order_is_that_of_the_scalars() {
        assert_eq!(Signed::new(&-Fr::ONE), Signed { negative: true, words: [1, 0, 0, 0] });
        assert_eq!(Signed::new(&Fr::ZERO), Signed::small(0));
        assert_eq!(Signed::small(i32::MIN), Signed { negative: true, words: [1 << 31, 0, 0, 0] });
        assert_eq!(Signed::new(&-Fr::from(1 << 31)), Signed::small(i32::MIN));
    }

    #[test]
    fn digits_of_corner_cases_add_up() {
        let half = Fr::from(2).invert().unwrap();
        let mut scalars = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, half, -half, half - Fr::ONE, Fr::from(u64::MAX)];
        scalars.extend((0..254).map(|i| Fr::from(2).pow_vartime([i])));
        scalars.extend((0..254).map(|i| Fr::from(2).pow_vartime([i]) - Fr::ONE));
        for shape in Shape::all() {
            for scalar in &scalars {
                assert_eq!(total(scalar, shape), *scalar, "{scalar:?} {shape:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn digits_add_up(bytes in prop::array::uniform32(any::<u8>())) {
            let mut wide = [0; 64];
            wide[..32].copy_from_slice(&bytes);
            let scalar = Fr::from_uniform_bytes(&wide);
            for shape in Shape::all() {
                prop_assert_eq!(total(&scalar, shape), scalar);
            }
        }
    }
}
