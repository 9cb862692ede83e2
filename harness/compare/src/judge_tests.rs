use super::*;
use proptest::prelude::*;

fn settings() -> Settings {
    Settings::new(0.05, 0.05, &Metric::TIMES).unwrap()
}

fn pair(base: &[f64], new: &[f64]) -> Pair {
    Pair { base: base.to_vec(), new: new.to_vec() }
}

/// Ten times around one second, with a spread of about a percent.
const TEN: [f64; 10] = [1.0, 1.004, 0.996, 1.011, 0.99, 1.002, 1.007, 0.998, 1.001, 0.993];

fn stretched(by: f64) -> Vec<f64> {
    // In another order and a little apart, so that there are no ties.
    TEN.iter().rev().map(|v| v * by + 1e-5).collect()
}

fn one(base: &[f64], new: &[f64]) -> Judgement {
    judge(&[pair(base, new)], &settings()).remove(0)
}

#[test]
fn the_four_verdicts() {
    assert_eq!(one(&TEN, &stretched(1.10)).verdict, Verdict::Regressed);
    assert_eq!(one(&TEN, &stretched(0.90)).verdict, Verdict::Improved);
    let same = one(&TEN, &stretched(1.0));
    assert_eq!(same.verdict, Verdict::Same);
    assert!(same.p.unwrap() > 0.5, "{same:?}");
    let wild: Vec<f64> = TEN.iter().enumerate().map(|(i, v)| v * if i % 2 == 0 { 1.4 } else { 0.7 }).collect();
    assert_eq!(one(&TEN, &wild).verdict, Verdict::CannotTell);
}

#[test]
fn a_change_below_the_minimum_effect_is_not_called_however_sure_it_is() {
    let small = one(&TEN, &stretched(1.03));
    assert!(small.p_adjusted.unwrap() < 0.05, "{small:?}");
    assert_eq!(small.verdict, Verdict::Same);
    let strict = Settings::new(0.05, 0.0, &Metric::TIMES).unwrap();
    assert_eq!(judge(&[pair(&TEN, &stretched(1.03))], &strict)[0].verdict, Verdict::Regressed);
}

#[test]
fn three_samples_cannot_tell_however_large_the_change_is() {
    let it = one(&[1.0, 1.01, 1.02], &[9.0, 9.1, 9.2]);
    assert_eq!((it.verdict, it.p, it.could_show, it.samples_needed), (Verdict::CannotTell, None, None, 4));
    let it = one(&[1.0], &[9.0]);
    assert_eq!((it.verdict, it.could_show), (Verdict::CannotTell, None));
}

#[test]
fn what_the_data_could_have_shown_is_shown_when_it_is_there() {
    let noisy: Vec<f64> = (0..10).map(|i| 1.0 + 0.03 * f64::from((i * 7) % 10)).collect();
    let other: Vec<f64> = (0..10).map(|i| 1.002 + 0.03 * f64::from((i * 3) % 10)).collect();
    let could = one(&noisy, &other).could_show.unwrap();
    assert!(could > 1.05 && could < 1.5, "{could}");
    let scale = stats::median(&noisy).unwrap() / stats::median(&other).unwrap();
    let by = |factor: f64| other.iter().map(|v| v * scale * factor).collect::<Vec<_>>();
    assert_eq!(one(&noisy, &by(could * 1.001)).verdict, Verdict::Regressed);
    assert_ne!(one(&noisy, &by(could * 0.98)).verdict, Verdict::Regressed);
}

#[test]
fn what_cannot_be_tested_does_not_weaken_what_can() {
    let mut pairs = vec![pair(&TEN, &stretched(1.10))];
    pairs.extend((0..10_000).map(|_| pair(&[1.0, 1.1, 1.2], &[1.0, 1.1, 1.3])));
    let judged = judge(&pairs, &settings());
    assert_eq!(judged[0].verdict, Verdict::Regressed);
    assert!(judged[1..].iter().all(|it| it.verdict == Verdict::CannotTell));
    // What can be tested does: with so many tests a single one must be surer than eight samples can be.
    let eight = |by: f64| pair(&TEN[..8], &stretched(by)[..8]);
    assert_eq!(judge(&[eight(1.1)], &settings())[0].verdict, Verdict::Regressed);
    let pairs: Vec<Pair> = (0..400).map(|_| eight(1.0)).chain([eight(1.1)]).collect();
    assert_eq!(judge(&pairs, &settings()).last().unwrap().verdict, Verdict::CannotTell);
}

#[test]
fn times_of_zero_and_no_times_are_no_reason_to_stop() {
    for (base, new) in [(&[][..], &[1.0][..]), (&[0.0; 10], &[1.0; 10]), (&[1.0; 10], &[f64::NAN; 10]), (&[], &[])] {
        let it = one(base, new);
        assert_eq!((it.verdict, it.ratio, it.could_show), (Verdict::CannotTell, None, None), "{base:?} {new:?}");
    }
    assert!(judge(&[], &settings()).is_empty());
    assert_eq!(one(&[1.0; 10], &[1.0; 10]).verdict, Verdict::Same, "equal to the last digit");
}

#[test]
fn settings_are_checked() {
    assert_eq!(Settings::new(0.0, 0.05, &Metric::TIMES), Err(SettingsError::Level(0.0)));
    assert!(Settings::new(f64::NAN, 0.05, &Metric::TIMES).is_err());
    assert_eq!(Settings::new(0.05, -0.1, &Metric::TIMES), Err(SettingsError::MinEffect(-0.1)));
    assert_eq!(Settings::new(0.05, 0.05, &[]), Err(SettingsError::NoMetric));
    assert_eq!(Settings::new(0.05, 0.05, &[Metric::Cpu, Metric::Wall, Metric::Cpu]).unwrap().metrics(), Metric::TIMES);
}

proptest! {
    #[test]
    fn the_other_way_round_slower_is_faster(
        base in prop::collection::vec(0.5f64..2.0, 0..12),
        new in prop::collection::vec(0.5f64..2.0, 0..12),
    ) {
        let there = one(&base, &new);
        let back = one(&new, &base);
        let turned = match there.verdict {
            Verdict::Regressed => Verdict::Improved,
            Verdict::Improved => Verdict::Regressed,
            other => other,
        };
        prop_assert_eq!(back.verdict, turned);
        if let Some(could) = there.could_show {
            prop_assert!(could >= 1.05 && could.is_finite());
        }
    }
}
