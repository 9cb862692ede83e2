//! The exit codes, documented in `docs/usage.md`, and which error means which.

use std::process::ExitCode;

use zktee_compare::history::HistoryError;
use zktee_compare::{CompareError, SettingsError};
use zktee_config::ConfigError;
use zktee_report::samples::{JournalError, SamplesError};
use zktee_report::{LoadError, ReportError};
use zktee_runner::merge::MergeError;
use zktee_runner::{FolderError, PlanError, PublishError, RunError, SelectionError};

use crate::ab::AbError;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// All was done. Cells that are `unavailable` or `refused` are results, not failures.
    Success = 0,
    /// Something that should not happen.
    Internal = 1,
    /// The command line; clap uses the same code.
    Usage = 2,
    /// A file that was given is not what it should be: configuration, model, inputs, results.
    BadInput = 3,
    /// The run went through, but a cell crashed, gave a wrong answer, ran out of time or out of memory.
    CellsFailed = 4,
    /// A folder cannot be read or written, or no room is left.
    Storage = 5,
    /// A check found what it was there to find: `doctor` something that is missing, `conformance` a rule that is broken.
    CheckFailed = 6,
    /// `compare` found something slower, or something that worked before and fails now.
    Regressed = 7,
    /// `compare` had nowhere samples enough to show any change: a gate that stayed green on this would be none.
    NothingShown = 8,
    /// `verify` accepted all that it could look at, but not all could be looked at here.
    Incomplete = 9,
    /// Stopped by the user; a run can be resumed.
    Interrupted = 130,
}

/// Something on the command line that cannot be done as it stands there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error and what caused it, without saying anything twice: many of our errors already name their source.
pub(crate) fn one_text(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The code of the first known error in the chain.
pub(crate) fn code_of(error: &anyhow::Error) -> Code {
    error.chain().find_map(known).unwrap_or(Code::Internal)
}

fn known(error: &(dyn std::error::Error + 'static)) -> Option<Code> {
    if error.is::<SelectionError>() || error.is::<SettingsError>() {
        return Some(Code::Usage);
    }
    if error.is::<ConfigError>() || error.is::<SamplesError>() {
        return Some(Code::BadInput);
    }
    if error.is::<JournalError>() || error.is::<ReportError>() || error.is::<std::io::Error>() {
        return Some(Code::Storage);
    }
    if let Some(error) = error.downcast_ref::<RunError>() {
        return match error {
            RunError::Folder(error) => known(error),
            RunError::Journal(error) => known(error),
            RunError::Samples(error) => known(error),
            RunError::Load(error) => known(error),
            RunError::Rows(_) => Some(Code::Storage),
        };
    }
    if let Some(error) = error.downcast_ref::<FolderError>() {
        return Some(match error {
            FolderError::Io { .. } => Code::Storage,
            FolderError::NotEmpty(_) | FolderError::NotARun(_) | FolderError::Locked(_) => Code::Usage,
            FolderError::Newer { .. }
            | FolderError::Elsewhere { .. }
            | FolderError::TooLarge { .. }
            | FolderError::Damaged { .. } => Code::BadInput,
        });
    }
    if error.is::<UsageError>() {
        return Some(Code::Usage);
    }
    match error.downcast_ref::<PublishError>() {
        Some(PublishError::Folder(error)) => return known(error),
        Some(PublishError::Stranger { .. }) => return Some(Code::Usage),
        Some(PublishError::Load(error)) => return known(error),
        Some(PublishError::Report(error)) => return known(error),
        None => {}
    }
    if let Some(error) = error.downcast_ref::<PlanError>() {
        return Some(match error {
            PlanError::Empty | PlanError::UnknownWorkload { .. } | PlanError::Merged(_) => Code::Usage,
            PlanError::WorkloadChanged { .. } | PlanError::Model { .. } => Code::BadInput,
            PlanError::NoReference(_) => Code::Internal,
        });
    }
    if let Some(error) = error.downcast_ref::<AbError>() {
        return Some(match error {
            AbError::NoCheckout(_) | AbError::NoRevision { .. } | AbError::OwnArgument(_) | AbError::NotEmpty(_) => {
                Code::Usage
            }
            AbError::NoBuild { .. } | AbError::NoRun { .. } | AbError::Stranger { .. } => Code::BadInput,
        });
    }
    match error.downcast_ref::<HistoryError>() {
        Some(HistoryError::Io { .. }) => return Some(Code::Storage),
        Some(HistoryError::Busy(_)) => return Some(Code::Usage),
        Some(_) => return Some(Code::BadInput),
        None => {}
    }
    match error.downcast_ref::<CompareError>() {
        Some(CompareError::Io { .. }) => return Some(Code::Storage),
        Some(_) => return Some(Code::BadInput),
        None => {}
    }
    if let Some(error) = error.downcast_ref::<MergeError>() {
        return match error {
            MergeError::Folder(error) => known(error),
            MergeError::Io { .. } | MergeError::Rows(_) => Some(Code::Storage),
            _ => Some(Code::BadInput),
        };
    }
    error.is::<LoadError>().then_some(Code::BadInput)
}
