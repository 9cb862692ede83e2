//! Attacks on the tall circuit's first phase: activations, maxima, private inputs, and the zeros around them.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use zktee_models::integer::{IntegerLayer, IntegerModel};

use super::adversary::{Attack, Case};
use super::cells::Cells;
use super::models::{self, Numbers, model, relu, tiles};
use crate::field::integer;

/// Where all equations and range checks end.
const TOTAL: &str = "total is 0";

/// The small models with each kind of input.
pub(super) fn cases() -> impl Iterator<Item = Case> {
    let of = [models::dense, models::convolutions, models::maxima, models::linear];
    of.into_iter().flat_map(|model| [false, true].map(|private| Case::tall(model(), private)))
}

/// An input that the model takes.
pub(super) fn input(case: &Case) -> Vec<i64> {
    let mut numbers = Numbers(7);
    let mut inputs = std::iter::repeat_with(|| numbers.inputs(&case.model, 1));
    inputs.find(|input| case.model.infer(input).is_ok()).unwrap()
}

/// Rows and lanes of a stage's windows.
pub(super) fn cells_of(case: &Case, stage: usize) -> Vec<(usize, usize)> {
    let (layout, network) = (case.layout(), &case.spec().network);
    let lanes = layout.window_lanes(network.stages[stage].window());
    let values = 0..network.stages[stage].output.iter().product();
    values.flat_map(|value| lanes.iter().map(move |&lane| (layout.blocks[stage].row(value), lane))).collect()
}

/// The first cell of a stage whose magnitude is in a range.
fn with_magnitude(case: &Case, stage: usize, range: std::ops::RangeInclusive<i64>, cells: &Cells) -> (usize, usize) {
    let legal: Vec<Fr> = range.map(integer).collect();
    let magnitudes = &cells.names["magnitude"];
    let of_stage = cells_of(case, stage).into_iter();
    of_stage.clone().find(|&(row, lane)| legal.contains(&cells.advice[magnitudes[lane]][row])).unwrap()
}

fn divisor(case: &Case) -> Fr {
    integer(1 << case.spec().network.exponent())
}

#[test]
fn honest_runs_are_accepted() {
    let mut copies = 0;
    for case in cases() {
        Attack::new(&case, &input(&case)).succeeds();
        copies += case.layout().weights.iter().map(|weights| weights.shifts.len()).sum::<usize>();
    }
    assert!(copies > 0, "no circuit has a second group of weight rows");
}

#[test]
fn an_activation_cannot_be_changed() {
    for case in cases().filter(|case| case.spec().network.stages.len() > 1) {
        let input = input(&case);
        for stage in 0..case.spec().network.stages.len() - 1 {
            let honest = || Attack::new(&case, &input);
            let (row, lane) = with_magnitude(&case, stage, 1..=50, &honest().first);
            let rejected = |change: &dyn Fn(&mut Cells)| {
                let broken = honest().first(change).rejected();
                // In a pooled stage the maximum may be no member any more.
                let others = broken.iter().filter(|gate| *gate != "maximum is one of two");
                assert_eq!(others.collect::<Vec<_>>(), [TOTAL], "{broken:?}");
            };
            // The magnitude alone, its sign alone, its remainder alone: equations.
            rejected(&|cells| *cells.at("magnitude", lane, row) += Fr::ONE);
            rejected(&|cells| *cells.at("sign", lane, row) = Fr::ONE - *cells.at("sign", lane, row));
            rejected(&|cells| *cells.at("remainder", lane, row) += Fr::ONE);
            // Quotient and remainder together, so that only a range (and what reads the value) is broken.
            for step in [integer(1), -integer(1)] {
                rejected(&|cells| {
                    let sign = *cells.at("sign", lane, row) * integer(2) - Fr::ONE;
                    *cells.at("magnitude", lane, row) += sign * step;
                    *cells.at("remainder", lane, row) -= divisor(&case) * step;
                });
            }
        }
    }
}

/// The output is what the activations are, so that it follows every change of them: only range checks stand in the way.
pub(super) fn transparent(exponent: u32, bound: i64) -> IntegerModel {
    let identity = |rescale| {
        let (weights, bias) = (vec![1, 0, 0, 1], vec![3, -5]);
        IntegerLayer::Dense(zktee_models::integer::IntegerDense { outputs: 2, inputs: 2, weights, bias, rescale })
    };
    model(&[2], bound, vec![identity(models::signed(exponent)), identity(None)])
}

