//! The tall circuit's advice columns.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use zktee_halo2_prover::{Column as Values, Witness};
use zktee_models::integer::Trace;

use super::circuit::{Source, TallColumns};
use super::fixed::{rounding, stage_scale};
use super::layout::{Plane, Step};
use crate::field::integer;
use crate::logup::{LookedUp, Range};
use crate::network::{Network, PoolKind};

/// The first phase's columns, which the second phase is computed from.
#[derive(Debug, Clone)]
pub(crate) struct TallWitness<'a> {
    columns: &'a TallColumns,
    network: &'a Network,
    output: Vec<i64>,
    input: Vec<i32>,
    first: Vec<Vec<i32>>,
}

/// A difference that is looked up, one value a row, and which list of rows that is on.
type Difference = (Vec<i32>, usize);

/// A column as integers.
fn small(values: Values) -> Vec<i32> {
    match values {
        Values::Small(values) => values,
        // The first phase has none of these.
        Values::Field(values) => vec![0; values.len()],
    }
}

impl<'a> TallWitness<'a> {
    /// The witness of one input's inference.
    pub(crate) fn new(columns: &'a TallColumns, network: &'a Network, trace: &Trace) -> Self {
        let layout = &columns.layout;
        let (rows, lanes) = (layout.usable, columns.magnitude.len());
        let mut magnitude = vec![vec![0; rows]; lanes];
        let mut positive = vec![vec![0; rows]; lanes];
        let mut remainder = vec![vec![0; rows]; lanes];
        let mut maximum = vec![vec![0; rows]; columns.maximum.len()];
        for (index, stage) in network.stages.iter().enumerate().filter(|(_, stage)| stage.rescale.is_some()) {
            let of_layer = &trace.layers[stage.layer];
            let [_, height, width] = stage.accumulators;
            let [down, right] = stage.window();
            let divisor = 1 << network.exponent();
            let (scale, rounding) = (stage_scale(network, stage), rounding(network, stage));
            let block = layout.blocks[index];
            let is_maximum = stage.pool.is_some_and(|pool| pool.kind == PoolKind::Max);
            for value in 0..stage.output.iter().product() {
                let [_, pooled_height, pooled_width] = stage.output;
                let (channel, y, x) = (
                    value / (pooled_height * pooled_width),
                    value / pooled_width % pooled_height,
                    value % pooled_width,
                );
                let row = block.row(value);
                let mut largest = 0;
                for (cell, (dy, dx)) in (0..down).flat_map(|dy| (0..right).map(move |dx| (dy, dx))).enumerate() {
                    let at = (channel * height + y * down + dy) * width + x * right + dx;
                    let (quotient, accumulator) = (of_layer.quotients[at], of_layer.accumulators[at]);
                    let lane = layout.lane([down, right], dy, dx);
                    // Within the activation bound and below the divisor, both of which fit into 31 bits.
                    magnitude[lane][row] = quotient.unsigned_abs() as i32;
                    positive[lane][row] = i32::from(quotient >= 0);
                    remainder[lane][row] = (accumulator * scale + rounding - divisor * quotient) as i32;
                    largest = largest.max(quotient as i32);
                    if is_maximum && cell > 0 {
                        maximum[cell - 1][row] = largest;
                    }
                }
            }
        }
        let mut input = vec![0; rows];
        for (row, &value) in columns.input_value_rows(network).into_iter().zip(&trace.input) {
            // Within the input's range, whose bound the twin keeps below 2^29.
            input[row] = value as i32;
        }
        let mut first = magnitude;
        first.extend(positive);
        first.extend(remainder);
        first.extend(maximum);
        if columns.private_input.is_some() {
            first.push(input.clone());
        }
        Self { columns, network, output: trace.output().to_vec(), input, first }
    }

    /// Lanes of the first phase: magnitudes, signs, remainders.
    fn lane(&self, kind: usize, lane: usize) -> &[i32] {
        &self.first[kind * self.columns.magnitude.len() + lane]
    }

