//! The values of the advice columns, made by following a layout's steps.
//!
//! Every value is an integer far below the field's size: inputs and sums below `2^29`, remainders and their multiples below `2^43`.

use std::collections::HashMap;

use crate::layout::{Cell, Layout, Source, Step};
use crate::shape::{Flag, LimbCell, MaximumCell, ReluCell, RescaleCell, Shape};

/// Values that take the place of the honest ones, for tests that must show that a circuit refuses them. What is computed from such a
/// cell later is computed from the value put there, so that one wrong value breaks one rule.
pub(crate) type Overrides = HashMap<Cell, i64>;

/// A filled circuit.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    /// `[column][row]`, as many rows as are in use.
    pub(crate) advice: Vec<Vec<i64>>,
    /// The public values: inputs, then outputs.
    pub(crate) public: Vec<i64>,
}

impl Witness {
    /// Runs all steps. The inputs are as many as the layout says.
    pub(crate) fn new(layout: &Layout, inputs: &[i64], overrides: &Overrides) -> Self {
        let mut maker = Maker { layout, overrides, inputs, advice: vec![vec![0; layout.rows]; layout.shape.advice()] };
        for step in &layout.steps {
            maker.step(step);
        }
        let outputs = layout.outputs.iter().map(|source| maker.source(*source));
        let public = inputs.iter().copied().chain(outputs).collect();
        Self { public, advice: maker.advice }
    }

    /// The outputs.
    pub(crate) fn outputs(&self, layout: &Layout) -> &[i64] {
        &self.public[layout.inputs..]
    }
}

struct Maker<'a> {
    layout: &'a Layout,
    overrides: &'a Overrides,
    inputs: &'a [i64],
    advice: Vec<Vec<i64>>,
}

impl Maker<'_> {
    fn source(&self, source: Source) -> i64 {
        match source {
            Source::Public(index) => self.inputs[index as usize],
            Source::Cell(cell) => self.advice[cell.column as usize][cell.row as usize],
        }
    }

    fn fixed(&self, column: usize, row: usize) -> i64 {
        self.layout.fixed[column][row]
    }

    /// Fills a cell and tells what stands there now.
    fn set(&mut self, column: usize, row: usize, honest: i64) -> i64 {
        let value = if self.overrides.is_empty() {
            honest
        } else {
            self.overrides.get(&Cell::new(column, row)).copied().unwrap_or(honest)
        };
        self.advice[column][row] = value;
        value
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Dot { row, first_lane, sources, first_sum, sums } => {
                let row = *row as usize;
                let first = *first_lane as usize;
                for (lane, source) in (first..).zip(sources) {
                    let value = self.source(*source);
                    self.set(Shape::lane(lane), row, value);
                }
                for sum in (*first_sum..first_sum + sums).map(|sum| sum as usize) {
                    self.dot(row, sum, first..first + sources.len());
                }
            }
            Step::Rescale { row, lane, source } => {
                let sum = source.map_or(0, |source| self.source(source));
                self.rescale(*row as usize, *lane as usize, sum);
            }
            Step::Relu { row, lane, source } => {
                let (row, lane) = (*row as usize, *lane as usize);
                let column = |cell| self.layout.shape.relu(lane, cell);
                let [entering, magnitude, sign, out] =
                    [ReluCell::In, ReluCell::Magnitude, ReluCell::Sign, ReluCell::Out].map(column);
                let value = self.source(*source);
                let value = self.set(entering, row, value);
                let sign = self.set(sign, row, i64::from(value < 0));
                let magnitude = self.set(magnitude, row, (1 - 2 * sign) * value);
                self.set(out, row, (1 - sign) * magnitude);
            }
            Step::Maximum { row, lane, rows, sources } => {
                self.maximum(*row as usize, *lane as usize, *rows as usize, sources);
            }
            Step::Limbs { row, chain, limbs, source } => {
                let value = self.source(Source::Cell(*source));
                self.limbs(*row as usize, *chain as usize, *limbs, value);
            }
        }
    }

    fn dot(&mut self, row: usize, sum: usize, lanes: std::ops::Range<usize>) {
        let column = self.layout.shape.sum(sum);
        let mut value = self.fixed(Shape::bias(sum), row);
        if self.fixed(Shape::flag(Flag::DotChained), row) == 1 {
            value += self.advice[column][row - 1];
        }
        for lane in lanes {
            value += self.fixed(self.layout.shape.weight(sum, lane), row) * self.advice[Shape::lane(lane)][row];
        }
        self.set(column, row, value);
    }

    fn rescale(&mut self, row: usize, lane: usize, sum: i64) {
        let layout = self.layout;
        let shape = &layout.shape;
        let bits = shape.remainder_bits();
        let flag = |flag| layout.fixed[Shape::flag(flag)][row];
        let (factor, half, relu) = (flag(Flag::RescaleFactor), flag(Flag::RescaleHalf), flag(Flag::RescaleRelu));
        let sum = self.set(shape.rescale(lane, RescaleCell::Sum), row, sum);
        let scaled = factor * sum + half;
        let quotient = scaled >> bits;
        let sign = self.set(shape.rescale(lane, RescaleCell::Sign), row, i64::from(quotient < 0));
        let magnitude = self.set(shape.rescale(lane, RescaleCell::Magnitude), row, quotient.abs());
        let signed = (1 - 2 * sign) * magnitude;
        self.set(shape.rescale(lane, RescaleCell::Remainder), row, scaled - (signed << bits));
        self.set(shape.rescale(lane, RescaleCell::Out), row, (1 - (1 + (1 - relu)) * sign) * magnitude);
        if !shape.bound_table {
            self.set(shape.rescale(lane, RescaleCell::Rest), row, shape.activation_bound - magnitude);
        }
    }

    fn maximum(&mut self, row: usize, lane: usize, rows: usize, sources: &[Source]) {
        let column = |cell| self.layout.shape.maximum(lane, cell);
        let [entering, difference, found, out] =
            [MaximumCell::In, MaximumCell::Difference, MaximumCell::Found, MaximumCell::Out].map(column);
        let largest = sources.iter().map(|source| self.source(*source)).max().unwrap_or(0);
        let mut is_found = 0;
        for k in 0..rows {
            let value = sources.get(k).map_or(0, |source| self.source(*source));
            let value = self.set(entering, row + k, value);
            let largest = self.set(out, row + k, largest);
            let difference = self.set(difference, row + k, largest - value);
            is_found = self.set(found, row + k, if difference == 0 { 1 } else { is_found });
        }
    }

    fn limbs(&mut self, row: usize, chain: usize, limbs: u32, value: i64) {
        let shape = &self.layout.shape;
        let bits = shape.limb_bits;
        let mut run = 0;
        for k in 0..limbs {
            let rest = value >> (bits * (limbs - 1 - k));
            // The highest limb takes all there is: what is too large for the chain is too large for the table.
            let limb = if k == 0 { rest } else { rest & ((1 << bits) - 1) };
            let row = row + k as usize;
            let limb = self.set(shape.limb(chain, LimbCell::Limb), row, limb);
            run = self.set(shape.limb(chain, LimbCell::Run), row, (run << bits) + limb);
        }
    }
}
