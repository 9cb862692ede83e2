//! The adversary's tools: he fills the table of the first phase as he likes, counts his lookups to his advantage, and may change what
//! the prover works out later. What he breaks is named by a second reading of the statement, which goes forward through the network,
//! number by number, and shares nothing with the vectors of `relation`.

use std::collections::BTreeSet;

use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;
use zktee_integer::network::{Map, PoolKind, volume};
use zktee_models::integer::IntegerModel;

use crate::field::{MODULUS, Val, integer};
use crate::key::Key;
use crate::layout::{Kind, Place};
use crate::parameters::Profile;
use crate::preamble::Statement;
use crate::proof::Proof;
use crate::prove::{Honest, Meddler};
use crate::timings::Clock;
use crate::verify::Rejected;
use crate::witness::first_phase;

/// A model with a key, and the table of one honest run.
pub(super) struct Case {
    pub(super) key: Key,
    pub(super) statement: Statement,
    pub(super) first: RowMajorMatrix<Val>,
}

impl Case {
    pub(super) fn new(model: IntegerModel, inputs: &[i64]) -> Self {
        Self::of(Profile::Fast, model, inputs)
    }

    pub(super) fn of(profile: Profile, model: IntegerModel, inputs: &[i64]) -> Self {
        let batch = inputs.len() / model.input_len();
        let key = Key::new(model, batch, profile).unwrap();
        let traces: Vec<_> =
            inputs.chunks_exact(key.model.input_len()).map(|input| key.model.trace(input).unwrap()).collect();
        let outputs = traces.iter().flat_map(|trace| trace.output().to_vec()).collect();
        let first = first_phase(&key, inputs, &traces);
        let stated = if profile.hides_input() { Vec::new() } else { inputs.to_vec() };
        let case = Self { key, statement: Statement { inputs: stated, outputs }, first };
        assert_eq!(case.broken(), BTreeSet::new());
        case
    }

    /// The columns of a stage's cell.
    pub(super) fn cell(&mut self, place: Place, input: usize, index: usize) -> &mut [Val] {
        let (start, columns) = self.at(place, input, index);
        &mut self.first.values[start..start + columns]
    }

    /// The same for a stage: `|q|`, sign, remainder.
    pub(super) fn quotient(&mut self, stage: usize, index: usize) -> &mut [Val] {
        self.cell(self.key.layout.stages[stage].cells, 0, index)
    }

    /// The quotient and the remainder of a cell as integers.
    pub(super) fn numbers(&mut self, stage: usize, index: usize) -> (i64, i64) {
        let cell = self.quotient(stage, index);
        let magnitude = i64::from(cell[0].as_canonical_u32());
        let quotient = if cell[1] == Val::ONE { magnitude } else { -magnitude };
        (quotient, i64::from(cell[2].as_canonical_u32()))
    }

    /// Puts a quotient and a remainder into a cell, whatever they are.
    pub(super) fn put(&mut self, stage: usize, index: usize, quotient: i64, remainder: i64) {
        let cell = self.quotient(stage, index);
        cell[0] = integer(quotient.abs());
        cell[1] = Val::from_bool(quotient >= 0);
        cell[2] = integer(remainder);
    }

    /// The divisor of a stage.
    pub(super) fn divisor(&self, stage: usize) -> i64 {
        self.key.network.stages[stage].rescale.unwrap().divisor()
    }

    fn at(&self, place: Place, input: usize, index: usize) -> (usize, usize) {
        let layout = &self.key.layout;
        let class = &layout.classes[place.class];
        let cell = input * class.per_input + place.offset + index;
        let lane = layout.lanes[class.first_lane + cell / layout.rows()];
        (cell % layout.rows() * self.first.width + lane.column, lane.kind.columns())
    }

    fn read(&self, place: Place, input: usize, index: usize) -> &[Val] {
        let (start, columns) = self.at(place, input, index);
        &self.first.values[start..start + columns]
    }

    /// All values that are looked up, with their ranges.
    fn lookups(&self) -> Vec<(Val, usize)> {
        let mut lookups = Vec::new();
        for row in self.first.values.chunks_exact(self.first.width) {
            for lane in &self.key.layout.lanes {
                let cell = &row[lane.column..];
                match lane.kind {
                    Kind::Quotient { range, .. } => lookups.extend([(cell[0], 0), (cell[2], range)]),
                    Kind::Pair => lookups.extend([(cell[0], 0), (cell[1], 0)]),
                    Kind::Input { range } => lookups.extend([(cell[0], range); 2]),
                }
            }
        }
        lookups
    }