    fn looked_up<'b>(&'b self, rows: &'b [Vec<usize>], differences: &'b [Difference]) -> Vec<LookedUp<'b>> {
        let lanes = self.columns.magnitude.len();
        let lane = |kind: usize, range| {
            (0..lanes).map(move |lane| LookedUp { range, values: self.lane(kind, lane), rows: &rows[0] })
        };
        let mut looked_up: Vec<LookedUp<'b>> = lane(0, Range::Magnitude).chain(lane(2, Range::Remainder)).collect();
        looked_up.extend(differences.iter().map(|(values, at)| LookedUp {
            range: Range::Magnitude,
            values,
            rows: &rows[*at],
        }));
        if self.columns.private_input.is_some() {
            let values = &self.first[3 * lanes + self.columns.maximum.len()];
            looked_up.push(LookedUp { range: Range::Input, values, rows: &rows[1] });
        }
        looked_up
    }

    /// The rows of lookups (lanes, input, then each kind of maximum) and the values that are looked up for maxima.
    fn lookups(&self) -> (Vec<Vec<usize>>, Vec<Difference>) {
        let columns = self.columns;
        let mut rows = vec![columns.active_rows(self.network), columns.input_value_rows(self.network)];
        let mut differences = Vec::new();
        let mut done = Vec::new();
        for stage in &self.network.stages {
            let window = stage.window();
            if !stage.pool.is_some_and(|pool| pool.kind == PoolKind::Max) || done.contains(&window) {
                continue;
            }
            done.push(window);
            let same = |index: &usize| {
                let stage = &self.network.stages[*index];
                stage.window() == window && stage.pool.is_some_and(|pool| pool.kind == PoolKind::Max)
            };
            let at: Vec<usize> =
                (0..self.network.stages.len()).filter(same).flat_map(|index| columns.window_rows(index)).collect();
            let lanes = columns.layout.window_lanes(window);
            let value = |lane: usize, row: usize| self.lane(0, lane)[row] * self.lane(1, lane)[row];
            let maximum = |link: usize| &self.first[3 * columns.magnitude.len() + link];
            for (link, pair) in lanes.windows(2).enumerate() {
                let mut of = [vec![0; columns.layout.usable], vec![0; columns.layout.usable]];
                for &row in &at {
                    let left = if link == 0 { value(pair[0], row) } else { maximum(link - 1)[row] };
                    of[0][row] = maximum(link)[row] - left;
                    of[1][row] = maximum(link)[row] - value(pair[1], row);
                }
                differences.extend(of.map(|values| (values, rows.len())));
            }
            rows.push(at);
        }
        (rows, differences)
    }

    /// A value on its own row, as [`TallColumns`] has it.
    fn values(&self, source: Source) -> Vec<i64> {
        let lanes = self.columns.magnitude.len();
        let over_lanes = |of: &dyn Fn(i64, i64) -> i64| {
            let mut values = vec![0; self.columns.layout.usable];
            for lane in 0..lanes {
                let cells = self.lane(0, lane).iter().zip(self.lane(1, lane));
                values.iter_mut().zip(cells).for_each(|(v, (&a, &b))| *v += of(a.into(), b.into()));
            }
            values
        };
        let widened = |column: &[i32]| column.iter().map(|&value| value.into()).collect();
        match source {
            Source::Input if self.columns.private_input.is_some() => {
                widened(&self.first[3 * lanes + self.columns.maximum.len()])
            }
            Source::Input => widened(&self.input),
            Source::Positive => over_lanes(&|a, b| a * b),
            Source::Signed => over_lanes(&|a, b| (2 * b - 1) * a),
            Source::Maximum(cells) => widened(&self.first[3 * lanes + cells - 2]),
        }
    }

    fn second(&self, [rho, alpha, beta, lambda, x]: [Fr; 5]) -> Vec<Values> {
        let columns = self.columns;
        let layout = &columns.layout;
        let (input_sums, hidden_sums) = self.window_sums(alpha, beta);
        let operand = self.operand(beta, &input_sums, &hidden_sums);
        let coefficient = self.coefficient([rho, alpha, beta, lambda]);
        let (rows, differences) = self.lookups();
        let looked_up = self.looked_up(&rows, &differences);
        let counted = self.first.len() - self.count_columns();
        let counts: Vec<Vec<i64>> =
            self.first[counted..].iter().map(|column| column.iter().map(|&count| count.into()).collect()).collect();
        let (helpers, ranges) = columns.ranges.helpers(&looked_up, &counts, [x, rho]);
        let total = self.total([rho, alpha, beta, lambda], &operand, &coefficient, &ranges);
        let mut second = vec![operand, coefficient];
        for (wanted, sums) in [(columns.input_sums, input_sums), (columns.hidden_sums, hidden_sums)] {
            if wanted.is_some() {
                second.extend(sums);
            }
        }
        second.push(total);
        second.extend(helpers);
        debug_assert!(second.iter().all(|column| column.len() == layout.usable));
        second.into_iter().map(Values::Field).collect()
    }

    fn count_columns(&self) -> usize {
        let lanes = self.columns.magnitude.len();
        let without = 3 * lanes + self.columns.maximum.len() + usize::from(self.columns.private_input.is_some());
        self.first.len().saturating_sub(without)
    }

    fn window_sums(&self, alpha: Fr, beta: Fr) -> ([Vec<Fr>; 2], [Vec<Fr>; 2]) {
        let rows = self.columns.layout.usable;
        let mut input = [vec![Fr::ZERO; rows], vec![Fr::ZERO; rows]];
        let mut hidden = input.clone();
        for plane in &self.columns.layout.planes {
            let values = self.values(Source::of(self.network, plane.stage));
            let [across, down] = if plane.stage == 0 { &mut input } else { &mut hidden };
            slide(plane, &values, [alpha, beta], across, down);
        }
        (input, hidden)
    }

    fn operand(&self, beta: Fr, input_sums: &[Vec<Fr>; 2], hidden_sums: &[Vec<Fr>; 2]) -> Vec<Fr> {
        let layout = &self.columns.layout;
        let mut operand = vec![Fr::ZERO; layout.usable];
        for (stage, weights) in layout.weights.iter().enumerate() {
            match layout.planes.iter().find(|plane| plane.stage == stage) {
                Some(plane) => {
                    let down = if stage == 0 { &input_sums[1] } else { &hidden_sums[1] };
                    let power = beta.pow_vartime([plane.outputs[0] as u64]);
                    let [kh, kw] = plane.kernel;
                    for tap in 0..weights.rows.len() {
                        let (row, tail) = plane.tap(tap / (kh * kw), tap / kw % kh, tap % kw);
                        operand[row] = down[row];
                        if tail {
                            operand[row] -= power * down[row - plane.outputs[0] * plane.down()];
                        }
                    }
                }
                None => {
                    let values = self.values(Source::of(self.network, stage));
                    weights.rows.iter().for_each(|&row| operand[row] = integer(values[row]));
                }
            }
            for &shift in &weights.shifts {
                for &row in &weights.rows {
                    operand[row.wrapping_add_signed(shift as isize)] = operand[row];
                }
            }
        }
        operand
    }

    fn coefficient(&self, [rho, alpha, beta, lambda]: [Fr; 4]) -> Vec<Fr> {
        let layout = &self.columns.layout;
        let mut coefficient = vec![Fr::ZERO; layout.usable];
        for (index, stage) in self.network.stages.iter().enumerate() {
            let image = layout.blocks[index];
            let window = stage.window();
            let factors = [rho, alpha.pow_vartime([window[1] as u64]), beta.pow_vartime([window[0] as u64])];
            let channels = image.shape[0];
            for position in (0..image.len()).rev() {
                let (pixel, channel) = (position / channels, position % channels);
                let row = image.base + position;
                coefficient[row] = if channel + 1 < channels {
                    factors[0] * coefficient[row + Step::Channel.rows()]
                } else if pixel % image.width() + 1 < image.width() {
                    factors[1] * coefficient[row + channels]
                } else if pixel / image.width() + 1 < image.height() {
                    factors[2] * coefficient[row + image.pitch()]
                } else {
                    lambda.pow_vartime([index as u64])
                };
            }
        }
        coefficient
    }

    /// The running total: what the gate of that name says.
    fn total(&self, challenges: [Fr; 4], operand: &[Fr], coefficient: &[Fr], ranges: &[Fr]) -> Vec<Fr> {
        let [_, alpha, beta, lambda] = challenges;
        let (columns, network, layout) = (self.columns, self.network, &self.columns.layout);
        let mut change: Vec<Fr> = {
            let factor = lambda.pow_vartime([network.stages.len() as u64]);
            ranges.iter().map(|range| *range * factor).collect()
        };
        // Accumulators by the lanes, less the biases.
        let grid = layout.lanes;
        let factor = |window: [usize; 2], dy: usize, dx: usize| {
            beta.pow_vartime([(window[0] - 1 - dy) as u64]) * alpha.pow_vartime([(window[1] - 1 - dx) as u64])
        };
        let factors: Vec<Fr> =
            (0..columns.magnitude.len()).map(|lane| factor(grid, lane / grid[1], lane % grid[1])).collect();
        let divisor = 1_i64 << network.exponent();
        for (index, stage) in network.stages.iter().enumerate() {
            let [height, width] = stage.window();
            let positions = (0..height).flat_map(|dy| (0..width).map(move |dx| (dy, dx)));
            let all: Fr = positions.map(|(dy, dx)| factor([height, width], dy, dx)).sum();
            let (scale, rounding) = (stage_scale(network, stage), rounding(network, stage));
            for row in columns.window_rows(index) {
                let channel = (row - layout.blocks[index].base) % stage.output[0];
                let bias = stage.linear.bias[channel] * scale + rounding;
                change[row] -= coefficient[row] * integer(bias) * all;
            }
        }
        for row in columns.active_rows(network) {
            let mut accumulators = Fr::ZERO;
            for (lane, factor) in factors.iter().enumerate() {
                let cell = |kind: usize| i64::from(self.lane(kind, lane)[row]);
                accumulators += *factor * integer(divisor * (2 * cell(1) - 1) * cell(0) + cell(2));
            }
            change[row] += coefficient[row] * accumulators;
        }
        if let Some(last) = layout.blocks.last() {
            for (index, &value) in self.output.iter().enumerate() {
                change[last.row(index)] += coefficient[last.row(index)] * integer(value);
            }
        }
        self.subtract_products(challenges, operand, &mut change);
        change
            .into_iter()
            .scan(Fr::ZERO, |total, change| {
                *total += change;
                Some(*total)
            })
            .collect()
    }

    /// Weights times operands, row by row.
    fn subtract_products(&self, [rho, alpha, beta, lambda]: [Fr; 4], operand: &[Fr], change: &mut [Fr]) {
        let (network, layout) = (self.network, &self.columns.layout);
        let width = self.columns.weights.len();
        for (index, stage) in network.stages.iter().enumerate() {
            let weights = &layout.weights[index];
            let (image, window) = (layout.blocks[index], stage.window());
            let scale = lambda.pow_vartime([index as u64])
                * beta.pow_vartime([(window[0] * image.padding[2]) as u64])
                * alpha.pow_vartime([(window[1] * image.padding[3]) as u64])
                * integer(stage_scale(network, stage));
            let (outputs, inputs) = (stage.accumulators[0], weights.rows.len());
            let shifts = std::iter::once(0).chain(weights.shifts.iter().copied());
            for (group, shift) in shifts.enumerate() {
                let scale = scale * rho.pow_vartime([(group * width) as u64]);
                let powers = (group * width)..outputs.min((group + 1) * width);
                let mut rows = vec![Fr::ZERO; inputs];
                let mut power = Fr::ONE;
                for exponent in powers {
                    let output = outputs - 1 - exponent;
                    let of_output = &stage.linear.weights[output * inputs..(output + 1) * inputs];
                    rows.iter_mut().zip(of_output).for_each(|(row, &weight)| *row += power * integer(weight));
                    power *= rho;
                }
                for (row, combined) in weights.rows.iter().zip(rows) {
                    let row = row.wrapping_add_signed(shift as isize);
                    change[row] -= scale * combined * operand[row];
                }
            }
        }
    }
}

