//! How many coefficients the committed polynomials have, and how many of them are random: `docs/stark.md`, "Zero knowledge".

use crate::field::DEGREE;
use crate::layout::Layout;
use crate::security::PIECES;

/// One more number than is opened: what is in a leaf of a Merkle tree that was not opened stays random too.
const A_LEAF: usize = 1;

/// Numbers of coefficients. Without a hidden input nothing is random, and a column has as many as there are rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Degrees {
    /// Committed polynomials have fewer coefficients than this, or as many; a power of two.
    pub(crate) bound: usize,
    /// Random ones of each column that is opened at one point and at the queries.
    pub(crate) column: usize,
    /// Of each of the running sum's, which is opened at two points, and of which the quotient shows the next row's at each query.
    pub(crate) sum: usize,
    /// Of each of the quotient's.
    pub(crate) quotient: usize,
}

impl Degrees {
    /// With so many queries.
    pub(crate) const fn new(layout: &Layout, queries: usize) -> Self {
        let bound = 1 << Self::log_bound(layout);
        if !layout.hidden() {
            return Self { bound, column: 0, sum: 0, quotient: 0 };
        }
        let column = queries + DEGREE + A_LEAF;
        Self { bound, column, sum: 2 * (queries + DEGREE) + A_LEAF, quotient: column }
    }

    /// Logarithm of [`Degrees::bound`].
    pub(crate) const fn log_bound(layout: &Layout) -> usize {
        layout.log_rows as usize + if layout.hidden() { 1 } else { 0 }
    }

    /// Where the quotient is cut in two: its second piece begins with this power.
    pub(crate) const fn cut(&self) -> usize {
        self.bound - self.quotient
    }

    /// Whether everything fits: the running sum into the bound, and the quotient of constraints of degree 3 into two pieces.
    const fn fit(&self, rows: usize) -> bool {
        let quotient = (3 * (rows + self.column - 1) + 1).saturating_sub(rows);
        self.sum <= rows && rows + self.sum <= self.bound && quotient <= self.cut() + (PIECES - 1) * self.bound
    }

    /// How many queries there can be at most.
    pub(crate) fn most_queries(layout: &Layout) -> usize {
        if !layout.hidden() {
            return usize::MAX;
        }
        let rows = layout.rows();
        (0..rows).rev().find(|&queries| Self::new(layout, queries).fit(rows)).unwrap_or(0)
    }
}
