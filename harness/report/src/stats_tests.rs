use proptest::prelude::*;

use super::*;

#[test]
fn known_values() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[4.0]), Some(4.0));
    assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(mad(&[]), None);
    assert_eq!(mad(&[7.0]), Some(0.0));
    // The example of the literature: deviations 1 1 0 0 2 4 7 from the median 2.
    assert_eq!(mad(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), Some(1.0));
}

#[test]
fn one_value_has_no_interval_and_two_have_both_as_ends() {
    assert_eq!(interval_of_median(&[]), None);
    assert_eq!(interval_of_median(&[1.0]), None);
    assert_eq!(interval_of_median(&[1.0, 3.0]), Some(Interval { low: 1.0, high: 3.0 }));
}

#[test]
fn the_interval_is_that_of_the_exact_distribution() {
    // Of 1..=9 the median of a resample is at most k with the binomial chance that five draws or more are at most k: 0.001 for
    // 1 and 0.030 for 2, so the 2.5 % point is 2 and by symmetry the 97.5 % point is 8.
    let values: Vec<f64> = (1..=9).map(f64::from).collect();
    assert_eq!(interval_of_median(&values), Some(Interval { low: 2.0, high: 8.0 }));
}

#[test]
fn the_same_samples_give_the_same_interval() {
    let values = [1.0, 1.1, 1.3, 1.05, 2.0, 1.2];
    assert_eq!(interval_of_median(&values), interval_of_median(&values));
}

#[test]
fn a_sum_needs_every_group() {
    assert_eq!(interval_of_sum_of_medians(&[]), None);
    assert_eq!(interval_of_sum_of_medians(&[&[1.0, 2.0], &[1.0]]), None);
    let sum = interval_of_sum_of_medians(&[&[1.0, 1.0], &[2.0, 2.0, 2.0]]);
    assert_eq!(sum, Some(Interval { low: 3.0, high: 3.0 }));
}

#[test]
fn many_samples_are_quick() {
    let values: Vec<f64> = (0..100_000).map(f64::from).collect();
    let begun = std::time::Instant::now();
    let interval = interval_of_median(&values).unwrap();
    assert!(interval.low < 50_000.0 && interval.high > 49_999.0);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn the_median_lies_inside_its_interval_and_the_interval_inside_the_values(
        values in proptest::collection::vec(1e-9f64..1e6, 2..30)
    ) {
        let (m, i) = (median(&values).unwrap(), interval_of_median(&values).unwrap());
        let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        prop_assert!(least <= i.low && i.low <= m && m <= i.high && i.high <= most);
        prop_assert!(mad(&values).unwrap() <= most - least);
    }

    #[test]
    fn order_does_not_matter_and_scale_carries_over(values in proptest::collection::vec(0.001f64..1e3, 1..20)) {
        let mut reversed = values.clone();
        reversed.reverse();
        prop_assert_eq!(median(&values), median(&reversed));
        let doubled: Vec<f64> = values.iter().map(|v| v * 2.0).collect();
        prop_assert_eq!(median(&doubled), median(&values).map(|m| m * 2.0));
        prop_assert_eq!(mad(&doubled), mad(&values).map(|m| m * 2.0));
    }
}

#[test]
fn a_share_of_the_values_is_not_above_its_rank() {
    let values: Vec<u64> = (1..=20).collect();
    assert_eq!((nearest_rank(&values, 0.5), nearest_rank(&values, 0.95)), (Some(10), Some(19)));
    assert_eq!((nearest_rank(&[7], 0.95), nearest_rank(&[], 0.5)), (Some(7), None));
}