/// Horizontal and vertical window sums over a plane, by Horner's rule.
fn slide(plane: &Plane, values: &[i64], [alpha, beta]: [Fr; 2], across: &mut [Fr], down: &mut [Fr]) {
    let image = plane.image;
    let oldest = alpha.pow_vartime([plane.outputs[1] as u64]);
    for (y, x) in (0..image.height()).flat_map(|y| (0..image.width()).map(move |x| (y, x))) {
        for channel in 0..image.shape[0] {
            let row = image.padded(channel, y, x);
            across[row] = integer(values[row]);
            if x >= plane.stride[1] {
                let before = across[row - plane.across()];
                across[row] += alpha * before;
            }
            down[row] = across[row];
            if x >= plane.outputs[1] * plane.stride[1] {
                down[row] -= oldest * across[row - plane.outputs[1] * plane.across()];
            }
            if y >= plane.stride[0] {
                let above = down[row - plane.down()];
                down[row] += beta * above;
            }
        }
    }
}

impl Witness for TallWitness<'_> {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<Values> {
        match (phase, challenges) {
            (0, _) => {
                let (rows, differences) = self.lookups();
                let counts = self.columns.ranges.counts(&self.looked_up(&rows, &differences));
                self.first.extend(counts.into_iter().map(small));
                let filler = self.columns.filler.map(|_| Vec::new());
                self.first.iter().chain(&filler).cloned().map(Values::Small).collect()
            }
            (_, &[rho, alpha, beta, lambda, x]) => self.second([rho, alpha, beta, lambda, x]),
            _ => Vec::new(),
        }
    }
}
