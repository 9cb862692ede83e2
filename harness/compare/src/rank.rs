//! The rank-sum test of two independent samples: H. Mann and D. Whitney, "On a test of whether one of two random variables is
//! stochastically larger than the other", Annals of Mathematical Statistics 18 (1947), 50-60.
//!
//! It asks only which value is larger, so the long tail of a time does it no harm. For small samples the distribution is exact, ties
//! included: all ways to deal the pooled ranks out to the two sides are counted, by the shift algorithm of B. Streitberg and
//! J. Röhmel, "Exact distributions for permutation and rank tests", Statistical Software Newsletter 12 (1986), 10-17. So it is a
//! permutation test. Large samples take the normal approximation with the correction for ties and for continuity.

use std::f64::consts::SQRT_2;

/// Steps that counting may take; 62 values in two halves are just below it.
const MOST_STEPS: usize = 8_000_000;

/// How the ranks of the new side stand among all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RankSum {
    /// The chance of ranks as low as these or lower, if there is no difference.
    pub(crate) lower: f64,
    /// The chance of ranks as high as these or higher.
    pub(crate) upper: f64,
    /// The smallest two-sided value that these numbers could have given, however they had been dealt out.
    pub(crate) least: f64,
}

impl RankSum {
    /// The test of `new` against `base`. A side without values says nothing.
    pub(crate) fn of(base: &[f64], new: &[f64]) -> Self {
        if base.is_empty() || new.is_empty() {
            return Self { lower: 1.0, upper: 1.0, least: 1.0 };
        }
        let (ranks, of_new) = doubled_midranks(base, new);
        let distribution = Distribution::of(&ranks, new.len());
        let (lower, upper) = distribution.tails(of_new);
        Self { lower, upper, least: distribution.least() }
    }

    /// The two-sided value: twice the smaller tail.
    pub(crate) fn two_sided(&self) -> f64 {
        (2.0 * self.lower.min(self.upper)).min(1.0)
    }
}

/// Ranks in the pooled sample, each twice, so that the mean rank of ties is whole; and the sum of those of `new`.
fn doubled_midranks(base: &[f64], new: &[f64]) -> (Vec<usize>, usize) {
    let mut pooled: Vec<(f64, bool)> = base.iter().map(|v| (*v, false)).chain(new.iter().map(|v| (*v, true))).collect();
    pooled.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = Vec::with_capacity(pooled.len());
    let mut of_new = 0;
    for tie in pooled.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let first = ranks.len() + 1;
        let rank = 2 * first + tie.len() - 1;
        of_new += rank * tie.iter().filter(|(_, new)| *new).count();
        ranks.extend(tie.iter().map(|_| rank));
    }
    (ranks, of_new)
}

/// How the doubled rank sum of one side is distributed if there is no difference.
enum Distribution {
    /// Ways to get each sum, and all ways together.
    Exact { ways: Vec<f64>, all: f64 },
    /// Mean, standard deviation, and the smallest and the largest sum, in doubled ranks.
    Normal { mean: f64, deviation: f64, ends: [f64; 2] },
}

impl Distribution {
    /// Of `picked` of some doubled ranks, which are in order.
    fn of(ranks: &[usize], picked: usize) -> Self {
        let total: usize = ranks.iter().sum();
        if ranks.len() * picked.min(ranks.len() - picked) * total > MOST_STEPS {
            return Self::normal(ranks, picked);
        }
        // The sum of the one side is the total without that of the other, so the smaller side is counted.
        let fewer = picked.min(ranks.len() - picked);
        let mut ways = count(ranks, fewer);
        if fewer != picked {
            ways.resize(total + 1, 0.0);
            ways.reverse();
        }
        let all = ways.iter().sum();
        Self::Exact { ways, all }
    }

