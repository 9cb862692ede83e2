//! The tall circuit's columns and gates.
//!
//! Challenges, drawn after the first phase: `rho` tells channels apart (and ranges), `alpha` columns of an image, `beta` its lines,
//! `lambda` stages, `x` is that of the range checks. The accumulator of channel `o` at line `y` and column `x` of stage `l` has the coefficient
//! `lambda^l rho^(O-1-o) alpha^(W-1-x) beta^(H-1-y)`: monomials of their own, so that a combination of all equations is 0 only if each
//! of them holds, but for a chance of about 2^-240 (Schwartz and Zippel).

use std::collections::BTreeMap;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{
    Advice, Challenge, Column, ConstraintSystem, Expression, FirstPhase, Fixed, Instance, SecondPhase,
};
use zktee_models::integer::Rescale;

use super::TallParameters;
use super::layout::{Layout, Plane, Step};
use crate::field::{constant, power, sum};
use crate::logup::{Argument, Lookup, Range, TableColumns, Tables};
use crate::network::{Network, PoolKind};

/// Where a value that leaves a stage is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The model's input.
    Input,
    /// The sum of the lanes' positive quotients.
    Positive,
    /// The sum of the lanes' signed quotients.
    Signed,
    /// The maximum over so many lanes.
    Maximum(usize),
}

impl Source {
    /// What the stage of this index reads.
    pub(super) fn of(network: &Network, stage: usize) -> Self {
        let Some(before) = stage.checked_sub(1).map(|before| &network.stages[before]) else { return Self::Input };
        let relu = matches!(before.rescale, Some(Rescale { relu: true, .. }));
        match before.pool {
            Some(pool) if pool.kind == PoolKind::Max => Self::Maximum(pool.window[0] * pool.window[1]),
            _ if relu => Self::Positive,
            _ => Self::Signed,
        }
    }
}

/// The selectors of one convolution's window sums.
#[derive(Debug, Clone)]
pub(super) struct WindowSelectors {
    /// Rows of the plane.
    pub(super) plane: Column<Fixed>,
    /// Rows whose horizontal sum goes on from an earlier one.
    pub(super) across: Column<Fixed>,
    /// Rows whose horizontal sum drops its oldest term.
    pub(super) drop: Column<Fixed>,
    /// Rows whose vertical sum goes on from an earlier one.
    pub(super) down: Column<Fixed>,
    /// Rows at which the sum for a tap ends.
    pub(super) tap: Column<Fixed>,
    /// Those of them at which older lines must be dropped.
    pub(super) tail: Column<Fixed>,
}

/// A pair of columns that hold horizontal and vertical window sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct SumColumns {
    pub(super) across: Column<Advice>,
    pub(super) down: Column<Advice>,
}

