//! The worker's end for Rust backends: read requests, time the call, write responses, survive panics.

use std::any::Any;
use std::io::{BufRead, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::instructions;
use super::message::{
    Description, ErrorKind, Job, MAX_LINE_BYTES, PhaseReport, Reply, Request, Response, VERSION, WorkerError,
};
use super::meter::{Meter, Reading};
use crate::vocabulary::Phase;

/// A backend written in Rust.
pub trait Worker {
    /// Who it is and what its evidence is worth.
    fn describe(&self) -> Description;

    /// Does one phase. What belongs to the measurement goes into one call of [`Timed::call`] or [`Timed::repeat`]; loading
    /// before and decoding after stay outside. The times in the returned report are filled in by [`serve`].
    ///
    /// # Errors
    /// A [`WorkerError`] whose kind decides the cell's outcome.
    fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError>;
}

/// The stop-watch that a phase is handed.
#[derive(Debug, Default)]
pub struct Timed {
    taken: Option<(Reading, u64)>,
    beside: Vec<u32>,
}

impl Timed {
    /// Calls shorter than this are repeated by [`Timed::repeat`] until they fill it.
    const FILL: Duration = Duration::from_millis(5);

    /// Counts the CPU time and memory of these processes in: children that do the work and are not waited for.
    pub fn beside(&mut self, processes: &[u32]) {
        self.beside = processes.to_vec();
    }

    /// Times one call.
    pub fn call<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let meter = Meter::start_with(&self.beside);
        let value = f();
        self.taken = Some((meter.read(), 1));
        value
    }

    /// Times one call that starts processes and leaves them running: they are named by what it gives, and counted in from their start.
    pub fn call_starting<T>(&mut self, f: impl FnOnce() -> T, started: impl Fn(&T) -> Vec<u32>) -> T {
        let mut meter = Meter::start_with(&self.beside);
        let value = f();
        // The clock goes on while it is looked up, which takes microseconds.
        meter.count_from_start(&started(&value));
        self.taken = Some((meter.read(), 1));
        value
    }

    /// What the last timed call took; the mean of one where it was repeated.
    pub fn reading(&self) -> Option<Reading> {
        let (total, iterations) = self.taken?;
        let count = iterations as f64;
        let Reading { wall_s, user_s, system_s, peak_rss_bytes, instructions } = total;
        let instructions = instructions.map(|all| all / iterations.max(1));
        let (wall_s, user_s, system_s) = (wall_s / count, user_s / count, system_s / count);
        Some(Reading { wall_s, user_s, system_s, peak_rss_bytes, instructions })
    }

    /// How many calls the last [`Timed::reading`] is a mean of.
    pub fn iterations(&self) -> Option<u64> {
        self.taken.map(|(_, iterations)| iterations)
    }

    /// Times a call that may be too short for the clock and has no effect but its value: it is repeated until 5 ms are filled,
    /// and the reading is a mean.
    pub fn repeat<T>(&mut self, mut f: impl FnMut() -> T) -> T {
        let meter = Meter::start_with(&self.beside);
        let start = Instant::now();
        let mut iterations = 1;
        let mut value = f();
        while start.elapsed() < Self::FILL {
            value = f();
            iterations += 1;
        }
        self.taken = Some((meter.read(), iterations));
        value
    }
}

/// Answers requests from `input` on `output` until the input ends.
///
/// # Errors
/// When a line cannot be read or written: the runner is gone.
pub fn serve(worker: &mut dyn Worker, input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    instructions::begin();
    let mut input = std::io::BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let response = answer(worker, &line);
        serde_json::to_writer(&mut output, &response)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
}

fn answer(worker: &mut dyn Worker, line: &[u8]) -> Response {
    let start = Instant::now();
    let request: Request = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(error) => {
            let error = WorkerError::new(ErrorKind::InvalidInput, format!("not a request: {error}"));
            return Response { v: VERSION, id: None, cell: None, reply: Reply::Error(error) };
        }
    };
    let reply = reply(worker, &request, start).map_or_else(Reply::Error, Reply::Ok);
    Response { v: VERSION, id: Some(request.id), cell: Some(request.cell), reply }
}

fn reply(worker: &mut dyn Worker, request: &Request, start: Instant) -> Result<serde_json::Value, WorkerError> {
    if request.v != VERSION {
        let message = format!("protocol version {} asked for, this worker speaks {VERSION}", request.v);
        return Err(WorkerError::new(ErrorKind::InvalidInput, message));
    }
    let value = match (request.op.phase(), &request.job) {
        (None, _) => serde_json::to_value(worker.describe()),
        (Some(_), None) => return Err(WorkerError::new(ErrorKind::InvalidInput, "the request has no `job`")),
        (Some(phase), Some(job)) => serde_json::to_value(timed_phase(worker, phase, job, start)?),
    };
    value.map_err(|error| WorkerError::new(ErrorKind::Failed, format!("the answer cannot be written as JSON: {error}")))
}

