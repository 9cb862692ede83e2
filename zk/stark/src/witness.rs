//! The first phase: cells from the integer twin's own trace, and how often each entry was looked up.

use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use zktee_integer::network::volume;
use zktee_models::integer::Trace;

use crate::field::Val;
use crate::key::Key;
use crate::layout::{Class, Kind, Layout, Place};

/// The table while it is filled.
struct Table<'a> {
    layout: &'a Layout,
    columns: usize,
    cells: Vec<Val>,
    counts: Vec<Vec<u32>>,
}

/// The columns of the first phase for these runs of the model, one an input. The inputs themselves have cells where they are hidden.
pub(crate) fn first_phase(key: &Key, inputs: &[i64], traces: &[Trace]) -> RowMajorMatrix<Val> {
    let layout = &key.layout;
    let mut table = Table::new(layout);
    if let Some(place) = layout.input {
        let [low, _] = key.network.input_range;
        for (index, &value) in inputs.iter().enumerate() {
            table.input(place, index, value - low);
        }
    }
    for (input, trace) in traces.iter().enumerate() {
        for (stage, place) in key.network.stages.iter().zip(&layout.stages) {
            let Some(inferred) = trace.layers.get(stage.layer) else { continue };
            let Some(rescale) = stage.rescale else { continue };
            let [channels, height, width] = stage.accumulators;
            let [_, rows, columns] = place.shape;
            let mut values = Vec::with_capacity(volume(place.shape));
            for line in 0..channels * rows {
                let start = (line / rows * height + line % rows) * width;
                let accumulators = inferred.accumulators.iter().zip(&inferred.quotients).skip(start).take(columns);
                for (&accumulator, &quotient) in accumulators {
                    let remainder = accumulator + rescale.divisor() / 2 - rescale.divisor() * quotient;
                    table.quotient(place.cells, input, values.len(), quotient, remainder);
                    values.push(quotient.max(0));
                }
            }
            let Some(pairs) = place.pairs else { continue };
            let comparisons = place.window_cells() - 1;
            for pooled in 0..place.pooled() {
                let mut larger = values[place.cell(pooled, 0)];
                for comparison in 0..comparisons {
                    let other = values[place.cell(pooled, comparison + 1)];
                    let maximum = larger.max(other);
                    table.pair(pairs, input, pooled * comparisons + comparison, [maximum - larger, maximum - other]);
                    larger = maximum;
                }
            }
        }
    }
    table.finish()
}

impl<'a> Table<'a> {
    /// All cells idle: a positive 0, compared with 0.
    fn new(layout: &'a Layout) -> Self {
        let columns = layout.first_columns();
        let mut cells = Val::zero_vec(layout.rows() * columns);
        for row in cells.chunks_exact_mut(columns) {
            for lane in &layout.lanes {
                if matches!(lane.kind, Kind::Quotient { .. }) {
                    row[lane.column + 1] = Val::ONE;
                }
            }
        }
        let counts = layout.ranges.iter().map(|range| vec![0; range.size]).collect();
        Self { layout, columns, cells, counts }
    }

    /// Where a class's cell has its columns.
    fn at(&mut self, class: &Class, index: usize) -> &mut [Val] {
        let rows = self.layout.rows();
        let lane = self.layout.lanes[class.first_lane + index / rows];
        let start = index % rows * self.columns + lane.column;
        &mut self.cells[start..start + lane.kind.columns()]
    }

    fn quotient(&mut self, place: Place, input: usize, index: usize, quotient: i64, remainder: i64) {
        let class = &self.layout.classes[place.class];
        let cell = self.at(class, input * class.per_input + place.offset + index);
        cell[0] = Val::from_u64(quotient.unsigned_abs());
        cell[1] = Val::from_bool(quotient >= 0);
        cell[2] = Val::from_u64(remainder.unsigned_abs());
        let Kind::Quotient { range, .. } = class.kind else { return };
        self.count(0, quotient.unsigned_abs());
        self.count(range, remainder.unsigned_abs());
    }

    fn pair(&mut self, place: Place, input: usize, index: usize, differences: [i64; 2]) {
        let class = &self.layout.classes[place.class];
        let cell = self.at(class, input * class.per_input + place.offset + index);
        for (cell, difference) in cell.iter_mut().zip(differences) {
            *cell = Val::from_u64(difference.unsigned_abs());
        }
        for difference in differences {
            self.count(0, difference.unsigned_abs());
        }
    }

    /// A hidden number: the inputs of a batch are one after the other, and a class of their own.
    fn input(&mut self, place: Place, index: usize, above: i64) {
        let class = &self.layout.classes[place.class];
        self.at(class, index)[0] = Val::from_u64(above.unsigned_abs());
        let Kind::Input { range } = class.kind else { return };
        for _ in 0..2 {
            self.count(range, above.unsigned_abs());
        }
    }

    fn count(&mut self, range: usize, value: u64) {
        // The twin keeps to its bounds; a value beyond them has no entry, and no proof.
        if let Some(count) = self.counts[range].get_mut(value as usize) {
            *count += 1;
        }
    }

    fn finish(mut self) -> RowMajorMatrix<Val> {
        let rows = self.layout.rows();
        for class in &self.layout.classes {
            let idle = (class.lanes * rows - class.per_input * self.layout.batch) as u32;
            let ranges = match class.kind {
                Kind::Quotient { range, .. } => [0, range],
                Kind::Pair => [0, 0],
                Kind::Input { range } => [range, range],
            };
            for range in ranges {
                self.counts[range][0] += idle;
            }
        }
        let start = self.layout.multiplicity_column();
        for (range, counts) in self.layout.ranges.iter().zip(&self.counts) {
            for (entry, &count) in counts.iter().enumerate() {
                let at = entry % rows * self.columns + start + range.first + entry / rows;
                self.cells[at] = Val::from_u32(count);
            }
        }
        RowMajorMatrix::new(self.cells, self.columns)
    }
}
