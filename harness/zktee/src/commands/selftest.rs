//! `zktee selftest`: runs the calibration workers as any backend, and holds what was recorded to the truth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use zktee_core::record::{Sample, Settings, files};
use zktee_native::{NAME as NATIVE, Native};
use zktee_report::stats::median;
use zktee_runner::{
    Apart, Costs, Event, Interrupt, Log, Observer, Plan, Providers, References, RunEnd, RunFolder, Selection,
    SetupPolicy, machine_memory_bytes,
};

use crate::backends::cache_folder;
use crate::cli::SelftestArguments;
use crate::environment::cores;
use crate::exit::Code;
use crate::program::this_program;
use crate::selftest::{self, Finding, Findings, Overhead, Profile, Selftest, Truth};

/// The workload whose answers the workers give beside their work.
const WORKLOAD: &str = "ols-iris";
const TIMEOUT: Duration = Duration::from_mins(1);

/// Measures, compares, shows.
pub(crate) fn selftest(arguments: &SelftestArguments) -> anyhow::Result<Code> {
    let Some((samples, overhead_s)) = measure(arguments)? else { return Ok(Code::Interrupted) };
    let findings = judge(&samples, &overhead_s)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print!("{findings}");
    }
    Ok(if findings.all_within { Code::Success } else { Code::CheckFailed })
}

/// The samples as a run recorded them, and what the runner took for each one of nothing beside the worker's call; none where the user
/// stopped it.
fn measure(arguments: &SelftestArguments) -> anyhow::Result<Option<(Vec<Sample>, Vec<f64>)>> {
    let scratch = tempfile::tempdir().context("a folder for the samples")?;
    let folder = RunFolder::create(&scratch.path().join("run"))?;
    let log = Arc::new(Log::open(folder.root())?);
    let interrupt = Interrupt::default();
    let on_signal = interrupt.clone();
    ctrlc::set_handler(move || on_signal.set()).context("the handler of Ctrl-C cannot be set")?;

    let program = this_program()?;
    let providers = Providers::new(vec![Box::new(Selftest::new(program.clone()))]);
    let names = Profile::ALL.map(Profile::backend);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let apart = Apart { word: selftest::NAME, names: &names, families: &[] };
    let backends = Selection::with_apart("--backend", &[selftest::NAME.to_owned()], &[], &[apart])?;
    let references = References::of(&Native::new(program), NATIVE)?;
    let workloads = vec![zktee_config::builtin(WORKLOAD)?];
    let command = std::env::args().collect();
    let costs = Costs { estimate_s: &|_| None, by_name_only: &|_| false };
    let mut plan =
        Plan::new(workloads, &backends, &providers, references, settings(arguments.samples), command, &costs)?;
    let cache = cache_folder(&arguments.cache)?;
    plan.find_workers(&providers, &cache, &mut SetupPolicy { allowed: false, say: &mut |_| {} });
    let mut stopwatch = Stopwatch::default();
    if zktee_runner::run(&mut plan, &folder, &cache, &log, &interrupt, &mut stopwatch)? == RunEnd::Interrupted {
        return Ok(None);
    }
    let samples = zktee_report::samples::read(&folder.root().join(files::SAMPLES))?.rows;
    Ok(Some((samples, stopwatch.beside_s)))
}

fn settings(samples: u32) -> Settings {
    Settings {
        threads: cores(),
        samples,
        min_samples: 1,
        warmup: 1,
        time_budget_s: None,
        timeout_s: TIMEOUT.as_secs_f64(),
        memory_limit_bytes: machine_memory_bytes(),
        disk_limit_bytes: None,
        quick: false,
        assumed_instance: None,
        probes: false,
    }
}

/// How long the runner is at a sample of nothing: from its beginning until it is on the disk.
#[derive(Default)]
struct Stopwatch {
    begun: Option<Instant>,
    beside_s: Vec<f64>,
}

impl Observer for Stopwatch {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { cell, .. } => {
                self.begun = (cell.backend == Profile::Nothing.backend()).then(Instant::now);
            }
            Event::Recorded(_) => self.beside_s.extend(self.begun.take().map(|begun| begun.elapsed().as_secs_f64())),
            _ => {}
        }
    }
}

fn judge(samples: &[Sample], beside_s: &[f64]) -> anyhow::Result<Findings> {
    let mut by_backend: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.stage.is_none()) {
        by_backend.entry(&sample.backend).or_default().push(sample);
    }
    let mut findings = Vec::new();
    for profile in Profile::ALL {
        let backend = profile.backend();
        let of_it = by_backend.get(backend.as_str()).map(Vec::as_slice).unwrap_or_default();
        if let Some(failed) = of_it.iter().find(|sample| !sample.is_whole_and_good()) {
            anyhow::bail!("{backend}: {}: {}", failed.outcome, failed.reason.as_deref().unwrap_or("no reason"));
        }
        anyhow::ensure!(!of_it.is_empty(), "{backend}: no sample was recorded");
        if let Profile::Liar(lie) = profile {
            findings.push(Finding::of_lie(backend, lie, of_it));
            continue;
        }
        let pairs = of_it.iter().map(|sample| {
            let truth = Truth::from_notes(sample.notes.as_deref().unwrap_or_default());
            truth.map(|truth| (*sample, truth)).with_context(|| format!("{backend}: a sample without its truth"))
        });
        findings.extend(Finding::of_work(&backend, &pairs.collect::<anyhow::Result<Vec<_>>>()?));
    }
    let nothing = by_backend.get(Profile::Nothing.backend().as_str()).map(Vec::as_slice).unwrap_or_default();
    let exchange =
        |sample: &&Sample| Some(sample.runner_wall_s? - sample.wall_s? * sample.iterations? as f64 - sample.untimed_s?);
    let exchanges: Vec<f64> = nothing.iter().filter_map(exchange).collect();
    let calls: Vec<f64> = nothing.iter().filter_map(|sample| sample.wall_s).collect();
    let overhead = Overhead {
        sample_s: median(beside_s).unwrap_or_default(),
        exchange_s: median(&exchanges).unwrap_or_default(),
        call_s: median(&calls).unwrap_or_default(),
    };
    Ok(Findings { all_within: findings.iter().all(|finding| finding.within), findings, overhead })
}