#[test]
fn range_checks_alone_stop_a_wrong_quotient() {
    for private in [false, true] {
        let case = Case::tall(transparent(1, 20), private);
        // 7 + 3 + 1 = 2 * 5 + 1
        let honest = || Attack::new(&case, &[7, 7]);
        let (row, lane) = cells_of(&case, 0)[0];
        honest().succeeds();
        for (magnitude, remainder) in [(4, 3), (6, -1), (0, 11), (7, -3)] {
            let change = |cells: &mut Cells| {
                *cells.at("magnitude", lane, row) = integer(magnitude);
                *cells.at("remainder", lane, row) = integer(remainder);
            };
            // The remainder is out of range, though most of these are legal magnitudes or inputs.
            honest().first(change).claiming(|outputs| outputs[0] += magnitude - 5).breaks(&[TOTAL]);
        }
        // A quotient of -5 is one of 5, less 10, with a remainder that is 20 more.
        let change = |cells: &mut Cells| {
            *cells.at("sign", lane, row) = Fr::ZERO;
            *cells.at("remainder", lane, row) += integer(20);
        };
        honest().first(change).claiming(|outputs| outputs[0] -= 10).breaks(&[TOTAL]);
    }
}

#[test]
fn an_activation_beyond_its_bound_is_rejected() {
    for private in [false, true] {
        let mut case = Case::tall(transparent(0, 9), private);
        let mut parts = case.model.parts().clone();
        parts.activation_bound = 1000;
        case.model = IntegerModel::from_parts(parts).unwrap();
        Attack::new(&case, &[6, -4]).succeeds();
        // 7 + 3 is one more than the bound, and so is 5 + 5.
        Attack::new(&case, &[7, 0]).breaks(&[TOTAL]);
        Attack::new(&case, &[0, -5]).breaks(&[TOTAL]);
    }
}

#[test]
fn a_sign_is_a_bit() {
    for private in [false, true] {
        let case = Case::tall(transparent(1, 20), private);
        let (row, lane) = cells_of(&case, 0)[0];
        // A quotient of 3 as (2 * 2 - 1) * 1: the value that leaves is then 2 * 2 * 1 - 1, the same.
        let attack = Attack::new(&case, &[3, 0]);
        let change = |cells: &mut Cells| {
            *cells.at("magnitude", lane, row) = integer(1);
            *cells.at("sign", lane, row) = integer(2);
        };
        attack.first(change).breaks(&["sign is a bit"]);
    }
}

#[test]
fn no_difference_of_tags_leads_from_one_range_to_another() {
    // With a divisor of 1, a quotient of 2^40 and a remainder of m - 2^40 are as good as m and 0.
    let mut parts = transparent(0, 20).parts().clone();
    if let IntegerLayer::Dense(dense) = &mut parts.layers[1] {
        dense.weights.fill(0);
    }
    let far = integer(1 << 40);
    for private in [false, true] {
        let case = Case::tall(IntegerModel::from_parts(parts.clone()).unwrap(), private);
        let (row, lane) = cells_of(&case, 0)[0];
        let change = |cells: &mut Cells| {
            let quotient = std::mem::replace(cells.at("magnitude", lane, row), far);
            *cells.at("remainder", lane, row) = quotient - far;
        };
        Attack::new(&case, &[5, 5]).first(change).breaks(&[TOTAL]);
    }
}

#[test]
fn idle_lanes_are_0() {
    let case = Case::tall(models::convolutions(), false);
    let input = input(&case);
    let honest = || Attack::new(&case, &input);
    let stages = case.spec().network.stages.len();
    let last_lane = case.layout().lane_count() - 1;
    // A signed stage without a pool has three lanes too many.
    let (row, _) = cells_of(&case, 1)[0];
    for kind in ["magnitude", "remainder"] {
        honest().first(|cells| *cells.at(kind, 0, row) = Fr::ONE).breaks(&["idle lanes are 0", TOTAL]);
    }
    // Padding has no lane at all.
    let block = case.layout().blocks[0];
    let padding = (block.base..block.base + block.len()).find(|&row| block.is_padding(row)).unwrap();
    for lane in [0, last_lane] {
        for kind in ["magnitude", "remainder"] {
            honest().first(|cells| *cells.at(kind, lane, padding) = Fr::ONE).breaks(&["idle lanes are 0", TOTAL]);
        }
    }
    // Nor have the rows of the output, where nothing is looked up: this one would forge it.
    let row = case.layout().blocks[stages - 1].row(3);
    let change = |cells: &mut Cells| *cells.at("remainder", last_lane, row) = -integer(100);
    honest().first(change).claiming(|outputs| outputs[3] += 100).breaks(&["idle lanes are 0"]);
}