/// All columns.
#[derive(Debug, Clone)]
pub(crate) struct TallColumns {
    pub(super) layout: Layout,
    // First phase, in the order in which the witness gives them.
    pub(crate) magnitude: Vec<Column<Advice>>,
    pub(super) positive: Vec<Column<Advice>>,
    pub(super) remainder: Vec<Column<Advice>>,
    pub(super) maximum: Vec<Column<Advice>>,
    pub(crate) private_input: Option<Column<Advice>>,
    /// A column of zeros where there is no other: challenges are drawn after a phase that has a column.
    pub(super) filler: Option<Column<Advice>>,
    // Second phase, likewise.
    pub(super) operand: Column<Advice>,
    pub(super) coefficient: Column<Advice>,
    pub(super) input_sums: Option<SumColumns>,
    pub(super) hidden_sums: Option<SumColumns>,
    pub(super) total: Column<Advice>,
    pub(crate) ranges: Argument,
    // Public.
    pub(super) input: Option<Column<Instance>>,
    pub(super) output: Column<Instance>,
    pub(super) challenges: [Challenge; 5],
    // Fixed.
    pub(super) usable: Column<Fixed>,
    pub(super) not_first: Column<Fixed>,
    pub(super) last: Column<Fixed>,
    pub(super) active: Column<Fixed>,
    pub(super) input_rows: Option<Column<Fixed>>,
    pub(super) input_padding: Option<Column<Fixed>>,
    /// By window.
    pub(super) bias: BTreeMap<[usize; 2], Column<Fixed>>,
    /// Rows on which lanes outside of a window must be 0; the window `[0, 0]` has none inside.
    pub(super) idle: BTreeMap<[usize; 2], Column<Fixed>>,
    pub(super) maximum_rows: BTreeMap<[usize; 2], Column<Fixed>>,
    pub(super) steps: BTreeMap<Step, Column<Fixed>>,
    /// One a stage: the last row of its block.
    pub(super) start: Vec<Column<Fixed>>,
    /// For each stage one a group: the rows of its weights.
    pub(super) groups: Vec<Vec<Column<Fixed>>>,
    pub(super) own: BTreeMap<Source, Column<Fixed>>,
    pub(super) copies: BTreeMap<i32, Column<Fixed>>,
    pub(super) windows: Vec<WindowSelectors>,
    pub(super) weights: Vec<Column<Fixed>>,
}

/// The steps by which the coefficients of a stage's block follow from each other.
pub(super) fn steps_of(layout: &Layout, network: &Network, stage: usize) -> Vec<Step> {
    let (image, window) = (layout.blocks[stage], network.stages[stage].window());
    let channel = (image.shape[0] > 1).then_some(Step::Channel);
    let pixel = (image.width() > 1).then_some(Step::Pixel { rows: image.shape[0], window: window[1] });
    let line = (image.height() > 1).then_some(Step::Line { rows: image.pitch(), window: window[0] });
    [channel, pixel, line].into_iter().flatten().collect()
}

/// The windows of hidden stages, and what the last stage and padding rows have: none.
pub(super) fn windows(network: &Network) -> Vec<[usize; 2]> {
    let mut windows: Vec<_> = network.stages.iter().map(crate::network::Stage::window).collect();
    windows.sort_unstable();
    windows.dedup();
    windows
}

