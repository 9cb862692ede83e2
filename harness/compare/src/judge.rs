//! From pairs of samples to verdicts.
//!
//! Three things can be shown of a pair, each by rank tests (`rank`): that there is a difference, by the two-sided test; that there is
//! none of more than the minimum effect, by two one-sided tests against that effect (D. Schuirmann, "A comparison of the two
//! one-sided tests procedure and the power approach for assessing the equivalence of average bioavailability", Journal of
//! Pharmacokinetics and Biopharmaceutics 15 (1987), 657-680), in which the new times are held against the base's times times that
//! effect; or neither. "Not significant" is not "the same".
//!
//! Tests that cannot reach the level with their numbers of samples, whatever these are, are no tests: they get `cannot tell` and do
//! not count for the correction (R. Tarone, "A modified Bonferroni method for discrete data", Biometrics 46 (1990), 515-522). That is
//! sound, since the pooled values alone decide it, and not which side they belong to.

use serde::{Deserialize, Serialize};
use zktee_report::stats;

use crate::holm::holm;
use crate::metric::Metric;
use crate::rank::{RankSum, pairs_needed, samples_needed};

/// What is asked of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    level: f64,
    min_effect: f64,
    metrics: Vec<Metric>,
}

/// A setting that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The level.
    #[error("a level of {0} is none: it must be more than 0 and at most 0.5 (50 %)")]
    Level(f64),
    /// The minimum effect.
    #[error("a minimum effect of {0} is none: it must be from 0 to 1 (100 %)")]
    MinEffect(f64),
    /// No time is compared.
    #[error("no time is selected; choose wall, cpu or both")]
    NoMetric,
}

impl Settings {
    /// `level`: the chance that is allowed for one or more false alarms in a whole comparison, a share of 1. `min_effect`: the change
    /// from which on one is called, a share of 1: 0.05 is 5 % more time, or as many times less.
    ///
    /// # Errors
    /// When a number is out of its range or no metric is given.
    pub fn new(level: f64, min_effect: f64, metrics: &[Metric]) -> Result<Self, SettingsError> {
        if !(level > 0.0 && level <= 0.5) {
            return Err(SettingsError::Level(level));
        }
        if !(0.0..=1.0).contains(&min_effect) {
            return Err(SettingsError::MinEffect(min_effect));
        }
        let metrics: Vec<Metric> = Metric::ALL.into_iter().filter(|metric| metrics.contains(metric)).collect();
        if metrics.is_empty() {
            return Err(SettingsError::NoMetric);
        }
        Ok(Self { level, min_effect, metrics })
    }

    /// The chance that is allowed for one or more false alarms.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// The change from which on one is called.
    pub fn min_effect(&self) -> f64 {
        self.min_effect
    }

    /// The times that are compared.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// The ratio from which on a change is called.
    fn least_ratio(&self) -> f64 {
        1.0 + self.min_effect
    }
}

/// What can be said of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Slower by the minimum effect or more, and not by chance.
    Regressed,
    /// Faster by the minimum effect or more, and not by chance.
    Improved,
    /// Shown to differ by less than the minimum effect.
    Same,
    /// None of these was shown.
    CannotTell,
}

impl Verdict {
    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Same => "same",
            Self::CannotTell => "cannot tell",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Times of one thing before and after, seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Before.
    pub base: Vec<f64>,
    /// After.
    pub new: Vec<f64>,
}

/// What became of a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// `median(new) / median(base)`; none where a side has no value or one that is not above zero.
    pub ratio: Option<f64>,
    /// Two-sided value of the test of no difference, by itself; none where the numbers of samples cannot reach the level.
    pub p: Option<f64>,
    /// The same, corrected for all tests of the comparison.
    pub p_adjusted: Option<f64>,
    /// The smallest slow-down, as a ratio, that samples of this spread and number would have shown; none if none would, however large.
    pub could_show: Option<f64>,
    /// With so many samples a side there would be a slow-down large enough to be shown.
    pub samples_needed: usize,
}

