//! `zktee run`: from the command line to a run and its report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use zktee_config::{BATCH_NAMES, SCALE_FAMILIES, SHAPE_NAME, Workload};
use zktee_core::provider::Provider;
use zktee_core::record::{Environment, RunRecord, Settings, files};
use zktee_core::vocabulary::{CellId, Outcome};
use zktee_native::{NAME as NATIVE, Native, TRACT_VERSION};
use zktee_report::Cell;
use zktee_runner::{
    Apart, Costs, FolderError, Interrupt, Log, Plan, References, RunEnd, RunFolder, Selection, SetupPolicy, free_bytes,
    machine_memory_bytes,
};

use crate::backends::{self, Known};
use crate::cli::RunArguments;
use crate::commands::llm::{announce_digests, own_model, unusable};
use crate::environment;
use crate::estimate::Estimates;
use crate::exit::Code;
use crate::program::this_program;
use crate::progress::Progress;
use crate::selftest;

/// What a glob has to write out to select from the scaling study: every family's name ends in it.
const STUDY: &str = "scale";
/// What a glob has to write out to select the language model whose weights are drawn at random.
const SHAPE: &str = "shape";
/// With its 2^20 rows for 500 inputs it would take longer over the batches than all other backends together.
const EZKL_DEFAULT: &str = "ezkl/default";
/// Fewer samples than this mark a cell.
const MIN_SAMPLES: u32 = 3;
const SAMPLES: u32 = 10;
/// Clients at a time, where enclaves are loaded.
const LOAD_CLIENTS: [u32; 3] = [1, 8, 64];
/// Requests of each kind for each number of clients.
const LOAD_REQUESTS: u64 = 2000;
const QUICK_LOAD_REQUESTS: u64 = 200;
const QUICK_SAMPLES: u32 = 1;
const TIME_BUDGET: Duration = Duration::from_mins(22);
/// With the references before it and the report after it, three minutes.
const QUICK_TIME_BUDGET: Duration = Duration::from_secs(160);

/// Plans, measures and reports.
pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<Code> {
    let mut known = backends::known(&arguments.config)?;
    let own = own_model(&arguments.llm, &known.workloads)?;
    let own_name = own.as_ref().map(|workload| workload.name.clone());
    known.workloads.extend(own);
    if arguments.dry_run {
        show_plan(&plan_new(arguments, known.workloads, own_name.as_deref(), &known.providers)?.record);
        return Ok(Code::Success);
    }
    let Known { workloads, providers, cache } = known;
    std::fs::create_dir_all(&cache).with_context(|| format!("--cache {}", cache.display()))?;
    let (folder, mut plan) = match &arguments.resume {
        Some(dir) => {
            let folder = RunFolder::open(dir)?;
            let record = folder.record()?;
            let mut workloads = workloads;
            let recorded: BTreeSet<_> = record.cells.iter().map(|cell| cell.id.workload.as_str()).collect();
            workloads.extend(study(|name| recorded.contains(name))?);
            workloads.extend(zktee_config::language(SHAPE_NAME).filter(|it| recorded.contains(it.name.as_str())));
            let mut plan = Plan::resume(record, workloads, references()?, &dir.display().to_string())?;
            if let Some(budget) = arguments.time_budget {
                plan.record.settings.time_budget_s = Some(budget.as_secs_f64());
            }
            (folder, plan)
        }
        None => {
            let mut plan = plan_new(arguments, workloads, own_name.as_deref(), &providers)?;
            let folder = RunFolder::create(&out_folder(arguments))?;
            let free = || Some(free_bytes(folder.root())? / 100 * 90);
            plan.record.settings.disk_limit_bytes = arguments.disk_limit.or_else(free);
            // First of all: from here on a kill leaves a run that can be resumed.
            folder.write_record(&plan.record)?;
            (folder, plan)
        }
    };
    let environment = environment::collect(versions());
    // A run that was killed before it knew its machine has no samples either.
    let measured_before = folder.root().join(files::ENVIRONMENT).is_file();
    check_same_machine(&folder, &environment, arguments.resume.is_some() && measured_before)?;
    let log = Arc::new(Log::open(folder.root())?);
    let interrupt = Interrupt::default();
    let on_signal = interrupt.clone();
    ctrlc::set_handler(move || on_signal.set()).context("the handler of Ctrl-C cannot be set")?;

    let mut progress = Progress::new();
    progress.line(&format!("results go to {}", folder.root().display()));
    let mut say = |text: &str| {
        progress.line(text);
        log.line(text);
    };
    plan.find_workers(&providers, &cache, &mut SetupPolicy { allowed: !arguments.no_setup, say: &mut say });
    let end = zktee_runner::run(&mut plan, &folder, &cache, &log, &interrupt, &mut progress);
    if matches!(end, Ok(RunEnd::Complete)) {
        load_enclaves(&plan, &folder, &log, &mut progress)?;
    }
    progress.finish();
    // Whatever was recorded is reported, also when the run could not go on.
    let reported = report(&folder);
    if end? == RunEnd::Interrupted {
        reported?;
        eprintln!("zktee: stopped; go on with: zktee run --resume {}", folder.root().display());
        return Ok(Code::Interrupted);
    }
    if !arguments.keep_scratch {
        folder.remove_scratch()?;
    }
    let cells = reported?;
    if let Some(reason) = own_name.and_then(|name| unusable(&cells, &name)) {
        eprintln!("zktee: --llm: {reason}");
        return Ok(Code::BadInput);
    }
    Ok(if cells.iter().any(|cell| has_failed(cell.outcome)) { Code::CellsFailed } else { Code::Success })
}

