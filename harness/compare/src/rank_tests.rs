use super::*;
use proptest::prelude::*;

#[test]
fn the_smallest_samples_have_the_values_of_the_tables() {
    let apart = RankSum::of(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]);
    assert!((apart.two_sided() - 0.1).abs() < 1e-12, "3 and 3 samples cannot do better than 2 in 20: {apart:?}");
    assert!((apart.least - 0.1).abs() < 1e-12);
    assert!((apart.lower - 1.0).abs() < 1e-12 && (apart.upper - 0.05).abs() < 1e-12);
    let four = RankSum::of(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]);
    assert!((four.two_sided() - 2.0 / 70.0).abs() < 1e-12);
    // In 4 of the 25 pairs the value of the base is above: 12 of the 252 deals have so few.
    let five = RankSum::of(&[1.0, 2.0, 3.0, 4.0, 8.5], &[5.0, 6.0, 7.0, 8.0, 9.0]);
    assert!((five.upper - 12.0 / 252.0).abs() < 1e-12, "{five:?}");
    assert_eq!(RankSum::of(&[], &[1.0]).two_sided().to_bits(), 1f64.to_bits());
}

#[test]
fn equal_values_tell_nothing() {
    let same = RankSum::of(&[1.0; 6], &[1.0; 9]);
    assert!(same.two_sided() >= 1.0 && same.least >= 1.0, "{same:?}");
    let many = RankSum::of(&[1.0; 500], &[1.0; 700]);
    assert!(many.two_sided() >= 1.0 && many.least >= 1.0, "{many:?}");
}

/// The chance by dealing the values out in all ways.
fn by_brute_force(base: &[f64], new: &[f64]) -> (f64, f64) {
    let (ranks, observed) = doubled_midranks(base, new);
    let (mut all, mut low, mut high) = (0.0, 0.0, 0.0);
    for deal in 0u32..1 << ranks.len() {
        if deal.count_ones() as usize == new.len() {
            let sum: usize = ranks.iter().enumerate().filter(|(i, _)| deal >> i & 1 == 1).map(|(_, rank)| rank).sum();
            all += 1.0;
            low += f64::from(u8::from(sum <= observed));
            high += f64::from(u8::from(sum >= observed));
        }
    }
    (low / all, high / all)
}

proptest! {
    #[test]
    fn counting_agrees_with_dealing_out(
        base in prop::collection::vec(0u8..12, 1..6),
        new in prop::collection::vec(0u8..12, 1..6),
    ) {
        let floats = |values: &[u8]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let (base, new) = (floats(&base), floats(&new));
        let test = RankSum::of(&base, &new);
        let (lower, upper) = by_brute_force(&base, &new);
        prop_assert!((test.lower - lower).abs() < 1e-12 && (test.upper - upper).abs() < 1e-12);
        prop_assert!(test.two_sided() >= test.least - 1e-12);
        let other_way = RankSum::of(&new, &base);
        prop_assert!((test.two_sided() - other_way.two_sided()).abs() < 1e-12);
    }

    #[test]
    fn the_approximation_is_near_the_exact_value(shift in 0usize..400) {
        // 31 and 31 values are the most that are counted.
        let base: Vec<f64> = (0..31).map(|i| f64::from(i) * 10.0).collect();
        let new: Vec<f64> = (0..31).map(|i| f64::from(i) * 10.0 + shift as f64 + 0.5).collect();
        let (ranks, sum) = doubled_midranks(&base, &new);
        let exact = RankSum::of(&base, &new);
        let counted = matches!(Distribution::of(&ranks, 31), Distribution::Exact { .. });
        prop_assert!(counted);
        let (_, upper) = Distribution::normal(&ranks, 31).tails(sum);
        prop_assert!((upper - exact.upper).abs() < 0.003, "{} {}", upper, exact.upper);
    }
}

#[test]
fn large_samples_and_lopsided_ones() {
    let base: Vec<f64> = (0..5000).map(f64::from).collect();
    let new: Vec<f64> = base.iter().map(|v| v + 400.0).collect();
    assert!(RankSum::of(&base, &new).two_sided() < 1e-6);
    assert!(RankSum::of(&base, &base).two_sided() > 0.9);
    let few = RankSum::of(&[9000.0, 9001.0, 9002.0], &base);
    assert!(few.two_sided() < 0.01 && few.least > 0.0, "{few:?}");
}

#[test]
fn how_many_pairs_and_samples_it_takes() {
    assert_eq!(pairs_needed(3, 3, 0.05), None, "3 and 3 samples cannot");
    assert_eq!(pairs_needed(4, 4, 0.05), Some(16));
    // The critical value of U for 5 and 5 at 5 % is 2, that is 23 of 25 pairs.
    assert_eq!(pairs_needed(5, 5, 0.05), Some(23));
    assert_eq!(pairs_needed(10, 10, 0.05), Some(77));
    assert_eq!(pairs_needed(0, 10, 0.05), None);
    assert_eq!((samples_needed(0.05), samples_needed(0.05 / 90.0), samples_needed(0.11)), (4, 8, 3));
}
