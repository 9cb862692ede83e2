//! Why the training set could not be had.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::DataError;

/// Why the training set is not in the folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The folder, or a file in it, cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The folder or the file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// No way gave the published files.
    #[error(
        "{}: the MNIST training set could not be fetched:{}\n\
         If you have the four files, raw or .gz, name their folder with --mnist-folder.",
        folder.display(), listed(failed)
    )]
    EveryWayFailed {
        /// Where the files were to go.
        folder: PathBuf,
        /// Each way in the order tried.
        failed: Vec<FailedWay>,
    },
}

/// One way that did not give a file.
#[derive(Debug)]
pub struct FailedWay {
    /// Which way.
    pub way: String,
    /// The file it was asked for.
    pub file: &'static str,
    /// Why not.
    pub reason: Reason,
}

/// Why one way did not give a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// No connection, a time limit, or an answer other than the file.
    #[error("{0}")]
    Http(Box<ureq::Error>),

    /// What came is not the published file.
    #[error("{0}")]
    Data(#[from] DataError),

    /// Reading or writing on the way failed.
    #[error("{what}: {source}")]
    Io {
        /// What was read or written.
        what: String,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The client cannot be started.
    #[error("`{program}` cannot be started ({source}); install Node.js with npm, or put it on PATH")]
    NoClient {
        /// The program.
        program: String,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The client took too long and was stopped.
    #[error("`{program}` was stopped after {} s", limit.as_secs())]
    Timeout {
        /// The program.
        program: String,
        /// Its time limit.
        limit: Duration,
    },

    /// The client failed.
    #[error("`{program}` failed ({status}): {said}")]
    Client {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its standard error.
        said: String,
    },

    /// The package does not hold the file.
    #[error("{package}: holds no sound member `{member}`")]
    NoMember {
        /// The package.
        package: String,
        /// The member's path in it.
        member: String,
    },
}

fn listed(failed: &[FailedWay]) -> String {
    failed.iter().fold(String::new(), |mut list, FailedWay { way, file, reason }| {
        let _ = write!(list, "\n  {way}: {file}: {reason}");
        list
    })
}