/// Many clients at a time, for each workload that an enclave was measured with: a table of its own in the report.
fn load_enclaves(plan: &Plan, folder: &RunFolder, log: &Log, progress: &mut Progress) -> anyhow::Result<()> {
    let requests = if plan.record.settings.quick { QUICK_LOAD_REQUESTS } else { LOAD_REQUESTS };
    let mut rows = Vec::new();
    for workload in plan.workloads.values() {
        let cell = CellId::new(&*workload.name, zktee_enclave::PROCESS);
        let planned = plan.record.cells.iter().any(|planned| planned.id == cell && planned.decided.is_none());
        // A workload of single calls asks what that of batches does.
        let in_table = !workload.name.contains(STUDY) && !is_batch(&workload.name);
        // A language model is asked by one at a time.
        if planned && workload.repeat() == 1 && in_table && workload.tensors().is_some() {
            let mut say = |text: &str| {
                progress.line(text);
                log.line(text);
            };
            match super::load::measure(workload, &LOAD_CLIENTS, requests, &mut say) {
                Ok(measured) => rows.extend(measured),
                Err(error) => say(&format!("{cell}: no load: {error:#}")),
            }
        }
    }
    if !rows.is_empty() {
        zktee_report::write_rows(&folder.root().join(files::LOAD), &rows)?;
    }
    Ok(())
}

fn has_failed(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Crashed | Outcome::Wrong | Outcome::Unsound | Outcome::Timeout | Outcome::OutOfMemory)
}

fn plan_new(
    arguments: &RunArguments,
    mut workloads: Vec<Workload>,
    own: Option<&str>,
    providers: &zktee_runner::Providers,
) -> anyhow::Result<Plan> {
    let names: Vec<_> = workloads.iter().map(|workload| workload.name.clone()).collect();
    let names_of = |by_name: bool| {
        let families = providers.families().filter(move |family| family.only_by_name() == by_name);
        families.flat_map(Provider::profiles).map(|profile| profile.backend).collect::<Vec<_>>()
    };
    let (backends, by_name) = (names_of(false), names_of(true));
    let by_name: Vec<_> = by_name.iter().map(String::as_str).collect();
    let families = SCALE_FAMILIES.map(|family| family.name);
    let members: Vec<_> = SCALE_FAMILIES.into_iter().flat_map(|family| family.members).map(|it| it.name).collect();
    let study_apart = Apart { word: STUDY, names: &members, families: &families };
    let shape = Apart { word: SHAPE, names: &[SHAPE_NAME], families: &[] };
    // A model that is named is what is wanted.
    let globs: Vec<String> = match own {
        Some(own) if arguments.workload.is_empty() => vec![own.to_owned()],
        _ => arguments.workload.clone(),
    };
    let wanted = Selection::with_apart("--workload", &globs, &names, &[study_apart, shape])?;
    let calibration = Apart { word: selftest::NAME, names: &by_name, families: &[] };
    let backends = Selection::with_apart("--backend", &arguments.backend, &backends, &[calibration])?;
    // A quick look is at the table.
    let quick = arguments.quick && !arguments.workload.iter().any(|glob| glob.contains("batch"));
    workloads.retain(|workload| wanted.takes(&workload.name) && !(quick && is_batch(&workload.name)));
    workloads.extend(study(|name| wanted.takes_apart(name))?);
    workloads.extend(zktee_config::language(SHAPE_NAME).filter(|it| wanted.takes_apart(&it.name)));
    announce_digests(&workloads);
    let estimates = Estimates::published();
    let estimate = |cell: &CellId| estimates.cell_s(cell);
    let mut plan = Plan::new(
        workloads,
        &backends,
        providers,
        references()?,
        settings(arguments),
        std::env::args().collect(),
        &Costs {
            estimate_s: &estimate,
            by_name_only: &|cell| cell.backend == EZKL_DEFAULT && is_batch(&cell.workload),
        },
    )?;
    if let Some(part) = arguments.partition {
        plan.keep(part, &estimate);
    }
    Ok(plan)
}

/// Whether a workload is one of the batches between one input and all.
fn is_batch(workload: &str) -> bool {
    BATCH_NAMES.contains(&workload)
}

