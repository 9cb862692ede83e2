//! The sum of all equations, as vectors that prover and verifier both work out: `docs/stark.md`, "The public vectors".
//!
//! With a power of `rho` for each equation, the sum over all of them is linear in the cells. What a cell is multiplied by on the left of its
//! own equation is a power; what it is multiplied by in the equations that read it is the coefficient here. Weights enter nowhere else.

use p3_field::{Field, PrimeCharacteristicRing, batch_multiplicative_inverse};
use zktee_integer::network::volume;

use crate::challenges::Challenges;
use crate::field::{Ext, Val, integer};
use crate::key::Key;
use crate::layout::{Class, Kind, Layout, Place, StagePlace};
use crate::preamble::Statement;

/// The public vectors and numbers of one proof.
#[derive(Debug)]
pub(crate) struct Public {
    /// Columns of `values`.
    pub(crate) columns: usize,
    /// Row-major: `rho^row`, a coefficient a lane, `1 / (offset + entry)` a column of multiplicities.
    pub(crate) values: Vec<Ext>,
    /// A lane's powers over those of the first lane.
    pub(crate) scales: Vec<Ext>,
    /// `offset` of each range.
    pub(crate) offsets: Vec<Ext>,
    /// The power of the lookups' sum.
    pub(crate) lambda: Ext,
    /// What the running sum must rise by on each row beside what stands there, so that it comes back to where it began.
    pub(crate) share: Ext,
}

/// A challenge that is a pole of a range's entry. No prover can hope for it, and no verifier meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pole;

/// The equations that read a stage's inputs: where their powers begin, and how much further those of the next input are.
struct Reader {
    first: usize,
    step: usize,
}

impl Public {
    /// For a statement, after the challenges are drawn.
    pub(crate) fn new(key: &Key, statement: &Statement, challenges: &Challenges) -> Result<Self, Pole> {
        let layout = &key.layout;
        let (rows, rho) = (layout.rows(), challenges.rho);
        let columns = layout.public_columns();
        let mut public = Self {
            columns,
            values: Ext::zero_vec(rows * columns),
            scales: rho.exp_u64(rows as u64).powers().collect_n(layout.lanes.len()),
            offsets: (0..layout.ranges.len()).map(|range| challenges.offset(range)).collect(),
            lambda: rho.exp_u64(layout.equations() as u64),
            share: Ext::ZERO,
        };
        for (row, power) in public.values.chunks_exact_mut(columns).zip(rho.powers()) {
            row[0] = power;
        }
        public.entries(layout)?;
        let mut constant = Ext::ZERO;
        for (index, weights) in key.weights.iter().enumerate() {
            let reader = reader(layout, index);
            let first = rho.exp_u64(reader.first as u64);
            let next_input = rho.exp_u64(reader.step as u64);
            let coefficients = weights.transposed(first, rho);
            constant += constants(key, index, first, rho) * next_input.powers().take(layout.batch).sum::<Ext>();
            match index.checked_sub(1) {
                None => {
                    constant += match layout.input {
                        // Cells hold how much the inputs are above the least legal one.
                        Some(place) => {
                            let class = &layout.classes[place.class];
                            public.write(layout, class, place, &[(&coefficients, next_input)]);
                            let least = integer(key.network.input_range[0]);
                            let all = coefficients.iter().copied().sum::<Ext>() * least;
                            all * next_input.powers().take(layout.batch).sum::<Ext>()
                        }
                        None => products(&coefficients, &statement.inputs, next_input),
                    }
                }
                Some(before) => public.read(layout, before, &coefficients, next_input, rho),
            }
        }
        let outputs = rho.shifted_powers(rho.exp_u64(layout.first_output() as u64));
        constant -= outputs.zip(&statement.outputs).map(|(power, &value)| power * integer(value)).sum::<Ext>();
        public.share = constant * Val::from_usize(rows).inverse();
        Ok(public)
    }

    /// The numbers of one row.
    pub(crate) fn row(&self, row: usize) -> &[Ext] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// The ranges' part.
    fn entries(&mut self, layout: &Layout) -> Result<(), Pole> {
        let rows = layout.rows();
        let start = 1 + layout.lanes.len();
        for (range, &offset) in layout.ranges.iter().zip(&self.offsets) {
            for column in 0..range.columns {
                let entry = |row| offset + Val::from_usize(entry(range.size, column * rows + row));
                let denominators: Vec<Ext> = (0..rows).map(entry).collect();
                if denominators.contains(&Ext::ZERO) {
                    return Err(Pole);
                }
                let inverses = batch_multiplicative_inverse(&denominators);
                let places = self.values.iter_mut().skip(start + range.first + column).step_by(self.columns);
                places.zip(inverses).for_each(|(place, inverse)| *place = inverse);
            }
        }
        Ok(())
    }

