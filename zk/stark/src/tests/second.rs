//! Forged second phases, quotients and openings.

use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

use super::first::case;
use super::models::{dense, maxima, shallow};
use crate::constraints::Known;
use crate::field::{DEGREE, Ext, Val, integer};
use crate::key::Key;
use crate::layout::Layout;
use crate::parameters::Profile;
use crate::prove::{Honest, Meddler};
use crate::relation::Public;
use crate::second::{Second, running_sum};
use crate::verify::Rejected;

/// Does something to the second phase.
struct Changes<F>(F);

impl<F: FnMut(&Layout, &Public, &RowMajorMatrix<Val>, &mut Second)> Meddler for Changes<F> {
    fn second(&mut self, key: &Key, public: &Public, first: &RowMajorMatrix<Val>, second: &mut Second) {
        (self.0)(&key.layout, public, first, second);
    }
}

/// Does something to the quotient's coefficients.
struct Divides<F>(F);

impl<F: FnMut(&mut RowMajorMatrix<Val>)> Meddler for Divides<F> {
    fn quotient(&mut self, coefficients: &mut RowMajorMatrix<Val>) {
        (self.0)(coefficients);
    }
}

/// The rises of all rows together: 0 for an honest table.
fn excess(layout: &Layout, public: &Public, first: &RowMajorMatrix<Val>, helpers: &[Ext]) -> Ext {
    let known = Known::<Ext>::of(public);
    let sums = running_sum(layout, public, &known, first, helpers);
    let lanes = layout.lanes.len();
    let row = layout.rows() - 1;
    let cells = &first.values[row * first.width..];
    let rise = crate::constraints::rise(layout, &known, cells, &helpers[row * lanes..], public.row(row));
    sums[row] + rise
}

for_profiles! {
    a_helper_that_makes_up_for_a_wrong_table_is_rejected,
    a_running_sum_that_jumps_is_rejected,
    each_helper_and_each_sum_is_bound,
    where_the_sum_begins_is_free,
    each_coefficient_of_the_quotient_is_bound,
    opened_values_are_those_of_the_committed_columns,
    a_false_witness_cannot_open_a_quotient_of_its_choice,
    commitments_cannot_be_exchanged,
}

fn a_helper_that_makes_up_for_a_wrong_table_is_rejected(profile: Profile) {
    // The range of a remainder is broken, and a helper is changed so that the running sum comes back to 0 all the same: its own
    // constraint is all that is left.
    let forged = || {
        let mut forged = case(profile, &shallow());
        let (quotient, remainder) = forged.numbers(0, 0);
        let step = if quotient >= 0 { 1 } else { -1 };
        forged.put(0, 0, quotient - step, remainder + step * forged.divisor(0));
        forged.recount();
        forged.settle();
        forged
    };
    assert_eq!(forged().broken(), ["range"].into());
    for row in [0, 1, forged().key.layout.rows() - 1] {
        let verdict = forged().verdict(&mut Changes(
            |layout: &Layout, public: &Public, first: &RowMajorMatrix<Val>, second: &mut Second| {
                let excess = excess(layout, public, first, &second.helpers);
                assert_ne!(excess, Ext::ZERO);
                second.helpers[row * layout.lanes.len()] -= excess * p3_field::Field::inverse(&public.lambda);
                assert_eq!(self::excess(layout, public, first, &second.helpers), Ext::ZERO);
                second.sums = running_sum(layout, public, &Known::of(public), first, &second.helpers);
            },
        ));
        assert_eq!(verdict, Err(Rejected::Constraints));
    }
}

fn a_running_sum_that_jumps_is_rejected(profile: Profile) {
    // A false output, and a sum that is put right on one row: the first, one between, the last.
    for row in [0, 5, case(profile, &dense()).key.layout.rows() - 1] {
        let mut forged = case(profile, &dense());
        forged.statement.outputs[0] += 1;
        assert_eq!(forged.broken(), ["output"].into());
        let verdict = forged.verdict(&mut Changes(
            |layout: &Layout, public: &Public, first: &RowMajorMatrix<Val>, second: &mut Second| {
                let excess = excess(layout, public, first, &second.helpers);
                for sum in &mut second.sums[row..] {
                    *sum -= excess;
                }
            },
        ));
        assert_eq!(verdict, Err(Rejected::Constraints));
    }
}

fn each_helper_and_each_sum_is_bound(profile: Profile) {
    let model = maxima();
    let rows = case(profile, &model).key.layout.rows();
    let lanes = case(profile, &model).key.layout.lanes.len();
    for row in [0, rows / 2, rows - 1] {
        for lane in 0..lanes {
            // Alone, and with a sum that follows.
            for follows in [false, true] {
                let verdict = case(profile, &model).verdict(&mut Changes(
                    |layout: &Layout, public: &Public, first: &RowMajorMatrix<Val>, second: &mut Second| {
                        second.helpers[row * lanes + lane] += Ext::ONE;
                        if follows {
                            second.sums = running_sum(layout, public, &Known::of(public), first, &second.helpers);
                        }
                    },
                ));
                assert_eq!(verdict, Err(Rejected::Constraints));
            }
        }
        for coordinate in 0..DEGREE {
            let verdict = case(profile, &model).verdict(&mut Changes(
                |_: &Layout, _: &Public, _: &RowMajorMatrix<Val>, second: &mut Second| {
                    second.sums[row] += Ext::new(std::array::from_fn(|index| Val::from_bool(index == coordinate)));
                },
            ));
            assert_eq!(verdict, Err(Rejected::Constraints));
        }
    }
}