    /// Where an entry's multiplicity stands.
    pub(super) fn multiplicity(&mut self, range: usize, entry: usize) -> &mut Val {
        let layout = &self.key.layout;
        let rows = layout.rows();
        let column = layout.multiplicity_column() + layout.ranges[range].first + entry / rows;
        &mut self.first.values[entry % rows * self.first.width + column]
    }

    /// Counts what is looked up; a value that its range does not have is counted where another range has it.
    pub(super) fn recount(&mut self) {
        let lookups = self.lookups();
        let sizes: Vec<usize> = self.key.layout.ranges.iter().map(|range| range.size).collect();
        let (start, width) = (self.key.layout.multiplicity_column(), self.first.width);
        for row in self.first.values.chunks_exact_mut(width) {
            row[start..].fill(Val::ZERO);
        }
        for (value, range) in lookups {
            let value = value.as_canonical_u32() as usize;
            let having = std::iter::once(range).chain(0..sizes.len()).find(|&range| value < sizes[range]);
            if let Some(range) = having {
                *self.multiplicity(range, value) += Val::ONE;
            }
        }
    }

    /// Reads the outputs off the table, so that the statement is what the table shows.
    pub(super) fn settle(&mut self) {
        let (_, outputs) = self.forward();
        self.statement.outputs = outputs.into_iter().map(centred).collect();
    }

