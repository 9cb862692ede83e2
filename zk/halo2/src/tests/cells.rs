//! Columns of a circuit as field elements, and a second phase that follows from the gates: nothing here shares code with the witness.

use std::collections::{BTreeMap, HashMap};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use halo2_proofs::poly::Rotation;

use crate::field::integer;
use crate::logup::{Argument, Range};

/// Column and row of each entry of a table.
type Places = HashMap<[u8; 32], (usize, usize)>;

/// All cells of a circuit, column by column.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub(super) fixed: Vec<Vec<Fr>>,
    pub(super) advice: Vec<Vec<Fr>>,
    pub(super) instance: Vec<Vec<Fr>>,
    pub(super) challenges: Vec<Fr>,
    pub(super) names: BTreeMap<&'static str, Vec<usize>>,
    /// Rows that a witness may fill.
    pub(super) usable: usize,
}

impl Cells {
    /// A cell of the column of this kind and number.
    pub(super) fn at(&mut self, kind: &str, number: usize, row: usize) -> &mut Fr {
        &mut self.advice[self.names[kind][number]][row]
    }

    /// Number of columns of a kind.
    pub(super) fn count(&self, kind: &str) -> usize {
        self.names.get(kind).map_or(0, Vec::len)
    }

    /// The value of an expression on a row.
    pub(super) fn evaluate(&self, expression: &Expression<Fr>, row: usize) -> Fr {
        let at = |columns: &[Vec<Fr>], column: usize, rotation: Rotation| {
            let rows = columns[column].len() as i64;
            columns[column][(row as i64 + i64::from(rotation.0)).rem_euclid(rows) as usize]
        };
        expression.evaluate(
            &|constant| constant,
            &|_| unreachable!("no selectors"),
            &|query| at(&self.fixed, query.column_index(), query.rotation()),
            &|query| at(&self.advice, query.column_index(), query.rotation()),
            &|query| at(&self.instance, query.column_index(), query.rotation()),
            &|challenge| self.challenges[challenge.index()],
            &|a| -a,
            &|a, b| a + b,
            &|a, b| a * b,
            &|a, by| a * by,
        )
    }

    /// Sets a cell to what makes a gate that is linear in it 0; leaves it where the gate does not depend on it.
    fn solve(&mut self, gate: &Expression<Fr>, column: usize, row: usize) {
        let before = self.advice[column][row];
        self.advice[column][row] = Fr::ZERO;
        let without = self.evaluate(gate, row);
        self.advice[column][row] = Fr::ONE;
        let slope = self.evaluate(gate, row) - without;
        self.advice[column][row] = slope.invert().map(|inverse| -without * inverse).unwrap_or(before);
    }

    /// Fills the second phase, each cell by the gate that is there for it. `planes` are the convolutions' stages.
    pub(super) fn second_phase(&mut self, cs: &ConstraintSystem<Fr>, planes: &[usize]) {
        let gates = |name: &str| {
            let named = cs.gates().iter().filter(|gate| gate.name() == name);
            named.map(|gate| gate.polynomials()[0].clone()).collect::<Vec<_>>()
        };
        let rows = self.usable;
        for gate in gates("coefficients") {
            let column = self.names["coefficient"][0];
            (0..rows).rev().for_each(|row| self.solve(&gate, column, row));
        }
        for (which, name) in ["horizontal sums", "vertical sums"].into_iter().enumerate() {
            for (gate, &stage) in gates(name).iter().zip(planes) {
                let columns = if stage == 0 { "input sums" } else { "hidden sums" };
                let column = self.names[columns][which];
                (0..rows).for_each(|row| self.solve(gate, column, row));
            }
        }
        // Operands first, copies of them in a second round.
        for gate in gates("operands").iter().flat_map(|gate| [gate, gate]) {
            let column = self.names["operand"][0];
            (0..rows).for_each(|row| self.solve(gate, column, row));
        }
        for (number, gate) in gates("helper").iter().enumerate() {
            let column = self.names["helper"][number];
            (0..rows).for_each(|row| self.solve(gate, column, row));
        }
        for gate in gates("running total") {
            let column = self.names["total"][0];
            (0..rows).for_each(|row| self.solve(&gate, column, row));
        }
    }

    /// Counts what is looked up, as a prover would who wants it to be found: what is not in its own range is sought in the others, as it
    /// is and with a difference of tags of 2^40.
    pub(super) fn count_lookups(&mut self, argument: &Argument) {
        let tag = |range: Range| integer((range as i64) << 40);
        let columns = argument.table_columns();
        let mut entries: Vec<(Range, Places)> = Vec::new();
        for (column, (range, values)) in columns.iter().enumerate() {
            if entries.last().is_none_or(|(last, _)| last != range) {
                entries.push((*range, HashMap::new()));
            }
            let (_, known) = entries.last_mut().unwrap();
            for (row, &value) in values.iter().enumerate() {
                known.entry(integer(value).to_bytes()).or_insert((column, row));
            }
        }
        for &column in &self.names["count"].clone() {
            self.advice[column].fill(Fr::ZERO);
        }
        for lookup in &argument.lookups {
            for row in 0..self.usable {
                if self.fixed[lookup.active.index()][row] == Fr::ZERO {
                    continue;
                }
                let value = self.evaluate(&lookup.value, row);
                let own = entries.iter().filter(|(range, _)| *range == lookup.range);
                let others = entries.iter().filter(|(range, _)| *range != lookup.range);
                let found = own.chain(others).find_map(|(range, known)| {
                    let shifted = value + tag(lookup.range) - tag(*range);
                    known.get(&value.to_bytes()).or_else(|| known.get(&shifted.to_bytes())).copied()
                });
                if let Some((column, entry)) = found {
                    *self.at("count", column, entry) += Fr::ONE;
                }
            }
        }
    }
}
