//! Range checks by logarithmic derivatives.
//!
//! Every value that must lie in a range becomes a fraction `1 / (value + x)` for a random `x` drawn after the values are committed; every
//! table entry becomes `-m / (entry + x)` with the number `m` of times that it was looked up, committed as well. The fractions
//! of all rows sum to 0 if and (but for a chance of about rows / 2^254) only if each value is an entry (Haböck, "Multivariate lookups based on
//! logarithmic derivatives", 2022/1530). Some fractions share one helper column `h` with the gate `h * product of denominators = numerator`; the sum of all
//! helpers goes into the circuit's one running total.
//!
//! All ranges share the one sum, told apart by a second random challenge `y`: a value of range `t` has the denominator `value + t y + x`.
//! A number in the place of `y` would not do: the value is the prover's, who would add the difference of two numbers to it, and so reach
//! the entries of another range.

use std::ops::RangeInclusive;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{BatchInvert, Field};
use halo2_proofs::plonk::{Advice, Column, ConstraintSystem, Expression, Fixed, SecondPhase};
use zktee_halo2_prover::Column as Values;

use crate::field::{constant, integer, sum};
use crate::tall::FixedCells;

/// Which range a value must lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// `0..=` the activation bound.
    Magnitude,
    /// `0..` the divisor.
    Remainder,
    /// The input's range, where the input is private.
    Input,
}

impl Range {
    /// The multiple of the challenge `y` that tells the range from others.
    const fn tag(self) -> i64 {
        self as i64
    }
}

/// The table: its ranges one after the other, each cut into columns of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tables {
    ranges: Vec<(Range, RangeInclusive<i64>)>,
    rows: usize,
}

/// The most entries that a table may have: more would be a circuit of tables.
pub(crate) const MOST_ENTRIES: u64 = 1 << 22;

impl Tables {
    /// Ranges for these bounds over columns of so many rows.
    pub(crate) fn new(bound: i64, exponent: u32, input: Option<[i64; 2]>, rows: usize) -> Self {
        let mut ranges = vec![(Range::Magnitude, 0..=bound), (Range::Remainder, 0..=(1 << exponent) - 1)];
        ranges.extend(input.map(|[low, high]| (Range::Input, low..=high)));
        Self { ranges, rows }
    }

    /// A table without the ranges of activations.
    pub(crate) fn input_alone(input: Option<[i64; 2]>, rows: usize) -> Self {
        Self { ranges: input.map(|[low, high]| (Range::Input, low..=high)).into_iter().collect(), rows }
    }

    /// Number of entries.
    pub(crate) fn entries(&self) -> usize {
        self.ranges.iter().map(|(_, range)| length(range)).sum()
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.ranges.iter().map(|(_, range)| self.columns_of(range)).sum()
    }

    fn columns_of(&self, range: &RangeInclusive<i64>) -> usize {
        length(range).div_ceil(self.rows)
    }

    /// The range of each column.
    fn column_ranges(&self) -> Vec<Range> {
        let of = |(kind, range): &(Range, RangeInclusive<i64>)| std::iter::repeat_n(*kind, self.columns_of(range));
        self.ranges.iter().flat_map(of).collect()
    }

    /// The cell in which a value stands, if it is an entry; column by column.
    fn entry(&self, range: Range, value: i64) -> Option<usize> {
        let mut start = 0;
        for (kind, values) in &self.ranges {
            if *kind == range {
                return values.contains(&value).then(|| start + (value - values.start()) as usize);
            }
            start += self.columns_of(values) * self.rows;
        }
        None
    }

    /// What every row of every column holds; what a range leaves free of its last column repeats the range's first entry.
    fn cells(&self) -> Vec<i64> {
        let mut cells = Vec::with_capacity(self.columns() * self.rows);
        for (_, range) in &self.ranges {
            let end = cells.len() + self.columns_of(range) * self.rows;
            cells.extend(range.clone());
            cells.resize(end, *range.start());
        }
        cells
    }
}

/// Number of values of a range.
fn length(range: &RangeInclusive<i64>) -> usize {
    (range.end() - range.start() + 1) as usize
}

