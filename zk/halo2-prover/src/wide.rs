//! Sums of products that are reduced once.
//!
//! A product in Montgomery form is a product of integers and a reduction, and the reduction is the larger half of the time. Sums of
//! products are therefore taken over integers and reduced at the end ("lazy reduction"; Aranha, Karabina, Longa, Gebotys, López,
//! EUROCRYPT 2011). BN254's scalar field has 254 bits, so that 2^64 products fit into nine limbs.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::serde::SerdeObject;

/// An element in Montgomery form, least significant limb first.
pub(crate) type Limbs = [u64; 4];

const MODULUS: Limbs = [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
/// −1 / modulus mod 2^64.
const NEGATED_INVERSE: u64 = 0xc2e1_f593_efff_ffff;
/// 2^256 mod modulus.
const FOLD: Limbs = [0xac96_341c_4fff_fffb, 0x36fc_7695_9f60_cd29, 0x666e_a36f_7879_462e, 0x0e0a_77c1_9a07_df2f];

/// The limbs of an element.
#[inline]
pub(crate) fn limbs(element: &Fr) -> Limbs {
    let mut bytes = [0; 32];
    // A slice of 32 bytes takes the 32 bytes.
    let _ = element.write_raw(&mut &mut bytes[..]);
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// The element of limbs that are below the modulus.
#[inline]
fn element(limbs: &Limbs) -> Fr {
    let mut bytes = [0; 32];
    for (to, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(limbs) {
        *to = limb.to_le_bytes();
    }
    Fr::from_raw_bytes_unchecked(&bytes)
}

/// `a + b·c + carry`, as low and high word.
#[inline]
const fn multiply_add(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 + b as u128 * c as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// `a·2^shift − modulus·2^shift` if that is not negative. `shift` is 2 at most.
#[inline]
fn subtract_if_larger(a: &mut Limbs, shift: u32) {
    let mut difference = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        let low = if i == 0 || shift == 0 { 0 } else { MODULUS[i - 1] >> (64 - shift) };
        let (first, under) = a[i].overflowing_sub(MODULUS[i] << shift | low);
        let (second, under_again) = first.overflowing_sub(u64::from(borrow));
        difference[i] = second;
        borrow = under || under_again;
    }
    if !borrow {
        *a = difference;
    }
}

/// The element whose Montgomery form is `low + high·2^256`, reduced.
#[inline]
fn reduce(mut low: Limbs, mut high: u64) -> Fr {
    // Each turn takes 4 bits off.
    while high != 0 {
        let mut carry = 0;
        for i in 0..4 {
            (low[i], carry) = multiply_add(low[i], high, FOLD[i], carry);
        }
        high = carry;
    }
    for shift in [2, 1, 0] {
        subtract_if_larger(&mut low, shift);
    }
    element(&low)
}

/// A sum of products of two elements each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Products([u64; 9]);

impl Products {
    /// Adds `a·b`.
    #[inline]
    pub(crate) fn add(&mut self, a: &Limbs, b: &Limbs) {
        let sum = &mut self.0;
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                (sum[i + j], carry) = multiply_add(sum[i + j], a[i], b[j], carry);
            }
            let mut at = i + 4;
            while at < 9 {
                let (word, over) = sum[at].overflowing_add(carry);
                sum[at] = word;
                carry = u64::from(over);
                at += 1;
            }
        }
    }

    /// The sum.
    #[inline]
    pub(crate) fn sum(mut self) -> Fr {
        let sum = &mut self.0;
        for i in 0..4 {
            let factor = sum[i].wrapping_mul(NEGATED_INVERSE);
            let mut carry = 0;
            for j in 0..4 {
                (sum[i + j], carry) = multiply_add(sum[i + j], factor, MODULUS[j], carry);
            }
            let mut at = i + 4;
            while at < 9 {
                let (word, over) = sum[at].overflowing_add(carry);
                sum[at] = word;
                carry = u64::from(over);
                at += 1;
            }
        }
        reduce([sum[4], sum[5], sum[6], sum[7]], sum[8])
    }
}

/// A sum of products of an element and an integer each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Multiples {
    positive: [u64; 6],
    negative: [u64; 6],
}

impl Multiples {
    /// Adds `a·b`.
    #[inline]
    pub(crate) fn add(&mut self, a: &Limbs, b: i64) {
        let sum = if b < 0 { &mut self.negative } else { &mut self.positive };
        let factor = b.unsigned_abs();
        let mut carry = 0;
        for i in 0..4 {
            (sum[i], carry) = multiply_add(sum[i], a[i], factor, carry);
        }
        let (word, over) = sum[4].overflowing_add(carry);
        sum[4] = word;
        sum[5] += u64::from(over);
    }

