use super::*;
use proptest::prelude::*;

fn detection() -> Detection {
    Detection::new(0.01, 0.05).unwrap()
}

/// Noise of about two percent with a long tail, the same on every machine.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = move || (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
    (0..n)
        .map(|_| {
            let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
            let tail = if uniform() < 0.05 { 1.3 } else { 1.0 };
            (0.02 * normal).exp() * tail
        })
        .collect()
}

const NONE: [usize; 0] = [];

fn places(values: &[f64]) -> Vec<usize> {
    changes(values, &detection()).iter().map(|it| it.at).collect()
}

/// In how many of 50 series a change is found within two runs of each of some places, and nowhere else.
fn found(runs: usize, stretch: std::ops::Range<usize>, by: f64, places: &[usize], strict: &Detection) -> usize {
    let right = |seed: &u64| {
        let mut values = noise(runs, *seed);
        values[stretch.clone()].iter_mut().for_each(|v| *v *= by);
        let found = changes(&values, strict);
        found.len() == places.len() && found.iter().zip(places).all(|(it, at)| it.at.abs_diff(*at) <= 2)
    };
    (0..50).filter(right).count()
}

#[test]
fn changes_are_found_where_they_are() {
    let it = detection();
    assert!(found(30, 18..30, 1.12, &[18], &it) >= 43, "a step of 12 %: {}", found(30, 18..30, 1.12, &[18], &it));
    assert!(found(40, 15..28, 1.3, &[15, 28], &it) >= 43, "there and back: {}", found(40, 15..28, 1.3, &[15, 28], &it));
    assert!(found(45, 40..45, 1.15, &[40], &it) >= 43, "at the end: {}", found(45, 40..45, 1.15, &[40], &it));
    // With the minimum effect a step of 3 % is none, however long it lasts; without, it can be one.
    assert_eq!(found(60, 30..60, 1.03, &[30], &it), 0);
    assert!(found(60, 30..60, 1.03, &[30], &Detection::new(0.01, 0.0).unwrap()) > 0);
    let mut values = noise(30, 1);
    values[18..].iter_mut().for_each(|v| *v *= 1.5);
    let found = changes(&values, &it);
    assert!((found[0].after / found[0].before - 1.5).abs() < 0.05 && found[0].p <= 0.01, "{found:?}");
}

#[test]
fn so_many_runs_of_a_new_level_are_needed() {
    // Two levels far apart: how many runs of the new one until it is told from chance, after so many of the old one.
    let needed = |old: usize| {
        (1..20).find(|new| {
            let values: Vec<f64> =
                (0..old + new).map(|i| 1.0 + 0.001 * (i * 7 % 11) as f64 + if i < old { 0.0 } else { 1.0 }).collect();
            !changes(&values, &detection()).is_empty()
        })
    };
    assert_eq!([5, 8, 10, 20, 40].map(needed), [6, 4, 3, 3, 3].map(Some));
}

#[test]
fn one_run_gone_wild_is_no_change() {
    for at in [0, 12, 28, 29] {
        let mut values = noise(30, 3);
        values[at] *= 20.0;
        assert_eq!(places(&values), NONE, "{at}");
    }
}

#[test]
fn steady_series_change_no_more_often_than_the_level_says() {
    let strict = Detection::new(0.01, 0.0).unwrap();
    let wrong = (0..400).filter(|seed| !changes(&noise(25, 1000 + seed), &strict).is_empty()).count();
    // 4 are expected; 11 or more have a chance below 0.4 %, and the seeds are fixed.
    assert!(wrong <= 10, "{wrong} of 400");
}

#[test]
fn short_series_and_odd_values_are_no_reason_to_stop() {
    for n in 0..2 * FEWEST_RUNS {
        assert_eq!(places(&vec![1.0; n]), NONE);
    }
    assert_eq!(places(&[0.0; 20]), NONE);
    assert_eq!(places(&[1.0; 20]), NONE);
    let from_zero: Vec<f64> = (0..20).map(|i| if i < 10 { 0.0 } else { 1.0 }).collect();
    assert_eq!(places(&from_zero), [10]);
    assert!(Detection::new(0.0001, 0.1).is_err() && Detection::new(0.01, f64::NAN).is_err());
}

proptest! {
    #[test]
    fn changes_are_in_order_and_apart(values in prop::collection::vec(0.1f64..10.0, 0..60)) {
        let found = changes(&values, &detection());
        let mut last = 0;
        for it in &found {
            prop_assert!(it.at >= last + FEWEST_RUNS && it.at + FEWEST_RUNS <= values.len());
            prop_assert!(it.before > 0.0 && it.after > 0.0 && it.p <= 0.01);
            last = it.at;
        }
    }
}
