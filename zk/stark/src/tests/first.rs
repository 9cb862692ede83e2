//! Forged tables of the first phase: each breaks one thing alone, where that can be, and states the outputs that it shows.

use p3_field::{Field, PrimeCharacteristicRing, PrimeField32};
use zktee_integer::network::volume;
use zktee_models::integer::{IntegerModel, Parts};

use super::adversary::Case;
use super::models::{Numbers, all, dense, maxima, shallow};
use crate::field::{MODULUS, Val, integer};
use crate::key::Key;
use crate::layout::{Kind, Place};
use crate::parameters::Profile;
use crate::preamble::Statement;
use crate::witness::first_phase;

/// An honest case with a cell of the first stage that is wanted.
fn with_cell(profile: Profile, model: &IntegerModel, wanted: impl Fn(i64, i64) -> bool) -> (Case, usize) {
    let mut n = Numbers(11);
    for _ in 0..200 {
        let inputs = n.inputs(model, 1);
        if model.infer(&inputs).is_err() {
            continue;
        }
        let mut case = Case::of(profile, model.clone(), &inputs);
        let cells = volume(case.key.layout.stages[0].shape);
        let found = (0..cells).find(|&cell| {
            let (quotient, remainder) = case.numbers(0, cell);
            wanted(quotient, remainder)
        });
        if let Some(cell) = found {
            return (case, cell);
        }
    }
    panic!("no such cell");
}

/// An honest case of a model.
pub(super) fn case(profile: Profile, model: &IntegerModel) -> Case {
    let mut n = Numbers(12);
    let inputs = (0..200).map(|_| n.inputs(model, 1)).find(|inputs| model.infer(inputs).is_ok()).unwrap();
    Case::of(profile, model.clone(), &inputs)
}

for_profiles! {
    an_activation_cannot_be_changed,
    a_wrong_quotient_is_stopped_by_the_range_of_its_remainder_alone,
    a_wrong_sign_is_stopped_by_the_range_of_its_remainder_alone,
    a_remainder_that_wraps_around_the_field_is_stopped_by_its_range_alone,
    a_value_of_one_range_cannot_pass_as_one_of_another,
    a_sign_is_a_bit,
    an_activation_beyond_its_bound_is_stopped_by_its_range_alone,
    multiplicities_are_what_was_looked_up,
    entries_left_over_are_the_first_entry_again,
    idle_cells_are_nothing,
    a_maximum_is_the_maximum,
    a_later_comparison_of_a_window_is_bound,
    each_input_of_a_batch_is_bound,
}

fn an_activation_cannot_be_changed(profile: Profile) {
    // The model without hidden stages has no turn in the inner loop.
    for model in &all() {
        let honest = case(profile, model);
        for stage in 0..honest.key.layout.stages.len() {
            let cells = volume(honest.key.layout.stages[stage].shape);
            for cell in [0, cells / 2, cells - 1] {
                let mut forged = case(profile, model);
                let (quotient, remainder) = forged.numbers(stage, cell);
                let other = if quotient > 0 { quotient - 1 } else { quotient + 1 };
                forged.put(stage, cell, other, remainder);
                forged.recount();
                forged.settle();
                let broken = forged.broken();
                assert!(broken.contains("equation"), "{broken:?}");
                forged.rejected(&broken.into_iter().collect::<Vec<_>>());
            }
        }
    }
}

fn a_wrong_quotient_is_stopped_by_the_range_of_its_remainder_alone(profile: Profile) {
    let model = shallow();
    for step in [-3, -1, 1, 2] {
        let (mut case, cell) = with_cell(profile, &model, |quotient, _| (5..50).contains(&quotient));
        let (quotient, remainder) = case.numbers(0, cell);
        case.put(0, cell, quotient + step, remainder - step * case.divisor(0));
        case.recount();
        let honest = case.statement.clone();
        case.settle();
        assert_ne!(case.statement, honest, "it would be a false statement");
        case.rejected(&["range"]);
    }
}

fn a_wrong_sign_is_stopped_by_the_range_of_its_remainder_alone(profile: Profile) {
    let (mut case, cell) = with_cell(profile, &shallow(), |quotient, _| (5..50).contains(&quotient));
    let (quotient, remainder) = case.numbers(0, cell);
    case.put(0, cell, -quotient, remainder + 2 * quotient * case.divisor(0));
    case.recount();
    case.settle();
    case.rejected(&["range"]);
}

fn a_remainder_that_wraps_around_the_field_is_stopped_by_its_range_alone(profile: Profile) {
    let (mut case, cell) = with_cell(profile, &shallow(), |quotient, _| (5..50).contains(&quotient));
    let (quotient, remainder) = case.numbers(0, cell);
    // D q' + r' = D q + r + p.
    case.put(0, cell, quotient + 3, remainder - 3 * case.divisor(0) + i64::from(MODULUS));
    case.recount();
    case.settle();
    case.rejected(&["range"]);
}

