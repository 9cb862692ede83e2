//! `zktee merge`: parts of a run, or runs of several machines, in one table.

use zktee_runner::merge::{Completeness, merge as merge_runs};

use super::run::report;
use crate::cli::MergeArguments;
use crate::exit::Code;

/// Merges and reports.
pub(crate) fn merge(arguments: &MergeArguments) -> anyhow::Result<Code> {
    let completeness = if arguments.incomplete { Completeness::Any } else { Completeness::Whole };
    let merged = merge_runs(&arguments.dirs, &arguments.out, std::env::args().collect(), completeness)?;
    for note in &merged.notes {
        eprintln!("zktee: {note}");
    }
    report(&merged.folder)?;
    Ok(Code::Success)
}