impl TallColumns {
    /// Makes columns and gates.
    #[expect(clippy::too_many_lines, reason = "it is one list of columns, in the one order that they have")]
    pub(crate) fn configure(
        cs: &mut ConstraintSystem<Fr>,
        network: &Network,
        parameters: &TallParameters,
        layout: Layout,
        private: bool,
    ) -> Self {
        let lanes = layout.lane_count();
        let hidden = network.stages.len() > 1;
        let advice = |cs: &mut ConstraintSystem<Fr>, count: usize| (0..count).map(|_| cs.advice_column()).collect();
        let lane_columns = if hidden { lanes } else { 0 };
        let magnitude: Vec<_> = advice(cs, lane_columns);
        let positive: Vec<_> = advice(cs, lane_columns);
        let remainder: Vec<_> = advice(cs, lane_columns);
        let longest = (0..network.stages.len()).map(|stage| match Source::of(network, stage) {
            Source::Maximum(cells) => cells - 1,
            _ => 0,
        });
        let maximum: Vec<_> = advice(cs, longest.max().unwrap_or(0));
        let private_input = private.then(|| cs.advice_column());
        let input_range = private.then_some(network.input_range);
        let tables = if hidden {
            Tables::new(network.activation_bound, network.exponent(), input_range, layout.usable)
        } else {
            Tables::input_alone(input_range, layout.usable)
        };
        let table_columns = TableColumns::configure(cs, tables);
        let input = (!private).then(|| cs.instance_column());
        let output = cs.instance_column();
        let filler = (cs.num_advice_columns() == 0).then(|| cs.advice_column());
        let challenges = [(); 5].map(|()| cs.challenge_usable_after(FirstPhase));
        let second = |cs: &mut ConstraintSystem<Fr>| cs.advice_column_in(SecondPhase);
        let operand = second(cs);
        let coefficient = second(cs);
        let sums = |cs: &mut ConstraintSystem<Fr>, wanted: bool| {
            wanted.then(|| SumColumns { across: second(cs), down: second(cs) })
        };
        let input_sums = sums(cs, layout.planes.iter().any(|plane| plane.stage == 0));
        let hidden_sums = sums(cs, layout.planes.iter().any(|plane| plane.stage > 0));
        let total = second(cs);

        let usable = cs.fixed_column();
        let active = cs.fixed_column();
        let lookups = Self::lookups(network, &layout, &magnitude, &positive, &remainder, &maximum, active, cs);
        let (mut lookups, maximum_rows) = lookups;
        let input_rows = private.then(|| cs.fixed_column());
        if let (Some(column), Some(active)) = (private_input, input_rows) {
            lookups.push(Lookup { range: Range::Input, value: column.cur(), active });
        }
        let [rho, _, _, _, x] = challenges.map(|challenge| challenge.expr());
        let ranges = Argument::configure(cs, table_columns, &lookups, parameters.degree, usable, [&x, &rho]);

        let mut fixed = || cs.fixed_column();
        let windows = windows(network);
        let needs_idle: Vec<[usize; 2]> =
            std::iter::once([0, 0]).chain(windows.iter().copied()).filter(|w| hidden && *w != layout.lanes).collect();
        let mut steps = BTreeMap::new();
        let mut own = BTreeMap::new();
        let mut copies = BTreeMap::new();
        for stage in 0..network.stages.len() {
            for step in steps_of(&layout, network, stage) {
                steps.entry(step).or_insert_with(&mut fixed);
            }
            if !layout.planes.iter().any(|plane| plane.stage == stage) {
                own.entry(Source::of(network, stage)).or_insert_with(&mut fixed);
            }
            for &shift in &layout.weights[stage].shifts {
                copies.entry(shift).or_insert_with(&mut fixed);
            }
        }
        let selectors = |_: &Plane| WindowSelectors {
            plane: fixed(),
            across: fixed(),
            drop: fixed(),
            down: fixed(),
            tap: fixed(),
            tail: fixed(),
        };
        let window_selectors: Vec<WindowSelectors> = layout.planes.iter().map(selectors).collect();
        let mut fixed = || cs.fixed_column();
        let columns = Self {
            magnitude,
            positive,
            remainder,
            maximum,
            private_input,
            filler,
            operand,
            coefficient,
            input_sums,
            hidden_sums,
            total,
            ranges,
            input,
            output,
            challenges,
            usable,
            active,
            input_rows,
            maximum_rows,
            steps,
            own,
            copies,
            windows: window_selectors,
            not_first: fixed(),
            last: fixed(),
            input_padding: (private && layout.input.padding != [0; 4]).then(&mut fixed),
            bias: windows.iter().map(|&window| (window, fixed())).collect(),
            idle: needs_idle.iter().map(|&window| (window, fixed())).collect(),
            start: network.stages.iter().map(|_| fixed()).collect(),
            groups: layout.weights.iter().map(|w| (0..=w.shifts.len()).map(|_| fixed()).collect()).collect(),
            weights: (0..parameters.weight_columns).map(|_| fixed()).collect(),
            layout,
        };
        columns.gates(cs, network);
        columns
    }