fn a_value_of_one_range_cannot_pass_as_one_of_another(profile: Profile) {
    // A remainder of D or more, which is a legal magnitude and counted as one.
    let (mut case, cell) = with_cell(profile, &shallow(), |quotient, _| (5..50).contains(&quotient));
    let (quotient, remainder) = case.numbers(0, cell);
    case.put(0, cell, quotient - 1, remainder + case.divisor(0));
    assert!(remainder + case.divisor(0) < case.key.layout.ranges[0].size as i64);
    case.recount();
    case.settle();
    case.rejected(&["range"]);
}

fn a_sign_is_a_bit(profile: Profile) {
    // value = b a and q = (2b - 1) a: with b = 2 and a = q/3 the equation holds, and the value is two thirds of what it should be.
    let (mut case, cell) = with_cell(profile, &shallow(), |quotient, _| quotient > 0 && quotient % 3 == 0);
    let (quotient, _) = case.numbers(0, cell);
    let columns = case.quotient(0, cell);
    columns[0] = integer(quotient / 3);
    columns[1] = Val::TWO;
    case.recount();
    let honest = case.statement.clone();
    case.settle();
    assert_ne!(case.statement, honest);
    case.rejected(&["bit"]);

    // Any b: a = q / (2b - 1) in the field, which happens to be in range for few b; -1 is one of them.
    let (mut case, cell) = with_cell(profile, &shallow(), |quotient, _| quotient < 0 && quotient % 3 == 0);
    let (quotient, _) = case.numbers(0, cell);
    let columns = case.quotient(0, cell);
    columns[0] = integer(-quotient / 3);
    columns[1] = -Val::ONE;
    case.recount();
    case.settle();
    case.rejected(&["bit"]);
}

fn an_activation_beyond_its_bound_is_stopped_by_its_range_alone(profile: Profile) {
    // The same weights with a larger bound infer what the smaller bound refuses.
    let small = shallow();
    let large = IntegerModel::from_parts(Parts { activation_bound: 4000, ..small.parts().clone() }).unwrap();
    let tight = |bound| IntegerModel::from_parts(Parts { activation_bound: bound, ..small.parts().clone() }).unwrap();
    let inputs = vec![7, -8, 7, 7];
    let trace = large.trace(&inputs).unwrap();
    let largest = trace.layers[0].quotients.iter().map(|quotient| quotient.abs()).max().unwrap();
    let model = tight(largest - 1);
    assert!(model.infer(&inputs).is_err());
    let key = Key::new(model, 1, profile).unwrap();
    let first = first_phase(&key, &inputs, std::slice::from_ref(&trace));
    let inputs = if profile.hides_input() { Vec::new() } else { inputs };
    let statement = Statement { inputs, outputs: trace.output().to_vec() };
    let mut case = Case { key, statement, first };
    case.recount();
    case.rejected(&["range"]);
}

fn multiplicities_are_what_was_looked_up(profile: Profile) {
    let model = dense();
    let change = |range: usize, entry: usize, by: Val| {
        let mut case = case(profile, &model);
        *case.multiplicity(range, entry) += by;
        case.rejected(&["multiplicity"]);
    };
    let ranges = case(profile, &model).key.layout.ranges.clone();
    for (range, sizes) in ranges.iter().enumerate() {
        for entry in [0, 1, sizes.size - 1] {
            for by in [Val::ONE, -Val::ONE, integer(1 << 30), Val::TWO.inverse()] {
                change(range, entry, by);
            }
        }
    }
    // From one entry to another, and all of them nothing.
    let mut moved = case(profile, &model);
    *moved.multiplicity(0, 0) -= Val::ONE;
    *moved.multiplicity(0, 1) += Val::ONE;
    moved.rejected(&["multiplicity"]);
    let mut none = case(profile, &model);
    for (range, sizes) in ranges.iter().enumerate() {
        for entry in 0..sizes.size {
            *none.multiplicity(range, entry) = Val::ZERO;
        }
    }
    none.rejected(&["multiplicity"]);
}

fn entries_left_over_are_the_first_entry_again(profile: Profile) {
    // Rows of a range's column beyond its size stand for 0 as well: free by design.
    let mut case = case(profile, &dense());
    let range = case.key.layout.ranges[0].clone();
    assert!(range.size < range.columns * case.key.layout.rows());
    *case.multiplicity(0, 0) -= Val::ONE;
    *case.multiplicity(0, range.size) += Val::ONE;
    case.succeeds();
}