    /// What the cells of a hidden stage are multiplied by in the equations that read them.
    fn read(&mut self, layout: &Layout, stage: usize, coefficients: &[Ext], next_input: Ext, rho: Ext) {
        let place = &layout.stages[stage];
        let class = &layout.classes[place.cells.class];
        let mut own = Ext::zero_vec(volume(place.shape));
        if let Some(pairs) = place.pairs {
            let of_pairs = &layout.classes[pairs.class];
            let (compared, later) = maxima(layout, place, of_pairs, pairs.offset, rho);
            let window = place.window_cells();
            let mut differences = Ext::zero_vec(later.len());
            for (pooled, &coefficient) in coefficients.iter().enumerate() {
                own[place.cell(pooled, 0)] = coefficient;
                differences[pooled * (window - 1)..(pooled + 1) * (window - 1)].fill(coefficient);
            }
            let step = rho.exp_u64(of_pairs.per_input as u64);
            self.write(layout, class, place.cells, &[(&own, next_input), (&compared, step)]);
            self.write(layout, of_pairs, pairs, &[(&differences, next_input), (&later, step)]);
        } else {
            for (pooled, &coefficient) in coefficients.iter().enumerate() {
                for within in 0..place.window_cells() {
                    own[place.cell(pooled, within)] = coefficient;
                }
            }
            self.write(layout, class, place.cells, &[(&own, next_input)]);
        }
    }

    /// Writes cells' coefficients: a sum of vectors, each of which is a constant times more for each further input.
    fn write(&mut self, layout: &Layout, class: &Class, place: Place, parts: &[(&[Ext], Ext)]) {
        let rows = layout.rows();
        let mut factors: Vec<Ext> = parts.iter().map(|_| Ext::ONE).collect();
        for input in 0..layout.batch {
            let start = input * class.per_input + place.offset;
            let count = parts.first().map_or(0, |(part, _)| part.len());
            for index in 0..count {
                let cell = start + index;
                let at = cell % rows * self.columns + 1 + class.first_lane + cell / rows;
                self.values[at] = parts.iter().zip(&factors).map(|((part, _), &factor)| part[index] * factor).sum();
            }
            for (factor, &(_, step)) in factors.iter_mut().zip(parts) {
                *factor *= step;
            }
        }
    }
}

/// An entry of a range, whose first one is repeated on rows that are left over.
pub(crate) const fn entry(size: usize, index: usize) -> usize {
    if index < size { index } else { 0 }
}

fn reader(layout: &Layout, stage: usize) -> Reader {
    match layout.stages.get(stage) {
        Some(place) => {
            let class = &layout.classes[place.cells.class];
            Reader { first: layout.equation(class, place.cells.offset), step: class.per_input }
        }
        None => Reader { first: layout.first_output(), step: layout.outputs },
    }
}

/// Biases and rounding of one stage, for one input.
fn constants(key: &Key, stage: usize, first: Ext, rho: Ext) -> Ext {
    let weights = &key.weights[stage];
    let [_, height, width] = weights.shape;
    let half =
        key.layout.stages.get(stage).map_or(Val::ZERO, |place| match key.layout.classes[place.cells.class].kind {
            Kind::Quotient { exponent, .. } => Val::from_usize((1 << exponent) / 2),
            Kind::Pair | Kind::Input { .. } => Val::ZERO,
        });
    let image: Ext = rho.powers().take(height * width).sum();
    let channels = rho.exp_u64((height * width) as u64).shifted_powers(first);
    channels.zip(&weights.bias).map(|(power, &bias)| power * (bias + half)).sum::<Ext>() * image
}

/// The products of the first stage: its inputs are numbers of the statement.
fn products(coefficients: &[Ext], inputs: &[i64], next_input: Ext) -> Ext {
    let of_input = |input: &[i64]| -> Ext { coefficients.iter().zip(input).map(|(&c, &x)| c * integer(x)).sum() };
    inputs
        .chunks_exact(coefficients.len())
        .zip(next_input.powers())
        .map(|(input, factor)| of_input(input) * factor)
        .sum()
}

/// What the equations of comparisons contribute, for one input: to the cells that are compared, and to each difference from the
/// comparisons after its own.
///
/// Comparison `t` of a window says `larger + e_t = y_t + f_t`, where `larger = y_0 + e_1 + … + e_(t-1)`.
fn maxima(layout: &Layout, place: &StagePlace, class: &Class, offset: usize, rho: Ext) -> (Vec<Ext>, Vec<Ext>) {
    let window = place.window_cells();
    let mut compared = Ext::zero_vec(volume(place.shape));
    let mut later = Ext::zero_vec(place.pooled() * (window - 1));
    let mut powers = rho.shifted_powers(rho.exp_u64(layout.equation(class, offset) as u64));
    for pooled in 0..place.pooled() {
        let own = powers.by_ref().take(window - 1).collect::<Vec<Ext>>();
        let mut after = Ext::ZERO;
        for (comparison, &power) in own.iter().enumerate().rev() {
            compared[place.cell(pooled, comparison + 1)] = power;
            later[pooled * (window - 1) + comparison] = -after;
            after += power;
        }
        compared[place.cell(pooled, 0)] = -after;
    }
    (compared, later)
}
