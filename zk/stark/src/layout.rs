//! Where the numbers of a run stand: lanes of cells, classes of lanes, ranges, and which equation has which power of the challenge.
//!
//! One row of the table holds one *cell* of each lane. A cell is three numbers for a rescaled accumulator, `|q|`, the bit `q >= 0` and the
//! remainder, or two for one comparison of a max pool. All cells of a lane are of one kind, so nothing on a row says what it is. A *class* is
//! all cells of one kind; it fills its lanes one after the other, and input after input. Cell `i` of a class that begins at lane `l` is on
//! row `i mod N` of lane `l + i / N`, and its equation has the power `l N + i` of the challenge: what one lane's equations have is the
//! first lane's times a constant.

use zktee_integer::network::{Network, PoolKind, Shape, volume};

/// A table is at least this high: FRI has something to fold.
const SMALLEST: u32 = 6;

/// At least this high where the input is hidden: there must be room for as many random numbers as are opened.
const SMALLEST_HIDDEN: u32 = 9;

/// And at most this: the field has subgroups of 2^24 elements at most, and `stark/small` extends a table by 2^5.
const LARGEST: u32 = 19;

/// Most values in all ranges together.
const MOST_VALUES: usize = 1 << 22;

/// Most columns of a table, so that a foreign key cannot ask for more than memory holds.
const MOST_COLUMNS: usize = 1 << 12;

/// A model or batch that no table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// No inputs.
    #[error("a batch of no inputs")]
    Empty,
    /// Too many values to look up.
    #[error("its ranges are too large for a table")]
    Ranges,
    /// Too many cells.
    #[error("no table of at most 2^19 rows and 2^12 columns holds this model with {batch} inputs")]
    Size {
        /// Inputs of one call.
        batch: usize,
    },
}

/// Values `0..size` that may be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    /// How many.
    pub(crate) size: usize,
    /// Number of its first column of multiplicities, among all of them.
    pub(crate) first: usize,
    /// Its columns of multiplicities.
    pub(crate) columns: usize,
}

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A rescaled accumulator: magnitude, sign, remainder.
    Quotient {
        /// Logarithm of the divisor.
        exponent: u32,
        /// Whether what leaves is `max(q, 0)`.
        relu: bool,
        /// Range of the remainder.
        range: usize,
    },
    /// The differences of two values from the larger of them.
    Pair,
    /// A number of a hidden input, less the least legal one.
    Input {
        /// Its range.
        range: usize,
    },
}

impl Kind {
    /// Columns of a lane.
    pub(crate) const fn columns(self) -> usize {
        match self {
            Self::Quotient { .. } => 3,
            Self::Pair => 2,
            Self::Input { .. } => 1,
        }
    }
}

/// All cells of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) kind: Kind,
    /// Cells of one input.
    pub(crate) per_input: usize,
    pub(crate) first_lane: usize,
    pub(crate) lanes: usize,
}

/// A class, and where in it a stage's cells of the first input begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) class: usize,
    pub(crate) offset: usize,
}

/// Where a hidden stage's cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StagePlace {
    pub(crate) cells: Place,
    /// Accumulators that count: those under a whole pool window.
    pub(crate) shape: Shape,
    /// Pool window, 1x1 where there is none.
    pub(crate) window: [usize; 2],
    /// The comparisons of a max pool.
    pub(crate) pairs: Option<Place>,
}

impl StagePlace {
    /// Cells of one window.
    pub(crate) const fn window_cells(&self) -> usize {
        self.window[0] * self.window[1]
    }

    /// The cell under a pooled value: which one of the stage, given the value's index and the cell's in the window.
    pub(crate) const fn cell(&self, pooled: usize, within: usize) -> usize {
        let [_, height, width] = self.shape;
        let [down, right] = self.window;
        let (rows, columns) = (height / down, width / right);
        let (channel, y, x) = (pooled / (rows * columns), pooled / columns % rows, pooled % columns);
        (channel * height + y * down + within / right) * width + x * right + within % right
    }

    /// Values that leave.
    pub(crate) const fn pooled(&self) -> usize {
        volume(self.shape) / self.window_cells()
    }
}

