//! Where a series of runs changes its level.
//!
//! Circular binary segmentation (A. Olshen and others, "Circular binary segmentation for the analysis of array-based DNA copy number
//! data", Biostatistics 5 (2004), 557-572): the stretch that differs most from the rest of the series is cut out if it is better than
//! chance, and each part is searched again. First only stretches that reach to an end are looked at, since a change that is there to
//! stay is then found after fewer runs; then all, so that a change that was undone is found too. Each search has half of the level.
//!
//! A stretch differs by its standardised sum, in which values far outside of the middle half of the series count as less far (P. Huber,
//! "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964), 73-101), so that runs gone wild are not a
//! change. Chance is what shuffling the runs gives, which holds for any such sum. Where exactly a change lies is then asked of the
//! values: where the runs are nearest to the medians on both sides (J. Bai, "Least absolute deviation estimation of a shift",
//! Econometric Theory 11 (1995), 403-436). D. Daly and others, "The use of change point detection to identify software performance
//! regressions in a continuous integration system", ICPE 2020, report how well searches of this kind do for benchmarks.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zktee_report::stats;

use crate::judge::SettingsError;

/// The fewest runs between two changes.
pub(crate) const FEWEST_RUNS: usize = 3;
/// The most runs that are searched.
const MOST_RUNS: usize = 500;
/// How often the runs of a segment are shuffled.
const SHUFFLES: u32 = 1999;
/// The seed of every search: the same history gives the same changes, on every machine.
const SEED: u64 = 0x7a6b_7465_6500_0002;

/// What is asked of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    level: f64,
    min_effect: f64,
}

impl Detection {
    /// `level`: the chance of a change where there is none, for one series; at least 0.001, since 1999 shuffles tell no finer.
    /// `min_effect`: the change from which on one is called, a share of 1.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn new(level: f64, min_effect: f64) -> Result<Self, SettingsError> {
        if !(0.001..=0.5).contains(&level) {
            return Err(SettingsError::Level(level));
        }
        if !(0.0..=1.0).contains(&min_effect) {
            return Err(SettingsError::MinEffect(min_effect));
        }
        Ok(Self { level, min_effect })
    }

    /// The level.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// The minimum effect.
    pub fn min_effect(&self) -> f64 {
        self.min_effect
    }

    fn is_small(&self, before: f64, after: f64) -> bool {
        let ratio = if after > before { after / before } else { before / after };
        // Written so that the ratio of two zeros is small too.
        !(ratio >= 1.0 + self.min_effect && ratio > 1.0)
    }
}

/// A change of level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The first value of the new level, by its place in the series.
    pub at: usize,
    /// The median from the change before, or the beginning, up to here.
    pub before: f64,
    /// The median from here up to the next change, or the end.
    pub after: f64,
    /// The chance of a place as good in shuffled runs.
    pub p: f64,
}

/// The changes of a series, in order. All values are of one machine and in the order of time. Of a series of more than 500 only the
/// newest 500 are searched.
pub fn changes(values: &[f64], detection: &Detection) -> Vec<Change> {
    let skipped = values.len().saturating_sub(MOST_RUNS);
    let values = &values[skipped..];
    let mut cuts = Vec::new();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut segments = vec![(0, values.len())];
    while let Some((from, to)) = segments.pop() {
        let segment = &values[from..to];
        let half = detection.level / 2.0;
        let found = stretch(segment, Where::AtAnEnd, half, &mut rng)
            .or_else(|| stretch(segment, Where::Anywhere, half, &mut rng));
        if let Some((stretch, p)) = found {
            let inner = stretch.map(|at| from + at);
            cuts.extend(inner.into_iter().filter(|at| *at > from && *at < to).map(|at| (at, (2.0 * p).min(1.0))));
            segments.extend([(from, inner[0]), (inner[0], inner[1]), (inner[1], to)]);
        }
    }
    cuts.sort_by_key(|(at, _)| *at);
    // The smallest step goes first: without it its neighbours have other levels.
    loop {
        settle(values, &mut cuts);
        let mut found = with_levels(values, &cuts);
        let small = (0..found.len()).filter(|&i| detection.is_small(found[i].before, found[i].after));
        let step = |i: &usize| (found[*i].after / found[*i].before).ln().abs();
        match small.min_by(|a, b| step(a).total_cmp(&step(b))) {
            Some(smallest) => drop(cuts.remove(smallest)),
            None => {
                for change in &mut found {
                    change.at += skipped;
                }
                return found;
            }
        }
    }
}

