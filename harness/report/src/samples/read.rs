//! Reading `samples.csv`: a torn last line is skipped with a warning, any other damage is an error that names line and column.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use csv::{DeserializeErrorKind, ErrorKind, StringRecord};
use zktee_core::record::Sample;

use super::columns;

/// The largest file that is read, bytes: about half a million rows.
const MAX_BYTES: u64 = 256 << 20;

/// What was in `samples.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// The rows, in the file's order.
    pub rows: Vec<Sample>,
    /// The number of the torn last line that was skipped, where there was one.
    pub torn_line: Option<u64>,
}

/// Why `samples.csv` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than any run makes it.
    #[error("{path} is larger than {limit} bytes; is it a results file?")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, bytes.
        limit: u64,
    },
    /// The header line is not the one of this schema.
    #[error(
        "{path}, line 1: the header is damaged: {what}; put the header line of docs/results.md back, the rows are untouched"
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A row is damaged.
    #[error(
        "{path}, line {line}{}: {what}; mend or remove that line (the file is left as it is)",
        column.as_ref().map(|c| format!(", column `{c}`")).unwrap_or_default()
    )]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1; the header is line 1.
        line: u64,
        /// The column, where it is one column's fault.
        column: Option<String>,
        /// What is wrong.
        what: String,
    },
}

/// Reads a `samples.csv`. An empty file holds no samples.
///
/// # Errors
/// See [`SamplesError`].
pub fn read(path: &Path) -> Result<Samples, SamplesError> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|source| io(path, source))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|source| io(path, source))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SamplesError::TooLarge { path: path.to_owned(), limit: MAX_BYTES });
    }
    let whole = whole_lines(&bytes);
    let torn_line = (whole < bytes.len()).then(|| line_count(&bytes[..whole]) + 1);
    Ok(Samples { rows: parse(path, &bytes[..whole])?, torn_line })
}

/// How many bytes belong to lines that were written to their end.
pub(super) fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&b| b == b'\n').map_or(0, |last| last + 1)
}

fn line_count(bytes: &[u8]) -> u64 {
    bytes.split(|&b| b == b'\n').count() as u64 - 1
}

fn io(path: &Path, source: std::io::Error) -> SamplesError {
    SamplesError::Io { path: path.to_owned(), source }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Sample>, SamplesError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut record = StringRecord::new();
    let mut rows = Vec::new();
    let mut header: Option<StringRecord> = None;
    loop {
        // The csv reader counts the lines that it has consumed, blank ones (which it skips) included.
        let more = reader.read_record(&mut record).map_err(|e| unreadable(path, &e))?;
        if !more {
            return Ok(rows);
        }
        let line = record.position().map_or(0, csv::Position::line);
        // A row is a line. A row that went on beyond its line has swallowed the ones after it.
        if reader.position().line() > line + 1 {
            return Err(row(path, line, None, "a quote is opened and not closed"));
        }
        match &header {
            None => {
                check_header(path, &record)?;
                header = Some(record.clone());
            }
            Some(header) => rows.push(sample(path, line, header, &record)?),
        }
    }
}

/// Columns that files of earlier versions lack.
const ADDED: [&str; 1] = ["first_wall_s"];

fn check_header(path: &Path, header: &StringRecord) -> Result<(), SamplesError> {
    let wanted = columns();
    let there = |name: &str| header.iter().any(|h| h == name);
    let missing: Vec<_> =
        wanted.iter().filter(|name| !there(name) && !ADDED.contains(&name.as_str())).cloned().collect();
    let added = ADDED.iter().filter(|name| !there(name)).count();
    let unknown: Vec<_> = header.iter().filter(|name| !wanted.iter().any(|w| w == name)).map(str::to_owned).collect();
    let what = if !missing.is_empty() {
        format!("missing {}", missing.join(", "))
    } else if !unknown.is_empty() {
        format!("unknown {}", unknown.join(", "))
    } else if header.len() + added != wanted.len() {
        "a column stands there twice".to_owned()
    } else {
        return Ok(());
    };
    // Damaged bytes must not flood the terminal.
    Err(SamplesError::Header { path: path.to_owned(), what: what.chars().take(400).collect() })
}

