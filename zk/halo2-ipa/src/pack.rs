//! Where things go: dot products into rows, chains of limbs into columns.

use std::ops::Range;

/// A part of a block in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) row: usize,
    /// Of the inputs, the first stands here and the others beside it.
    pub(crate) first_lane: usize,
    /// Which of the block's inputs.
    pub(crate) inputs: Range<usize>,
    /// Of the outputs, the first stands here and the others beside it.
    pub(crate) first_sum: usize,
    /// Which of the block's outputs.
    pub(crate) outputs: Range<usize>,
    /// Whether this is the block's first row; the others add to the row before.
    pub(crate) first: bool,
    /// Whether the sums are complete here.
    pub(crate) last: bool,
}

/// Puts blocks into rows of `lanes` inputs and `sums` dot products, in the order in which they come.
///
/// A block that fits shares the last row with those before it. A wide one gets rows of its own, chained; its last row may be shared
/// again, as the sums that its chain does not use are 0 there.
#[derive(Debug, Clone)]
pub(crate) struct Packer {
    lanes: usize,
    sums: usize,
    rows: usize,
    free_lanes: usize,
    free_sums: usize,
}

impl Packer {
    pub(crate) const fn new(lanes: usize, sums: usize) -> Self {
        Self { lanes, sums, rows: 0, free_lanes: 0, free_sums: 0 }
    }

    /// Rows in use.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Places a block of so many inputs and outputs, part by part.
    pub(crate) fn place(&mut self, inputs: usize, outputs: usize, mut each: impl FnMut(Place)) {
        let rows = inputs.div_ceil(self.lanes);
        let mut done = 0;
        while done < outputs {
            if rows > 1 || self.free_lanes < inputs || self.free_sums == 0 {
                self.rows += rows;
                self.free_lanes = self.lanes;
                self.free_sums = self.sums;
            }
            let taken = self.free_sums.min(outputs - done);
            let mut from = 0;
            for row in self.rows - rows..self.rows {
                let to = inputs.min(from + self.lanes);
                each(Place {
                    row,
                    first_lane: self.lanes - self.free_lanes,
                    inputs: from..to,
                    first_sum: self.sums - self.free_sums,
                    outputs: done..done + taken,
                    first: from == 0,
                    last: to == inputs,
                });
                if to == inputs {
                    self.free_lanes -= to - from;
                }
                from = to;
            }
            self.free_sums -= taken;
            done += taken;
        }
    }
}

/// Puts chains of limbs one below the other, column by column.
#[derive(Debug, Clone)]
pub(crate) struct Chains {
    usable: usize,
    chain: usize,
    row: usize,
}

impl Chains {
    pub(crate) const fn new(usable: usize) -> Self {
        Self { usable, chain: 0, row: 0 }
    }

    /// The column pair and first row of a chain of so many limbs, fewer than there are rows.
    pub(crate) const fn place(&mut self, limbs: usize) -> (usize, usize) {
        if self.row + limbs > self.usable {
            self.chain += 1;
            self.row = 0;
        }
        let place = (self.chain, self.row);
        self.row += limbs;
        place
    }

    /// Column pairs in use.
    pub(crate) const fn count(&self) -> usize {
        if self.row == 0 { self.chain } else { self.chain + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_blocks_share_a_row_and_wide_ones_are_chained() {
        let mut packer = Packer::new(5, 3);
        let mut places = Vec::new();
        packer.place(2, 1, |place| places.push(place));
        packer.place(3, 2, |place| places.push(place));
        packer.place(7, 4, |place| places.push(place));
        let brief: Vec<_> =
            places.iter().map(|p| (p.row, p.first_lane, p.first_sum, p.inputs.len(), p.outputs.len())).collect();
        assert_eq!(
            brief,
            [(0, 0, 0, 2, 1), (0, 2, 1, 3, 2), (1, 0, 0, 5, 3), (2, 0, 0, 2, 3), (3, 0, 0, 5, 1), (4, 0, 0, 2, 1)]
        );
        assert_eq!(packer.rows(), 5);
        packer.place(3, 2, |place| assert_eq!((place.row, place.first_lane, place.first_sum), (4, 2, 1)));
    }

    proptest! {
        /// No cell is used twice, every pair of an input and an output meets exactly once, and chains touch no foreign sum.
        #[test]
        fn everything_has_its_place(
            lanes in 1usize..8, sums in 1usize..6, blocks in proptest::collection::vec((1usize..20, 1usize..9), 1..12)
        ) {
            let mut packer = Packer::new(lanes, sums);
            let mut lanes_used = std::collections::HashSet::new();
            let mut sums_used = std::collections::HashMap::new();
            let mut chained = std::collections::HashSet::new();
            for (id, &(inputs, outputs)) in blocks.iter().enumerate() {
                let mut met = vec![0; inputs * outputs];
                packer.place(inputs, outputs, |p| {
                    assert!(p.first_lane + p.inputs.len() <= lanes && p.first_sum + p.outputs.len() <= sums);
                    for i in 0..p.inputs.len() {
                        assert!(lanes_used.insert((p.row, p.first_lane + i)));
                    }
                    for (o, output) in p.outputs.clone().enumerate() {
                        assert!(sums_used.insert((p.row, p.first_sum + o), (id, output)).is_none());
                        for input in p.inputs.clone() {
                            met[output * inputs + input] += 1;
                        }
                    }
                    if !p.first {
                        chained.insert(p.row);
                    }
                });
                prop_assert!(met.iter().all(|&n| n == 1));
            }
            for row in chained {
                for sum in 0..sums {
                    let (before, here) = (sums_used.get(&(row - 1, sum)), sums_used.get(&(row, sum)));
                    prop_assert!(before.is_none() || before == here, "{row} {sum}: {before:?} {here:?}");
                }
            }
        }
    }
}
