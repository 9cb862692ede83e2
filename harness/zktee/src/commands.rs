//! One file a command; this one only knows which is which.

mod compare;
mod conformance;
mod data;
mod explain;
mod history;
mod init;
mod llm;
mod load;
mod merge;
mod publish;
mod run;
mod selftest;
mod verify;
mod verify_attestation;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory;
use zktee_core::protocol::{Worker, serve};
use zktee_enclave::{Interior, LanguageLimits};
use zktee_halo2::{Halo2Worker, Statement};
use zktee_halo2_ipa::Halo2IpaWorker;
use zktee_native::{NativeLanguageWorker, NativeWorker};
use zktee_risc0::{PROVER_VARIABLE, Program, Risc0Worker};
use zktee_stark::{Profile, StarkWorker};

use crate::cli::{Arguments, Command, DataCommand, DoctorArguments, ListArguments, ReportArguments};
use crate::exit::Code;
use crate::program::this_program;
use crate::{backends, doctor, list};

/// Does what the command line asks for.
pub(crate) fn dispatch(arguments: Arguments) -> anyhow::Result<Code> {
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::List(arguments) => show_list(&arguments),
        Command::Doctor(arguments) => show_doctor(&arguments),
        Command::Report(arguments) => rebuild_report(&arguments),
        Command::Publish(arguments) => publish::publish(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::History { command } => history::history(&command),
        Command::Init { file } => init::init(&file),
        Command::Data { command: DataCommand::Fetch { folder, cache } } => data::fetch(folder, &cache),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Load(arguments) => load::load(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Selftest(arguments) => selftest::selftest(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::VerifyAttestation(arguments) => verify_attestation::verify_attestation(&arguments),
        Command::Conformance { json, program } => conformance::conformance(&program, json),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "zktee", &mut std::io::stdout());
            Ok(Code::Success)
        }
        Command::Srs { logrows, file } => {
            zktee_srs::write_atomically(&file, logrows, 0, |_, _| {})?;
            Ok(Code::Success)
        }
        Command::Worker { backend } => worker(&backend),
        Command::Enclave { root, model, llm_memory, llm_threads } => {
            let limits = |memory_bytes| LanguageLimits { threads: llm_threads, memory_bytes };
            zktee_enclave::serve(&Interior { models: model, languages: llm_memory.map(limits), root })?;
            Ok(Code::Success)
        }
    }
}

fn worker(backend: &str) -> anyhow::Result<Code> {
    // A worker does not outlive its runner, however that ends. Only Linux has the call; elsewhere the end of the input says it.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    if let Some(served) = crate::selftest::serve(backend) {
        served?;
        return Ok(Code::Success);
    }
    let mut worker: Box<dyn Worker> = match (backend, Statement::of(backend), Profile::of(backend)) {
        (zktee_native::NAME, ..) => Box::new(NativeWorker::new()),
        (zktee_native::LANGUAGE_WORKER, ..) => Box::new(NativeLanguageWorker::new()),
        (_, Some(statement), _) => Box::new(Halo2Worker::new(statement)),
        (_, _, Some(profile)) => Box::new(StarkWorker::new(profile)),
        (zktee_halo2_ipa::NAME, ..) => Box::new(Halo2IpaWorker::new()),
        _ => match zktee_enclave::worker(backend, this_program()?) {
            Some(worker) => Box::new(worker),
            None => risc0(backend)?,
        },
    };
    // The answer to a panic goes through the protocol; its backtrace to the log.
    serve(worker.as_mut(), std::io::stdin(), std::io::stdout())?;
    Ok(Code::Success)
}

/// RISC Zero's worker. The provider tells where its prover is; without that the prover fails to start, which is an answer.
fn risc0(backend: &str) -> anyhow::Result<Box<dyn Worker>> {
    let program = Program::of(backend).with_context(|| format!("no worker is built in for `{backend}`"))?;
    let prover = std::env::var_os(PROVER_VARIABLE).map(PathBuf::from).unwrap_or_default();
    Ok(Box::new(Risc0Worker::new(program, prover)))
}

fn show_list(arguments: &ListArguments) -> anyhow::Result<Code> {
    let known = backends::known(&arguments.config)?;
    let list = list::list(&known.workloads, known.providers.families(), &known.cache);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        print!("{list}");
    }
    Ok(Code::Success)
}

fn show_doctor(arguments: &DoctorArguments) -> anyhow::Result<Code> {
    let known = backends::known(&arguments.config)?;
    let findings = doctor::examine(&known.providers, &known.cache, &arguments.out);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print!("{findings}");
    }
    Ok(if findings.any_failed() { Code::CheckFailed } else { Code::Success })
}

fn rebuild_report(arguments: &ReportArguments) -> anyhow::Result<Code> {
    let dir = &arguments.dir;
    let mut run = zktee_report::load(dir)?;
    if let Some(price) = &arguments.instance {
        run.record.settings.assumed_instance = Some(price.name.clone());
    }
    for warning in &run.warnings {
        eprintln!("zktee: {warning}");
    }
    let formats: Vec<_> = arguments.format.iter().map(|format| (*format).into()).collect();
    let formats = if formats.is_empty() { &zktee_report::Format::USUAL[..] } else { &formats };
    for file in zktee_report::write(dir, &run, formats)? {
        println!("{}", file.display());
    }
    Ok(Code::Success)
}
