//! How many columns of each kind a circuit has, and which is which.
//!
//! ```text
//!            advice                                        fixed
//!   dot      x … x | sum … sum                             active, chained, bias a sum, weight a sum and lane
//!   rescale  sum, magnitude, sign, remainder, out (, rest) active, factor, half, relu
//!   relu     in, magnitude, sign, out                      active
//!   maximum  in, difference, found, out                    active, chained, last
//!   limbs    limb, run                                     active, factor        (a pair a chain)
//! ```
//!
//! The groups lie side by side and begin in the same row; what a group computes in one row knows nothing of the others' rows.

use std::ops::Range;

/// Advice columns of a rescale: the accumulator, the quotient's magnitude and sign, the remainder, the result, and where no table
/// is as long as the activation bound what is missing to that bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RescaleCell {
    Sum,
    Magnitude,
    Sign,
    Remainder,
    Out,
    Rest,
}

/// Advice columns of a `ReLU`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReluCell {
    In,
    Magnitude,
    Sign,
    Out,
}

/// Advice columns of a maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaximumCell {
    In,
    Difference,
    Found,
    Out,
}

/// Advice columns of a chain of limbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimbCell {
    Limb,
    Run,
}

/// Fixed columns that the lanes of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    DotActive,
    DotChained,
    RescaleActive,
    RescaleFactor,
    RescaleHalf,
    RescaleRelu,
    ReluActive,
    MaximumActive,
    MaximumChained,
    MaximumLast,
}

impl Flag {
    const COUNT: usize = 10;
}

/// The sizes of a circuit. Everything about its columns and gates follows from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The circuit has `2^k` rows.
    pub(crate) k: u32,
    /// Columns of public values.
    pub(crate) publics: usize,
    /// Inputs in one row of dot products.
    pub(crate) lanes: usize,
    /// Dot products in one row.
    pub(crate) sums: usize,
    /// Rescales in one row.
    pub(crate) rescales: usize,
    /// `ReLU`s in one row.
    pub(crate) relus: usize,
    /// Candidates of maxima in one row.
    pub(crate) maxima: usize,
    /// Chains of limbs side by side.
    pub(crate) chains: usize,
    /// `t` of the table `0..2^t` of limbs; 0 where nothing is looked up there.
    pub(crate) limb_bits: u32,
    /// Limbs of a remainder: 1 where it is looked up in place.
    pub(crate) remainder_limbs: u32,
    /// Largest magnitude of a rescaled value.
    pub(crate) activation_bound: i64,
    /// Whether a table `0..=activation_bound` decides about magnitudes; otherwise chains of limbs do.
    pub(crate) bound_table: bool,
    /// Whether differences of maxima are looked up in that table too.
    pub(crate) maxima_in_table: bool,
}

/// The first row in use. Row 0 stays empty, so that every row has one before it which is not one of the library's random rows.
pub(crate) const FIRST_ROW: usize = 1;

/// Rows that the library keeps for blinding, with the columns of this crate's circuits: each advice column is opened at three points
/// at most, one more in the multi-point argument, one against mistakes, and one row ends the permutation.
const BLINDED_ROWS: usize = 6;

impl Shape {
    /// Rows that the circuit may use, from [`FIRST_ROW`] on.
    pub(crate) const fn usable(&self) -> usize {
        usable_rows(self.k)
    }

    /// `2^c` bounds every remainder, scaled up where its divisor is smaller.
    pub(crate) const fn remainder_bits(&self) -> u32 {
        self.limb_bits * self.remainder_limbs
    }

    /// Advice columns of one rescale.
    pub(crate) const fn rescale_width(&self) -> usize {
        if self.bound_table { 5 } else { 6 }
    }

    /// Number of advice columns.
    pub(crate) const fn advice(&self) -> usize {
        self.limb_start() + self.chains * 2
    }

    /// Number of fixed columns without those of the tables.
    pub(crate) const fn fixed(&self) -> usize {
        self.factor(self.chains, LimbCell::Limb)
    }

    pub(crate) const fn lane(lane: usize) -> usize {
        lane
    }

    pub(crate) const fn sum(&self, sum: usize) -> usize {
        self.lanes + sum
    }

