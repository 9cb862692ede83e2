//! The history file: JSON lines, only ever appended to.
//!
//! A line is written with one call and waited for. A kill or a full disk can leave half a line at the end: the next `add` takes that
//! half away, and `read` leaves it out. A damaged line anywhere else is left as it is, named, and left out: the rest still counts.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::entry::Entry;

/// The largest history that is read, bytes: ten thousands of runs.
const MAX_BYTES: u64 = 256 << 20;

/// What a history holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The runs, in the order in which they began.
    pub entries: Vec<Entry>,
    /// Lines that were left out.
    pub damaged: Vec<DamagedLine>,
}

/// A line that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for DamagedLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}; it is left out and the file stays as it is", self.line, self.what)
    }
}

/// What became of a run that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is in the history now.
    New,
    /// It was there already.
    Known,
}

/// Why a history cannot be read or added to. Lines that were written before are untouched.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no such file.
    #[error("there is no history {0}; begin one with: zktee history add DIR")]
    None(PathBuf),
    /// It cannot be opened, read or written.
    #[error("cannot use the history {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than any history.
    #[error("{path} is larger than {limit} bytes; is it a history?")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, bytes.
        limit: u64,
    },
    /// Another process is adding to it.
    #[error("{0} is being written by another zktee; try again when that has ended")]
    Busy(PathBuf),
    /// No line of it can be read.
    #[error("{path} has no line that is a run ({what}); is it a history? It stays as it is")]
    NoHistory {
        /// The file.
        path: PathBuf,
        /// What is wrong with its first line.
        what: String,
    },
    /// A run whose numbers or times make no sense.
    #[error("the run cannot be added to {path}: {what}")]
    BadRun {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// Reads a history.
///
/// # Errors
/// When there is none, it cannot be read, or holds lines of which none is a run.
pub fn read(path: &Path) -> Result<History, HistoryError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(HistoryError::None(path.to_owned())),
        Err(source) => return Err(HistoryError::Io { path: path.to_owned(), source }),
    };
    let bytes = bytes_of(&mut file, path)?;
    let mut history = parse(&bytes);
    if let (true, Some(first)) = (history.entries.is_empty(), history.damaged.first()) {
        return Err(HistoryError::NoHistory { path: path.to_owned(), what: first.what.clone() });
    }
    history.entries.sort_by_key(Entry::began);
    Ok(history)
}

/// Adds runs to a history, each once, and says of each what became of it. The file is made where there is none; half a line at its
/// end is taken away first.
///
/// # Errors
/// When the file cannot be written, is in use, holds no run but other lines, or a run makes no sense. Runs before it were added.
pub fn add(path: &Path, entries: &[Entry]) -> Result<Vec<Added>, HistoryError> {
    let io = |source| HistoryError::Io { path: path.to_owned(), source };
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(HistoryError::Busy(path.to_owned())),
        // A file system without locks is no reason not to go on.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    let bytes = bytes_of(&mut file, path)?;
    let known = parse(&bytes);
    if let (true, Some(first)) = (known.entries.is_empty(), known.damaged.iter().find(|it| it.what != TORN)) {
        return Err(HistoryError::NoHistory { path: path.to_owned(), what: first.what.clone() });
    }
    let mut known = known.entries;
    let mut end = mend(&mut file, &bytes).map_err(io)?;
    let mut outcome = Vec::new();
    for entry in entries {
        if let Some(what) = entry.fault() {
            return Err(HistoryError::BadRun { path: path.to_owned(), what });
        }
        if known.iter().any(|it| it.is_same_run(entry)) {
            outcome.push(Added::Known);
            continue;
        }
        let mut line = serde_json::to_vec(entry).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        if let Err(source) = file.write_all(&line).and_then(|()| file.sync_data()) {
            // Should this fail too, the next `add` does the same.
            let _ = file.set_len(end);
            return Err(io(source));
        }
        end += line.len() as u64;
        known.push(entry.clone());
        outcome.push(Added::New);
    }
    Ok(outcome)
}

const TORN: &str = "not written to its end";

/// Brings the file to the end of a whole line, and returns how long it is then. A last line that is whole but for its line end, as
/// editors leave it, gets one.
fn mend(file: &mut File, bytes: &[u8]) -> io::Result<u64> {
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |last| last + 1);
    let last = &bytes[whole..];
    if entry_of(last).is_ok() {
        file.seek(SeekFrom::End(0))?;
        file.write_all(b"\n")?;
        return Ok(bytes.len() as u64 + 1);
    }
    file.set_len(whole as u64)?;
    file.seek(SeekFrom::Start(whole as u64))
}

fn bytes_of(file: &mut File, path: &Path) -> Result<Vec<u8>, HistoryError> {
    let mut bytes = Vec::new();
    let source = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    source.map_err(|source| HistoryError::Io { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(HistoryError::TooLarge { path: path.to_owned(), limit: MAX_BYTES });
    }
    Ok(bytes)
}

pub(crate) fn parse(bytes: &[u8]) -> History {
    let mut history = History::default();
    let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    for (i, line) in lines.iter().enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match entry_of(line) {
            Ok(entry) => history.entries.push(entry),
            Err(what) => {
                // What follows the last line end was being written when it broke off.
                let what = if i + 1 == lines.len() { TORN.to_owned() } else { what };
                history.damaged.push(DamagedLine { line: i + 1, what });
            }
        }
    }
    history
}

fn entry_of(line: &[u8]) -> Result<Entry, String> {
    // A newer line need not have any other field that is known here.
    let value: serde_json::Value = serde_json::from_slice(line).map_err(|error| short(&error.to_string()))?;
    if let Some(schema) = value.get("schema").and_then(serde_json::Value::as_u64)
        && schema > u64::from(super::entry::SCHEMA)
    {
        return Err(format!("it has schema {schema}, which only a newer zktee reads"));
    }
    let entry: Entry = serde_json::from_value(value).map_err(|error| short(&error.to_string()))?;
    match entry.fault() {
        None => Ok(entry),
        Some(what) => Err(what),
    }
}

/// Damaged bytes must not flood the terminal.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
