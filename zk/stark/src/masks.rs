//! The random numbers of a zero-knowledge proof: `docs/stark.md`, "Zero knowledge".

use p3_dft::TwoAdicSubgroupDft;
use p3_field::{Field, PrimeCharacteristicRing};
use p3_matrix::Matrix;
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::RowMajorMatrix;
use rand::rngs::StdRng;

use crate::degrees::Degrees;
use crate::field::{DEGREE, Ext, MODULUS, Transform, Val};
use crate::security::PIECES;

/// What a mask is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The columns of the first phase.
    First,
    /// The helpers.
    Helpers,
    /// The running sum.
    Sums,
    /// The quotient's pieces, which stay one quotient.
    Quotient,
    /// A polynomial that is added to all that FRI combines.
    Codeword,
}

impl Part {
    /// Random coefficients of each column.
    pub(crate) const fn rows(self, degrees: &Degrees) -> usize {
        match self {
            Self::First | Self::Helpers => degrees.column,
            Self::Sums => degrees.sum,
            Self::Quotient => degrees.quotient,
            Self::Codeword => degrees.bound,
        }
    }
}

/// Draws masks.
#[derive(Debug)]
pub(crate) struct Masks {
    rng: StdRng,
    degrees: Degrees,
}

impl Masks {
    /// From a generator whose state nobody knows.
    pub(crate) const fn new(rng: StdRng, degrees: Degrees) -> Self {
        Self { rng, degrees }
    }

    /// Uniform coefficients for so many columns, a row a power.
    pub(crate) fn draw(&mut self, part: Part, columns: usize) -> RowMajorMatrix<Val> {
        RowMajorMatrix::rand(&mut self.rng, part.rows(&self.degrees), columns)
    }
}

/// Extends columns, given on the rows, plus the rows' vanishing polynomial times their masks, to so many points of the coset, in
/// bit-reversed order.
pub(crate) fn extend(
    transform: &Transform,
    columns: RowMajorMatrix<Val>,
    mask: &RowMajorMatrix<Val>,
    points: usize,
) -> RowMajorMatrix<Val> {
    let width = columns.width();
    let mut coefficients = transform.idft_batch(columns);
    // (x^N - 1) m: a mask has no more coefficients than a column.
    for (coefficient, &mask) in coefficients.values.iter_mut().zip(&mask.values) {
        *coefficient -= mask;
    }
    coefficients.values.extend(&mask.values);
    coefficients.values.resize(points * width, Val::ZERO);
    transform.coset_dft_batch(coefficients, Val::GENERATOR).bit_reverse_rows().to_row_major_matrix()
}

/// Moves a mask's worth from the quotient's second piece into its first, and sets the random polynomial beside them.
pub(crate) fn mask_quotient(
    coefficients: &RowMajorMatrix<Val>,
    degrees: &Degrees,
    mask: &RowMajorMatrix<Val>,
    codeword: &RowMajorMatrix<Val>,
) -> RowMajorMatrix<Val> {
    let width = PIECES * DEGREE;
    let mut values = Vec::with_capacity(degrees.bound * (width + DEGREE));
    for (row, random) in coefficients.values.chunks_exact(width).zip(codeword.values.chunks_exact(DEGREE)) {
        values.extend(row.iter().chain(random));
    }
    let mut masked = RowMajorMatrix::new(values, width + DEGREE);
    for (index, mask) in mask.values.chunks_exact(DEGREE).enumerate() {
        let higher = &mut masked.row_mut(index)[DEGREE..width];
        higher.iter_mut().zip(mask).for_each(|(place, &mask)| *place -= mask);
        let lower = &mut masked.row_mut(degrees.cut() + index)[..DEGREE];
        lower.iter_mut().zip(mask).for_each(|(place, &mask)| *place += mask);
    }
    masked
}

/// Whether the powers of a challenge are a basis of the extension, so that four random columns over the field, combined by them, are one
/// random polynomial over the extension.
pub(crate) fn is_basis(challenge: Ext) -> bool {
    let order = u64::from(MODULUS);
    challenge.exp_u64(order * order) != challenge
}
