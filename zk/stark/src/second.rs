//! The second phase: helpers of the lookups and the running sum, once the challenges are known.

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing, batch_multiplicative_inverse};
use p3_matrix::dense::RowMajorMatrix;
use p3_maybe_rayon::prelude::*;

use crate::constraints::{Known, denominators, rise};
use crate::field::{DEGREE, Ext, Val};
use crate::layout::Layout;
use crate::relation::{Pole, Public};

/// The columns of the second phase.
#[derive(Debug, Clone)]
pub(crate) struct Second {
    /// Row-major, one a lane: `1/(offset + u) + 1/(offset' + v)` for the lane's two lookups.
    pub(crate) helpers: Vec<Ext>,
    /// One a row.
    pub(crate) sums: Vec<Ext>,
}

impl Second {
    /// What belongs to these cells.
    pub(crate) fn new(layout: &Layout, public: &Public, first: &RowMajorMatrix<Val>) -> Result<Self, Pole> {
        let known = Known::<Ext>::of(public);
        let lanes = layout.lanes.len();
        // A fraction of the two together takes one inverse where two would take two.
        let mut numerators = Ext::zero_vec(layout.rows() * lanes);
        let mut products = numerators.clone();
        let rows = first.values.par_chunks_exact(first.width);
        let of_row = numerators.par_chunks_exact_mut(lanes).zip(products.par_chunks_exact_mut(lanes));
        rows.zip(of_row).for_each(|(cells, (numerators, products))| {
            let mut places = numerators.iter_mut().zip(products);
            denominators(layout, &known, cells, |[a, b]| {
                if let Some((numerator, product)) = places.next() {
                    *numerator = a + b;
                    *product = a * b;
                }
            });
        });
        if products.contains(&Ext::ZERO) {
            return Err(Pole);
        }
        let inverses = batch_multiplicative_inverse(&products);
        let mut helpers = numerators;
        helpers.par_iter_mut().zip(inverses).for_each(|(helper, inverse)| *helper *= inverse);
        let sums = running_sum(layout, public, &known, first, &helpers);
        Ok(Self { helpers, sums })
    }

    /// As columns of field elements: the helpers', the running sum's.
    pub(crate) fn into_matrices(self, lanes: usize) -> [RowMajorMatrix<Val>; 2] {
        let flat = |values, columns: usize| RowMajorMatrix::new(Ext::flatten_to_base(values), columns * DEGREE);
        [flat(self.helpers, lanes), flat(self.sums, 1)]
    }
}

/// The sum, which begins at 0, and of whose last rise only the next row's constraint, the first one's, knows.
pub(crate) fn running_sum(
    layout: &Layout,
    public: &Public,
    known: &Known<Ext>,
    first: &RowMajorMatrix<Val>,
    helpers: &[Ext],
) -> Vec<Ext> {
    let lanes = layout.lanes.len();
    let rows = first.values.par_chunks_exact(first.width).zip(helpers.par_chunks_exact(lanes)).enumerate();
    let rises: Vec<Ext> =
        rows.map(|(row, (cells, helpers))| rise(layout, known, cells, helpers, public.row(row))).collect();
    let mut sum = Ext::ZERO;
    let before = |rise| {
        let before = sum;
        sum += rise;
        before
    };
    rises.into_iter().map(before).collect()
}
