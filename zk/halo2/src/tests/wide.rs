//! Attacks on the wide circuit, whose equations are gates of their own.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use zktee_models::integer::IntegerModel;

use super::adversary::{Attack, Case};
use super::cells::Cells;
use super::models;
use super::tall::transparent;
use crate::field::integer;

const TOTAL: &str = "total is 0";
const LINEAR: &str = "linear layer";

fn cases() -> impl Iterator<Item = Case> {
    let degrees = [4, 5, 8];
    degrees.into_iter().flat_map(|degree| [false, true].map(|private| Case::wide(models::dense(), 3, degree, private)))
}

fn inputs(case: &Case, count: usize) -> Vec<i64> {
    let mut numbers = models::Numbers(7);
    let inputs = std::iter::repeat_with(|| numbers.inputs(&case.model, 1));
    inputs.filter(|input| case.model.infer(input).is_ok()).take(count).flatten().collect()
}

#[test]
fn honest_runs_are_accepted() {
    for case in cases() {
        Attack::new(&case, &inputs(&case, 3)).succeeds();
    }
    for private in [false, true] {
        let case = Case::wide(models::linear(), 26, 4, private);
        Attack::new(&case, &inputs(&case, 26)).succeeds();
    }
}

#[test]
fn an_activation_cannot_be_changed() {
    for case in cases() {
        let inputs = inputs(&case, 3);
        let honest = || Attack::new(&case, &inputs);
        for row in 0..3 {
            for lane in [0, 4, 5, 7] {
                let broken = honest().first(|cells| *cells.at("magnitude", lane, row) += Fr::ONE).broken();
                assert!(broken.contains(LINEAR), "{broken:?}");
                let change = |cells: &mut Cells| *cells.at("remainder", lane, row) += Fr::ONE;
                let broken = honest().first(change).broken();
                // A remainder that was the largest is out of range now.
                assert!(broken.contains(LINEAR), "{broken:?}");
            }
        }
        // All of one row's as in another: the input does not go with them.
        let change = |cells: &mut Cells| {
            for kind in ["magnitude", "sign", "remainder"] {
                (0..cells.count(kind)).for_each(|lane| *cells.at(kind, lane, 0) = *cells.at(kind, lane, 1));
            }
        };
        honest().first(change).breaks(&[LINEAR]);
    }
}

#[test]
fn range_checks_alone_stop_a_wrong_quotient() {
    for (degree, private) in [(4, false), (4, true), (8, true)] {
        let case = Case::wide(transparent(1, 20), 2, degree, private);
        // 7 + 3 + 1 = 2 * 5 + 1
        let honest = || Attack::new(&case, &[0, 0, 7, 7]);
        honest().succeeds();
        for (magnitude, remainder) in [(4, 3), (6, -1), (0, 11), (7, -3)] {
            let change = |cells: &mut Cells| {
                *cells.at("magnitude", 0, 1) = integer(magnitude);
                *cells.at("remainder", 0, 1) = integer(remainder);
            };
            honest().first(change).claiming(|outputs| outputs[2] += magnitude - 5).breaks(&[TOTAL]);
        }
        let change = |cells: &mut Cells| {
            *cells.at("sign", 0, 1) = Fr::ZERO;
            *cells.at("remainder", 0, 1) += integer(20);
        };
        honest().first(change).claiming(|outputs| outputs[2] -= 10).breaks(&[TOTAL]);
    }
}

#[test]
fn a_sign_is_a_bit() {
    let case = Case::wide(transparent(1, 20), 2, 4, false);
    // A quotient of 3 as (2 * 2 - 1) * 1, which leaves the same value.
    let change = |cells: &mut Cells| {
        *cells.at("magnitude", 0, 0) = integer(1);
        *cells.at("sign", 0, 0) = integer(2);
    };
    Attack::new(&case, &[3, 0, 0, 0]).first(change).breaks(&["sign is a bit"]);
}

#[test]
fn values_beyond_their_ranges_are_rejected() {
    for private in [false, true] {
        let mut case = Case::wide(transparent(0, 9), 1, 4, private);
        let mut parts = case.model.parts().clone();
        parts.activation_bound = 1000;
        parts.input_range = [-1000, 1000];
        case.model = IntegerModel::from_parts(parts).unwrap();
        Attack::new(&case, &[6, -4]).succeeds();
        // 7 + 3 is one more than the bound.
        Attack::new(&case, &[7, 0]).breaks(&[TOTAL]);
        if private {
            Attack::new(&case, &[0, 8]).breaks(&[TOTAL]);
            Attack::new(&case, &[0, -9]).breaks(&[TOTAL]);
        }
    }
}

#[test]
fn no_difference_of_tags_leads_from_one_range_to_another() {
    // With a divisor of 1, a quotient of 2^40 and a remainder of m - 2^40 are as good as m and 0; the second row's cells are unused.
    let far = integer(1 << 40);
    for private in [false, true] {
        let mut parts = transparent(0, 20).parts().clone();
        if let zktee_models::integer::IntegerLayer::Dense(dense) = &mut parts.layers[1] {
            dense.weights.fill(0);
        }
        let case = Case::wide(IntegerModel::from_parts(parts).unwrap(), 1, 8, private);
        let change = |cells: &mut Cells| {
            let quotient = std::mem::replace(cells.at("magnitude", 0, 0), far);
            *cells.at("remainder", 0, 0) = quotient - far;
        };
        Attack::new(&case, &[5, 5]).first(change).breaks(&[TOTAL]);
    }
}

#[test]
fn another_private_input_has_another_output() {
    for case in cases().filter(|case| case.spec().private_input) {
        let change = |cells: &mut Cells| {
            let cell = cells.at("private input", 1, 2);
            *cell = if *cell == Fr::ZERO { Fr::ONE } else { Fr::ZERO };
        };
        Attack::new(&case, &inputs(&case, 3)).first(change).breaks(&[LINEAR]);
    }
}

#[test]
fn rows_beyond_the_batch_are_free() {
    // Nothing reads them: what is there is no mutation.
    let case = Case::wide(models::dense(), 3, 4, false);
    let attack = Attack::new(&case, &inputs(&case, 3));
    attack.first(|cells| *cells.at("magnitude", 0, 3) = integer(1 << 50)).succeeds();
}