fn sample(path: &Path, line: u64, header: &StringRecord, record: &StringRecord) -> Result<Sample, SamplesError> {
    if record.len() != header.len() {
        return Err(row(path, line, None, &format!("{} fields where there must be {}", record.len(), header.len())));
    }
    let sample: Sample = record.deserialize(Some(header)).map_err(|e| misfit(path, line, header, record, &e))?;
    if let Some(name) = bad_number(&sample) {
        return Err(row(path, line, Some(name.to_owned()), "not a finite number of at least 0"));
    }
    if sample.is_whole_and_good() && sample.wall_s.is_none() {
        return Err(row(path, line, Some("wall_s".to_owned()), "a measured sample without a time"));
    }
    Ok(sample)
}

/// The column of a number that no clock or counter has: `NaN` and `inf` parse as floats.
pub(super) fn bad_number(sample: &Sample) -> Option<&'static str> {
    let bad = |value: Option<f64>| value.is_some_and(|v| !v.is_finite() || v < 0.0);
    numbers(sample).into_iter().find(|(_, value)| bad(*value)).map(|(name, _)| name)
}

fn numbers(s: &Sample) -> [(&'static str, Option<f64>); 11] {
    [
        ("wall_s", s.wall_s),
        ("first_wall_s", s.first_wall_s),
        ("user_s", s.user_s),
        ("system_s", s.system_s),
        ("untimed_s", s.untimed_s),
        ("runner_wall_s", s.runner_wall_s),
        ("max_abs_error", s.max_abs_error),
        ("mean_abs_error", s.mean_abs_error),
        ("class_agreement", s.class_agreement),
        ("accuracy", s.accuracy),
        ("load_1m", s.load_1m),
    ]
}

fn row(path: &Path, line: u64, column: Option<String>, what: &str) -> SamplesError {
    SamplesError::Row { path: path.to_owned(), line, column, what: what.to_owned() }
}

/// An error of the reader itself: text that is not UTF-8.
fn unreadable(path: &Path, error: &csv::Error) -> SamplesError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::Utf8 { err, .. } => {
            row(path, line, columns().get(err.field()).cloned(), "bytes that are not UTF-8 text")
        }
        _ => row(path, line, None, &error.to_string()),
    }
}

/// An error of a value that does not fit its column.
fn misfit(path: &Path, line: u64, header: &StringRecord, record: &StringRecord, error: &csv::Error) -> SamplesError {
    let mut at = None;
    let mut what = error.to_string();
    if let ErrorKind::Deserialize { err, .. } = error.kind() {
        at = err.field().map(|f| f as usize);
        what = match err.kind() {
            DeserializeErrorKind::Message(m) | DeserializeErrorKind::Unsupported(m) => m.clone(),
            DeserializeErrorKind::ParseBool(_) => "neither `true` nor `false`".to_owned(),
            DeserializeErrorKind::ParseInt(e) => e.to_string(),
            DeserializeErrorKind::ParseFloat(e) => e.to_string(),
            other => other.to_string(),
        };
    }
    // The csv crate does not say at which field an unknown word of an enumeration stood; the message repeats the word.
    let at = at.or_else(|| record.iter().position(|field| what.contains(&format!("unknown variant `{field}`"))));
    let value = at.and_then(|i| record.get(i)).map(|v| v.chars().take(60).collect::<String>());
    if let Some(value) = value.filter(|v| !what.contains(v.as_str()) || v.is_empty()) {
        what = format!("`{value}`: {what}");
    }
    row(path, line, at.and_then(|i| header.get(i)).map(str::to_owned), &what)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
