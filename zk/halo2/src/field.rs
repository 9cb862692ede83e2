//! Small integers in the scalar field of BN254, and powers.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::Expression;

/// An integer, negative ones as the field's negatives.
pub(crate) fn integer(value: i64) -> Fr {
    let magnitude = Fr::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// A constant as an expression.
pub(crate) fn constant(value: i64) -> Expression<Fr> {
    Expression::Constant(integer(value))
}

/// `base^exponent` as an expression. Its tree has `exponent` leaves: for small exponents only.
pub(crate) fn power(base: &Expression<Fr>, exponent: usize) -> Expression<Fr> {
    match exponent {
        0 => constant(1),
        1 => base.clone(),
        _ => {
            let half = power(base, exponent / 2);
            let square = half.clone() * half;
            if exponent % 2 == 1 { square * base.clone() } else { square }
        }
    }
}

/// A sum of expressions; 0 if there are none.
pub(crate) fn sum(terms: impl IntoIterator<Item = Expression<Fr>>) -> Expression<Fr> {
    terms.into_iter().reduce(|sum, term| sum + term).unwrap_or_else(|| constant(0))
}