    /// What does not hold, by a reading of its own.
    pub(super) fn broken(&self) -> BTreeSet<&'static str> {
        let (mut broken, outputs) = self.forward();
        let stated: Vec<Val> = self.statement.outputs.iter().map(|&value| integer(value)).collect();
        if outputs != stated {
            broken.insert("output");
        }
        for row in self.first.values.chunks_exact(self.first.width) {
            for lane in &self.key.layout.lanes {
                let cell = &row[lane.column..];
                match lane.kind {
                    Kind::Quotient { .. } if cell[1] != Val::ZERO && cell[1] != Val::ONE => broken.insert("bit"),
                    Kind::Pair if cell[0] * cell[1] != Val::ZERO => broken.insert("product"),
                    _ => false,
                };
            }
        }
        self.idle(&mut broken);
        let layout = &self.key.layout;
        let mut counts: Vec<Vec<Val>> = layout.ranges.iter().map(|range| Val::zero_vec(range.size)).collect();
        for (value, range) in self.lookups() {
            match counts[range].get_mut(value.as_canonical_u32() as usize) {
                Some(count) => *count += Val::ONE,
                None => _ = broken.insert("range"),
            }
        }
        for (range, counts) in layout.ranges.iter().zip(&mut counts) {
            for column in 0..range.columns {
                for row in 0..layout.rows() {
                    let entry = column * layout.rows() + row;
                    let at = row * self.first.width + layout.multiplicity_column() + range.first + column;
                    counts[if entry < range.size { entry } else { 0 }] -= self.first.values[at];
                }
            }
        }
        // What is out of range has been counted somewhere, or nowhere.
        if !broken.contains("range") && counts.iter().flatten().any(|&count| count != Val::ZERO) {
            broken.insert("multiplicity");
        }
        broken
    }

    /// Idle cells have an equation of their own, in which nothing is read.
    fn idle(&self, broken: &mut BTreeSet<&'static str>) {
        let layout = &self.key.layout;
        for (index, class) in layout.classes.iter().enumerate() {
            for cell in class.per_input * layout.batch..class.lanes * layout.rows() {
                let cell = self.read(Place { class: index, offset: cell }, 0, 0);
                let left = match class.kind {
                    Kind::Quotient { exponent, .. } => {
                        cell[2] + (cell[1].double() - Val::ONE) * cell[0] * Val::from_u32(1 << exponent)
                    }
                    Kind::Pair => cell[0] - cell[1],
                    // Nothing reads it: any legal value will do.
                    Kind::Input { .. } => Val::ZERO,
                };
                if left != Val::ZERO {
                    broken.insert("idle");
                }
            }
        }
    }

    /// From the inputs through the cells to the outputs.
    fn forward(&self) -> (BTreeSet<&'static str>, Vec<Val>) {
        let (mut broken, mut outputs) = (BTreeSet::new(), Vec::new());
        for number in 0..self.key.layout.batch {
            let mut values = self.inputs(number);
            for (index, stage) in self.key.network.stages.iter().enumerate() {
                let Some(place) = self.key.layout.stages.get(index) else {
                    let all = (0..volume(stage.accumulators))
                        .map(|out| self.accumulator(index, stage.accumulators, &values, out));
                    outputs.extend(all);
                    continue;
                };
                let rescale = stage.rescale.unwrap();
                let mut activations = Vec::new();
                for cell in 0..volume(place.shape) {
                    let accumulator = self.accumulator(index, place.shape, &values, cell);
                    let &[magnitude, sign, remainder] = self.read(place.cells, number, cell) else { panic!() };
                    let quotient = (sign.double() - Val::ONE) * magnitude;
                    let divisor = integer(rescale.divisor());
                    if accumulator + integer(rescale.divisor() / 2) != divisor * quotient + remainder {
                        broken.insert("equation");
                    }
                    activations.push(if rescale.relu { sign * magnitude } else { quotient });
                }
                let pooled = |pooled: usize| match (stage.pool.map(|pool| pool.kind), place.pairs) {
                    (Some(PoolKind::Max), Some(pairs)) => {
                        let mut larger = activations[place.cell(pooled, 0)];
                        let count = place.window_cells() - 1;
                        let mut holds = true;
                        for comparison in 0..count {
                            let &[e, f] = self.read(pairs, number, pooled * count + comparison) else { panic!() };
                            holds &= larger + e == activations[place.cell(pooled, comparison + 1)] + f;
                            larger += e;
                        }
                        (larger, holds)
                    }
                    _ => ((0..place.window_cells()).map(|within| activations[place.cell(pooled, within)]).sum(), true),
                };
                let all: Vec<(Val, bool)> = (0..place.pooled()).map(pooled).collect();
                if all.iter().any(|(_, holds)| !holds) {
                    broken.insert("comparison");
                }
                values = all.into_iter().map(|(value, _)| value).collect();
            }
        }
        (broken, outputs)
    }

    /// The values of one input: of the statement, or of the table where they are hidden.
    fn inputs(&self, number: usize) -> Vec<Val> {
        let (count, [low, _]) = (self.key.network.input_len(), self.key.network.input_range);
        let value = |index| match self.key.layout.input {
            Some(place) => self.read(place, number, index)[0] + integer(low),
            None => integer(self.statement.inputs[number * count + index]),
        };
        (0..count).map(value).collect()
    }

    /// `W x + b` of one output among those of this shape.
    fn accumulator(&self, stage: usize, [_, height, width]: [usize; 3], values: &[Val], output: usize) -> Val {
        let stage = &self.key.network.stages[stage];
        let linear = &stage.linear;
        let (channel, y, x) = (output / (height * width), output / width % height, output % width);
        let weights = &linear.weights[channel * linear.weights.len() / linear.bias.len()..];
        let products: Val = match linear.map {
            Map::Dense => values.iter().zip(weights).map(|(&value, &weight)| value * integer(weight)).sum(),
            Map::Conv(conv) => {
                let [channels, rows, columns] = stage.input;
                let taps = channels * conv.kernel[0] * conv.kernel[1];
                let of_tap = |tap: usize| {
                    let [kh, kw] = conv.kernel;
                    let row =
                        (y * conv.stride[0] + tap / kw % kh).checked_sub(conv.padding[0]).filter(|&row| row < rows);
                    let column = (x * conv.stride[1] + tap % kw).checked_sub(conv.padding[1]).filter(|&c| c < columns);
                    row.zip(column).map_or(Val::ZERO, |(row, column)| {
                        values[(tap / (kh * kw) * rows + row) * columns + column] * integer(weights[tap])
                    })
                };
                (0..taps).map(of_tap).sum()
            }
        };
        products + integer(linear.bias[channel])
    }

    /// The proof of what the table shows, with a hand in the second phase.
    pub(super) fn proof(&self, meddler: &mut impl Meddler) -> Proof {
        let proven = self.key.prove_table(&self.statement, &self.first, meddler, &mut Clock::start());
        // What is proven is what arrives.
        Proof::from_bytes(&proven.unwrap().to_bytes()).unwrap()
    }

    pub(super) fn verdict(&self, meddler: &mut impl Meddler) -> Result<(), Rejected> {
        self.key.verify_proof(&self.statement, self.proof(meddler))
    }

    /// Nothing is broken, and the proof is accepted.
    pub(super) fn succeeds(&self) {
        assert_eq!(self.broken(), BTreeSet::new());
        assert_eq!(self.verdict(&mut Honest), Ok(()));
    }

    /// Exactly this is broken, and the real verifier rejects the real prover's proof.
    pub(super) fn rejected(&self, broken: &[&'static str]) {
        assert_eq!(self.broken(), broken.iter().copied().collect());
        assert_eq!(self.verdict(&mut Honest), Err(Rejected::Constraints));
    }
}

/// A field element as the integer of least magnitude.
fn centred(value: Val) -> i64 {
    let value = i64::from(value.as_canonical_u32());
    if value > i64::from(MODULUS / 2) { value - i64::from(MODULUS) } else { value }
}
