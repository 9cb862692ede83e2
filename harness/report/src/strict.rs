//! Rows of a recorded CSV file, read strictly: a header with all columns, each value what its column holds; an error names line and column.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use csv::{DeserializeErrorKind, ErrorKind, StringRecord};
use serde::de::DeserializeOwned;

/// The largest file that is read, bytes: about half a million samples.
const MAX_BYTES: u64 = 256 << 20;

/// Why a file of rows cannot be read.
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

/// What is wrong with a row whose values are what their columns hold: the column, and what.
pub(crate) type Fault = (&'static str, String);

/// What a file's rows look like.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'a> {
    /// The file, for messages.
    pub(crate) path: &'a Path,
    /// The columns, in their order.
    pub(crate) columns: &'a [String],
    /// Those of them that runs of earlier versions lack.
    pub(crate) later: &'a [&'a str],
    /// Whether a row is one line.
    pub(crate) one_line: bool,
}

/// The bytes of a file.
///
/// # Errors
/// When it cannot be read or is too large.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>, SamplesError> {
    let io = |source| SamplesError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SamplesError::TooLarge { path: path.to_owned(), limit: MAX_BYTES });
    }
    Ok(bytes)
}

/// How many bytes belong to rows that were written to their end: a line end between quotes is part of a text.
pub(crate) fn whole_rows(bytes: &[u8]) -> usize {
    let mut quoted = false;
    let mut whole = 0;
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => whole = i + 1,
            _ => {}
        }
    }
    whole
}

/// The number of line ends.
pub(crate) fn line_count(bytes: &[u8]) -> u64 {
    bytes.split(|&b| b == b'\n').count() as u64 - 1
}

impl Layout<'_> {
    /// The rows of a file's bytes, each held to `fault`, which sees them in the file's order. Of no bytes no rows.
    pub(crate) fn rows<T: DeserializeOwned>(
        &self,
        bytes: &[u8],
        mut fault: impl FnMut(&T) -> Option<Fault>,
    ) -> Result<Vec<T>, SamplesError> {
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut record = StringRecord::new();
        let mut rows = Vec::new();
        let mut header: Option<StringRecord> = None;
        loop {
            // The csv reader counts the lines that it has consumed, blank ones (which it skips) included.
            let more = reader.read_record(&mut record).map_err(|e| self.unreadable(&e))?;
            if !more {
                return Ok(rows);
            }
            let line = record.position().map_or(0, csv::Position::line);
            // A row that went on beyond its line has swallowed the ones after it.
            if (self.one_line || header.is_none()) && reader.position().line() > line + 1 {
                return Err(self.row(line, None, "a quote is opened and not closed"));
            }
            match &header {
                None => {
                    self.check_header(&record)?;
                    header = Some(record.clone());
                }
                Some(header) => {
                    let row = self.typed(line, header, &record)?;
                    if let Some((column, what)) = fault(&row) {
                        return Err(self.row(line, Some(column.to_owned()), &what));
                    }
                    rows.push(row);
                }
            }
        }
    }

    fn check_header(&self, header: &StringRecord) -> Result<(), SamplesError> {
        let is_there = |name: &str| header.iter().any(|h| h == name);
        let wanted = self.columns;
        let lacking = wanted.iter().filter(|name| !is_there(name) && !self.later.contains(&name.as_str()));
        let missing: Vec<_> = lacking.cloned().collect();
        let unknown: Vec<_> =
            header.iter().filter(|name| !wanted.iter().any(|w| w == name)).map(str::to_owned).collect();
        let what = if !missing.is_empty() {
            format!("missing {}", missing.join(", "))
        } else if !unknown.is_empty() {
            format!("unknown {}", unknown.join(", "))
        } else if header.len() != wanted.iter().filter(|name| is_there(name)).count() {
            "a column stands there twice".to_owned()
        } else {
            return Ok(());
        };
        // Damaged bytes must not flood the terminal.
        Err(SamplesError::Header { path: self.path.to_owned(), what: what.chars().take(400).collect() })
    }

    fn typed<T: DeserializeOwned>(
        &self,
        line: u64,
        header: &StringRecord,
        record: &StringRecord,
    ) -> Result<T, SamplesError> {
        if record.len() != header.len() {
            return Err(self.row(line, None, &format!("{} fields where there must be {}", record.len(), header.len())));
        }
        record.deserialize(Some(header)).map_err(|e| self.misfit(line, header, record, &e))
    }

    fn row(&self, line: u64, column: Option<String>, what: &str) -> SamplesError {
        SamplesError::Row { path: self.path.to_owned(), line, column, what: what.to_owned() }
    }

    /// An error of the reader itself: text that is not UTF-8.
    fn unreadable(&self, error: &csv::Error) -> SamplesError {
        let line = error.position().map_or(0, csv::Position::line);
        match error.kind() {
            ErrorKind::Utf8 { err, .. } => {
                self.row(line, self.columns.get(err.field()).cloned(), "bytes that are not UTF-8 text")
            }
            _ => self.row(line, None, &error.to_string()),
        }
    }

    /// An error of a value that does not fit its column.
    fn misfit(&self, line: u64, header: &StringRecord, record: &StringRecord, error: &csv::Error) -> SamplesError {
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
        self.row(line, at.and_then(|i| header.get(i)).map(str::to_owned), &what)
    }
}
