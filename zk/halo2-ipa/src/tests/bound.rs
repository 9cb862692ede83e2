//! No cell in use is free: each alone, changed to another value, breaks a rule. This looks for what a list of attacks forgets.

use super::models::{hidden, inputs, random};
use super::{broken_cells, names};
use crate::circuit::field;
use crate::keys::cells;
use crate::layout::{Cell, Layout, Step};
use crate::plan::plan_with;
use crate::program::Program;
use crate::shape::{LimbCell, MaximumCell, ReluCell, RescaleCell, Shape};
use crate::witness::{Overrides, Witness};
use zktee_models::integer::IntegerModel;

/// The cells that a step fills, but for those that may honestly have two values: the sign of 0, and where a maximum is found first.
fn used(shape: &Shape, step: &Step, value: impl Fn(Cell) -> i64) -> Vec<Cell> {
    let row_of = |row: u32| row as usize;
    match step {
        Step::Dot { row, first_lane, sources, first_sum, sums } => {
            let lanes = (*first_lane..).take(sources.len()).map(|lane| lane as usize);
            let sums = (*first_sum..first_sum + sums).map(|sum| shape.sum(sum as usize));
            lanes.chain(sums).map(|column| Cell::new(column, row_of(*row))).collect()
        }
        Step::Rescale { row, lane, source: Some(_) } => {
            let at = |cell| Cell::new(shape.rescale(*lane as usize, cell), row_of(*row));
            let mut cells =
                [RescaleCell::Sum, RescaleCell::Magnitude, RescaleCell::Remainder, RescaleCell::Out].map(at).to_vec();
            if value(at(RescaleCell::Magnitude)) != 0 {
                cells.push(at(RescaleCell::Sign));
            }
            if !shape.bound_table {
                cells.push(at(RescaleCell::Rest));
            }
            cells
        }
        Step::Relu { row, lane, .. } => {
            let at = |cell| Cell::new(shape.relu(*lane as usize, cell), row_of(*row));
            let mut cells = [ReluCell::In, ReluCell::Magnitude, ReluCell::Out].map(at).to_vec();
            if value(at(ReluCell::Magnitude)) != 0 {
                cells.push(at(ReluCell::Sign));
            }
            cells
        }
        Step::Maximum { row, lane, rows, sources } if !sources.is_empty() => (*row..row + rows)
            .flat_map(|row| {
                [MaximumCell::In, MaximumCell::Difference, MaximumCell::Out]
                    .map(|cell| Cell::new(shape.maximum(*lane as usize, cell), row_of(row)))
            })
            .collect(),
        Step::Limbs { row, chain, limbs, .. } => (*row..row + limbs)
            .flat_map(|row| {
                [LimbCell::Limb, LimbCell::Run].map(|cell| Cell::new(shape.limb(*chain as usize, cell), row_of(row)))
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn every_cell_counts(model: &IntegerModel, inputs: &[i64], k: u32, limb_bits: u32) {
    let program = Program::new(model).unwrap();
    let Some(shape) = plan_with(&program, 1, k, limb_bits) else { return };
    let layout = Layout::with_shape(&program, 1, shape);
    let witness = Witness::new(&layout, inputs, &Overrides::new());
    let value = |cell: Cell| witness.advice[cell.column as usize][cell.row as usize];
    let mut advice = cells(&witness.advice);
    for cell in layout.steps.iter().flat_map(|step| used(&layout.shape, step, value)) {
        for add in [1, -1] {
            advice[cell.column as usize][cell.row as usize] = field(value(cell) + add);
            assert_ne!(broken_cells(&layout, &advice, &witness.public), names(&[]), "{cell:?} {add}");
        }
        advice[cell.column as usize][cell.row as usize] = field(value(cell));
    }
    assert_eq!(broken_cells(&layout, &advice, &witness.public), names(&[]));
}

#[test]
fn every_cell_in_use_is_bound() {
    for relu in [false, true] {
        every_cell_counts(&hidden(40, relu), &[5, -2], 6, 4);
        every_cell_counts(&hidden(200, relu), &[25, -2], 6, 2);
    }
    let mut tried = 0;
    for seed in 100..130 {
        let model = random(seed);
        let inputs = inputs(&model, 1, seed);
        let cells: usize = model.shapes().iter().map(|shape| shape.iter().product::<usize>()).sum();
        if cells < 80 && model.infer(&inputs).is_ok() {
            every_cell_counts(&model, &inputs, 7, 4);
            tried += 1;
        }
    }
    assert!(tried > 8, "{tried} models");
}
