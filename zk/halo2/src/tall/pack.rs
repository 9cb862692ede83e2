//! First-fit packing of weight rows.

/// A stage's weights may be spread over so many groups of rows.
pub(super) const MOST_GROUPS: usize = 8;

/// So many different distances of copies a circuit may have: each is one more place where the operand column is read.
pub(super) const MOST_SHIFTS: usize = 4;

/// Which rows have weights.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    taken: Vec<bool>,
    count: usize,
}

impl Rows {
    /// So many rows, all free.
    pub(super) fn new(rows: usize) -> Self {
        Self { taken: vec![false; rows], count: 0 }
    }

    /// Rows in use.
    pub(super) const fn taken(&self) -> usize {
        self.count
    }

    /// Takes these rows; false (and nothing useful is left) if one of them is not free.
    pub(super) fn take(&mut self, rows: &[usize]) -> bool {
        rows.iter().all(|&row| {
            let free = self.taken.get(row) == Some(&false);
            if free {
                self.taken[row] = true;
                self.count += 1;
            }
            free
        })
    }

    /// For each stage the distances from its first group of rows to its further groups; those with most rows first.
    pub(super) fn shifts(&mut self, operands: &[Vec<usize>], groups: &[usize]) -> Option<Vec<Vec<i32>>> {
        let mut shifts = vec![Vec::new(); operands.len()];
        let mut known: Vec<i32> = Vec::new();
        let mut order: Vec<usize> = (0..operands.len()).collect();
        order.sort_by_key(|&stage| std::cmp::Reverse(operands[stage].len()));
        for stage in order {
            if groups[stage] > MOST_GROUPS {
                return None;
            }
            for _ in 1..groups[stage] {
                let shift = self.fit(&operands[stage], &known)?;
                if !known.contains(&shift) {
                    known.push(shift);
                }
                if known.len() > MOST_SHIFTS {
                    return None;
                }
                shifts[stage].push(shift);
            }
        }
        Some(shifts)
    }

    /// A distance at which all rows are free, one that is known already if there is such.
    fn fit(&mut self, rows: &[usize], known: &[i32]) -> Option<i32> {
        let (&first, &last) = (rows.iter().min()?, rows.iter().max()?);
        let lowest = -i32::try_from(first).ok()?;
        let highest = i32::try_from(self.taken.len() - 1 - last).ok()?;
        // Two distances must not be the same around the end of the column.
        let apart = |shift: &i32| known.iter().all(|other| other.abs_diff(*shift) < self.taken.len() as u32);
        let fits = |shift: &i32| {
            (lowest..=highest).contains(shift)
                && apart(shift)
                && rows.iter().all(|&row| row.checked_add_signed(*shift as isize).is_some_and(|at| !self.taken[at]))
        };
        let shift = known.iter().copied().find(&fits).or_else(|| (lowest..=highest).find(&fits))?;
        let moved: Vec<usize> = rows.iter().map(|row| row.wrapping_add_signed(shift as isize)).collect();
        self.take(&moved);
        Some(shift)
    }
}
