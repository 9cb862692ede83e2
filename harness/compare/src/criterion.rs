//! What `cargo bench` left, as a side of a comparison.
//!
//! ```text
//!   target/criterion/WORKLOAD/BACKEND/PHASE/BASELINE/benchmark.json   which benchmark it is, and how many inputs one call works on
//!                                                    sample.json      calls and nanoseconds of each sample
//! ```
//!
//! `BASELINE` is `new` for the last run, or the name that was given to `--save-baseline`. The files are criterion's own
//! (`criterion::Criterion`, 0.8); they are not documented, so everything about them is checked.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zktee_core::record::{CellPlan, RunRecord, SCHEMA, Sample, Settings, Task};
use zktee_core::vocabulary::{CellId, Phase};
use zktee_report::Run;

/// Where criterion puts its last results.
pub(crate) const LAST: &str = "new";

/// The largest file that is read, bytes: a hundred thousand samples.
const MAX_BYTES: u64 = 8 << 20;
/// More samples than criterion takes of anything.
const MOST_SAMPLES: usize = 100_000;
/// More folders than all benchmarks of a project make.
const MOST_FOLDERS: usize = 20_000;

/// Why criterion's folder cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CriterionError {
    /// There is no benchmark of a cell under that name.
    #[error(
        "{dir} holds no benchmark of a cell under the name `{baseline}`; make one with: cargo bench -- --save-baseline {baseline} \
         (without that, the last results are called `{LAST}`)"
    )]
    Nothing {
        /// The folder.
        dir: PathBuf,
        /// The baseline.
        baseline: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no JSON of the expected form.
    #[error("{path}: {source}; is it criterion's? run the benchmark again")]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A file says what cannot be.
    #[error("{path}: {what}; run the benchmark again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// More than any project has.
    #[error("{dir} holds more than {MOST_FOLDERS} folders; is it criterion's (target/criterion)?")]
    TooMany {
        /// The folder.
        dir: PathBuf,
    },
}

/// `benchmark.json`, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<BTreeMap<String, serde_json::Value>>,
}

/// `sample.json`, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// A baseline's results as a run; none where there are none at all.
pub(crate) fn read(dir: &Path, baseline: &str) -> Result<Option<Run>, CriterionError> {
    let mut budget = MOST_FOLDERS;
    let mut run = empty();
    let mut last = None;
    for phase_folder in third_level(dir, &mut budget)? {
        let folder = phase_folder.join(baseline);
        let path = folder.join("benchmark.json");
        let Some(benchmark) = json::<Benchmark>(&path)? else { continue };
        // Other benchmarks may be of three levels too.
        let Some((cell, phase)) = cell_of(&benchmark) else { continue };
        let batch = inputs_of(&benchmark)
            .ok_or_else(|| damaged(&path, "it does not say how many inputs one call works on".to_owned()))?;
        let path = folder.join("sample.json");
        let samples: Samples = json(&path)?.ok_or_else(|| damaged(&path, "it is missing".to_owned()))?;
        if run.samples.iter().any(|it| it.phase == phase && it.workload == cell.workload && it.backend == cell.backend)
        {
            return Err(damaged(&path, format!("a second benchmark of {cell}/{phase}")));
        }
        add(&mut run, &path, &cell, phase, batch, &samples)?;
        last = last.max(std::fs::metadata(&path).and_then(|meta| meta.modified()).ok());
    }
    run.record.started_at = last.and_then(time).unwrap_or_else(|| "at an unknown time".to_owned());
    Ok((!run.samples.is_empty()).then_some(run))
}

/// The folders three levels below, in the order of their names.
fn third_level(dir: &Path, budget: &mut usize) -> Result<Vec<PathBuf>, CriterionError> {
    let mut level = vec![dir.to_owned()];
    for _ in 0..3 {
        let mut next = Vec::new();
        for folder in level {
            for entry in std::fs::read_dir(&folder).map_err(io(&folder))? {
                let entry = entry.map_err(io(&folder))?;
                if entry.file_type().map_err(io(&entry.path()))?.is_dir() {
                    *budget = budget.checked_sub(1).ok_or_else(|| CriterionError::TooMany { dir: dir.to_owned() })?;
                    next.push(entry.path());
                }
            }
        }
        next.sort();
        level = next;
    }
    Ok(level)
}