/// Judges all pairs of a comparison together. The chance that one or more pairs without a difference are called `regressed` or
/// `improved` is at most the level; so is the chance that one or more that differ by the minimum effect are called `same`.
pub fn judge(pairs: &[Pair], settings: &Settings) -> Vec<Judgement> {
    let tests: Vec<Option<Tests>> = pairs.iter().map(|pair| Tests::of(pair, settings)).collect();
    let different = corrected(&tests, settings.level, |test| (test.different.two_sided(), test.different.least));
    let same = corrected(&tests, settings.level, |test| (test.same, test.least_same));
    let in_family = different.iter().flatten().count().max(1);
    let first_step = settings.level / in_family as f64;
    tests
        .iter()
        .zip(pairs)
        .zip(different.into_iter().zip(same))
        .map(|((test, pair), (different, same))| Judgement {
            verdict: test.as_ref().map_or(Verdict::CannotTell, |test| verdict(test.ratio, different, same, settings)),
            ratio: test.as_ref().map(|test| test.ratio),
            p: test.as_ref().filter(|_| different.is_some()).map(|test| test.different.two_sided()),
            p_adjusted: different,
            could_show: test.as_ref().and_then(|_| could_show(pair, first_step)).map(|f| f.max(settings.least_ratio())),
            samples_needed: samples_needed(first_step),
        })
        .collect()
}

fn verdict(ratio: f64, different: Option<f64>, same: Option<f64>, settings: &Settings) -> Verdict {
    let shown = |p: Option<f64>| p.is_some_and(|p| p <= settings.level);
    match (shown(different), shown(same)) {
        (true, _) if ratio >= settings.least_ratio() && ratio > 1.0 => Verdict::Regressed,
        (true, _) if ratio <= 1.0 / settings.least_ratio() && ratio < 1.0 => Verdict::Improved,
        (_, true) => Verdict::Same,
        _ => Verdict::CannotTell,
    }
}

/// The tests of one pair.
struct Tests {
    ratio: f64,
    different: RankSum,
    /// The larger value of the two one-sided tests against the minimum effect.
    same: f64,
    least_same: f64,
}

impl Tests {
    /// None where a side has no values, or one that is not above zero: a clock that has not ticked gives no ratio.
    fn of(pair: &Pair, settings: &Settings) -> Option<Self> {
        if pair.base.iter().chain(&pair.new).any(|v| !v.is_finite() || *v <= 0.0) {
            return None;
        }
        let ratio = stats::median(&pair.new)? / stats::median(&pair.base)?;
        let scaled = |by: f64| pair.base.iter().map(|v| v * by).collect::<Vec<_>>();
        let not_slower = RankSum::of(&scaled(settings.least_ratio()), &pair.new);
        let not_faster = RankSum::of(&scaled(1.0 / settings.least_ratio()), &pair.new);
        Some(Self {
            ratio,
            different: RankSum::of(&pair.base, &pair.new),
            same: not_slower.lower.max(not_faster.upper),
            // What samples of these numbers could give at best: one deal of all.
            least_same: f64::max(not_slower.least, not_faster.least) / 2.0,
        })
    }
}

/// Values corrected for all tests that could reach the level at all; none for the others.
fn corrected(tests: &[Option<Tests>], level: f64, of: impl Fn(&Tests) -> (f64, f64)) -> Vec<Option<f64>> {
    let values: Vec<Option<f64>> =
        tests.iter().map(|test| test.as_ref().map(&of).filter(|(_, least)| *least <= level).map(|(p, _)| p)).collect();
    let mut adjusted = holm(&values.iter().copied().flatten().collect::<Vec<_>>()).into_iter();
    values.into_iter().map(|value| value.and_then(|_| adjusted.next())).collect()
}

/// The smallest factor on the new side that the test would show at a level, if the two sides had the same median and their own
/// spread: the end of the interval that belongs to the test (M. Hollander and D. Wolfe, "Nonparametric Statistical Methods",
/// 2nd edition, Wiley 1999, section 4.3), for ratios.
fn could_show(pair: &Pair, level: f64) -> Option<f64> {
    let centred = |values: &[f64]| {
        let centre = stats::median(values)?;
        let mut values: Vec<f64> = values.iter().map(|v| v / centre).collect();
        values.sort_unstable_by(f64::total_cmp);
        Some(values)
    };
    let needed = pairs_needed(pair.base.len(), pair.new.len(), level)?;
    let (base, new) = (centred(&pair.base)?, centred(&pair.new)?);
    let enough = |factor: f64| pairs_above(&base, &new, factor) >= needed;
    // At the largest ratio all pairs are above.
    let (mut low, mut high) = (1.0, base.last()? / new.first()? * (1.0 + 1e-9));
    if enough(low) || high <= low {
        return Some(low);
    }
    for _ in 0..60 {
        let middle = low * (high / low).sqrt();
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// In how many pairs of sorted values the new one times a factor is above that of the base.
fn pairs_above(base: &[f64], new: &[f64], factor: f64) -> usize {
    let mut below = 0;
    let mut pairs = 0;
    for value in new {
        while below < base.len() && base[below] < value * factor {
            below += 1;
        }
        pairs += below;
    }
    pairs
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