/// A value that is looked up on some rows.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    /// The range that it must lie in.
    pub(crate) range: Range,
    /// The value.
    pub(crate) value: Expression<Fr>,
    /// 1 on the rows on which it is looked up, 0 elsewhere.
    pub(crate) active: Column<Fixed>,
}

/// The argument's columns.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    tables: Tables,
    table: Vec<Column<Fixed>>,
    /// First phase.
    counts: Vec<Column<Advice>>,
    /// Second phase, one a group.
    helpers: Vec<Column<Advice>>,
    groups: Vec<Vec<Term>>,
    #[cfg(test)]
    pub(crate) lookups: Vec<Lookup>,
}

/// One fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Lookup(usize),
    Table(usize),
}

/// The table's columns, which come before the second phase's challenges can be used.
#[derive(Debug, Clone)]
pub(crate) struct TableColumns {
    tables: Tables,
    table: Vec<Column<Fixed>>,
    counts: Vec<Column<Advice>>,
}

impl TableColumns {
    pub(crate) fn configure(cs: &mut ConstraintSystem<Fr>, tables: Tables) -> Self {
        let table = (0..tables.columns()).map(|_| cs.fixed_column()).collect();
        let counts = (0..tables.columns()).map(|_| cs.advice_column()).collect();
        Self { tables, table, counts }
    }
}

/// Which fractions share a helper: as many as the degree has room for. `degrees` are those of the lookups' values.
fn group(degrees: &[usize], tables: usize, degree: usize) -> Vec<Vec<Term>> {
    // usable * h * product of denominators
    let room = degree.saturating_sub(2);
    let mut groups: Vec<(usize, Vec<Term>)> = Vec::new();
    let lookups = degrees.iter().enumerate().map(|(index, &degree)| (Term::Lookup(index), degree));
    for (term, degree) in lookups.chain((0..tables).map(|table| (Term::Table(table), 1))) {
        match groups.iter_mut().find(|(used, _)| used + degree <= room) {
            Some((used, terms)) => {
                *used += degree;
                terms.push(term);
            }
            None => groups.push((degree, vec![term])),
        }
    }
    groups.into_iter().map(|(_, terms)| terms).collect()
}

impl Argument {
    /// Makes the helpers and their gates. `usable` is 1 on the usable rows; `x` and `y` are challenges.
    pub(crate) fn configure(
        cs: &mut ConstraintSystem<Fr>,
        columns: TableColumns,
        lookups: &[Lookup],
        degree: usize,
        usable: Column<Fixed>,
        [x, y]: [&Expression<Fr>; 2],
    ) -> Self {
        let TableColumns { tables, table, counts } = columns;
        let degrees: Vec<usize> = lookups.iter().map(|lookup| lookup.value.degree()).collect();
        let groups = group(&degrees, table.len(), degree);
        let helpers: Vec<Column<Advice>> = groups.iter().map(|_| cs.advice_column_in(SecondPhase)).collect();
        let ranges = tables.column_ranges();
        let below = |value: Expression<Fr>, range: Range| match range.tag() {
            0 => value + x.clone(),
            tag => value + y.clone() * integer(tag) + x.clone(),
        };
        for (terms, helper) in groups.iter().zip(&helpers) {
            let fraction = |term: &Term| match *term {
                Term::Lookup(index) => {
                    let lookup = &lookups[index];
                    (lookup.active.cur(), below(lookup.value.clone(), lookup.range))
                }
                Term::Table(index) => (-counts[index].cur(), below(table[index].cur(), ranges[index])),
            };
            let fractions: Vec<(Expression<Fr>, Expression<Fr>)> = terms.iter().map(fraction).collect();
            let product = |without: Option<usize>| {
                let factors = fractions.iter().enumerate().filter(|(i, _)| Some(*i) != without);
                factors.map(|(_, (_, below))| below.clone()).reduce(|a, b| a * b).unwrap_or_else(|| constant(1))
            };
            let above = sum(fractions.iter().enumerate().map(|(i, (above, _))| above.clone() * product(Some(i))));
            cs.create_gate("helper", |_| vec![usable.cur() * (helper.cur() * product(None) - above)]);
        }
        Self {
            tables,
            table,
            counts,
            helpers,
            groups,
            #[cfg(test)]
            lookups: lookups.to_vec(),
        }
    }