fn idle_cells_are_nothing(profile: Profile) {
    for model in [dense(), maxima()] {
        let classes = case(profile, &model).key.layout.classes.clone();
        for (index, class) in classes.iter().enumerate() {
            let rows = case(profile, &model).key.layout.rows();
            let idle = class.lanes * rows - class.per_input;
            assert!(idle > 0);
            // The first idle row, and the table's last.
            for cell in [class.per_input, class.lanes * rows - 1] {
                let place = Place { class: index, offset: cell };
                let mut forged = case(profile, &model);
                match class.kind {
                    Kind::Quotient { exponent, .. } => {
                        // A quotient that its remainder makes up for.
                        let cell = forged.cell(place, 0, 0);
                        (cell[0], cell[1], cell[2]) = (Val::ONE, Val::ZERO, integer(1 << exponent));
                        forged.recount();
                        forged.rejected(&["range"]);
                        // And one that nothing does.
                        let mut forged = case(profile, &model);
                        let cell = forged.cell(place, 0, 0);
                        (cell[0], cell[1]) = (Val::ONE, Val::ONE);
                        forged.recount();
                        forged.rejected(&["idle"]);
                        // A sign of a zero is free, as long as it is a bit.
                        let mut free = case(profile, &model);
                        free.cell(place, 0, 0)[1] = Val::ZERO;
                        free.succeeds();
                        free.cell(place, 0, 0)[1] = integer(5);
                        free.rejected(&["bit"]);
                    }
                    Kind::Pair => {
                        let cell = forged.cell(place, 0, 0);
                        (cell[0], cell[1]) = (Val::ONE, Val::ONE);
                        forged.recount();
                        forged.rejected(&["product"]);
                        let mut forged = case(profile, &model);
                        forged.cell(place, 0, 0)[0] = Val::ONE;
                        forged.recount();
                        forged.rejected(&["idle"]);
                    }
                    // Free within its range: `hidden::idle_inputs_are_free_within_their_range`.
                    Kind::Input { .. } => {}
                }
            }
        }
    }
}

fn a_maximum_is_the_maximum(profile: Profile) {
    let model = maxima();
    // The second stage is the last hidden one; its windows have two cells, so one comparison each.
    let place = case(profile, &model).key.layout.stages[1];
    let pairs = place.pairs.unwrap();
    let mut tried = [0; 2];
    let mut n = Numbers(13);
    for _ in 0..100 {
        let inputs = n.inputs(&model, 1);
        if model.infer(&inputs).is_err() {
            continue;
        }
        let honest = || Case::of(profile, model.clone(), &inputs);
        for pooled in 0..place.pooled() {
            let mut forged = honest();
            let cell = forged.cell(pairs, 0, pooled);
            let (e, f) = (cell[0].as_canonical_u32(), cell[1].as_canonical_u32());
            if e > 0 && tried[0] < 3 {
                // The first value instead of the second, larger one.
                (cell[0], cell[1]) = (Val::ZERO, -Val::from_u32(e));
                forged.recount();
                forged.settle();
                assert_ne!(forged.statement, honest().statement);
                forged.rejected(&["range"]);
                tried[0] += 1;
            } else if f > 0 && tried[1] < 3 {
                // One more than either value.
                (cell[0], cell[1]) = (Val::ONE, Val::from_u32(f + 1));
                forged.recount();
                forged.settle();
                assert_ne!(forged.statement, honest().statement);
                forged.rejected(&["product"]);
                // Differences that do not belong to the values.
                let mut forged = honest();
                forged.cell(pairs, 0, pooled)[1] += Val::ONE;
                forged.recount();
                forged.rejected(&["comparison"]);
                tried[1] += 1;
            }
        }
    }
    assert_eq!(tried, [3, 3]);
}

fn a_later_comparison_of_a_window_is_bound(profile: Profile) {
    // The first stage's windows have four cells, three comparisons.
    let model = maxima();
    let place = case(profile, &model).key.layout.stages[0];
    for comparison in 0..3 * place.pooled() {
        let mut forged = case(profile, &model);
        forged.cell(place.pairs.unwrap(), 0, comparison)[0] += Val::ONE;
        forged.recount();
        let broken = forged.broken();
        assert!(broken.contains("comparison"), "{broken:?}");
        forged.rejected(&broken.into_iter().collect::<Vec<_>>());
    }
}

fn each_input_of_a_batch_is_bound(profile: Profile) {
    let (model, mut n) = (dense(), Numbers(14));
    let legal = std::iter::repeat_with(|| n.inputs(&model, 1)).filter(|inputs| model.infer(inputs).is_ok());
    let inputs: Vec<i64> = legal.take(40).flatten().collect();
    let honest = || Case::of(profile, model.clone(), &inputs);
    honest().succeeds();
    for input in [0, 17, 39] {
        for stage in 0..2 {
            let mut forged = honest();
            let place = forged.key.layout.stages[stage].cells;
            forged.cell(place, input, 0)[2] += Val::ONE;
            forged.recount();
            let broken = forged.broken();
            assert!(broken.contains("equation"), "{broken:?}");
            forged.rejected(&broken.into_iter().collect::<Vec<_>>());
        }
        let mut forged = honest();
        forged.statement.outputs[input * 2] += 1;
        forged.rejected(&["output"]);
    }
}
