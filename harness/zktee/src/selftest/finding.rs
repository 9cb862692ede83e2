//! Recorded values held to the truth.

use std::fmt;

use serde::Serialize;
use zktee_core::record::Sample;

use super::{Lie, Truth};

/// Times may be off by this share, or by [`BOUND_S`] where that is more.
const BOUND_SHARE: f64 = 0.02;
/// Seconds.
const BOUND_S: f64 = 200e-6;
/// Memory may be off by [`BOUND_SHARE`], or by this where it is more: the kernel counts a process's pages in batches for each core.
const BOUND_BYTES: f64 = (1 << 20) as f64;

/// One quantity of one kind of work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// The backend with its profile.
    pub(crate) backend: String,
    /// `wall`, `cpu`, `peak memory`, or the flag that a lie must have.
    pub(crate) what: &'static str,
    /// `s`, `bytes`, or `samples` of a lie.
    pub(crate) unit: &'static str,
    /// What the run recorded, in the sample that is least above the truth; of a lie: samples with the flag.
    pub(crate) recorded: f64,
    /// The truth about that sample; of a lie: all samples.
    pub(crate) truth: f64,
    /// How far they may be apart.
    pub(crate) bound: f64,
    /// Whether they are that near.
    pub(crate) within: bool,
}

impl Finding {
    /// Times, and memory where it was looked at. What is taken before the truth's clocks start and after they stop is added to what is
    /// recorded, and so is what other programs take away in between: the sample least above the truth says what the harness itself adds.
    /// One below it by more than the bound counts against it, however good the others are.
    pub(crate) fn of_work(backend: &str, samples: &[(&Sample, Truth)]) -> Vec<Self> {
        let wall = samples.iter().map(|(sample, truth)| (sample.wall_s.unwrap_or(f64::NAN), truth.wall_s));
        let cpu = samples.iter().map(|(sample, truth)| (sample.cpu_s().unwrap_or(f64::NAN), truth.cpu_s));
        let memory = samples.iter().filter_map(|(sample, truth)| {
            Some((sample.peak_rss_bytes.map_or(f64::NAN, |bytes| bytes as f64), truth.peak_rss_bytes? as f64))
        });
        let (wall, cpu, memory) = (wall.collect::<Vec<_>>(), cpu.collect::<Vec<_>>(), memory.collect::<Vec<_>>());
        [("wall", "s", wall, BOUND_S), ("cpu", "s", cpu, BOUND_S), ("peak memory", "bytes", memory, BOUND_BYTES)]
            .into_iter()
            .filter_map(|(what, unit, pairs, least)| Self::nearest(backend, what, unit, &pairs, least))
            .collect()
    }

    fn nearest(
        backend: &str,
        what: &'static str,
        unit: &'static str,
        pairs: &[(f64, f64)],
        least_bound: f64,
    ) -> Option<Self> {
        let excess = |pair: &&(f64, f64)| pair.0 - pair.1;
        // A value that was not recorded is not within any bound.
        let (recorded, truth) = *match pairs.iter().find(|(recorded, _)| recorded.is_nan()) {
            Some(missing) => missing,
            None => pairs.iter().min_by(|a, b| excess(a).total_cmp(&excess(b)))?,
        };
        let bound = (BOUND_SHARE * truth).max(least_bound);
        let within = (recorded - truth).abs() <= bound;
        Some(Self { backend: backend.to_owned(), what, unit, recorded, truth, bound, within })
    }

    /// Whether each sample of a lie has its flag.
    pub(crate) fn of_lie(backend: String, lie: Lie, samples: &[&Sample]) -> Self {
        let what = lie.flag().as_str();
        let flagged =
            |sample: &&&Sample| sample.flags.as_deref().is_some_and(|flags| flags.split(';').any(|f| f == what));
        let (recorded, truth) = (samples.iter().filter(flagged).count() as f64, samples.len() as f64);
        Self { backend, what, unit: "samples", recorded, truth, bound: 0.0, within: recorded >= truth }
    }
}

