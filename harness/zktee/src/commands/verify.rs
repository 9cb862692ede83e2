//! `zktee verify`: the evidence behind a table, verified again.

use anyhow::Context as _;
use zktee_core::vocabulary::Phase;
use zktee_report::units;
use zktee_runner::{Failure, Interrupt, Reverified, Reverifier, SetupPolicy};

use crate::backends;
use crate::cli::VerifyArguments;
use crate::exit::Code;
use crate::progress::Progress;

/// Verifies every cell of a run again and says what came of it.
pub(crate) fn verify(arguments: &VerifyArguments) -> anyhow::Result<Code> {
    let run = zktee_report::load(&arguments.dir)?;
    let known = backends::known(&arguments.config)?;
    let folder = tempfile::tempdir().context("a folder for verifiers")?;
    let reverifier = Reverifier {
        root: &arguments.dir,
        record: &run.record,
        providers: &known.providers,
        cache: &known.cache,
        scratch: &folder.path().join("verify"),
    };
    let interrupt = Interrupt::default();
    let on_signal = interrupt.clone();
    ctrlc::set_handler(move || on_signal.set()).context("the handler of Ctrl-C cannot be set")?;
    let cells = reverifier.cells(|cell| {
        run.samples.iter().any(|sample| {
            (&sample.workload, &sample.backend) == (&cell.workload, &cell.backend)
                && sample.phase == Phase::Verify
                && sample.is_whole_and_good()
        })
    });
    let progress = Progress::new();
    let mut results = Vec::new();
    for cell in cells {
        let mut say = |text: &str| progress.line(text);
        let mut policy = SetupPolicy { allowed: !arguments.no_setup, say: &mut say };
        let result = match reverifier.verify(cell, &mut policy, &interrupt) {
            Ok(result) => result,
            Err(Failure::Interrupted) => return Ok(Code::Interrupted),
            Err(Failure::Cell { reason, .. }) => anyhow::bail!(reason),
        };
        if !arguments.json {
            println!("{}", line(&result));
        }
        results.push(result);
    }
    progress.finish();
    let accepted = results.iter().filter(|result| result.accepted).count();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    } else {
        println!("{accepted} of {} accepted", results.len());
    }
    // A run without any evidence shows nothing.
    Ok(if accepted == results.len() && accepted > 0 { Code::Success } else { Code::CheckFailed })
}

fn line(result: &Reverified) -> String {
    let cell = result.cell.to_string();
    match (&result.reason, result.wall_s) {
        (Some(reason), _) => format!("{cell:<40} not accepted: {reason}"),
        (None, seconds) => format!("{cell:<40} accepted in {}", units::seconds(seconds.unwrap_or_default())),
    }
}