    fn normal(ranks: &[usize], picked: usize) -> Self {
        let (all, picked_f) = (ranks.len() as f64, picked as f64);
        let ties: f64 = ranks.chunk_by(|a, b| a == b).map(|tie| (tie.len() as f64).powi(3) - tie.len() as f64).sum();
        let variance = picked_f * (all - picked_f) / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        let sum = |ranks: &[usize]| ranks.iter().sum::<usize>() as f64;
        let ends = [sum(&ranks[..picked]), sum(&ranks[ranks.len() - picked..])];
        Self::Normal { mean: picked_f * (all + 1.0), deviation: 2.0 * variance.max(0.0).sqrt(), ends }
    }

    /// The chances of a sum as low or lower, and as high or higher.
    fn tails(&self, sum: usize) -> (f64, f64) {
        match self {
            Self::Exact { ways, all } => {
                let at = sum.min(ways.len());
                let lower: f64 = ways[..ways.len().min(at + 1)].iter().sum();
                let upper: f64 = ways[at..].iter().sum();
                (lower / all, upper / all)
            }
            Self::Normal { mean, deviation, .. } => normal_tails(sum as f64 - mean, *deviation),
        }
    }

    fn least(&self) -> f64 {
        let one_sided = match self {
            Self::Exact { ways, all } => {
                let mut possible = ways.iter().copied().filter(|ways| *ways > 0.0);
                let first = possible.next().unwrap_or(*all);
                first.min(possible.next_back().unwrap_or(first)) / all
            }
            Self::Normal { mean, deviation, ends: [low, high] } => {
                normal_tails(low - mean, *deviation).0.min(normal_tails(high - mean, *deviation).1)
            }
        };
        (2.0 * one_sided).min(1.0)
    }
}

/// Ways to pick `picked` of the numbers, by their sum.
fn count(numbers: &[usize], picked: usize) -> Vec<f64> {
    // The largest sum there can be is that of the last ones: the numbers are in order.
    let most: usize = numbers[numbers.len() - picked..].iter().sum();
    let mut ways = vec![vec![0.0; most + 1]; picked + 1];
    ways[0][0] = 1.0;
    for (seen, &number) in numbers.iter().enumerate() {
        for size in (1..=picked.min(seen + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(size);
            for (to, from) in more[0].iter_mut().skip(number).zip(&fewer[size - 1]) {
                *to += from;
            }
        }
    }
    ways.pop().unwrap_or_default()
}

/// Both tails at a distance from the mean, with half a rank (one doubled rank) for continuity.
fn normal_tails(distance: f64, deviation: f64) -> (f64, f64) {
    // All values are one and the same: nothing can be told from their order.
    if deviation <= 0.0 {
        return (1.0, 1.0);
    }
    let below = |x: f64| 0.5 * libm::erfc(-x / deviation / SQRT_2);
    (below(distance + 1.0), below(1.0 - distance))
}

/// How many of the pairs (one of `new`, one of `base`) must have `new` above for a two-sided value of `level`; none if all of them are
/// not enough. Without ties.
pub(crate) fn pairs_needed(base: usize, new: usize, level: f64) -> Option<usize> {
    let ranks: Vec<usize> = (1..=base + new).map(|rank| 2 * rank).collect();
    let distribution = Distribution::of(&ranks, new);
    let reached = |pairs: usize| 2.0 * distribution.tails(new * (new + 1) + 2 * pairs).1 <= level;
    let (mut low, mut high) = (0, base * new);
    if base == 0 || new == 0 || !reached(high) {
        return None;
    }
    while low < high {
        let middle = low.midpoint(high);
        if reached(middle) { high = middle } else { low = middle + 1 }
    }
    Some(low)
}

/// The smallest number of samples a side with which a two-sided value of `level` can be had: `2 / C(2n, n)` is the least.
pub(crate) fn samples_needed(level: f64) -> usize {
    let (mut n, mut deals) = (1.0, 2.0);
    while 2.0 / deals > level && n < 1000.0 {
        n += 1.0;
        deals *= (2.0 * n - 1.0) * 2.0 / n;
    }
    n as usize
}

#[cfg(test)]
#[path = "rank_tests.rs"]
mod tests;