/// What the runner adds to each sample of nothing, medians.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Overhead {
    /// Seconds from the beginning of a sample until it is on the disk: a process, `describe`, a warm-up, the sample, its checks, the journal.
    pub(crate) sample_s: f64,
    /// Seconds of the runner's clock around a request that are neither in the call nor in what the worker says it spent around it.
    pub(crate) exchange_s: f64,
    /// Seconds that an empty call is recorded with.
    pub(crate) call_s: f64,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Findings {
    /// Whether every one is within its bound.
    pub(crate) all_within: bool,
    /// One a quantity.
    pub(crate) findings: Vec<Finding>,
    /// What the runner adds.
    pub(crate) overhead: Overhead,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22} {:<14} {:>14} {:>14} {:>12}", "work", "what", "recorded", "truth", "apart")?;
        for it in &self.findings {
            let value = |value: f64| match it.unit {
                "s" => format!("{:.3} ms", value * 1e3),
                "bytes" => format!("{:.2} MiB", value / BOUND_BYTES),
                _ => format!("{value} {}", it.unit),
            };
            let apart = match it.unit {
                "s" => format!("{:.1} us", (it.recorded - it.truth) * 1e6),
                "bytes" => format!("{:.2} MiB", (it.recorded - it.truth) / BOUND_BYTES),
                _ => String::new(),
            };
            let (recorded, truth) = (value(it.recorded), value(it.truth));
            let verdict = if it.within { "ok" } else { "NOT WITHIN ITS BOUND" };
            writeln!(f, "{:<22} {:<14} {recorded:>14} {truth:>14} {apart:>12}  {verdict}", it.backend, it.what)?;
        }
        let Overhead { sample_s, exchange_s, call_s } = self.overhead;
        writeln!(
            f,
            "\nBeside the call, a sample costs the runner {:.1} ms (process, description, warm-up, checks, disk) and a request {:.0} us \
             (pipe, JSON). An empty call is recorded with {:.1} us.",
            sample_s * 1e3,
            exchange_s * 1e6,
            call_s * 1e6
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zktee_core::vocabulary::{CellId, Phase};

    fn sample(wall_s: f64, cpu_s: f64, peak: u64) -> Sample {
        Sample {
            wall_s: Some(wall_s),
            user_s: Some(cpu_s),
            system_s: Some(0.0),
            peak_rss_bytes: Some(peak),
            ..Sample::blank(&CellId::new("w", "selftest/spin"), Phase::Infer)
        }
    }

    fn verdicts(samples: &[Sample]) -> Vec<bool> {
        let truth = Truth { wall_s: 0.1, cpu_s: 0.05, peak_rss_bytes: Some(64 << 20) };
        let pairs: Vec<_> = samples.iter().map(|sample| (sample, truth)).collect();
        Finding::of_work("selftest/spin", &pairs).iter().map(|finding| finding.within).collect()
    }

    #[test]
    fn noise_is_forgiven_and_a_bias_is_not() {
        let exact = || sample(0.1, 0.05, 64 << 20);
        assert_eq!(verdicts(&[exact()]), [true; 3]);
        assert_eq!(verdicts(&[sample(0.3, 0.2, 90 << 20), exact(), sample(0.2, 0.1, 80 << 20)]), [true; 3]);
        assert_eq!(verdicts(&[sample(0.103, 0.05, 64 << 20), sample(0.1021, 0.05, 64 << 20)]), [false, true, true]);
        assert_eq!(verdicts(&[exact(), sample(0.1, 0.0489, 64 << 20)]), [true, false, true], "less than the truth");
        assert_eq!(verdicts(&[sample(0.1, 0.05, 66 << 20)]), [true, true, false]);
        let missing = Sample { user_s: None, peak_rss_bytes: None, ..exact() };
        assert_eq!(verdicts(&[exact(), missing]), [true, false, false], "not recorded");
    }

    #[test]
    fn every_sample_of_a_lie_must_be_flagged() {
        let flagged = |flags: Option<&str>| Sample { flags: flags.map(str::to_owned), ..sample(0.1, 0.1, 1) };
        let within = |samples: &[Sample]| {
            Finding::of_lie("selftest/lies-cpu".to_owned(), Lie::Cpu, &samples.iter().collect::<Vec<_>>()).within
        };
        assert!(within(&[flagged(Some("clock-mismatch;cpu-mismatch"))]));
        assert!(!within(&[flagged(Some("cpu-mismatch")), flagged(None)]));
        assert!(!within(&[flagged(Some("clock-mismatch"))]), "another flag");
    }
}
