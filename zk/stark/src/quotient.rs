//! The quotient of the constraints by the polynomial that vanishes on all rows.

use p3_dft::TwoAdicSubgroupDft;
use p3_field::{BasedVectorSpace, Field, PackedFieldExtension, PackedValue, PrimeCharacteristicRing, TwoAdicField};
use p3_matrix::Matrix;
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::{RowMajorMatrix, RowMajorMatrixView};
use p3_maybe_rayon::prelude::*;
use p3_util::{reverse_bits_len, reverse_slice_index_bits};

use crate::constraints::{Combined, Known, Row, evaluate};
use crate::degrees::Degrees;
use crate::field::{DEGREE, Ext, Packed, PackedExt, Transform, Val, powers};
use crate::layout::Layout;
use crate::relation::Public;
use crate::security::PIECES;

/// The committed columns on the coset of as many points as the quotient has coefficients, in bit-reversed order.
pub(crate) struct Extended<'a> {
    pub(crate) first: RowMajorMatrixView<'a, Val>,
    pub(crate) helpers: RowMajorMatrixView<'a, Val>,
    pub(crate) sums: RowMajorMatrixView<'a, Val>,
}

/// The coefficients of the quotient: on each row those of the lower piece and those of the higher.
///
/// Where a constraint does not hold, what comes out is the polynomial that agrees with the fraction on the coset, and the identity fails
/// everywhere else.
pub(crate) fn quotient(
    layout: &Layout,
    degrees: &Degrees,
    transform: &Transform,
    public: &Public,
    alpha: Ext,
    extended: &Extended<'_>,
) -> RowMajorMatrix<Val> {
    let (rows, size) = (layout.rows(), PIECES * degrees.bound);
    // The points are so many cosets of the rows, and a step from row to row is so many from point to point.
    let (cosets, log_size) = (size / rows, size.trailing_zeros() as usize);
    let log_cosets = cosets.trailing_zeros() as usize;
    let values = RowMajorMatrix::new(Ext::flatten_to_base(public.values.clone()), public.columns * DEGREE);
    let public_values =
        transform.coset_lde_batch(values, log_cosets, Val::GENERATOR).bit_reverse_rows().to_row_major_matrix();
    let public_values = public_values.as_view();
    let known = Known::<PackedExt>::of(public);
    let alphas: Vec<PackedExt> = powers(alpha, layout.constraints()).into_iter().map(PackedExt::from).collect();
    // On each coset `x^N` is a constant; the first one is `g H`, where it is `g^N`.
    let mut powers_of_x: Vec<Val> =
        Val::two_adic_generator(log_cosets).shifted_powers(Val::GENERATOR.exp_u64(rows as u64)).collect_n(cosets);
    reverse_slice_index_bits(&mut powers_of_x);
    let inverses: Vec<Packed> = powers_of_x.iter().map(|&power| Packed::from((power - Val::ONE).inverse())).collect();
    let next = |row: usize| reverse_bits_len((reverse_bits_len(row, log_size) + cosets) % size, log_size);
    let mut quotient = Ext::zero_vec(size);
    quotient.par_chunks_mut(Packed::WIDTH).enumerate().for_each(|(chunk, out)| {
        let start = chunk * Packed::WIDTH;
        let row = Row {
            first: &columns(&extended.first, start),
            helpers: &extensions(&extended.helpers, start),
            sums: [
                extension(&extended.sums, 0, |lane| start + lane),
                extension(&extended.sums, 0, |lane| next(start + lane)),
            ],
            public: &extensions(&public_values, start),
        };
        let mut combined = Combined::new(&alphas);
        evaluate::<Packed, PackedExt>(layout, &known, &row, &mut combined);
        let value = combined.sum * inverses[start / rows];
        for (lane, out) in out.iter_mut().enumerate() {
            *out = value.extract(lane);
        }
    });
    reverse_slice_index_bits(&mut quotient);
    let flat = RowMajorMatrix::new(Ext::flatten_to_base(quotient), DEGREE);
    let values = transform.coset_idft_batch(flat, Val::GENERATOR).values;
    let (lower, higher) = values.split_at(degrees.cut() * DEGREE);
    let mut pieces = Val::zero_vec(degrees.bound * PIECES * DEGREE);
    for (piece, coefficients) in [lower, higher].into_iter().enumerate() {
        let places = pieces.chunks_exact_mut(PIECES * DEGREE).map(|row| &mut row[piece * DEGREE..(piece + 1) * DEGREE]);
        // Beyond the bound there is nothing where the constraints hold.
        places
            .zip(coefficients.chunks_exact(DEGREE))
            .for_each(|(place, coefficient)| place.copy_from_slice(coefficient));
    }
    RowMajorMatrix::new(pieces, PIECES * DEGREE)
}

/// All columns of as many rows as a packed value holds.
fn columns(matrix: &RowMajorMatrixView<'_, Val>, start: usize) -> Vec<Packed> {
    let width = matrix.width;
    (0..width).map(|column| Packed::from_fn(|lane| matrix.values[(start + lane) * width + column])).collect()
}

/// The same of columns of extension elements.
fn extensions(matrix: &RowMajorMatrixView<'_, Val>, start: usize) -> Vec<PackedExt> {
    (0..matrix.width / DEGREE).map(|column| extension(matrix, column, |lane| start + lane)).collect()
}

/// One such column on these rows.
fn extension(matrix: &RowMajorMatrixView<'_, Val>, column: usize, row: impl Fn(usize) -> usize) -> PackedExt {
    let cell = |lane, coordinate| matrix.values[row(lane) * matrix.width + column * DEGREE + coordinate];
    PackedExt::from_basis_coefficients_fn(|coordinate| Packed::from_fn(|lane| cell(lane, coordinate)))
}