/// Moves each cut between its neighbours to where the values are nearest to the medians on its two sides.
fn settle(values: &[f64], cuts: &mut [(usize, f64)]) {
    for i in 0..cuts.len() {
        let from = if i == 0 { 0 } else { cuts[i - 1].0 };
        let to = cuts.get(i + 1).map_or(values.len(), |next| next.0);
        let distance = |at: usize| from_median(&values[from..at]) + from_median(&values[at..to]);
        let places = from + FEWEST_RUNS..=to - FEWEST_RUNS;
        if let Some(best) = places.min_by(|a, b| distance(*a).total_cmp(&distance(*b))) {
            cuts[i].0 = best;
        }
    }
}

/// The sum of the distances from the median.
fn from_median(values: &[f64]) -> f64 {
    let centre = stats::median(values).unwrap_or_default();
    values.iter().map(|v| (v - centre).abs()).sum()
}

fn with_levels(values: &[f64], cuts: &[(usize, f64)]) -> Vec<Change> {
    let level = |from: usize, to: usize| stats::median(&values[from..to]).unwrap_or_default();
    let of = |(i, &(at, p)): (usize, &(usize, f64))| {
        let from = if i == 0 { 0 } else { cuts[i - 1].0 };
        let to = cuts.get(i + 1).map_or(values.len(), |next| next.0);
        Change { at, before: level(from, at), after: level(at, to), p }
    };
    cuts.iter().enumerate().map(of).collect()
}

/// Which stretches are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Those that reach from the beginning to a place; what follows reaches from there to the end.
    AtAnEnd,
    /// All.
    Anywhere,
}

/// The stretch of a segment that differs most from the rest of it, and how often chance does as well; none where it is not better
/// than chance.
fn stretch(values: &[f64], place: Where, level: f64, rng: &mut ChaCha8Rng) -> Option<([usize; 2], f64)> {
    if values.len() < 2 * FEWEST_RUNS {
        return None;
    }
    let (ends, best) = best_stretch(values, place);
    let mut shuffled = values.to_vec();
    // More than so many shuffles as good, and it is chance.
    let most = (level * f64::from(SHUFFLES + 1)) as u32;
    let mut as_good = 1;
    for _ in 0..SHUFFLES {
        shuffle(&mut shuffled, rng);
        // The same sums in another order may differ in the last digit.
        if best_stretch(&shuffled, place).1 >= best * (1.0 - 1e-9) {
            as_good += 1;
            if as_good > most {
                return None;
            }
        }
    }
    Some((ends, f64::from(as_good) / f64::from(SHUFFLES + 1)))
}

/// The stretch with the largest standardised sum, from its first place to the one after its last, and the share of the sum of squares
/// that it explains. It and what is left on each side of it have [`FEWEST_RUNS`] or nothing.
fn best_stretch(values: &[f64], place: Where) -> ([usize; 2], f64) {
    let scores = scores(values);
    let n = scores.len();
    let mean = scores.iter().sum::<f64>() / n as f64;
    let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
    let mut sums = Vec::with_capacity(n + 1);
    sums.push(0.0);
    for score in scores {
        sums.push(sums[sums.len() - 1] + score - mean);
    }
    let mut best = ([0, FEWEST_RUNS], 0.0);
    let may_end = |at: usize| at == n || at + FEWEST_RUNS <= n;
    let last = if place == Where::Anywhere { n - FEWEST_RUNS } else { 0 };
    for from in std::iter::once(0).chain(FEWEST_RUNS..=last) {
        for to in (from + FEWEST_RUNS..=n).filter(|to| may_end(*to)) {
            let inside = to - from;
            if inside == n {
                continue;
            }
            let sum: f64 = sums[to] - sums[from];
            let size = sum * sum * n as f64 / (inside * (n - inside)) as f64 / squares;
            if squares > 0.0 && size > best.1 {
                best = ([from, to], size);
            }
        }
    }
    best
}

/// The values, cut off where they lie farther outside of the middle half than one and a half times the noise from run to run. That noise is
/// taken from the differences of neighbours, in which a change of level stands once.
fn scores(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    steps.sort_unstable_by(f64::total_cmp);
    // The median of such differences is 0.954 standard deviations where the noise is normal.
    let noise = steps[steps.len() / 2] / 0.954;
    if noise <= 0.0 {
        return values.to_vec();
    }
    let quarter = sorted.len() / 4;
    let (low, high) = (sorted[quarter] - 1.5 * noise, sorted[sorted.len() - 1 - quarter] + 1.5 * noise);
    values.iter().map(|v| v.clamp(low, high)).collect()
}

/// R. Durstenfeld, "Algorithm 235: random permutation", Communications of the ACM 7 (1964), 420.
fn shuffle(values: &mut [f64], rng: &mut ChaCha8Rng) {
    for last in (1..values.len()).rev() {
        let pick = ((u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32) as usize;
        values.swap(last, pick);
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
