//! Fills the columns of a planned circuit, operation after operation.

use super::{Cell, Layout, Source, Step};
use crate::pack::{Chains, Packer};
use crate::plan::op_chains;
use crate::program::{Block, Op, Program};
use crate::shape::{FIRST_ROW, Flag, LimbCell, MaximumCell, ReluCell, RescaleCell, Shape};
use zktee_models::integer::Rescale;

/// Builds the circuit; the plan was made for this program and batch, so everything fits.
pub(super) fn build(program: &Program, batch: usize, shape: Shape) -> Layout {
    let usable = shape.usable();
    let mut builder = Builder {
        packer: Packer::new(shape.lanes, shape.sums),
        chains: Chains::new(usable),
        fixed: vec![vec![0; FIRST_ROW + usable]; shape.fixed()],
        steps: Vec::new(),
        rescale_row: FIRST_ROW,
        relu_row: FIRST_ROW,
        maximum_row: FIRST_ROW,
        shape,
    };
    let inputs = program.inputs * batch;
    // The values between two operations, all inputs' one after the other.
    let mut values: Vec<Source> = (0..inputs as u32).map(Source::Public).collect();
    for op in &program.ops {
        values = match op {
            Op::Linear { blocks, outputs } => builder.linear(blocks, *outputs, batch, &values),
            Op::Rescale { by, .. } => builder.rescale(*by, op, &values),
            Op::Relu { .. } => builder.relu(op, &values),
            Op::Maximum { windows, .. } => builder.maximum(windows, op, batch, &values),
        };
    }
    let limb_rows = builder.steps.iter().filter_map(|step| match step {
        Step::Limbs { row, limbs, .. } => Some((row + limbs) as usize),
        _ => None,
    });
    let rows = limb_rows.max().unwrap_or(0);
    let rows = rows
        .max(FIRST_ROW + builder.packer.rows())
        .max(builder.rescale_row)
        .max(builder.relu_row)
        .max(builder.maximum_row);
    Layout { shape: builder.shape, fixed: builder.fixed, steps: builder.steps, outputs: values, inputs, rows }
}

struct Builder {
    shape: Shape,
    packer: Packer,
    chains: Chains,
    fixed: Vec<Vec<i64>>,
    steps: Vec<Step>,
    /// First row without a rescale, a `ReLU`, a maximum.
    rescale_row: usize,
    relu_row: usize,
    maximum_row: usize,
}

impl Builder {
    fn linear(&mut self, blocks: &[Block], outputs: usize, batch: usize, values: &[Source]) -> Vec<Source> {
        let each = values.len() / batch;
        let mut made = vec![Source::Public(0); outputs * batch];
        for (values, made) in values.chunks_exact(each).zip(made.chunks_exact_mut(outputs)) {
            for block in blocks {
                self.block(block, values, made);
            }
        }
        made
    }

    fn block(&mut self, block: &Block, values: &[Source], made: &mut [Source]) {
        let Self { packer, fixed, steps, shape, .. } = self;
        packer.place(block.inputs.len(), block.outputs.len(), |place| {
            let row = FIRST_ROW + place.row;
            fixed[Shape::flag(Flag::DotActive)][row] = 1;
            if !place.first {
                fixed[Shape::flag(Flag::DotChained)][row] = 1;
            }
            for (sum, output) in (place.first_sum..).zip(place.outputs.clone()) {
                if place.first {
                    fixed[Shape::bias(sum)][row] = block.bias[output];
                }
                for (lane, input) in (place.first_lane..).zip(place.inputs.clone()) {
                    fixed[shape.weight(sum, lane)][row] = block.weights[output * block.inputs.len() + input];
                }
                if place.last {
                    made[block.outputs[output] as usize] = Source::Cell(Cell::new(shape.sum(sum), row));
                }
            }
            steps.push(Step::Dot {
                row: row as u32,
                first_lane: place.first_lane as u32,
                sources: place.inputs.map(|input| values[block.inputs[input] as usize]).collect(),
                first_sum: place.first_sum as u32,
                sums: place.outputs.len() as u32,
            });
        });
    }