    /// The sum.
    #[inline]
    pub(crate) fn sum(self) -> Fr {
        reduce_multiple(self.positive) - reduce_multiple(self.negative)
    }
}

/// The element whose Montgomery form is this integer.
fn reduce_multiple(sum: [u64; 6]) -> Fr {
    let low = reduce([sum[0], sum[1], sum[2], sum[3]], 0);
    // The Montgomery form of an element h is h·2^256, which is what the upper words mean.
    match (sum[4], sum[5]) {
        (0, 0) => low,
        (high, 0) => low + Fr::from(high),
        (high, highest) => low + Fr::from_raw([high, highest, 0, 0]),
    }
}

/// An element that many integers are multiplied by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Multiplier(Limbs);

impl Multiplier {
    /// The element, with the power of two in it that a product with one word is reduced by.
    pub(crate) fn new(element: &Fr) -> Self {
        Self(limbs(&(element * Fr::from_raw([0, 1, 0, 0]))))
    }

    /// The product with an integer.
    #[inline]
    pub(crate) fn times(&self, factor: i64) -> Fr {
        let mut product = [0; 4];
        let mut high = 0;
        for (word, own) in product.iter_mut().zip(self.0) {
            (*word, high) = multiply_add(0, own, factor.unsigned_abs(), high);
        }
        let quotient = product[0].wrapping_mul(NEGATED_INVERSE);
        let (_, mut carry) = multiply_add(product[0], quotient, MODULUS[0], 0);
        let mut reduced = [0; 4];
        for i in 1..4 {
            (reduced[i - 1], carry) = multiply_add(product[i], quotient, MODULUS[i], carry);
        }
        // Below one and a half times the modulus, as the factor is below half the word.
        reduced[3] = high + carry;
        subtract_if_larger(&mut reduced, 0);
        let magnitude = element(&reduced);
        if factor < 0 { -magnitude } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    use halo2_proofs::halo2curves::ff::Field;
    use proptest::prelude::*;

    use super::*;

    fn any_element() -> impl Strategy<Value = Fr> {
        let edge = prop_oneof![
            Just(Fr::ZERO),
            Just(Fr::ONE),
            Just(-Fr::ONE),
            Just(element(&[u64::MAX, u64::MAX, u64::MAX, 0]))
        ];
        let random = any::<[u64; 4]>().prop_map(Fr::from_raw);
        prop_oneof![1 => edge, 3 => random]
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_field(pairs in prop::collection::vec((any_element(), any_element()), 0..300)) {
            let mut products = Products::default();
            let mut expected = Fr::ZERO;
            for (a, b) in &pairs {
                products.add(&limbs(a), &limbs(b));
                expected += a * b;
            }
            prop_assert_eq!(products.sum(), expected);
        }

        #[test]
        fn multiples_are_those_of_the_field(pairs in prop::collection::vec((any_element(), any::<i64>()), 0..300)) {
            let mut multiples = Multiples::default();
            let mut expected = Fr::ZERO;
            for (a, b) in &pairs {
                multiples.add(&limbs(a), *b);
                let magnitude = a * Fr::from(b.unsigned_abs());
                if *b < 0 { expected -= magnitude } else { expected += magnitude }
            }
            prop_assert_eq!(multiples.sum(), expected);
            for (a, b) in &pairs {
                let mut single = Multiples::default();
                single.add(&limbs(a), *b);
                prop_assert_eq!(Multiplier::new(a).times(*b), single.sum());
            }
        }
    }

    #[test]
    fn the_least_integer() {
        assert_eq!(Multiplier::new(&-Fr::ONE).times(i64::MIN), Fr::from(1 << 63));
        assert_eq!(Multiplier::new(&-Fr::ONE).times(0), Fr::ZERO);
    }

    #[test]
    fn many_large_products() {
        let largest = -Fr::ONE;
        // The element whose Montgomery form is the largest.
        let largest_form = element(&[MODULUS[0] - 1, MODULUS[1], MODULUS[2], MODULUS[3]]);
        for value in [largest, largest_form] {
            let mut products = Products::default();
            for _ in 0..100_000 {
                products.add(&limbs(&value), &limbs(&value));
            }
            assert_eq!(products.sum(), value * value * Fr::from(100_000));
        }
    }
}
