//! `zktee conformance`: does a worker keep the protocol's rules?

use anyhow::Context as _;
use zktee_core::provider::{Provider as _, WorkerCommand};
use zktee_native::{NAME, Native};
use zktee_runner::conformance::check;

use crate::exit::Code;
use crate::program::this_program;

/// The smallest of the built-in workloads: three inputs, one output.
const WORKLOAD: &str = "ols-iris";

/// Tries the program and prints what was found.
pub(crate) fn conformance(program: &[String], json: bool) -> anyhow::Result<Code> {
    let (name, args) = program.split_first().context("no program was named")?;
    let command = WorkerCommand {
        // Workers start in folders of their own: a path that is given is meant from here.
        program: if name.contains('/') { std::path::absolute(name)? } else { name.into() },
        args: args.iter().map(|arg| from_here(arg)).collect::<Result<_, _>>()?,
        env: Vec::new(),
    };
    let workload = zktee_config::builtins()?.into_iter().find(|workload| workload.name == WORKLOAD);
    let workload = workload.context("the built-in workload is gone")?;
    let scratch = std::env::temp_dir().join(format!("zktee-conformance-{}", std::process::id()));
    std::fs::create_dir_all(scratch.join("cache")).with_context(|| format!("{}", scratch.display()))?;
    let reference = Native::new(this_program().context("the running program cannot be found again")?).command(NAME)?;
    let findings = check(&command, &scratch, workload, reference);
    let _ = std::fs::remove_dir_all(&scratch);
    let findings = findings?;
    let broken = findings.iter().filter(|finding| finding.kept != Some(true)).count();
    if json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            let mark = match finding.kept {
                Some(true) => "ok  ",
                Some(false) => "FAIL",
                None => "--  ",
            };
            let detail = if finding.detail.is_empty() { String::new() } else { format!(" ({})", finding.detail) };
            println!("{mark} {}{detail}", finding.rule);
        }
        println!("{} of {} rules kept", findings.len() - broken, findings.len());
    }
    Ok(if broken == 0 { Code::Success } else { Code::CheckFailed })
}

/// An argument that names a file, by its absolute path; any other as it is.
fn from_here(arg: &str) -> std::io::Result<std::ffi::OsString> {
    if std::path::Path::new(arg).is_file() { Ok(std::path::absolute(arg)?.into()) } else { Ok(arg.into()) }
}