fn cell_of(it: &Benchmark) -> Option<(CellId, Phase)> {
    let phase = Phase::ALL.into_iter().find(|phase| it.value_str.as_deref() == Some(phase.as_str()))?;
    // Parsed and not put together: what is no name of a cell is none here either.
    let cell = format!("{}@{}", it.group_id, it.function_id.as_ref()?).parse().ok()?;
    Some((cell, phase))
}

fn inputs_of(it: &Benchmark) -> Option<usize> {
    let inputs = it.throughput.as_ref()?.get("Elements")?.as_u64()?;
    usize::try_from(inputs).ok().filter(|inputs| *inputs > 0)
}

fn add(
    run: &mut Run,
    path: &Path,
    cell: &CellId,
    phase: Phase,
    batch: usize,
    samples: &Samples,
) -> Result<(), CriterionError> {
    let (calls, times) = (&samples.iters, &samples.times);
    if calls.len() != times.len() || calls.is_empty() || calls.len() > MOST_SAMPLES {
        let what =
            format!("{} numbers of calls and {} times; 1 to {MOST_SAMPLES} pairs are read", calls.len(), times.len());
        return Err(damaged(path, what));
    }
    for (index, (calls, ns)) in calls.iter().zip(times).enumerate() {
        if !(calls.is_finite() && *calls >= 1.0 && ns.is_finite() && *ns >= 0.0) {
            return Err(damaged(path, format!("sample {index}: {calls} calls in {ns} ns")));
        }
        run.samples.push(Sample {
            sample: index as u32,
            wall_s: Some(ns / calls * 1e-9),
            iterations: Some(*calls as u64),
            ..Sample::blank(cell, phase)
        });
    }
    match run.record.cells.iter().find(|plan| plan.id == *cell) {
        None => run.record.cells.push(plan(cell.clone(), batch)),
        Some(known) if known.batch != batch => {
            return Err(damaged(path, format!("{batch} inputs a call, {} in another phase of {cell}", known.batch)));
        }
        Some(_) => {}
    }
    Ok(())
}

/// A cell of which criterion records nothing but its name and the inputs of a call.
fn plan(id: CellId, batch: usize) -> CellPlan {
    CellPlan {
        id,
        batch,
        repeat: 1,
        task: Task::Regression,
        tolerance: 0.0,
        min_class_agreement: 0.0,
        multiplications: None,
        model_sha256: String::new(),
        inputs_sha256: String::new(),
        language: None,
        decided: None,
    }
}

fn empty() -> Run {
    let settings = Settings {
        threads: 0,
        samples: 0,
        min_samples: 0,
        warmup: 0,
        time_budget_s: None,
        timeout_s: 0.0,
        memory_limit_bytes: None,
        disk_limit_bytes: None,
        quick: false,
        probes: false,
        assumed_instance: None,
    };
    let record = RunRecord {
        schema: SCHEMA,
        zktee_version: String::new(),
        started_at: String::new(),
        command: Vec::new(),
        settings,
        cells: Vec::new(),
        descriptions: BTreeMap::new(),
        language_descriptions: BTreeMap::new(),
        shard: None,
        merged: Vec::new(),
    };
    Run {
        record,
        samples: Vec::new(),
        environment: None,
        loads: Vec::new(),
        probes: Vec::new(),
        generations: Vec::new(),
        tokens: Vec::new(),
        warnings: Vec::new(),
    }
}

fn time(time: SystemTime) -> Option<String> {
    Some(format!("{:.0}", jiff::Timestamp::try_from(time).ok()?))
}

/// A JSON file; none where there is no such file.
fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CriterionError> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(damaged(path, format!("larger than {MAX_BYTES} bytes")));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|source| CriterionError::Json { path: path.to_owned(), source })
}

fn damaged(path: &Path, what: String) -> CriterionError {
    CriterionError::Damaged { path: path.to_owned(), what }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CriterionError {
    let path = path.to_owned();
    move |source| CriterionError::Io { path, source }
}