    #[expect(clippy::too_many_arguments, reason = "columns that are not yet a whole")]
    fn lookups(
        network: &Network,
        layout: &Layout,
        magnitude: &[Column<Advice>],
        positive: &[Column<Advice>],
        remainder: &[Column<Advice>],
        maximum: &[Column<Advice>],
        active: Column<Fixed>,
        cs: &mut ConstraintSystem<Fr>,
    ) -> (Vec<Lookup>, BTreeMap<[usize; 2], Column<Fixed>>) {
        let lane = |range, column: &Column<Advice>| Lookup { range, value: column.cur(), active };
        let mut lookups: Vec<Lookup> = magnitude.iter().map(|column| lane(Range::Magnitude, column)).collect();
        lookups.extend(remainder.iter().map(|column| lane(Range::Remainder, column)));
        let mut maximum_rows = BTreeMap::new();
        for stage in &network.stages {
            if !stage.pool.is_some_and(|pool| pool.kind == PoolKind::Max) || maximum_rows.contains_key(&stage.window())
            {
                continue;
            }
            let active = cs.fixed_column();
            maximum_rows.insert(stage.window(), active);
            for (larger, left, right) in chain(layout, stage.window(), magnitude, positive, maximum) {
                for value in [larger.clone() - left, larger - right] {
                    lookups.push(Lookup { range: Range::Magnitude, value, active });
                }
            }
        }
        (lookups, maximum_rows)
    }

    fn gates(&self, cs: &mut ConstraintSystem<Fr>, network: &Network) {
        let [rho, alpha, beta, lambda, _] = self.challenges.map(|challenge| challenge.expr::<Fr>());
        for positive in &self.positive {
            let bit = positive.cur::<Fr>();
            cs.create_gate("sign is a bit", |_| vec![self.usable.cur() * bit.clone() * (bit - constant(1))]);
        }
        for (&window, rows) in &self.idle {
            let inside = self.layout.window_lanes(window);
            let outside = (0..self.magnitude.len()).filter(|lane| !inside.contains(lane));
            let cells = outside.flat_map(|lane| [self.magnitude[lane], self.remainder[lane]]);
            // A convolution reads the maxima of its padding, too.
            let maxima: &[Column<Advice>] = if window == [0, 0] { &self.maximum } else { &[] };
            let cells = cells.chain(maxima.iter().copied());
            // Horner's rule: each cell has its own power.
            let combined = cells.map(|cell| cell.cur::<Fr>()).reduce(|sum, cell| sum * rho.clone() + cell);
            cs.create_gate("idle lanes are 0", |_| combined.map(|cells| rows.cur() * cells));
        }
        if let (Some(rows), Some(input)) = (self.input_padding, self.private_input) {
            cs.create_gate("padding of the input is 0", |_| vec![rows.cur::<Fr>() * input.cur()]);
        }
        for (&window, rows) in &self.maximum_rows {
            let chain = chain(&self.layout, window, &self.magnitude, &self.positive, &self.maximum);
            for (larger, left, right) in chain {
                let either = (larger.clone() - left) * (larger - right);
                cs.create_gate("maximum is one of two", |_| vec![rows.cur::<Fr>() * either]);
            }
        }
        self.coefficient_gate(cs, [&rho, &alpha, &beta, &lambda]);
        for (plane, selectors) in self.layout.planes.iter().zip(&self.windows) {
            self.window_gates(cs, network, plane, selectors, [&alpha, &beta]);
        }
        self.operand_gate(cs, &beta);
        self.total_gates(cs, network, [&rho, &alpha, &beta, &lambda]);
    }

    fn coefficient_gate(&self, cs: &mut ConstraintSystem<Fr>, [rho, alpha, beta, lambda]: [&Expression<Fr>; 4]) {
        let step = |(step, rows): (&Step, &Column<Fixed>)| {
            let factor = match *step {
                Step::Channel => rho.clone(),
                Step::Pixel { window, .. } => power(alpha, window),
                Step::Line { window, .. } => power(beta, window),
            };
            rows.cur::<Fr>() * factor * self.coefficient.rot(step.rows() as i32)
        };
        let start = |(stage, row): (usize, &Column<Fixed>)| row.cur::<Fr>() * power(lambda, stage);
        let follows = sum(self.steps.iter().map(step).chain(self.start.iter().enumerate().map(start)));
        cs.create_gate("coefficients", |_| vec![self.usable.cur() * self.coefficient.cur() - follows]);
    }

