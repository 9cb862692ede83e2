//! What stands in the tall circuit's fixed columns: selectors by the layout, weights and biases by the model.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{Column, Fixed};

use super::circuit::{Source, TallColumns, WindowSelectors, steps_of};
use super::layout::{Plane, Step};
use crate::field::integer;
use crate::network::{Network, PoolKind, Stage};

/// Cells of one fixed column: row and value; all others are 0.
pub(crate) type FixedCells = (Column<Fixed>, Vec<(usize, Fr)>);

fn ones(column: Column<Fixed>, rows: impl IntoIterator<Item = usize>) -> FixedCells {
    (column, rows.into_iter().map(|row| (row, Fr::ONE)).collect())
}

impl TallColumns {
    /// All fixed columns' cells.
    pub(crate) fn fixed(&self, network: &Network) -> Vec<FixedCells> {
        let layout = &self.layout;
        let mut cells = self.ranges.fixed();
        cells.push(ones(self.usable, 0..layout.usable));
        cells.push(ones(self.not_first, 1..layout.usable));
        cells.push(ones(self.last, [layout.usable - 1]));
        cells.push(ones(self.active, self.active_rows(network)));
        if let Some(column) = self.input_rows {
            cells.push(ones(column, self.input_value_rows(network)));
        }
        if let Some(column) = self.input_padding {
            let image = layout.input;
            cells.push(ones(column, (image.base..image.base + image.len()).filter(|&row| image.is_padding(row))));
        }
        self.block_cells(network, &mut cells);
        for (plane, selectors) in layout.planes.iter().zip(&self.windows) {
            window_cells(plane, selectors, &mut cells);
        }
        self.operand_cells(network, &mut cells);
        self.weight_cells(network, &mut cells);
        cells
    }

    /// Rows of the hidden stages' blocks.
    pub(super) fn active_rows(&self, network: &Network) -> Vec<usize> {
        let hidden = network.stages.len() - 1;
        self.layout.blocks[..hidden].iter().flat_map(|image| image.base..image.base + image.len()).collect()
    }

    /// Rows of the input's values, in their order.
    pub(super) fn input_value_rows(&self, network: &Network) -> Vec<usize> {
        (0..network.input_len()).map(|value| self.layout.input.row(value)).collect()
    }

