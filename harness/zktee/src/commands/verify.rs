//! `zktee verify`: the evidence behind a table, verified again.

use anyhow::Context as _;
use zktee_report::units;
use zktee_runner::{Failure, Interrupt, Reverified, Reverifier, SetupPolicy, Verdict};

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
        samples: &run.samples,
        providers: &known.providers,
        cache: &known.cache,
        scratch: &folder.path().join("verify"),
    };
    let interrupt = Interrupt::default();
    let on_signal = interrupt.clone();
    ctrlc::set_handler(move || on_signal.set()).context("the handler of Ctrl-C cannot be set")?;
    let cells = reverifier.cells();
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
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    } else {
        println!("{}", counted(&results));
    }
    Ok(code(&results))
}

fn count(results: &[Reverified], verdict: Verdict) -> usize {
    results.iter().filter(|result| result.verdict == verdict).count()
}

/// A run without any evidence shows nothing; what could not be looked at is no evidence against it, and where there is none nothing can be.
fn code(results: &[Reverified]) -> Code {
    let accepted = count(results, Verdict::Accepted);
    let there = results.len() - count(results, Verdict::Nothing);
    if accepted == 0 || count(results, Verdict::Rejected) + count(results, Verdict::Missing) > 0 {
        return Code::CheckFailed;
    }
    if accepted < there { Code::Incomplete } else { Code::Success }
}

fn counted(results: &[Reverified]) -> String {
    let nothing = count(results, Verdict::Nothing);
    let others = [
        (Verdict::Rejected, "rejected"),
        (Verdict::Missing, "missing"),
        (Verdict::LeftOut, "left out of this folder"),
        (Verdict::Unchecked, "not checked here"),
        (Verdict::Nothing, "estimated, with nothing to verify"),
    ];
    let others = others.into_iter().filter_map(|(verdict, words)| {
        let n = count(results, verdict);
        (n > 0).then(|| format!(", {n} {words}"))
    });
    format!(
        "{} of {} accepted{}",
        count(results, Verdict::Accepted),
        results.len() - nothing,
        others.collect::<String>()
    )
}

fn line(result: &Reverified) -> String {
    let cell = result.cell.to_string();
    let words = match result.verdict {
        Verdict::Accepted => format!("accepted in {}", units::seconds(result.wall_s.unwrap_or_default())),
        Verdict::Rejected => "not accepted".to_owned(),
        Verdict::Missing => "missing".to_owned(),
        Verdict::LeftOut => "left out".to_owned(),
        Verdict::Unchecked => "not checked".to_owned(),
        Verdict::Nothing => "nothing to verify".to_owned(),
    };
    match &result.reason {
        Some(reason) => format!("{cell:<40} {words}: {reason}"),
        None => format!("{cell:<40} {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Accepted, LeftOut, Missing, Nothing, Rejected, Unchecked};
    use zktee_core::vocabulary::CellId;

    #[test]
    fn the_code_says_whether_all_was_accepted_and_whether_anything_speaks_against_it() {
        let of = |verdicts: &[Verdict]| {
            let one = |verdict: &Verdict| Reverified {
                cell: CellId::new("w", "b"),
                verdict: *verdict,
                reason: None,
                wall_s: None,
            };
            let results: Vec<_> = verdicts.iter().map(one).collect();
            code(&results)
        };
        assert_eq!(of(&[Accepted, Accepted]), Code::Success);
        assert_eq!(of(&[Accepted, LeftOut]), Code::Incomplete);
        assert_eq!(of(&[Accepted, Unchecked]), Code::Incomplete);
        assert_eq!(of(&[Accepted, Nothing]), Code::Success, "an estimate is no gap in the evidence");
        for against in [&[][..], &[Unchecked], &[Nothing], &[Accepted, Rejected], &[Accepted, Unchecked, Missing]] {
            assert_eq!(of(against), Code::CheckFailed, "{against:?}");
        }
    }
}