    fn window_gates(
        &self,
        cs: &mut ConstraintSystem<Fr>,
        network: &Network,
        plane: &Plane,
        selectors: &WindowSelectors,
        [alpha, beta]: [&Expression<Fr>; 2],
    ) {
        let Some(sums) = self.sums(plane.stage) else { return };
        let (across, down) = (plane.across() as i32, plane.down() as i32);
        let value = self.value(Source::of(network, plane.stage));
        // Terms that no row has are left out: they would read the column at places beyond its length.
        let mut horizontal = selectors.plane.cur::<Fr>() * (sums.across.cur::<Fr>() - value);
        if plane.image.width() > plane.stride[1] {
            horizontal = horizontal - selectors.across.cur::<Fr>() * alpha.clone() * sums.across.rot(-across);
        }
        cs.create_gate("horizontal sums", |_| vec![horizontal]);
        let mut vertical = selectors.plane.cur::<Fr>() * (sums.down.cur::<Fr>() - sums.across.cur());
        if plane.image.width() > plane.outputs[1] * plane.stride[1] {
            let oldest = power(alpha, plane.outputs[1]) * sums.across.rot(-(plane.outputs[1] as i32) * across);
            vertical = vertical + selectors.drop.cur::<Fr>() * oldest;
        }
        if plane.image.height() > plane.stride[0] {
            vertical = vertical - selectors.down.cur::<Fr>() * beta.clone() * sums.down.rot(-down);
        }
        cs.create_gate("vertical sums", |_| vec![vertical]);
    }

    fn operand_gate(&self, cs: &mut ConstraintSystem<Fr>, beta: &Expression<Fr>) {
        let own = self.own.iter().map(|(&source, rows)| rows.cur::<Fr>() * self.value(source));
        let copies = self.copies.iter().map(|(&shift, rows)| rows.cur::<Fr>() * self.operand.rot(-shift));
        let taps = self.layout.planes.iter().zip(&self.windows).filter_map(|(plane, selectors)| {
            let sums = self.sums(plane.stage)?;
            let lines = plane.outputs[0];
            let whole = selectors.tap.cur::<Fr>() * sums.down.cur();
            if plane.image.height() <= lines * plane.stride[0] {
                return Some(whole);
            }
            let tail = power(beta, lines) * sums.down.rot(-(lines as i32) * plane.down() as i32);
            Some(whole - selectors.tail.cur::<Fr>() * tail)
        });
        let operand = sum(own.chain(copies).chain(taps));
        cs.create_gate("operands", |_| vec![self.usable.cur() * self.operand.cur() - operand]);
    }

    fn total_gates(
        &self,
        cs: &mut ConstraintSystem<Fr>,
        network: &Network,
        [rho, alpha, beta, lambda]: [&Expression<Fr>; 4],
    ) {
        let factor = |window: [usize; 2], dy: usize, dx: usize| {
            power(beta, window[0] - 1 - dy) * power(alpha, window[1] - 1 - dx)
        };
        let grid = self.layout.lanes;
        let divisor = 1_i64 << network.exponent();
        let lanes = (0..self.magnitude.len()).map(|lane| {
            let (a, b) = (self.magnitude[lane].cur::<Fr>(), self.positive[lane].cur::<Fr>());
            let signed = (b.clone() + b - constant(1)) * a;
            factor(grid, lane / grid[1], lane % grid[1]) * (signed * constant(divisor) + self.remainder[lane].cur())
        });
        let biases = self.bias.iter().map(|(&[height, width], bias)| {
            let positions = (0..height).flat_map(|dy| (0..width).map(move |dx| (dy, dx)));
            bias.cur::<Fr>() * sum(positions.map(|(dy, dx)| factor([height, width], dy, dx)))
        });
        let accumulators = sum(lanes) + self.output.cur() - sum(biases);
        // The weights of a row, of which each output has its own power, times the operand; the stage's own factor last.
        let columns = self.weights.iter().rev().map(Column::cur::<Fr>);
        let row = columns.reduce(|sum, weight| sum * rho.clone() + weight).unwrap_or_else(|| constant(0));
        let width = self.weights.len();
        let stages = self.groups.iter().enumerate().flat_map(|(stage, groups)| {
            let image = self.layout.blocks[stage];
            let window = network.stages[stage].window();
            // Padding below and to the right of the block has raised every coefficient.
            let raised = power(beta, window[0] * image.padding[2]) * power(alpha, window[1] * image.padding[3]);
            let scale = power(lambda, stage) * raised;
            let of_group = move |(group, rows): (usize, &Column<Fixed>)| {
                rows.cur::<Fr>() * (scale.clone() * power(rho, group * width))
            };
            groups.iter().enumerate().map(of_group).collect::<Vec<_>>()
        });
        let products = sum(stages) * row * self.operand.cur();
        let ranges = power(lambda, self.groups.len()) * self.ranges.row_sum();
        let change =
            self.usable.cur::<Fr>() * (self.total.cur() - self.coefficient.cur::<Fr>() * accumulators - ranges);
        cs.create_gate("running total", |_| vec![change - self.not_first.cur::<Fr>() * self.total.prev() + products]);
        cs.create_gate("total is 0", |_| vec![self.last.cur::<Fr>() * self.total.cur()]);
    }