    /// The sum of the helpers of a row.
    pub(crate) fn row_sum(&self) -> Expression<Fr> {
        sum(self.helpers.iter().map(Column::cur))
    }

    /// The table's cells.
    pub(crate) fn fixed(&self) -> Vec<FixedCells> {
        let cells = self.tables.cells();
        let of = |(column, cells): (&Column<Fixed>, &[i64])| {
            (*column, cells.iter().map(|&cell| integer(cell)).enumerate().collect())
        };
        self.table.iter().zip(cells.chunks(self.tables.rows)).map(of).collect()
    }

    /// How often each entry is looked up, as the first phase's columns. What is no entry counts nowhere: its proof will be rejected.
    pub(crate) fn counts(&self, lookups: &[LookedUp<'_>]) -> Vec<Values> {
        let mut counts = vec![0; self.counts.len() * self.tables.rows];
        for lookup in lookups {
            for &row in lookup.rows {
                if let Some(entry) = self.tables.entry(lookup.range, lookup.values[row].into()) {
                    counts[entry] += 1;
                }
            }
        }
        counts.chunks(self.tables.rows.max(1)).map(|column| Values::Small(column.to_vec())).collect()
    }

    /// The helper columns, and for each row the sum of its helpers.
    pub(crate) fn helpers(
        &self,
        lookups: &[LookedUp<'_>],
        counts: &[Vec<i64>],
        [x, y]: [Fr; 2],
    ) -> (Vec<Vec<Fr>>, Vec<Fr>) {
        let rows = self.tables.rows;
        let below = |value: i64, range: Range| integer(value) + integer(range.tag()) * y + x;
        let ranges = self.tables.column_ranges();
        let cells = self.tables.cells();
        let cells = cells.chunks(rows.max(1)).zip(ranges);
        let mut inverses: Vec<Fr> =
            cells.flat_map(|(cells, range)| cells.iter().map(move |&cell| below(cell, range))).collect();
        inverses.iter_mut().batch_invert();
        let mut total = vec![Fr::ZERO; rows];
        let column = |terms: &Vec<Term>| {
            let mut column = vec![Fr::ZERO; rows];
            for term in terms {
                match *term {
                    Term::Lookup(index) => {
                        let lookup = &lookups[index];
                        for &row in lookup.rows {
                            let value = lookup.values[row].into();
                            let entry = self.tables.entry(lookup.range, value);
                            // A value in no range has a fraction all the same, with nothing to cancel it.
                            let outside = || below(value, lookup.range).invert().unwrap_or(Fr::ZERO);
                            column[row] += entry.map_or_else(outside, |entry| inverses[entry]);
                        }
                    }
                    Term::Table(index) => {
                        let inverses = &inverses[index * rows..];
                        for ((cell, &count), inverse) in column.iter_mut().zip(&counts[index]).zip(inverses) {
                            if count != 0 {
                                *cell -= integer(count) * inverse;
                            }
                        }
                    }
                }
            }
            column
        };
        let columns: Vec<Vec<Fr>> = self.groups.iter().map(column).collect();
        for column in &columns {
            total.iter_mut().zip(column).for_each(|(total, cell)| *total += cell);
        }
        (columns, total)
    }

    /// Entries of the table.
    pub(crate) fn table_entries(&self) -> usize {
        self.tables.entries()
    }

    /// The range and the entries of each of the table's columns.
    #[cfg(test)]
    pub(crate) fn table_columns(&self) -> Vec<(Range, Vec<i64>)> {
        let cells = self.tables.cells();
        self.tables.column_ranges().into_iter().zip(cells.chunks(self.tables.rows).map(<[i64]>::to_vec)).collect()
    }

    /// The columns of the counts, of the first phase.
    pub(crate) fn count_columns(&self) -> &[Column<Advice>] {
        &self.counts
    }

    /// The helper columns, of the second phase.
    pub(crate) fn helper_columns(&self) -> &[Column<Advice>] {
        &self.helpers
    }
}

/// The values of a [`Lookup`] in a witness.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookedUp<'a> {
    /// The range that they must lie in.
    pub(crate) range: Range,
    /// One a row.
    pub(crate) values: &'a [i32],
    /// The rows on which they are looked up.
    pub(crate) rows: &'a [usize],
}