/// One lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) kind: Kind,
    /// Its first column.
    pub(crate) column: usize,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) log_rows: u32,
    /// Inputs of one proof.
    pub(crate) batch: usize,
    pub(crate) classes: Vec<Class>,
    /// The first is of magnitudes and of differences.
    pub(crate) ranges: Vec<Range>,
    /// One a hidden stage.
    pub(crate) stages: Vec<StagePlace>,
    /// The inputs, where they are hidden.
    pub(crate) input: Option<Place>,
    pub(crate) lanes: Vec<Lane>,
    /// Outputs of one input.
    pub(crate) outputs: usize,
}

impl Layout {
    /// The cheapest table for a model and a batch, with the inputs in it if they are hidden.
    pub(crate) fn new(network: &Network, batch: usize, hidden: bool) -> Result<Self, LayoutError> {
        if batch == 0 {
            return Err(LayoutError::Empty);
        }
        let cells = Cells::of(network, hidden)?;
        let smallest = if hidden { SMALLEST_HIDDEN } else { SMALLEST };
        (smallest..=LARGEST)
            .filter_map(|log_rows| cells.table(log_rows, batch))
            .min_by_key(Self::cost)
            .ok_or(LayoutError::Size { batch })
    }

    /// `N`.
    pub(crate) const fn rows(&self) -> usize {
        1 << self.log_rows
    }

    /// Columns of multiplicities.
    pub(crate) fn multiplicities(&self) -> usize {
        self.ranges.iter().map(|range| range.columns).sum()
    }

    /// The first of them.
    pub(crate) fn multiplicity_column(&self) -> usize {
        self.lanes.iter().map(|lane| lane.kind.columns()).sum()
    }

    /// Columns of the first phase.
    pub(crate) fn first_columns(&self) -> usize {
        self.multiplicity_column() + self.multiplicities()
    }

    /// Vectors that both sides work out: powers, a coefficient a lane, inverses of the ranges' entries.
    pub(crate) fn public_columns(&self) -> usize {
        1 + self.lanes.len() + self.multiplicities()
    }

    /// The power of the challenge that a cell's equation has.
    pub(crate) const fn equation(&self, class: &Class, index: usize) -> usize {
        class.first_lane * self.rows() + index
    }

    /// The power of the first output's equation; the others follow.
    pub(crate) const fn first_output(&self) -> usize {
        self.lanes.len() * self.rows()
    }

    /// Equations, and the power of the lookups' sum.
    pub(crate) const fn equations(&self) -> usize {
        self.first_output() + self.outputs * self.batch
    }

    /// Constraints that are combined: a bit or a product and a helper a lane, and the running sum. A lane of inputs has a helper alone.
    pub(crate) fn constraints(&self) -> usize {
        let of_lane = |lane: &Lane| if matches!(lane.kind, Kind::Input { .. }) { 1 } else { 2 };
        self.lanes.iter().map(of_lane).sum::<usize>() + 1
    }

    /// Whether the inputs are cells of the table and no part of the statement.
    pub(crate) const fn hidden(&self) -> bool {
        self.input.is_some()
    }

    /// Columns that are opened, each once for each point.
    pub(crate) fn opened(&self) -> usize {
        use crate::field::DEGREE;
        let codeword = if self.hidden() { DEGREE } else { 0 };
        self.first_columns() + DEGREE * self.lanes.len() + 2 * DEGREE + 2 * DEGREE + codeword
    }

    /// Cells that are worked on, with what a row costs beside them (trees and FRI) and a column (it is opened at each query, so it counts
    /// for the proof's length and the verifier's time; as much as about three hundred rows of it).
    fn cost(&self) -> usize {
        const A_ROW: usize = 30;
        const A_COLUMN: usize = 300;
        let extension = self.lanes.len() + 1 + 2 + self.public_columns();
        let cells = self.first_columns() + crate::field::DEGREE * extension + A_ROW;
        // With masks a column takes twice the room, and is worth as much more to be without.
        (cells << self.log_rows) + A_COLUMN * self.opened()
    }
}

