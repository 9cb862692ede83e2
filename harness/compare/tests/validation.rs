//! Do the verdicts keep what they promise? On made-up noise with known truth, many times over.
//!
//! All draws have fixed seeds, so these tests give the same answer each time; they would fail if a method broke its level.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zktee_compare::{Metric, Pair, Settings, Verdict, judge};
use zktee_report::stats;

/// Times as machines give them: a floor, a spread of some percent, and now and then a sample that is far too long.
struct Noise {
    rng: ChaCha8Rng,
    spread: f64,
}

impl Noise {
    fn new(seed: u64, spread: f64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), spread }
    }

    fn uniform(&mut self) -> f64 {
        (f64::from(self.rng.next_u32()) + 0.5) / 4_294_967_296.0
    }

    fn sample(&mut self, median: f64) -> f64 {
        let normal = (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos();
        // One in ten is stretched by a Pareto tail of index 1.5, which has no variance.
        let tail = if self.uniform() < 0.1 { self.uniform().powf(-1.0 / 1.5) } else { 1.0 };
        median * (self.spread * normal).exp() * tail
    }

    fn samples(&mut self, median: f64, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.sample(median)).collect()
    }

    /// A comparison of 24 times of the same with the same, of 8 to 12 samples each.
    fn comparison(&mut self) -> Vec<Pair> {
        (0..24)
            .map(|row| {
                let (n, m) = (8 + row % 5, 8 + row * 3 % 5);
                let median = 10f64.powi(row as i32 % 7 - 5);
                Pair { base: self.samples(median, n), new: self.samples(median, m) }
            })
            .collect()
    }
}

fn settings(min_effect: f64) -> Settings {
    Settings::new(0.05, min_effect, &Metric::TIMES).unwrap()
}

fn is_alarm(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Regressed | Verdict::Improved)
}

/// How many of some comparisons of the same with the same call a change anywhere.
fn false_alarms(comparisons: u64, spread: f64, min_effect: f64) -> usize {
    let any = |seed: &u64| {
        let pairs = Noise::new(*seed, spread).comparison();
        judge(&pairs, &settings(min_effect)).iter().any(|it| is_alarm(it.verdict))
    };
    (0..comparisons).filter(any).count()
}

#[test]
fn the_same_against_the_same_is_no_alarm_more_often_than_the_level_allows() {
    // 5 % of 400 comparisons of 24 times are 20, without a minimum effect, which would hide a test that is wrong.
    let alarms = false_alarms(400, 0.03, 0.0);
    assert!(alarms <= 20, "{alarms} of 400 comparisons with a false alarm");
    // A test that never says anything would pass that too.
    assert!(alarms > 0, "not one false alarm in 400: the test is not what it says it is");
}

#[test]
fn nor_with_a_minimum_effect_on_a_noisy_machine() {
    let alarms = false_alarms(400, 0.15, 0.05);
    assert!(alarms <= 20, "{alarms} of 400 comparisons with a false alarm");
}

/// In how many of 200 comparisons a slow-down of 10 % is found with so many samples a side, and in how many anything else is called.
fn found(samples: usize) -> (usize, usize) {
    let (mut found, mut others) = (0, 0);
    for seed in 0..200 {
        let mut pairs = Noise::new(5000 + seed, 0.02).comparison();
        let mut noise = Noise::new(9000 + seed, 0.02);
        pairs[0] = Pair { base: noise.samples(0.01, samples), new: noise.samples(0.011, samples) };
        let judged = judge(&pairs, &settings(0.05));
        found += usize::from(judged[0].verdict == Verdict::Regressed);
        others += usize::from(judged[1..].iter().any(|it| is_alarm(it.verdict)));
    }
    (found, others)
}

#[test]
fn a_slow_down_of_ten_percent_is_found_and_nothing_else() {
    for (samples, at_least) in [(20, 190), (12, 130)] {
        let (found, others) = found(samples);
        assert!(found >= at_least, "{samples} samples: found in {found} of 200");
        assert!(others <= 10, "{others} of 200 comparisons with a false alarm beside it");
    }
}

#[test]
fn a_change_at_the_minimum_effect_is_not_called_the_same_more_often_than_the_level_allows() {
    let same = |seed: &u64| {
        let mut noise = Noise::new(20_000 + *seed, 0.02);
        let pairs: Vec<Pair> = (0..24)
            .map(|row| {
                let slower = if row % 2 == 0 { 1.05 } else { 1.0 / 1.05 };
                Pair { base: noise.samples(1.0, 12), new: noise.samples(slower, 12) }
            })
            .collect();
        judge(&pairs, &settings(0.05)).iter().any(|it| it.verdict == Verdict::Same)
    };
    let wrong = (0..200).filter(same).count();
    assert!(wrong <= 10, "{wrong} of 200 comparisons call a change the same");
    // And what is the same is called so, where there is little noise.
    let mut noise = Noise::new(1, 0.01);
    let pairs: Vec<Pair> =
        (0..24).map(|_| Pair { base: noise.samples(1.0, 12), new: noise.samples(1.0, 12) }).collect();
    let same = judge(&pairs, &settings(0.05)).iter().filter(|it| it.verdict == Verdict::Same).count();
    assert!(same >= 18, "{same} of 24");
}

#[test]
fn the_intervals_hold_the_true_ratio_about_as_often_as_they_say() {
    let covers = |seed: &u64| {
        let mut noise = Noise::new(40_000 + *seed, 0.05);
        let (base, new) = (noise.samples(1.0, 10), noise.samples(1.2, 10));
        let interval = stats::interval_of_ratio_of_medians(&base, &new, 0.05).unwrap();
        interval.low <= 1.2 && 1.2 <= interval.high
    };
    let covered = (0..200).filter(covers).count();
    // 190 are expected; the bootstrap of a median is known to be a little off with ten values.
    assert!((180..=200).contains(&covered), "{covered} of 200");
}

proptest! {
    #[test]
    fn no_numbers_make_it_panic(
        pairs in prop::collection::vec(
            (prop::collection::vec(any::<f64>(), 0..20), prop::collection::vec(any::<f64>(), 0..20)), 0..6,
        ),
        level in 0.001f64..0.5,
        min_effect in 0.0f64..1.0,
    ) {
        let pairs: Vec<Pair> = pairs.into_iter().map(|(base, new)| Pair { base, new }).collect();
        let judged = judge(&pairs, &Settings::new(level, min_effect, &[Metric::Wall]).unwrap());
        prop_assert_eq!(judged.len(), pairs.len());
    }
}
