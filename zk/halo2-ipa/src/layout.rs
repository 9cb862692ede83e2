//! The circuit of one model and one batch: what stands in which cell.
//!
//! Nothing here depends on the inputs. The verifying key commits to the fixed columns (weights, biases, divisors, flags) and to the
//! copies; the witness is made by following the steps.

mod build;

use crate::Error;
use crate::plan::plan;
use crate::program::Program;
use crate::shape::Shape;

/// A cell of an advice column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    pub(crate) column: u32,
    pub(crate) row: u32,
}

impl Cell {
    pub(crate) const fn new(column: usize, row: usize) -> Self {
        Self { column: column as u32, row: row as u32 }
    }
}

/// Where a value can be copied from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A public value by its index: first all inputs, then all outputs.
    Public(u32),
    /// A cell that a step before has filled.
    Cell(Cell),
}

/// One act of making the witness. Idle lanes of a row have no sources; their cells must hold up all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Copies inputs into neighbouring lanes of a row and adds their products to neighbouring sums.
    Dot {
        row: u32,
        first_lane: u32,
        /// The inputs.
        sources: Vec<Source>,
        first_sum: u32,
        sums: u32,
    },
    /// A rescale and its `ReLU`; divisor and kind stand in the fixed columns.
    Rescale { row: u32, lane: u32, source: Option<Source> },
    /// A `ReLU` by itself.
    Relu { row: u32, lane: u32, source: Source },
    /// A maximum over as many rows as candidates, or so many idle rows.
    Maximum { row: u32, lane: u32, rows: u32, sources: Vec<Source> },
    /// Splits the value of a cell into limbs, the highest first.
    Limbs { row: u32, chain: u32, limbs: u32, source: Cell },
}

/// A circuit without its witness.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) shape: Shape,
    /// Values of the fixed columns, `[column][row]`; rows that are missing at the end are 0.
    pub(crate) fixed: Vec<Vec<i64>>,
    /// In this order no step needs what a later one gives.
    pub(crate) steps: Vec<Step>,
    /// The cells that hold the outputs, all inputs' one after the other.
    pub(crate) outputs: Vec<Source>,
    /// Number of public inputs.
    pub(crate) inputs: usize,
    /// Rows up to the last in use.
    pub(crate) rows: usize,
}

impl Layout {
    /// The circuit for a batch of inputs of a model.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`]; [`Error::TooLarge`].
    pub(crate) fn new(program: &Program, batch: usize) -> Result<Self, Error> {
        if batch == 0 {
            return Err(Error::EmptyBatch);
        }
        Ok(build::build(program, batch, plan(program, batch)?))
    }

    /// A circuit of another size than the planner would choose; the shape must be one that it can make for this program.
    #[cfg(test)]
    pub(crate) fn with_shape(program: &Program, batch: usize, shape: Shape) -> Self {
        build::build(program, batch, shape)
    }

    /// Each cell that is a copy, with what it is a copy of.
    pub(crate) fn copies(&self) -> Vec<(Cell, Source)> {
        use crate::shape::{LimbCell, MaximumCell, ReluCell, RescaleCell};
        let shape = &self.shape;
        let mut copies = Vec::new();
        for step in &self.steps {
            match step {
                Step::Dot { row, first_lane, sources, .. } => {
                    let lanes = (*first_lane..).zip(sources);
                    copies.extend(lanes.map(|(column, source)| (Cell { column, row: *row }, *source)));
                }
                Step::Rescale { row, lane, source } => {
                    let cell = Cell::new(shape.rescale(*lane as usize, RescaleCell::Sum), *row as usize);
                    copies.extend(source.map(|source| (cell, source)));
                }
                Step::Relu { row, lane, source } => {
                    copies.push((Cell::new(shape.relu(*lane as usize, ReluCell::In), *row as usize), *source));
                }
                Step::Maximum { row, lane, sources, .. } => {
                    let column = shape.maximum(*lane as usize, MaximumCell::In) as u32;
                    copies.extend((*row..).zip(sources).map(|(row, source)| (Cell { column, row }, *source)));
                }
                Step::Limbs { row, chain, limbs, source } => {
                    let column = shape.limb(*chain as usize, LimbCell::Run) as u32;
                    copies.push((Cell { column, row: row + limbs - 1 }, Source::Cell(*source)));
                }
            }
        }
        copies
    }
}