fn timed_phase(worker: &mut dyn Worker, phase: Phase, job: &Job, start: Instant) -> Result<PhaseReport, WorkerError> {
    let mut timed = Timed::default();
    let mut report = catch_unwind(AssertUnwindSafe(|| worker.run(phase, job, &mut timed)))
        .unwrap_or_else(|panic| Err(WorkerError::new(ErrorKind::Failed, format!("panic: {}", panic_text(&*panic)))))?;
    let (total, iterations) =
        timed.taken.ok_or_else(|| WorkerError::new(ErrorKind::Failed, format!("the {phase} phase timed nothing")))?;
    let count = iterations as f64;
    report.wall_s = total.wall_s / count;
    report.user_s = total.user_s / count;
    report.system_s = total.system_s / count;
    report.peak_rss_bytes = total.peak_rss_bytes;
    report.instructions = total.instructions.map(|all| all / iterations.max(1));
    report.iterations = iterations;
    report.untimed_s = (start.elapsed().as_secs_f64() - total.wall_s).max(0.0);
    Ok(report)
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Trust;
    use proptest::prelude::*;

    struct Echo;

    impl Worker for Echo {
        fn describe(&self) -> Description {
            Description {
                name: "echo".into(),
                version: "1".into(),
                phases: vec![Phase::Infer],
                prove_includes_infer: false,
                trust: Trust::no_evidence(),
            }
        }

        fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
            match phase {
                Phase::Infer => timed.repeat(|| assert_eq!(job.batch, 1, "a batch of one")),
                Phase::Setup => {}
                _ => return Err(WorkerError::new(ErrorKind::Refused, "no").with_fix("yes")),
            }
            Ok(PhaseReport::default())
        }
    }

    fn talk(lines: &str) -> Vec<Response> {
        let mut out = Vec::new();
        serve(&mut Echo, lines.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    fn request(op: &str, batch: usize) -> String {
        format!(
            r#"{{"v":1,"id":7,"cell":"w@echo","op":"{op}","job":{{"workload":"w","backend":"echo","dir":"d","threads":1,"cache":"c","batch":{batch}}}}}"#
        ) + "\n"
    }

    #[test]
    fn a_short_call_is_repeated_and_its_time_is_a_mean() {
        let responses = talk(&request("infer", 1));
        assert_eq!((responses[0].id, responses[0].cell.as_deref()), (Some(7), Some("w@echo")));
        let Reply::Ok(value) = &responses[0].reply else { panic!("{responses:?}") };
        let report: PhaseReport = serde_json::from_value(value.clone()).unwrap();
        assert!(report.iterations > 1 && report.wall_s < 0.005 && report.peak_rss_bytes > 0, "{report:?}");
    }

    #[test]
    fn a_panic_an_error_and_a_missing_measurement_are_answers() {
        let responses = talk(&[request("infer", 2), request("prove", 1), request("setup", 1)].concat());
        let texts: Vec<_> = responses
            .iter()
            .map(|r| match &r.reply {
                Reply::Error(e) => (e.kind, e.message.clone(), e.fix.clone()),
                Reply::Ok(v) => panic!("{v}"),
            })
            .collect();
        assert!(texts[0].0 == ErrorKind::Failed && texts[0].1.contains("a batch of one"), "{texts:?}");
        assert_eq!(texts[1], (ErrorKind::Refused, "no".into(), Some("yes".into())));
        assert!(texts[2].1.contains("timed nothing"), "{texts:?}");
    }

    #[test]
    fn another_version_and_a_missing_job_are_refused() {
        let responses = talk(concat!(
            r#"{"v":9,"id":1,"cell":"w@echo","op":"describe"}"#,
            "\n\n",
            r#"{"v":1,"id":2,"cell":"w@echo","op":"infer"}"#,
            "\n"
        ));
        assert_eq!(responses.len(), 2);
        assert!(responses.iter().all(|r| matches!(&r.reply, Reply::Error(e) if e.kind == ErrorKind::InvalidInput)));
    }

    proptest! {
        #[test]
        fn any_line_gets_one_answer(line in "[^\n]{0,200}") {
            prop_assume!(!line.bytes().all(|b| b.is_ascii_whitespace()));
            prop_assert_eq!(talk(&(line + "\n")).len(), 1);
        }
    }
}