    /// Rows of windows of a hidden stage, padding left out.
    pub(super) fn window_rows(&self, stage: usize) -> impl Iterator<Item = usize> + use<'_> {
        let image = self.layout.blocks[stage];
        (image.base..image.base + image.len()).filter(move |&row| !image.is_padding(row))
    }

    fn block_cells(&self, network: &Network, cells: &mut Vec<FixedCells>) {
        let layout = &self.layout;
        let mut idle: std::collections::BTreeMap<[usize; 2], Vec<usize>> = std::collections::BTreeMap::new();
        let mut steps: std::collections::BTreeMap<Step, Vec<usize>> = std::collections::BTreeMap::new();
        let mut maximum: std::collections::BTreeMap<[usize; 2], Vec<usize>> = std::collections::BTreeMap::new();
        for (index, stage) in network.stages.iter().enumerate() {
            let image = layout.blocks[index];
            let rows = image.base..image.base + image.len();
            cells.push(ones(self.start[index], [rows.end - 1]));
            let of_stage = steps_of(layout, network, index);
            for row in rows {
                let position = row - image.base;
                let channels = image.shape[0];
                let (pixel, channel) = (position / channels, position % channels);
                let step = of_stage.iter().find(|step| match step {
                    Step::Channel => channel + 1 < channels,
                    Step::Pixel { .. } => channel + 1 == channels && pixel % image.width() + 1 < image.width(),
                    Step::Line { .. } => {
                        channel + 1 == channels
                            && pixel % image.width() + 1 == image.width()
                            && pixel / image.width() + 1 < image.height()
                    }
                });
                if let Some(step) = step {
                    steps.entry(*step).or_default().push(row);
                }
                let window = if stage.rescale.is_none() || image.is_padding(row) { [0, 0] } else { stage.window() };
                idle.entry(window).or_default().push(row);
                if window != [0, 0] && stage.pool.is_some_and(|pool| pool.kind == PoolKind::Max) {
                    maximum.entry(window).or_default().push(row);
                }
            }
        }
        let rows_of = |rows: Option<&Vec<usize>>| rows.cloned().unwrap_or_default();
        cells.extend(self.idle.iter().map(|(window, &column)| ones(column, rows_of(idle.get(window)))));
        cells.extend(self.steps.iter().map(|(step, &column)| ones(column, rows_of(steps.get(step)))));
        cells.extend(self.maximum_rows.iter().map(|(w, &column)| ones(column, rows_of(maximum.get(w)))));
    }

    fn operand_cells(&self, network: &Network, cells: &mut Vec<FixedCells>) {
        let weights = &self.layout.weights;
        let dense = |stage: &usize| !self.layout.planes.iter().any(|plane| plane.stage == *stage);
        for (&source, &column) in &self.own {
            let stages = (0..weights.len()).filter(|&s| Source::of(network, s) == source).filter(dense);
            cells.push(ones(column, stages.flat_map(|stage| weights[stage].rows.iter().copied())));
        }
        for (&shift, &column) in &self.copies {
            let stages = weights.iter().filter(|weights| weights.shifts.contains(&shift));
            let moved = |row: &usize| row.wrapping_add_signed(shift as isize);
            cells.push(ones(column, stages.flat_map(|weights| weights.rows.iter().map(moved))));
        }
    }

    fn weight_cells(&self, network: &Network, cells: &mut Vec<FixedCells>) {
        let width = self.weights.len();
        let mut columns: Vec<Vec<(usize, Fr)>> = vec![Vec::new(); width];
        let mut biases: Vec<([usize; 2], usize, Fr)> = Vec::new();
        for (index, stage) in network.stages.iter().enumerate() {
            let weights = &self.layout.weights[index];
            let (outputs, inputs) = (stage.accumulators[0], weights.rows.len());
            let scale = stage_scale(network, stage);
            let shifts = std::iter::once(0).chain(weights.shifts.iter().copied());
            for ((group, shift), &selector) in shifts.enumerate().zip(&self.groups[index]) {
                let moved = |row: &usize| row.wrapping_add_signed(shift as isize);
                cells.push(ones(selector, weights.rows.iter().map(moved)));
                let in_group = (group * width..outputs.min((group + 1) * width)).enumerate();
                for (column, power) in in_group {
                    // The coefficient of output o has rho to the power of outputs - 1 - o.
                    let output = outputs - 1 - power;
                    let row_weights = stage.linear.weights.get(output * inputs..(output + 1) * inputs).unwrap_or(&[]);
                    let cell = |(row, &weight): (&usize, &i64)| (moved(row), integer(weight * scale));
                    let nonzero = weights.rows.iter().zip(row_weights).filter(|(_, weight)| **weight != 0);
                    columns[column].extend(nonzero.map(cell));
                }
            }
            for row in self.window_rows(index) {
                let channel = (row - self.layout.blocks[index].base) % outputs;
                if let Some(&bias) = stage.linear.bias.get(channel) {
                    biases.push((stage.window(), row, integer(bias * scale + rounding(network, stage))));
                }
            }
        }
        cells.extend(self.weights.iter().copied().zip(columns));
        for (&window, &column) in &self.bias {
            let of_window = biases.iter().filter(|(w, ..)| *w == window).map(|&(_, row, bias)| (row, bias));
            cells.push((column, of_window.collect()));
        }
    }
}

/// By how much a stage's equation is multiplied so that its divisor is the circuit's.
pub(crate) fn stage_scale(network: &Network, stage: &Stage) -> i64 {
    stage.rescale.map_or(1, |rescale| 1 << (network.exponent() - rescale.exponent))
}

/// Half the divisor, by which an accumulator is raised before it is divided, in the circuit's units.
pub(crate) fn rounding(network: &Network, stage: &Stage) -> i64 {
    stage.rescale.map_or(0, |rescale| (rescale.divisor() / 2) * stage_scale(network, stage))
}

fn window_cells(plane: &Plane, selectors: &WindowSelectors, cells: &mut Vec<FixedCells>) {
    let image = plane.image;
    let at = |keep: &dyn Fn(usize, usize) -> bool| {
        let row = |(y, x): (usize, usize)| (0..image.shape[0]).map(move |channel| image.padded(channel, y, x));
        let positions = (0..image.height()).flat_map(|y| (0..image.width()).map(move |x| (y, x)));
        positions.filter(|&(y, x)| keep(y, x)).flat_map(row).collect::<Vec<_>>()
    };
    let [down, right] = plane.stride;
    cells.push(ones(selectors.plane, at(&|_, _| true)));
    cells.push(ones(selectors.across, at(&|_, x| x >= right)));
    cells.push(ones(selectors.drop, at(&|_, x| x >= plane.outputs[1] * right)));
    cells.push(ones(selectors.down, at(&|y, _| y >= down)));
    let [kh, kw] = plane.kernel;
    let taps = (0..image.shape[0] * kh * kw).map(|tap| plane.tap(tap / (kh * kw), tap / kw % kh, tap % kw));
    let taps: Vec<(usize, bool)> = taps.collect();
    cells.push(ones(selectors.tap, taps.iter().map(|tap| tap.0)));
    cells.push(ones(selectors.tail, taps.iter().filter(|tap| tap.1).map(|tap| tap.0)));
}