fn where_the_sum_begins_is_free(profile: Profile) {
    let verdict = case(profile, &dense()).verdict(&mut Changes(
        |_: &Layout, _: &Public, _: &RowMajorMatrix<Val>, second: &mut Second| {
            for sum in &mut second.sums {
                *sum += Ext::TWO;
            }
        },
    ));
    assert_eq!(verdict, Ok(()));
}

fn each_coefficient_of_the_quotient_is_bound(profile: Profile) {
    let honest = case(profile, &dense());
    let size = honest.key.layout.rows() * 2 * DEGREE;
    for at in [0, 1, DEGREE, 2 * DEGREE - 1, size / 2, size - 1] {
        let verdict = honest.verdict(&mut Divides(|coefficients: &mut RowMajorMatrix<Val>| {
            coefficients.values[at] += Val::ONE;
        }));
        assert_eq!(verdict, Err(Rejected::Constraints));
    }
    let exchanged = honest.verdict(&mut Divides(|coefficients: &mut RowMajorMatrix<Val>| {
        for row in coefficients.values.chunks_exact_mut(2 * DEGREE) {
            row.rotate_left(DEGREE);
        }
    }));
    assert_eq!(exchanged, Err(Rejected::Constraints));
}

fn opened_values_are_those_of_the_committed_columns(profile: Profile) {
    // Whatever is claimed instead: the constraints may even hold for it, and the opening does not.
    let honest = case(profile, &dense());
    let proof = honest.proof(&mut Honest);
    let verdict = |change: &dyn Fn(&mut crate::proof::Opened)| {
        let mut forged = proof.clone();
        change(&mut forged.opened);
        honest.key.verify_proof(&honest.statement, forged)
    };
    assert_eq!(verdict(&|_| {}), Ok(()));
    assert_eq!(verdict(&|opened| opened.first[0] += Ext::ONE), Err(Rejected::Constraints));
    assert_eq!(verdict(&|opened| opened.helpers[0] += Ext::ONE), Err(Rejected::Constraints));
    assert_eq!(verdict(&|opened| opened.quotient[0] += Ext::ONE), Err(Rejected::Constraints));
    // Both sums changed alike: the identity sees their difference alone.
    let both = verdict(&|opened| {
        opened.sum[0] += Ext::ONE;
        opened.next_sum[0] += Ext::ONE;
    });
    assert!(matches!(both, Err(Rejected::Opening(_))), "{both:?}");
    // Pieces of the quotient that add up to the same.
    let basis = Ext::new(std::array::from_fn(|index| Val::from_bool(index == 1)));
    let coordinates = verdict(&|opened| {
        opened.quotient[0] += basis;
        opened.quotient[1] -= Ext::ONE;
    });
    assert!(matches!(coordinates, Err(Rejected::Opening(_))), "{coordinates:?}");
    for change in [
        (&|opened: &mut crate::proof::Opened| _ = opened.first.pop()) as &dyn Fn(&mut crate::proof::Opened),
        &|opened| opened.helpers.push(Ext::ZERO),
        &|opened| opened.sum.clear(),
        &|opened| _ = opened.next_sum.pop(),
        &|opened| opened.quotient.push(Ext::ONE),
    ] {
        assert_eq!(verdict(change), Err(Rejected::Shape));
    }
}

fn a_false_witness_cannot_open_a_quotient_of_its_choice(profile: Profile) {
    let mut forged = case(profile, &dense());
    forged.statement.outputs[1] -= 1;
    let proof = forged.proof(&mut Honest);
    assert_eq!(forged.key.verify_proof(&forged.statement, proof.clone()), Err(Rejected::Constraints));
    // The one value of the quotient that makes the identity hold, claimed without having been committed to.
    let needed = forged.key.quotient_needed(&forged.statement, &proof).unwrap();
    let mut claimed = proof;
    for (place, &value) in claimed.opened.quotient.iter_mut().zip(crate::field::coordinates(&needed)) {
        *place = value.into();
    }
    for place in &mut claimed.opened.quotient[DEGREE..] {
        *place = Ext::ZERO;
    }
    let verdict = forged.key.verify_proof(&forged.statement, claimed);
    assert!(matches!(verdict, Err(Rejected::Opening(_))), "{verdict:?}");
}

fn commitments_cannot_be_exchanged(profile: Profile) {
    let honest = case(profile, &dense());
    let proof = honest.proof(&mut Honest);
    let mut forged = proof.clone();
    std::mem::swap(&mut forged.first, &mut forged.second);
    assert!(honest.key.verify_proof(&honest.statement, forged).is_err());
    let mut forged = proof.clone();
    forged.quotient = forged.first.clone();
    assert!(honest.key.verify_proof(&honest.statement, forged).is_err());
    let mut forged = proof.clone();
    forged.opening.final_poly[0] += Ext::ONE;
    assert!(honest.key.verify_proof(&honest.statement, forged).is_err());
    let mut forged = proof.clone();
    forged.opening.query_pow_witness += Val::ONE;
    assert!(honest.key.verify_proof(&honest.statement, forged).is_err());
    let mut forged = proof;
    forged.opening.batch_pow_witness = integer(1);
    assert!(honest.key.verify_proof(&honest.statement, forged).is_err());
}