/// The members of the scaling study that are wanted; no other is made.
fn study(wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Workload>> {
    let members = SCALE_FAMILIES.into_iter().flat_map(|family| family.members).filter(|member| wanted(member.name));
    Ok(members.map(|member| zktee_config::builtin(member.name)).collect::<Result<_, _>>()?)
}

fn references() -> anyhow::Result<References> {
    let program =
        this_program().context("the running program cannot be found again; start zktee from a path that stays")?;
    Ok(References::of(&Native::new(program), NATIVE)?)
}

fn settings(arguments: &RunArguments) -> Settings {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory_limit = arguments.memory_limit.or_else(|| machine_memory_bytes().map(|bytes| bytes / 100 * 95));
    Settings {
        threads: arguments.threads.map_or(cores, usize::from),
        samples: arguments.samples.unwrap_or(if arguments.quick { QUICK_SAMPLES } else { SAMPLES }),
        min_samples: MIN_SAMPLES,
        warmup: 1,
        time_budget_s: Some(time_budget(arguments).as_secs_f64()),
        timeout_s: arguments.timeout.as_secs_f64(),
        memory_limit_bytes: memory_limit,
        disk_limit_bytes: arguments.disk_limit,
        quick: arguments.quick,
        assumed_instance: arguments.instance.as_ref().map(|price| price.name.clone()),
        probes: !arguments.no_probes,
    }
}

fn time_budget(arguments: &RunArguments) -> Duration {
    arguments.time_budget.unwrap_or(if arguments.quick { QUICK_TIME_BUDGET } else { TIME_BUDGET })
}

fn out_folder(arguments: &RunArguments) -> PathBuf {
    let by_time = || {
        let time: String = jiff::Timestamp::now().to_string().chars().take(19).filter(|c| *c != ':').collect();
        Path::new("results").join(time)
    };
    arguments.out.clone().unwrap_or_else(by_time)
}

/// Samples of two machines, or of two states of the code, do not belong into one table.
fn check_same_machine(folder: &RunFolder, now: &Environment, resumed: bool) -> anyhow::Result<()> {
    if !resumed {
        return Ok(folder.write_environment(now)?);
    }
    let then = folder.environment()?;
    let differing: Vec<_> = [
        ("CPU", &then.cpu, &now.cpu),
        ("kernel", &then.kernel, &now.kernel),
        ("compiler", &then.rustc, &now.rustc),
        ("commit", &then.commit.clone().unwrap_or_default(), &now.commit.clone().unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(_, then, now)| then != now)
    .map(|(what, then, now)| format!("{what} {then} then, {now} now"))
    .collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(FolderError::Elsewhere { path: folder.root().to_owned(), differing: differing.join("; ") }.into())
}

fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("ezkl".to_owned(), zktee_ezkl::EZKL_VERSION.to_owned()),
        ("halo2-axiom".to_owned(), zktee_halo2::HALO2_VERSION.to_owned()),
        ("halo2_proofs".to_owned(), zktee_halo2_ipa::HALO2_VERSION.to_owned()),
        ("risc0-zkvm".to_owned(), zktee_risc0::RISC0_VERSION.to_owned()),
        ("tract-onnx".to_owned(), TRACT_VERSION.to_owned()),
    ])
}

/// Writes the report of what a folder holds, and prints its table.
pub(crate) fn report(folder: &RunFolder) -> anyhow::Result<Vec<Cell>> {
    let run = zktee_report::load(folder.root())?;
    for warning in &run.warnings {
        eprintln!("zktee: {warning}");
    }
    zktee_report::write_all(folder.root(), &run)?;
    let cells = zktee_report::cells(&run);
    println!("{}", zktee_report::markdown_table(&cells));
    println!("{}", folder.root().join("report.html").display());
    Ok(cells)
}

fn show_plan(record: &RunRecord) {
    let estimates = Estimates::published();
    let (mut total, mut unknown) = (0.0, 0);
    println!("{:<18} {:<16} {:>6} {:>6}  one sample of every phase", "workload", "backend", "batch", "calls");
    for cell in &record.cells {
        let about = match (&cell.decided, estimates.cell_s(&cell.id)) {
            (Some((_, reason)), _) => reason.clone(),
            (None, Some(seconds)) => {
                total += seconds;
                format!("about {}", zktee_report::units::seconds(seconds))
            }
            (None, None) => {
                unknown += 1;
                "not known".to_owned()
            }
        };
        println!("{:<18} {:<16} {:>6} {:>6}  {about}", cell.id.workload, cell.id.backend, cell.batch, cell.repeat);
    }
    if let Some(shard) = &record.shard {
        println!("\nThis is part {} of {} of a plan of {} cells.", shard.index, shard.count, shard.plan.len());
    }
    let settings = &record.settings;
    let budget = settings.time_budget_s.unwrap_or(f64::INFINITY);
    println!(
        "\nOne round takes about {} ({unknown} cells not known), by the published run; at most {} rounds, none begun that \
         would end after {} (--time-budget). Threads: {}.",
        zktee_report::units::seconds(total),
        settings.samples,
        zktee_report::units::seconds(budget),
        settings.threads
    );
}
