//! Why two sides cannot be compared.

use std::path::PathBuf;

use zktee_core::vocabulary::CellId;
use zktee_report::LoadError;

use crate::criterion::CriterionError;

/// Why there is no comparison. A gate must not stay green because it measured nothing.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A folder of a run is damaged or is none.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Criterion's folder is damaged, or has no benchmark of a cell.
    #[error(transparent)]
    Criterion(#[from] CriterionError),
    /// One side is of `cargo bench`, the other of `zktee run`.
    #[error(
        "{bench} is what `cargo bench` left and {run} what `zktee run` left: the one makes its calls in one process, the other each in a \
         fresh one, so that their times say nothing of each other; compare two of one kind"
    )]
    Kinds {
        /// The one of `cargo bench`.
        bench: PathBuf,
        /// The one of `zktee run`.
        run: PathBuf,
    },
    /// Neither a run nor a folder of runs.
    #[error(
        "{0} holds no run: name a folder that `zktee run` printed, one whose subfolders are runs of the same code, or what `cargo bench` left \
         (target/criterion, or target/criterion@NAME for a saved baseline)"
    )]
    NoRun(PathBuf),
    /// More runs than anybody takes.
    #[error("{path} holds more than {limit} runs")]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A folder cannot be listed.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Runs of one side measured different things under one name.
    #[error(
        "the runs in {path} do not belong together: `{cell}` has another {what} in {run} than in the first of them"
    )]
    Mixed {
        /// The folder of runs.
        path: PathBuf,
        /// The cell.
        cell: CellId,
        /// What differs.
        what: &'static str,
        /// The run.
        run: PathBuf,
    },
    /// No cell has times on both sides.
    #[error(
        "nothing to compare: {base} and {new} have no cell with times in both ({}); nothing was found the same",
        why.join("; ")
    )]
    NothingInCommon {
        /// The one side.
        base: PathBuf,
        /// The other.
        new: PathBuf,
        /// What became of the cells.
        why: Vec<String>,
    },
}
