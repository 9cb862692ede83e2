//! The wide circuit's columns and gates.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{
    Advice, Challenge, Column, ConstraintSystem, Expression, FirstPhase, Fixed, Instance, SecondPhase,
};

use super::WideParameters;
use crate::field::{constant, integer, sum};
use crate::logup::{Argument, Lookup, Range, TableColumns, Tables};
use crate::network::Network;
use crate::tall::{FixedCells, rounding, stage_scale};

/// All columns.
#[derive(Debug, Clone)]
pub(crate) struct WideColumns {
    pub(super) usable: usize,
    pub(super) batch: usize,
    // First phase, in the order in which the witness gives them; one lane an activation.
    pub(crate) magnitude: Vec<Column<Advice>>,
    pub(super) positive: Vec<Column<Advice>>,
    pub(super) remainder: Vec<Column<Advice>>,
    pub(crate) private_input: Vec<Column<Advice>>,
    // Second phase.
    pub(crate) ranges: Option<Ranges>,
    // Public.
    pub(super) input: Vec<Column<Instance>>,
    pub(super) output: Vec<Column<Instance>>,
    // Fixed.
    active: Column<Fixed>,
    usable_rows: Option<UsableRows>,
}

/// The range checks' columns.
#[derive(Debug, Clone)]
pub(crate) struct Ranges {
    pub(crate) argument: Argument,
    total: Column<Advice>,
    challenges: [Challenge; 2],
}

#[derive(Debug, Clone, Copy)]
struct UsableRows {
    usable: Column<Fixed>,
    not_first: Column<Fixed>,
    last: Column<Fixed>,
}

impl WideColumns {
    /// Makes columns and gates. The network's weights are constants of the gates.
    pub(crate) fn configure(
        cs: &mut ConstraintSystem<Fr>,
        network: &Network,
        parameters: &WideParameters,
        private: bool,
    ) -> Self {
        let usable = (1 << parameters.k) - super::BLINDED;
        let lanes = super::lanes(network);
        let advice = |cs: &mut ConstraintSystem<Fr>, count: usize| (0..count).map(|_| cs.advice_column()).collect();
        let magnitude: Vec<_> = advice(cs, lanes);
        let positive: Vec<_> = advice(cs, lanes);
        let remainder: Vec<_> = advice(cs, lanes);
        let features = network.input_len();
        let private_input: Vec<_> = advice(cs, if private { features } else { 0 });
        let input_range = private.then_some(network.input_range);
        let tables = if lanes > 0 {
            Tables::new(network.activation_bound, network.exponent(), input_range, usable)
        } else {
            Tables::input_alone(input_range, usable)
        };
        let input = (0..if private { 0 } else { features }).map(|_| cs.instance_column()).collect();
        let output = (0..network.output_len()).map(|_| cs.instance_column()).collect();
        let active = cs.fixed_column();
        let mut columns = Self {
            usable,
            batch: parameters.batch,
            magnitude,
            positive,
            remainder,
            private_input,
            ranges: None,
            input,
            output,
            active,
            usable_rows: None,
        };
        if lanes > 0 || private {
            columns.range_gates(cs, tables, parameters.degree);
        }
        columns.gates(cs, network);
        columns
    }

    fn range_gates(&mut self, cs: &mut ConstraintSystem<Fr>, tables: Tables, degree: usize) {
        let table = TableColumns::configure(cs, tables);
        let challenges = [(); 2].map(|()| cs.challenge_usable_after(FirstPhase));
        let [x, y] = challenges.map(|challenge| challenge.expr());
        let lookup = |range| move |column: &Column<Advice>, active| Lookup { range, value: column.cur(), active };
        let of = |range, columns: &[Column<Advice>]| {
            columns.iter().map(|column| lookup(range)(column, self.active)).collect::<Vec<_>>()
        };
        let mut lookups = of(Range::Magnitude, &self.magnitude);
        lookups.extend(of(Range::Remainder, &self.remainder));
        lookups.extend(of(Range::Input, &self.private_input));
        let rows = UsableRows { usable: cs.fixed_column(), not_first: cs.fixed_column(), last: cs.fixed_column() };
        let argument = Argument::configure(cs, table, &lookups, degree, rows.usable, [&x, &y]);
        let total = cs.advice_column_in(SecondPhase);
        let change = rows.usable.cur::<Fr>() * (total.cur() - argument.row_sum());
        cs.create_gate("running total", |_| vec![change - rows.not_first.cur::<Fr>() * total.prev()]);
        cs.create_gate("total is 0", |_| vec![rows.last.cur::<Fr>() * total.cur()]);
        self.ranges = Some(Ranges { argument, total, challenges });
        self.usable_rows = Some(rows);
    }