    pub(crate) const fn rescale(&self, lane: usize, cell: RescaleCell) -> usize {
        self.lanes + self.sums + lane * self.rescale_width() + cell as usize
    }

    const fn relu_start(&self) -> usize {
        self.lanes + self.sums + self.rescales * self.rescale_width()
    }

    pub(crate) const fn relu(&self, lane: usize, cell: ReluCell) -> usize {
        self.relu_start() + lane * 4 + cell as usize
    }

    const fn maximum_start(&self) -> usize {
        self.relu_start() + self.relus * 4
    }

    pub(crate) const fn maximum(&self, lane: usize, cell: MaximumCell) -> usize {
        self.maximum_start() + lane * 4 + cell as usize
    }

    const fn limb_start(&self) -> usize {
        self.maximum_start() + self.maxima * 4
    }

    pub(crate) const fn limb(&self, chain: usize, cell: LimbCell) -> usize {
        self.limb_start() + chain * 2 + cell as usize
    }

    pub(crate) const fn flag(flag: Flag) -> usize {
        flag as usize
    }

    pub(crate) const fn bias(sum: usize) -> usize {
        Flag::COUNT + sum
    }

    pub(crate) const fn weight(&self, sum: usize, lane: usize) -> usize {
        Flag::COUNT + self.sums + sum * self.lanes + lane
    }

    /// The weights of one sum, lane after lane.
    pub(crate) const fn weights(&self, sum: usize) -> Range<usize> {
        self.weight(sum, 0)..self.weight(sum + 1, 0)
    }

    /// A chain's fixed columns: beside the limbs whether a row is in use, beside the runs what the row before is multiplied by.
    pub(crate) const fn factor(&self, chain: usize, cell: LimbCell) -> usize {
        self.weight(self.sums, 0) + chain * 2 + cell as usize
    }

    /// Where a public value stands: its instance column and row.
    pub(crate) const fn public(&self, index: usize) -> (usize, usize) {
        (index / self.usable(), index % self.usable())
    }

    /// The advice columns that take part in copies.
    pub(crate) fn copied(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = (0..self.lanes + self.sums).collect();
        for lane in 0..self.rescales {
            columns.extend([RescaleCell::Sum, RescaleCell::Out].map(|cell| self.rescale(lane, cell)));
            if !self.bound_table {
                columns.extend([RescaleCell::Magnitude, RescaleCell::Rest].map(|cell| self.rescale(lane, cell)));
            }
            if self.remainder_limbs > 1 {
                columns.push(self.rescale(lane, RescaleCell::Remainder));
            }
        }
        for lane in 0..self.relus {
            columns.extend([ReluCell::In, ReluCell::Magnitude, ReluCell::Out].map(|cell| self.relu(lane, cell)));
        }
        for lane in 0..self.maxima {
            columns.extend([MaximumCell::In, MaximumCell::Out].map(|cell| self.maximum(lane, cell)));
            if !self.maxima_in_table {
                columns.push(self.maximum(lane, MaximumCell::Difference));
            }
        }
        columns.extend((0..self.chains).map(|chain| self.limb(chain, LimbCell::Run)));
        columns
    }

    /// The advice columns whose every cell is in the table of limbs.
    pub(crate) fn limb_lookups(&self) -> Vec<usize> {
        let remainders = if self.remainder_limbs == 1 { self.rescales } else { 0 };
        let remainders = (0..remainders).map(|lane| self.rescale(lane, RescaleCell::Remainder));
        remainders.chain((0..self.chains).map(|chain| self.limb(chain, LimbCell::Limb))).collect()
    }

    /// The advice columns whose every cell is in the table of legal magnitudes.
    pub(crate) fn bound_lookups(&self) -> Vec<usize> {
        let magnitudes = if self.bound_table { self.rescales } else { 0 };
        let differences = if self.maxima_in_table { self.maxima } else { 0 };
        let magnitudes = (0..magnitudes).map(|lane| self.rescale(lane, RescaleCell::Magnitude));
        magnitudes.chain((0..differences).map(|lane| self.maximum(lane, MaximumCell::Difference))).collect()
    }
}

/// Rows of a circuit of `2^k` that hold values.
pub(crate) const fn usable_rows(k: u32) -> usize {
    (1usize << k).saturating_sub(FIRST_ROW + BLINDED_ROWS)
}
