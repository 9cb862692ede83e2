//! Puts a worker program through the rules of `docs/worker-protocol.md`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use zktee_config::Workload;
use zktee_core::protocol::{Description, Operation, Reply, Response, VERSION};
use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};
use zktee_core::record::{Sample, Settings};
use zktee_core::vocabulary::{CellId, Phase};

use crate::failure::Failure;
use crate::folder::{Log, RunFolder};
use crate::plan::{Costs, Plan, Providers, References, SetupPolicy};
use crate::process::{Interrupt, Limits, WorkerProcess};
use crate::run::{Event, Observer, RunError, run};
use crate::select::Selection;

/// How long any single answer may take here: the model is tiny.
const TIMEOUT: Duration = Duration::from_mins(2);

/// What became of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// Whether the worker keeps it; none when it could not be tried.
    pub kept: Option<bool>,
    /// What was seen.
    pub detail: String,
}

/// Tries every rule on the program, with a small workload, in an empty scratch folder.
///
/// # Errors
/// When the scratch folder cannot be written.
pub fn check(
    command: &WorkerCommand,
    scratch: &Path,
    workload: Workload,
    reference: WorkerCommand,
) -> Result<Vec<Finding>, RunError> {
    let trial = Trial { command, scratch, cell: CellId::new(&workload.name, "candidate") };
    let (mut findings, description) = trial.manners();
    let Some(description) = description else { return Ok(findings) };
    let rows = phases(command, scratch, workload, reference)?;
    for phase in description.phases {
        let row = rows.iter().find(|row| row.phase == phase && row.stage.is_none());
        let (kept, detail) = match row {
            // What is estimated says from what.
            Some(row) if row.is_good() => {
                (Some(true), [&row.flags, &row.reason].map(|words| words.clone().unwrap_or_default()).concat())
            }
            Some(row) => (Some(false), format!("{}: {}", row.outcome, row.reason.clone().unwrap_or_default())),
            None => (None, "an earlier phase failed".to_owned()),
        };
        findings.push(Finding { rule: rule_of(phase), kept, detail });
    }
    Ok(findings)
}

const fn rule_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Setup => "`setup` on a small model succeeds",
        Phase::Infer => "`infer` gives the reference's outputs",
        Phase::Prove => "`prove` gives evidence and the reference's outputs",
        Phase::Verify => {
            "`verify`, in another process with its own files alone, accepts and binds these inputs and outputs"
        }
    }
}

struct Trial<'a> {
    command: &'a WorkerCommand,
    scratch: &'a Path,
    cell: CellId,
}