    /// The advice columns of each phase, in the order in which the witness gives them.
    pub(crate) fn advice(&self) -> [Vec<Column<Advice>>; 2] {
        let lanes = [&self.magnitude, &self.positive, &self.remainder, &self.maximum];
        let mut first: Vec<_> = lanes.into_iter().flatten().copied().collect();
        first.extend(self.private_input);
        first.extend(self.ranges.count_columns());
        first.extend(self.filler);
        let mut second = vec![self.operand, self.coefficient];
        second.extend([self.input_sums, self.hidden_sums].into_iter().flatten().flat_map(|s| [s.across, s.down]));
        second.push(self.total);
        second.extend(self.ranges.helper_columns());
        [first, second]
    }

    /// The challenges, in the order of the witness.
    pub(crate) const fn challenges(&self) -> &[Challenge; 5] {
        &self.challenges
    }

    /// The columns of a convolution's window sums.
    pub(super) fn sums(&self, stage: usize) -> Option<SumColumns> {
        if stage == 0 { self.input_sums } else { self.hidden_sums }
    }

    /// A value on its own row.
    fn value(&self, source: Source) -> Expression<Fr> {
        let positive = |lane: usize| self.positive[lane].cur::<Fr>() * self.magnitude[lane].cur();
        let lanes = 0..self.magnitude.len();
        match source {
            Source::Input => match (self.private_input, self.input) {
                (Some(column), _) => column.cur(),
                (None, Some(column)) => column.cur(),
                (None, None) => constant(0),
            },
            Source::Positive => sum(lanes.map(positive)),
            Source::Signed => sum(lanes.map(|lane| positive(lane) + positive(lane) - self.magnitude[lane].cur::<Fr>())),
            Source::Maximum(cells) => self.maximum[cells - 2].cur(),
        }
    }
}

/// The chain by which a window's maximum is found: each link with the two that it is the larger of.
fn chain(
    layout: &Layout,
    window: [usize; 2],
    magnitude: &[Column<Advice>],
    positive: &[Column<Advice>],
    maximum: &[Column<Advice>],
) -> Vec<(Expression<Fr>, Expression<Fr>, Expression<Fr>)> {
    let lanes = layout.window_lanes(window);
    let value = |lane: usize| positive[lane].cur::<Fr>() * magnitude[lane].cur();
    let link = |(link, pair): (usize, &[usize])| {
        let left = if link == 0 { value(pair[0]) } else { maximum[link - 1].cur() };
        (maximum[link].cur(), left, value(pair[1]))
    };
    lanes.windows(2).enumerate().map(link).collect()
}