/// What has to have a place, whatever the number of rows.
struct Cells {
    /// Kind and cells of one input.
    classes: Vec<(Kind, usize)>,
    /// Sizes of the ranges.
    ranges: Vec<usize>,
    stages: Vec<StagePlace>,
    input: Option<Place>,
    outputs: usize,
}

impl Cells {
    fn of(network: &Network, hidden_input: bool) -> Result<Self, LayoutError> {
        let hidden = &network.stages[..network.stages.len().saturating_sub(1)];
        let outputs = network.output_len();
        let largest = usize::try_from(network.activation_bound).map_err(|_| LayoutError::Ranges)?;
        let mut cells = Self {
            classes: Vec::new(),
            ranges: vec![largest.saturating_add(1)],
            stages: Vec::new(),
            input: None,
            outputs,
        };
        let mut exponents: Vec<u32> = Vec::new();
        for stage in hidden {
            let Some(rescale) = stage.rescale else { return Err(LayoutError::Ranges) };
            let range = 1 + exponents.iter().position(|&known| known == rescale.exponent).unwrap_or_else(|| {
                exponents.push(rescale.exponent);
                cells.ranges.push(1 << rescale.exponent);
                exponents.len() - 1
            });
            let window = stage.window();
            let [channels, rows, columns] = stage.output;
            let shape = [channels, rows * window[0], columns * window[1]];
            let kind = Kind::Quotient { exponent: rescale.exponent, relu: rescale.relu, range };
            let place = cells.add(kind, volume(shape));
            let maximum = stage.pool.is_some_and(|pool| pool.kind == PoolKind::Max);
            let pairs = maximum.then(|| cells.add(Kind::Pair, volume(stage.output) * (window[0] * window[1] - 1)));
            cells.stages.push(StagePlace { cells: place, shape, window, pairs });
        }
        if hidden.is_empty() {
            // A table needs a lane: an idle one, whose cells are all 0.
            cells.ranges = vec![1, 1];
            cells.classes.push((Kind::Quotient { exponent: 0, relu: true, range: 1 }, 0));
        }
        if hidden_input {
            let [low, high] = network.input_range;
            let size = high.checked_sub(low).and_then(|last| usize::try_from(last).ok()).ok_or(LayoutError::Ranges)?;
            let range = cells.ranges.len();
            cells.ranges.push(size.saturating_add(1));
            cells.input = Some(cells.add(Kind::Input { range }, network.input_len()));
        }
        let values = cells.ranges.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size));
        if values.is_none_or(|values| values > MOST_VALUES) {
            return Err(LayoutError::Ranges);
        }
        Ok(cells)
    }

    /// Room for so many cells of this kind.
    fn add(&mut self, kind: Kind, count: usize) -> Place {
        let class = self.classes.iter().position(|&(known, _)| known == kind).unwrap_or_else(|| {
            self.classes.push((kind, 0));
            self.classes.len() - 1
        });
        let offset = self.classes[class].1;
        self.classes[class].1 += count;
        Place { class, offset }
    }

    /// The table of so many rows, if its columns are not too many.
    fn table(&self, log_rows: u32, batch: usize) -> Option<Layout> {
        let rows = 1_usize << log_rows;
        let (mut classes, mut lanes, mut column) = (Vec::new(), Vec::new(), 0);
        for &(kind, per_input) in &self.classes {
            let count = per_input.checked_mul(batch)?.div_ceil(rows).max(1);
            if count > MOST_COLUMNS {
                return None;
            }
            classes.push(Class { kind, per_input, first_lane: lanes.len(), lanes: count });
            for _ in 0..count {
                lanes.push(Lane { kind, column });
                column += kind.columns();
            }
        }
        let mut ranges = Vec::new();
        let mut first = 0;
        for &size in &self.ranges {
            let columns = size.div_ceil(rows);
            ranges.push(Range { size, first, columns });
            first += columns;
        }
        let stages = self.stages.clone();
        self.outputs.checked_mul(batch)?;
        let input = self.input;
        let layout = Layout { log_rows, batch, classes, ranges, stages, input, lanes, outputs: self.outputs };
        (layout.first_columns() <= MOST_COLUMNS).then_some(layout)
    }
}