/// A max pool over a whole input, and a padded convolution whose output shows the padding and the maximum.
fn one_maximum() -> IntegerModel {
    let conv = |weight: i64, padding: [usize; 4], rescale| {
        let mut layer = Numbers(0).conv([1, 1], [1, 1], [1, 1], padding, rescale);
        if let IntegerLayer::Conv2d(conv) = &mut layer {
            conv.weights = vec![weight];
            conv.bias = vec![0];
        }
        layer
    };
    let layers = vec![conv(1, [0; 4], relu(0)), IntegerLayer::MaxPool(tiles([2, 2])), conv(10, [0, 1, 0, 0], None)];
    model(&[1, 2, 2], 20, layers)
}

#[test]
fn a_maximum_is_the_maximum() {
    let case = Case::tall(one_maximum(), false);
    let input = [1, 6, -3, 4];
    let honest = || Attack::new(&case, &input);
    assert_eq!(honest().outputs, [0, 60]);
    honest().succeeds();
    let (row, _) = cells_of(&case, 0)[0];
    let claim = |links: [i64; 3]| {
        let change = move |cells: &mut Cells| {
            (0..3).for_each(|link| *cells.at("maximum", link, row) = integer(links[link]));
        };
        honest().first(change).claiming(move |outputs| outputs[1] = 10 * links[2])
    };
    let either = "maximum is one of two";
    // Larger than all of them: range checks let it pass.
    claim([6, 6, 7]).breaks(&[either]);
    claim([7, 7, 7]).breaks(&[either]);
    // A member that is too small: the range of a difference is broken.
    claim([6, 6, 4]).breaks(&[TOTAL]);
    claim([1, 1, 4]).breaks(&[TOTAL]);
    claim([6, 0, 4]).breaks(&[TOTAL]);
    // No member, and too small.
    claim([6, 6, 5]).breaks(&[either, TOTAL]);
}

#[test]
fn padding_after_a_max_pool_is_0() {
    let case = Case::tall(one_maximum(), false);
    let block = case.layout().blocks[0];
    let padding = (block.base..block.base + block.len()).find(|&row| block.is_padding(row)).unwrap();
    let change = |cells: &mut Cells| *cells.at("maximum", 2, padding) = integer(5);
    let attack = Attack::new(&case, &[1, 6, -3, 4]).first(change);
    attack.claiming(|outputs| outputs[0] = 50).breaks(&["idle lanes are 0"]);
}

#[test]
fn a_private_input_is_in_range() {
    for model in [models::linear as fn() -> IntegerModel, || transparent(0, 200)] {
        let mut case = Case::tall(model(), true);
        let mut parts = case.model.parts().clone();
        parts.input_range = [-100, 100];
        case.model = IntegerModel::from_parts(parts).unwrap();
        let mut input = vec![0; case.model.input_len()];
        for (value, legal) in [(7, true), (8, false), (-8, true), (-9, false)] {
            input[0] = value;
            let attack = Attack::new(&case, &input);
            if legal { attack.succeeds() } else { attack.breaks(&[TOTAL]) }
        }
    }
}

#[test]
fn padding_of_a_private_input_is_0() {
    let mut layer = Numbers(0).conv([1, 1], [1, 1], [1, 1], [0, 1, 0, 0], None);
    if let IntegerLayer::Conv2d(conv) = &mut layer {
        conv.weights = vec![10];
    }
    let case = Case::tall(model(&[1, 1, 1], 1, vec![layer]), true);
    let image = case.layout().input;
    let padding = (image.base..image.base + image.len()).find(|&row| image.is_padding(row)).unwrap();
    let change = |cells: &mut Cells| *cells.at("private input", 0, padding) = integer(5);
    let attack = Attack::new(&case, &[2]).first(change);
    attack.claiming(|outputs| outputs[0] += 50).breaks(&["padding of the input is 0"]);
}

#[test]
fn another_private_input_has_another_output() {
    for case in cases().filter(|case| case.spec().private_input) {
        let input = input(&case);
        let row = case.layout().input.row(0);
        let change = |cells: &mut Cells| {
            let cell = cells.at("private input", 0, row);
            *cell = if *cell == Fr::ZERO { Fr::ONE } else { Fr::ZERO };
        };
        Attack::new(&case, &input).first(change).breaks(&[TOTAL]);
    }
}
