//! Attacks on the second phase and on the counts: one cell of each kind of column at a time.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;

use super::adversary::{Attack, Case};
use super::models;
use super::tall::input;

/// Changes one cell of the second phase.
fn changed<'a>(case: &'a Case, input: &[i64], kind: &'static str, number: usize, row: usize) -> Attack<'a> {
    Attack::new(case, input).second(move |cells| *cells.at(kind, number, row) += Fr::ONE)
}

#[test]
fn every_column_of_the_tall_circuit_is_bound() {
    let case = Case::tall(models::convolutions(), false);
    let input = input(&case);
    let layout = case.layout();
    let total = "running total";
    let weights = &layout.weights;
    // The coefficient of the last row of a block follows from nothing; that of the first is followed by none.
    let block = layout.blocks[1];
    changed(&case, &input, "coefficient", 0, block.base).breaks(&["coefficients", total]);
    changed(&case, &input, "coefficient", 0, block.base + block.len() - 1).breaks(&["coefficients", total]);
    // Where no block stands a coefficient is 0, or the lanes there would count.
    changed(&case, &input, "coefficient", 0, case.usable - 1).breaks(&["coefficients"]);
    for plane in &layout.planes {
        let kind = if plane.stage == 0 { "input sums" } else { "hidden sums" };
        let (middle, _) = plane.tap(0, 0, 0);
        changed(&case, &input, kind, 0, plane.image.base).breaks(&["horizontal sums", "vertical sums"]);
        changed(&case, &input, kind, 1, plane.image.base).breaks(&["vertical sums"]);
        let broken = changed(&case, &input, kind, 1, middle).broken();
        assert!(broken.contains("vertical sums") && broken.contains("operands"), "{broken:?}");
    }
    for (stage, of_stage) in weights.iter().enumerate() {
        let row = of_stage.rows[0];
        let broken = changed(&case, &input, "operand", 0, row).broken();
        assert!(broken.contains("operands"), "stage {stage}: {broken:?}");
        // A copy that is not one.
        for &shift in &of_stage.shifts {
            let copy = row.wrapping_add_signed(shift as isize);
            changed(&case, &input, "operand", 0, copy).breaks(&["operands", total]);
        }
    }
    for number in 0..Attack::new(&case, &input).first.count("helper") {
        changed(&case, &input, "helper", number, 3).breaks(&["helper", total]);
        changed(&case, &input, "helper", number, case.usable - 1).breaks(&["helper", total]);
    }
    changed(&case, &input, "total", 0, 0).breaks(&[total]);
    changed(&case, &input, "total", 0, case.usable / 2).breaks(&[total]);
    changed(&case, &input, "total", 0, case.usable - 1).breaks(&[total, "total is 0"]);
}

#[test]
fn a_total_cannot_start_anywhere_else() {
    // A constant on all rows leaves the steps alone; the first row has no step before it, the last must be 0.
    for case in [Case::tall(models::convolutions(), false), Case::wide(models::dense(), 1, 5, false)] {
        let change = |cells: &mut super::cells::Cells| {
            (0..cells.usable).for_each(|row| *cells.at("total", 0, row) += Fr::ONE);
        };
        Attack::new(&case, &input(&case)).second(change).breaks(&["running total", "total is 0"]);
    }
}

#[test]
fn counts_are_bound() {
    let cases = [
        Case::tall(models::maxima(), true),
        Case::tall(models::dense(), false),
        Case::wide(models::dense(), 1, 5, true),
    ];
    for case in cases {
        let input = input(&case);
        for number in 0..Attack::new(&case, &input).first.count("count") {
            for change in [Fr::ONE, -Fr::ONE] {
                let counts = move |cells: &mut super::cells::Cells| *cells.at("count", number, 1) += change;
                Attack::new(&case, &input).counts(counts).breaks(&["total is 0"]);
            }
        }
    }
}

#[test]
fn every_column_of_the_wide_circuit_is_bound() {
    let case = Case::wide(models::dense(), 2, 4, true);
    let input = [input(&case), input(&case)].concat();
    for number in 0..Attack::new(&case, &input).first.count("helper") {
        changed(&case, &input, "helper", number, 1).breaks(&["helper", "running total"]);
        changed(&case, &input, "helper", number, case.usable - 1).breaks(&["helper", "running total"]);
    }
    changed(&case, &input, "total", 0, 0).breaks(&["running total"]);
    changed(&case, &input, "total", 0, case.usable - 1).breaks(&["running total", "total is 0"]);
}
