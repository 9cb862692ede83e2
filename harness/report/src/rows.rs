//! Small tables beside `samples.csv`: `load.csv`, `probes.csv`. Read whole, written whole.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest file that is read, bytes: tens of thousands of rows.
pub(crate) const MAX_BYTES: u64 = 16 << 20;

/// Why such a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}; remove the file to go on without it")]
pub struct RowsError {
    /// The file.
    path: PathBuf,
    /// What is wrong, with its line.
    source: csv::Error,
}

impl RowsError {
    pub(crate) fn new(path: &Path, source: csv::Error) -> Self {
        Self { path: path.to_owned(), source }
    }
}

/// Writes a file of a run's folder over what was there: a temporary file first, so that there is always a whole one.
///
/// # Errors
/// When the file cannot be written.
pub fn write_rows<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), RowsError> {
    let temporary = path.with_extension("tmp");
    let write = || {
        let mut writer = csv::Writer::from_path(&temporary)?;
        rows.iter().try_for_each(|row| writer.serialize(row))?;
        writer.flush()?;
        std::fs::rename(&temporary, path)?;
        Ok(())
    };
    write().map_err(|source| RowsError { path: path.to_owned(), source })
}

/// The rows of a file's bytes.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<Vec<T>, RowsError> {
    let rows: Result<Vec<T>, _> = csv::Reader::from_reader(bytes).deserialize().collect();
    rows.map_err(|source| RowsError { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use zktee_core::record::{ProbeRow, ProbeVerdict};

    use super::*;

    fn row(detail: Option<&str>) -> ProbeRow {
        ProbeRow {
            workload: "ols-iris".into(),
            backend: "a/b".into(),
            probe: "other-output".into(),
            changes_statement: true,
            verdict: ProbeVerdict::Rejected,
            detail: detail.map(str::to_owned),
        }
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("probes.csv");
        let rows = [row(None), row(Some("no, \"because\"\nof that"))];
        write_rows(&path, &rows).unwrap();
        assert_eq!(parse::<ProbeRow>(&path, &std::fs::read(&path).unwrap()).unwrap(), rows);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing temporary is left");
    }

    #[test]
    fn a_damaged_file_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("probes.csv");
        write_rows(&path, &[row(None)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap().replace("rejected", "perhaps");
        let error = parse::<ProbeRow>(&path, text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("probes.csv") && error.contains("line: 2"), "{error}");
    }
}
