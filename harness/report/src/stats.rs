//! Median, spread and interval of a handful of times.
//!
//! Times of a program have a floor and a long tail, so the median and the median absolute deviation describe them where mean and
//! standard deviation mislead. The interval is the percentile bootstrap: B. Efron and R. Tibshirani, "An Introduction to the
//! Bootstrap", Chapman & Hall 1993, chapter 13. With few samples it is wide at best and too narrow at worst, which is why a cell
//! with few is marked.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 10_000;

/// The seed of every bootstrap: the same samples give the same interval, on every machine.
const SEED: u64 = 0x7a6b_7465_6500_0001;

/// Beyond so many draws in all, fewer resamples are drawn; the interval is so narrow by then that nobody can tell.
const MAX_DRAWS: usize = 50_000_000;

/// The two ends of a 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end, in the unit of the samples.
    pub low: f64,
    /// The upper end, in the unit of the samples.
    pub high: f64,
}

/// The median: the middle value, or the mean of the two middle ones. None of no values.
///
/// ```
/// assert_eq!(zktee_report::stats::median(&[3.0, 1.0, 10.0]), Some(3.0));
/// assert_eq!(zktee_report::stats::median(&[]), None);
/// ```
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    (!sorted.is_empty()).then(|| middle(&sorted))
}

/// The median absolute deviation from the median, raw (not scaled to a normal distribution). None of no values.
pub fn mad(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    median(&values.iter().map(|v| (v - centre).abs()).collect::<Vec<_>>())
}

/// The 95 % interval of the median by percentile bootstrap. None of fewer than two values, which say nothing of spread.
pub fn interval_of_median(values: &[f64]) -> Option<Interval> {
    interval_of_sum_of_medians(&[values])
}

/// The 95 % interval of a sum of medians of independent groups, each resampled by itself. None when a group has fewer than two
/// values or there is no group.
pub fn interval_of_sum_of_medians(groups: &[&[f64]]) -> Option<Interval> {
    bootstrap(groups, 0.05, |medians| medians.iter().sum())
}

/// The interval of `median(new) / median(base)` that leaves out the share `level` of the resampled ratios, a half on each side; both
/// groups are resampled by themselves. None when a group has fewer than two values or one that is not above zero.
///
/// ```
/// let interval = zktee_report::stats::interval_of_ratio_of_medians(&[1.0, 1.1, 0.9], &[2.0, 2.2, 1.8], 0.05).unwrap();
/// assert!(interval.low < 2.0 && interval.high > 2.0);
/// ```
pub fn interval_of_ratio_of_medians(base: &[f64], new: &[f64], level: f64) -> Option<Interval> {
    if base.iter().chain(new).any(|v| *v <= 0.0) {
        return None;
    }
    bootstrap(&[base, new], level, |medians| medians[1] / medians[0])
}

/// The percentile bootstrap of what is made of the medians of independent groups.
fn bootstrap(groups: &[&[f64]], level: f64, combine: impl Fn(&[f64]) -> f64) -> Option<Interval> {
    if groups.is_empty() || groups.iter().any(|g| g.len() < 2) {
        return None;
    }
    let groups: Vec<Vec<f64>> = groups.iter().map(|g| sorted(g)).collect();
    let draws_each: usize = groups.iter().map(Vec::len).sum();
    let resamples = RESAMPLES.min(MAX_DRAWS / draws_each).max(200);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut drawn = Vec::new();
    let mut medians = Vec::new();
    let mut results: Vec<f64> = (0..resamples)
        .map(|_| {
            medians.clear();
            for group in &groups {
                drawn.clear();
                drawn.extend((0..group.len()).map(|_| group[index(&mut rng, group.len())]));
                medians.push(middle_of_unsorted(&mut drawn));
            }
            combine(&medians)
        })
        .collect();
    results.sort_unstable_by(f64::total_cmp);
    let tail = level / 2.0;
    Some(Interval { low: percentile(&results, tail), high: percentile(&results, 1.0 - tail) })
}

/// A uniform index below `n`, by multiplication; the bias of at most n / 2^32 does not matter here, and unlike a library's
/// range sampling it stays the same from version to version.
fn index(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

fn middle_of_unsorted(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if odd { *upper } else { f64::midpoint(below.iter().copied().fold(f64::MIN, f64::max), *upper) }
}

/// The value below which the share `p` of sorted values lies, by the nearest rank.
fn percentile(sorted: &[f64], p: f64) -> f64 {
    sorted[rank(sorted.len(), p)]
}

/// The same of whole numbers; none of no values.
pub(crate) fn nearest_rank(sorted: &[u64], p: f64) -> Option<u64> {
    (!sorted.is_empty()).then(|| sorted[rank(sorted.len(), p)])
}

/// The index of the nearest rank among so many values, of which there is one at least.
fn rank(n: usize, p: f64) -> usize {
    ((p * n as f64).ceil() as usize).clamp(1, n) - 1
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