impl Trial<'_> {
    /// How it speaks, whatever it computes.
    fn manners(&self) -> (Vec<Finding>, Option<Description>) {
        let mut findings = Vec::new();
        let mut note = |rule, result: Result<String, Failure>| {
            let (kept, detail) = match result {
                Ok(detail) => (true, detail),
                Err(Failure::Cell { reason, .. }) => (false, reason),
                Err(Failure::Interrupted) => (false, "interrupted".to_owned()),
            };
            findings.push(Finding { rule, kept: Some(kept), detail });
        };
        let described = self.spawn().and_then(|mut worker| worker.describe());
        let coherent = described.clone().and_then(|description| coherent(&description));
        note(
            "`describe` is answered, for the right request and cell",
            described.clone().map(|d| format!("{} {}", d.name, d.version)),
        );
        if described.is_ok() {
            note("the phases and the trust columns hold together", coherent);
            note(
                "a line that is no request gets an error, and the worker goes on",
                self.survives("this is no request"),
            );
            let future = format!(r#"{{"v":{},"id":5,"cell":"{}","op":"describe"}}"#, VERSION + 1, self.cell);
            note("a request of another version gets an error", self.survives(&future));
            let unknown = format!(r#"{{"v":{VERSION},"id":5,"cell":"{}","op":"dance"}}"#, self.cell);
            note("an unknown operation gets an error", self.survives(&unknown));
            let no_job = format!(r#"{{"v":{VERSION},"id":5,"cell":"{}","op":"infer"}}"#, self.cell);
            note("a phase without a job gets an error", self.survives(&no_job));
            let no_files = format!(
                r#"{{"v":{VERSION},"id":5,"cell":"{}","op":"infer","job":{{"workload":"w","backend":"b","dir":"/nonexistent","threads":1,"cache":"/nonexistent","batch":1,"model":"/nonexistent/m.onnx","inputs":"/nonexistent/i.json","options":{{}}}}}}"#,
                self.cell
            );
            note("missing files get an error", self.survives(&no_files));
            let ended = self.spawn().and_then(WorkerProcess::finish).map(|_| String::new());
            note("it exits with code 0 when its input ends, and says nothing unasked", ended);
        }
        (findings, described.ok())
    }

    fn spawn(&self) -> Result<WorkerProcess, Failure> {
        let log = Arc::new(Log::nowhere());
        WorkerProcess::spawn(self.command, &self.cell, self.scratch, 1, &log, &Interrupt::default())
    }

    /// The line gets an error for an answer, and a proper request after it a proper one.
    fn survives(&self, line: &str) -> Result<String, Failure> {
        let mut worker = self.spawn()?;
        let limits = Limits { timeout: TIMEOUT, memory_bytes: None, disk_bytes: None };
        let (answer, _) = worker.exchange_line(line, limits)?;
        let answer: Response =
            serde_json::from_slice(&answer).map_err(|error| Failure::crashed(format!("not a response: {error}")))?;
        let Reply::Error(error) = answer.reply else {
            return Err(Failure::crashed("it was answered with `ok`"));
        };
        worker.ask(Operation::Describe, None, limits)?;
        Ok(error.message)
    }
}

fn coherent(description: &Description) -> Result<String, Failure> {
    let has = |phase| description.phases.contains(&phase);
    let complaint = if !has(Phase::Infer) && !has(Phase::Prove) {
        "neither `infer` nor `prove`"
    } else if has(Phase::Prove) != has(Phase::Verify) {
        "`prove` and `verify` go together"
    } else if !description.phases.is_sorted() {
        "the phases are out of order"
    } else if has(Phase::Prove) && description.trust.binds.is_empty() {
        "evidence that binds nothing"
    } else {
        return Ok(String::new());
    };
    Err(Failure::crashed(complaint))
}

/// Runs the small workload as any run would.
fn phases(
    command: &WorkerCommand,
    scratch: &Path,
    workload: Workload,
    reference: WorkerCommand,
) -> Result<Vec<Sample>, RunError> {
    let settings = Settings {
        threads: 1,
        samples: 1,
        min_samples: 1,
        warmup: 1,
        time_budget_s: None,
        timeout_s: TIMEOUT.as_secs_f64(),
        memory_limit_bytes: None,
        disk_limit_bytes: None,
        quick: true,
        assumed_instance: None,
        probes: false,
    };
    let candidate = Providers::new(vec![Box::new(Candidate(command.clone()))]);
    let Ok(everything) = Selection::new("--backend", &[], &[]) else { return Ok(Vec::new()) };
    let costs = Costs { estimate_s: &|_| None, by_name_only: &|_| false };
    let references = References { tensors: reference.clone(), languages: reference };
    let planned = Plan::new(vec![workload], &everything, &candidate, references, settings, Vec::new(), &costs);
    // There is one workload and one backend, so there is a plan.
    let Ok(mut plan) = planned else { return Ok(Vec::new()) };
    let cache = scratch.join("cache");
    plan.find_workers(&candidate, &cache, &mut SetupPolicy { allowed: false, say: &mut |_| {} });
    let folder = RunFolder::create(&scratch.join("run"))?;
    let log = Arc::new(Log::open(folder.root())?);
    let mut kept = Keep(Vec::new());
    run(&mut plan, &folder, &cache, &log, &Interrupt::default(), &mut kept)?;
    Ok(kept.0)
}

struct Keep(Vec<Sample>);

impl Observer for Keep {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Recorded(sample) = event {
            self.0.push(sample.clone());
        }
    }
}

struct Candidate(WorkerCommand);

impl Provider for Candidate {
    fn profiles(&self) -> Vec<Profile> {
        vec![Profile { backend: "candidate".to_owned(), summary: String::new() }]
    }

    fn availability(&self) -> Availability {
        Availability::Ready
    }

    fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        Ok(())
    }

    fn command(&self, _backend: &str) -> Result<WorkerCommand, Unavailable> {
        Ok(self.0.clone())
    }
}
