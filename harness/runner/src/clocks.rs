//! Are a worker's times such as they can be?

use zktee_core::protocol::PhaseReport;
use zktee_core::record::SampleFlag;

use crate::process::Exchange;

/// Do the worker's clocks add up to the runner's? The bounds leave room for the pipe and for a busy machine's scheduler.
pub(crate) fn clock_flags(report: &PhaseReport, exchange: Exchange, threads: usize) -> Vec<&'static str> {
    let said = report.wall_s * report.iterations as f64 + report.untimed_s;
    let mut flags = Vec::new();
    if (exchange.wall_s - said).abs() > (0.05 * exchange.wall_s).max(0.05) {
        flags.push(SampleFlag::ClockMismatch.as_str());
    }
    if report.user_s + report.system_s > 1.05 * report.wall_s * threads as f64 + 0.05 {
        flags.push(SampleFlag::CpuMismatch.as_str());
    }
    // Parts may leave some of the call out, and their clocks are read a little later; they cannot be longer than it.
    let of_stages: f64 = report.stages.iter().map(|stage| stage.wall_s).sum();
    if of_stages > 1.05 * report.wall_s + 0.005 {
        flags.push(SampleFlag::StageMismatch.as_str());
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use zktee_core::protocol::Stage;

    #[test]
    fn clocks_that_do_not_add_up_are_flagged() {
        let report = |wall_s, user_s, untimed_s| PhaseReport {
            wall_s,
            user_s,
            untimed_s,
            iterations: 1,
            ..PhaseReport::default()
        };
        let seen = |wall_s| Exchange { wall_s, group_rss_bytes: None };
        assert!(clock_flags(&report(1.0, 1.9, 0.1), seen(1.11), 2).is_empty());
        assert_eq!(clock_flags(&report(0.5, 0.5, 0.0), seen(1.0), 2), ["clock-mismatch"]);
        assert_eq!(clock_flags(&report(1.0, 3.9, 0.0), seen(1.0), 2), ["cpu-mismatch"]);
        let stage = |wall_s| Stage::new("part", wall_s, 0.0);
        let staged = |stages| PhaseReport { stages, ..report(1.0, 1.0, 0.0) };
        assert!(clock_flags(&staged(vec![stage(0.4), stage(0.6)]), seen(1.0), 2).is_empty());
        assert_eq!(clock_flags(&staged(vec![stage(0.7), stage(0.6)]), seen(1.0), 2), ["stage-mismatch"]);
    }
}
