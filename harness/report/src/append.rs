//! Tables of a run's folder that grow row by row while it runs: `generations.csv`, `tokens.csv`.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::rows::{RowsError, write_rows};

/// A table that is appended to. What was written is on the disk before the next thing happens.
#[derive(Debug)]
pub struct Appender<T> {
    path: PathBuf,
    file: Option<File>,
    /// Bytes of whole rows: what the file is cut back to when a write fails half-way.
    len: u64,
    rows: PhantomData<T>,
}

impl<T: Serialize> Appender<T> {
    /// Goes on with a table that has these rows, whatever else is in the file; without any the file is made with the first.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(path: &Path, rows: &[T]) -> Result<Self, RowsError> {
        let mut appender = Self { path: path.to_owned(), file: None, len: 0, rows: PhantomData };
        if !rows.is_empty() {
            write_rows(path, rows)?;
            appender.len = path.metadata().map_err(|error| appender.failed(error))?.len();
        } else if let Err(error) = std::fs::remove_file(path)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(appender.failed(error));
        }
        Ok(appender)
    }

    /// Appends rows and waits until the disk has them.
    ///
    /// # Errors
    /// When they cannot be written; the rows before are then intact.
    pub fn append(&mut self, rows: &[T]) -> Result<(), RowsError> {
        let mut writer = csv::WriterBuilder::new().has_headers(self.len == 0).from_writer(Vec::new());
        for row in rows {
            writer.serialize(row).map_err(|source| RowsError::new(&self.path, source))?;
        }
        let bytes = writer.into_inner().map_err(|error| self.failed(Error::other(error.to_string())))?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                OpenOptions::new().append(true).create(true).open(&self.path).map_err(|error| self.failed(error))?
            }
        };
        if let Err(error) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            // Should this fail too, the next `open` does the same.
            let _ = file.set_len(self.len);
            return Err(self.failed(error));
        }
        self.len += bytes.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    fn failed(&self, error: Error) -> RowsError {
        RowsError::new(&self.path, error.into())
    }
}

#[cfg(test)]
mod tests {
    use zktee_core::record::TokenRow;

    use super::*;

    fn row(position: u32) -> TokenRow {
        let (workload, backend) = ("llm-a".to_owned(), "native".to_owned());
        TokenRow { workload, backend, sample: 0, position, token: 7, latency_ns: 8 }
    }

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn rows_follow_one_header_and_a_torn_row_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.csv");
        let mut table = Appender::open(&path, &[]).unwrap();
        assert!(!path.exists(), "no rows, no file");
        table.append(&[row(0), row(1)]).unwrap();
        table.append(&[row(2)]).unwrap();
        let whole = text(&path);
        assert_eq!((whole.matches("position").count(), whole.lines().count()), (1, 4));
        std::fs::write(&path, format!("{whole}llm-a,nat")).unwrap();
        let mut table = Appender::open(&path, &[row(0), row(1), row(2)]).unwrap();
        assert_eq!(text(&path), whole);
        table.append(&[row(3)]).unwrap();
        assert_eq!(text(&path), whole + "llm-a,native,0,3,7,8\n");
        drop(Appender::<TokenRow>::open(&path, &[]).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let mut table = Appender::open(Path::new("/nonexistent/tokens.csv"), &[]).unwrap();
        assert!(table.append(&[row(0)]).unwrap_err().to_string().contains("/nonexistent/tokens.csv"));
    }
}
