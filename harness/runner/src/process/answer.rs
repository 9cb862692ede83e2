//! A worker's answers, read with every number checked: what a worker writes decides nothing but its own cell's outcome.

use serde_json::Value;
use zktee_core::protocol::{Description, PhaseReport, Reply, Response, Stage, VERSION};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::Phase;

use super::pipes::shortened;
use crate::failure::Failure;

/// No clock of a run shows more seconds: sums of such times stay finite.
const MAX_S: f64 = 1e9;

/// The content of a line that answers this request.
pub(crate) fn value(line: &[u8], id: u64, cell: &str) -> Result<Value, Failure> {
    let response: Response = serde_json::from_slice(line)
        .map_err(|error| Failure::crashed(format!("protocol: not a response: {error}: {}", shortened(line))))?;
    if response.v != VERSION {
        return Err(Failure::crashed(format!("protocol: version {} instead of {VERSION}", response.v)));
    }
    if response.id != Some(id) {
        return Err(Failure::crashed(format!("protocol: answer to request {:?} instead of {id}", response.id)));
    }
    if response.cell.as_deref() != Some(cell) {
        let got = shortened(response.cell.unwrap_or_default().as_bytes());
        return Err(Failure::crashed(format!("protocol: answer for cell `{got}` instead of `{cell}`")));
    }
    match response.reply {
        Reply::Ok(value) => Ok(value),
        Reply::Error(error) => Err(error.into()),
    }
}

/// The answer to `describe`.
pub(crate) fn description(value: Value) -> Result<Description, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::crashed(format!("protocol: not an answer to `describe`: {error}")))
}

/// The answer to a phase.
pub(crate) fn report(value: Value, phase: Phase) -> Result<PhaseReport, Failure> {
    let report: PhaseReport = serde_json::from_value(value)
        .map_err(|error| Failure::crashed(format!("protocol: not an answer to `{phase}`: {error}")))?;
    let times = [report.wall_s, report.user_s, report.system_s, report.untimed_s];
    let stages = report.stages.iter().flat_map(|stage| [stage.wall_s, stage.cpu_s]);
    if times.into_iter().chain(stages).any(|x| !(0.0..=MAX_S).contains(&x)) || report.iterations == 0 {
        let reason = "protocol: a time that is negative or not finite or beyond all clocks, or no iterations";
        return Err(Failure::crashed(reason));
    }
    let sound = |stage: &Stage| {
        stage.part.as_ref().is_none_or(|part| part.is_sound() && stage.wall_s.max(stage.cpu_s) * part.factor() <= MAX_S)
    };
    if !report.stages.iter().all(sound) {
        return Err(Failure::crashed(
            "protocol: a stage that did nothing or more than there is, or a whole beyond all clocks",
        ));
    }
    if report.input_tolerance.is_some_and(|tolerance| !tolerance.is_finite() || tolerance < 0.0) {
        return Err(Failure::crashed("protocol: an `input_tolerance` that is negative or not finite"));
    }
    for (what, tensor) in [("outputs", &report.outputs), ("inputs", &report.inputs)] {
        if let Some(Err(error)) = tensor.as_ref().map(Tensor::check) {
            return Err(Failure::crashed(format!("protocol: `{what}`: {error}")));
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing;

    const GOOD: &str = r#"{"v":1,"id":7,"cell":"w@b","ok":{"wall_s":0.5,"user_s":0.4,"system_s":0.1,"peak_rss_bytes":1000,"untimed_s":0.01,"iterations":3,"stages":[{"name":"a","wall_s":0.2,"cpu_s":0.2,"part":{"done":2,"of":8,"unit":"rows"}}],"outputs":{"shape":[2,1],"data":[1.0,-2.5]},"inputs":{"shape":[2],"data":[0.0,1e-3]},"input_tolerance":0.001,"valid":true,"evidence":"/d/proof","files":[{"name":"vk","role":"verifying-key","verifier":true,"bytes":9}],"metrics":{"rows":128.0},"notes":["a note"]}}"#;

    fn read(line: &[u8]) -> Result<PhaseReport, Failure> {
        report(value(line, 7, "w@b")?, Phase::Verify)
    }

    #[test]
    fn a_good_answer_is_read_and_each_bad_number_is_refused() {
        assert_eq!(read(GOOD.as_bytes()).unwrap().iterations, 3);
        for (from, to) in [
            ("\"wall_s\":0.5", "\"wall_s\":-0.5"),
            ("\"user_s\":0.4", "\"user_s\":1e300"),
            ("\"iterations\":3", "\"iterations\":0"),
            ("\"cpu_s\":0.2", "\"cpu_s\":-1"),
            ("\"done\":2", "\"done\":0"),
            ("\"done\":2", "\"done\":9"),
            ("\"of\":8", "\"of\":-8"),
            ("\"of\":8", "\"of\":18446744073709551615"),
            ("\"input_tolerance\":0.001", "\"input_tolerance\":-0.1"),
            ("\"shape\":[2,1]", "\"shape\":[3,1]"),
            ("\"shape\":[2,1]", "\"shape\":[18446744073709551615,2]"),
            ("-2.5", "1e39"),
            ("\"v\":1", "\"v\":2"),
            ("\"id\":7", "\"id\":8"),
            ("w@b", "w@c"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            assert!(read(GOOD.replace(from, to).as_bytes()).is_err(), "{to}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        for open in ["[", "{\"ok\":"] {
            assert!(value(open.repeat(1 << 20).as_bytes(), 7, "w@b").is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            fuzzing::answer(&bytes);
        }

        #[test]
        fn nor_does_a_good_answer_with_a_piece_replaced(
            at in 0..GOOD.len(),
            length in 0usize..12,
            piece in prop_oneof![prop::collection::vec(any::<u8>(), 0..12), "[-0-9eE.\\[\\]{},:\"a-z]{0,12}".prop_map(String::into_bytes)],
        ) {
            let mut line = GOOD.as_bytes().to_vec();
            line.splice(at..(at + length).min(GOOD.len()), piece);
            fuzzing::answer(&line);
        }
    }
}