    fn rescale(&mut self, by: Rescale, op: &Op, values: &[Source]) -> Vec<Source> {
        let shape = self.shape.clone();
        let lanes = shape.rescales;
        let rows = values.len().div_ceil(lanes);
        let mut cells = Vec::with_capacity(values.len());
        for index in 0..rows * lanes {
            let (row, lane) = (self.rescale_row + index / lanes, index % lanes);
            if lane == 0 {
                // `2^c q + r = f acc + h`, with `f = 2^(c - e)` and `h = f floor(2^e / 2)`: the remainder counts in units of `1/f`.
                let factor = 1 << (shape.remainder_bits() - by.exponent);
                self.fixed[Shape::flag(Flag::RescaleActive)][row] = 1;
                self.fixed[Shape::flag(Flag::RescaleFactor)][row] = factor;
                self.fixed[Shape::flag(Flag::RescaleHalf)][row] = factor * (by.divisor() / 2);
                self.fixed[Shape::flag(Flag::RescaleRelu)][row] = i64::from(by.relu);
            }
            let source = values.get(index).copied();
            self.steps.push(Step::Rescale { row: row as u32, lane: lane as u32, source });
            if source.is_some() {
                cells.push((row, lane));
            }
        }
        self.rescale_row += rows;
        let at = |part| cells.iter().map(|&(row, lane)| Cell::new(shape.rescale(lane, part), row)).collect::<Vec<_>>();
        let checked = [RescaleCell::Remainder, RescaleCell::Magnitude, RescaleCell::Rest];
        // Without long remainders the chains begin with the magnitudes.
        let checked = if shape.remainder_limbs > 1 { &checked[..] } else { &checked[1..] };
        for (part, (limbs, _)) in checked.iter().zip(op_chains(&shape, op)) {
            self.limbs(limbs, &at(*part));
        }
        at(RescaleCell::Out).into_iter().map(Source::Cell).collect()
    }

    fn relu(&mut self, op: &Op, values: &[Source]) -> Vec<Source> {
        let shape = self.shape.clone();
        let mut cells = Vec::with_capacity(values.len());
        for (index, source) in values.iter().enumerate() {
            let (row, lane) = (self.relu_row + index / shape.relus, index % shape.relus);
            self.fixed[Shape::flag(Flag::ReluActive)][row] = 1;
            self.steps.push(Step::Relu { row: row as u32, lane: lane as u32, source: *source });
            cells.push((row, lane));
        }
        self.relu_row += values.len().div_ceil(shape.relus);
        let at = |part| cells.iter().map(|&(row, lane)| Cell::new(shape.relu(lane, part), row)).collect::<Vec<_>>();
        for (limbs, _) in op_chains(&shape, op) {
            self.limbs(limbs, &at(ReluCell::Magnitude));
        }
        at(ReluCell::Out).into_iter().map(Source::Cell).collect()
    }

    fn maximum(&mut self, windows: &[Vec<u32>], op: &Op, batch: usize, values: &[Source]) -> Vec<Source> {
        let shape = self.shape.clone();
        let (lanes, size) = (shape.maxima, windows.first().map_or(0, Vec::len));
        let each = values.len() / batch;
        let all: Vec<Vec<Source>> = values
            .chunks_exact(each)
            .flat_map(|values| windows.iter().map(|window| window.iter().map(|&i| values[i as usize]).collect()))
            .collect();
        let mut made = Vec::with_capacity(all.len());
        let mut differences = Vec::new();
        for index in 0..all.len().next_multiple_of(lanes) {
            let (row, lane) = (self.maximum_row + index / lanes * size, index % lanes);
            for k in 0..size {
                self.fixed[Shape::flag(Flag::MaximumActive)][row + k] = 1;
                self.fixed[Shape::flag(Flag::MaximumChained)][row + k] = i64::from(k > 0);
                self.fixed[Shape::flag(Flag::MaximumLast)][row + k] = i64::from(k + 1 == size);
            }
            let sources = all.get(index).cloned().unwrap_or_default();
            if !sources.is_empty() {
                let cell = |part, row| Cell::new(shape.maximum(lane, part), row);
                made.push(Source::Cell(cell(MaximumCell::Out, row + size - 1)));
                differences.extend((row..row + size).map(|row| cell(MaximumCell::Difference, row)));
            }
            self.steps.push(Step::Maximum { row: row as u32, lane: lane as u32, rows: size as u32, sources });
        }
        self.maximum_row += all.len().div_ceil(lanes) * size;
        for (limbs, _) in op_chains(&shape, op) {
            self.limbs(limbs, &differences);
        }
        made
    }

    /// A chain for each of these cells.
    fn limbs(&mut self, limbs: usize, cells: &[Cell]) {
        for source in cells {
            let (chain, row) = self.chains.place(limbs);
            let row = FIRST_ROW + row;
            for k in 0..limbs {
                self.fixed[self.shape.factor(chain, LimbCell::Limb)][row + k] = 1;
                self.fixed[self.shape.factor(chain, LimbCell::Run)][row + k] =
                    if k == 0 { 0 } else { 1 << self.shape.limb_bits };
            }
            self.steps.push(Step::Limbs { row: row as u32, chain: chain as u32, limbs: limbs as u32, source: *source });
        }
    }
}
