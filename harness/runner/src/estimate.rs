//! From a phase that did a part of its work to what the whole takes.

use zktee_core::protocol::PhaseReport;

/// What a whole phase is estimated to take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) wall_s: f64,
    pub(crate) user_s: f64,
    pub(crate) system_s: f64,
    /// The arithmetic, in words.
    pub(crate) how: String,
}

/// The estimate, where a stage of the phase did only a part of its work: the stage's times are multiplied, all else stands as it was measured.
pub(crate) fn estimate(report: &PhaseReport) -> Option<Estimate> {
    let (mut wall_s, mut more_cpu_s, mut how) = (report.wall_s, 0.0, Vec::new());
    for stage in &report.stages {
        let Some(part) = stage.part.as_ref().filter(|part| part.done < part.of) else { continue };
        let factor = part.factor();
        wall_s += stage.wall_s * (factor - 1.0);
        more_cpu_s += stage.cpu_s * (factor - 1.0);
        how.push(format!(
            "stage {} took {:.4} s and {:.4} s of CPU for {} of {} {}, times {factor:.4}",
            stage.name, stage.wall_s, stage.cpu_s, part.done, part.of, part.unit
        ));
    }
    // A stage's CPU time is one number: it is split as that of the phase is.
    let cpu_s = report.user_s + report.system_s;
    let system_share = if cpu_s > 0.0 { report.system_s / cpu_s } else { 0.0 };
    let (user_s, system_s) =
        (report.user_s + more_cpu_s * (1.0 - system_share), report.system_s + more_cpu_s * system_share);
    (!how.is_empty()).then(|| Estimate { wall_s, user_s, system_s, how: how.join("; ") })
}

#[cfg(test)]
mod tests {
    use zktee_core::protocol::{Stage, StagePart};

    use super::*;

    fn report(done: u64) -> PhaseReport {
        let part = StagePart { done, of: 12, unit: "rows".to_owned() };
        let stages = vec![Stage::new("execute", 1.0, 1.0), Stage { part: Some(part), ..Stage::new("prove", 2.0, 3.0) }];
        PhaseReport { wall_s: 3.5, user_s: 3.0, system_s: 1.0, stages, ..PhaseReport::default() }
    }

    #[test]
    fn a_part_is_multiplied_and_the_rest_is_not() {
        // 3.5 + 2 x (12 / 3 - 1); 3 x (12 / 3 - 1) = 9 of CPU, three quarters of it the user's.
        let Estimate { wall_s, user_s, system_s, how } = estimate(&report(3)).unwrap();
        assert_eq!((wall_s, user_s, system_s), (9.5, 9.75, 3.25));
        assert_eq!(how, "stage prove took 2.0000 s and 3.0000 s of CPU for 3 of 12 rows, times 4.0000");
    }

    #[test]
    fn the_whole_is_no_estimate() {
        assert_eq!(estimate(&report(12)), None);
        assert_eq!(estimate(&PhaseReport { stages: Vec::new(), ..report(3) }), None);
    }
}