    fn gates(&self, cs: &mut ConstraintSystem<Fr>, network: &Network) {
        for positive in &self.positive {
            let bit = positive.cur::<Fr>();
            cs.create_gate("sign is a bit", |_| vec![self.active.cur() * bit.clone() * (bit - constant(1))]);
        }
        let mut values: Vec<Expression<Fr>> = match self.private_input.as_slice() {
            [] => self.input.iter().map(Column::cur).collect(),
            private => private.iter().map(Column::cur).collect(),
        };
        let divisor = 1_i64 << network.exponent();
        let mut lane = 0;
        for stage in &network.stages {
            let scale = stage_scale(network, stage);
            let mut next = Vec::with_capacity(stage.accumulators[0]);
            for (output, &bias) in stage.linear.bias.iter().enumerate() {
                let weights = &stage.linear.weights[output * values.len()..(output + 1) * values.len()];
                let products = weights.iter().zip(&values).filter(|(weight, _)| **weight != 0);
                let products = sum(products.map(|(&weight, value)| value.clone() * integer(weight * scale)));
                let expected = products + constant(bias * scale + rounding(network, stage));
                let found = match stage.rescale {
                    None => self.output[output].cur(),
                    Some(rescale) => {
                        let (a, b) = (self.magnitude[lane].cur::<Fr>(), self.positive[lane].cur::<Fr>());
                        let positive = b * a.clone();
                        let signed = positive.clone() * Fr::ONE.double() - a;
                        let found = signed.clone() * integer(divisor) + self.remainder[lane].cur();
                        next.push(if rescale.relu { positive } else { signed });
                        lane += 1;
                        found
                    }
                };
                cs.create_gate("linear layer", |_| vec![self.active.cur() * (found - expected)]);
            }
            values = next;
        }
    }

    /// The advice columns of each phase, in the order in which the witness gives them.
    pub(crate) fn advice(&self) -> [Vec<Column<Advice>>; 2] {
        let lanes = [&self.magnitude, &self.positive, &self.remainder, &self.private_input];
        let mut first: Vec<_> = lanes.into_iter().flatten().copied().collect();
        let mut second = Vec::new();
        if let Some(ranges) = &self.ranges {
            first.extend(ranges.argument.count_columns());
            second.extend(ranges.argument.helper_columns());
            second.push(ranges.total);
        }
        [first, second]
    }

    /// The challenges of the range checks, in the order of the witness.
    pub(crate) fn challenges(&self) -> Vec<Challenge> {
        self.ranges.iter().flat_map(|ranges| ranges.challenges).collect()
    }

    /// The running total of the range checks.
    #[cfg(test)]
    pub(super) fn total(&self) -> Option<Column<Advice>> {
        self.ranges.as_ref().map(|ranges| ranges.total)
    }

    /// All fixed columns' cells.
    pub(crate) fn fixed(&self) -> Vec<FixedCells> {
        let ones = |rows: std::ops::Range<usize>| rows.map(|row| (row, Fr::ONE)).collect();
        let mut cells = vec![(self.active, ones(0..self.batch))];
        if let Some(rows) = self.usable_rows {
            cells.push((rows.usable, ones(0..self.usable)));
            cells.push((rows.not_first, ones(1..self.usable)));
            cells.push((rows.last, ones(self.usable - 1..self.usable)));
        }
        cells.extend(self.ranges.iter().flat_map(|ranges| ranges.argument.fixed()));
        cells
    }
}
