//! Appending to `samples.csv`: a sample is on the disk before the next one begins.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use zktee_core::record::Sample;

use super::read::{bad_number, parse, whole_lines};
use super::{columns, one_line};

/// Why a sample could not be recorded. Rows recorded before are untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened.
    #[error("cannot open {path} for appending: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process is appending to it.
    #[error("{path} is being written by another run; wait for it to end or use another results folder")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file's header is not the one that this version writes.
    #[error("{path}, line 1: not the header of this version's samples; use a new results folder")]
    Header {
        /// The file.
        path: PathBuf,
    },
    /// No room is left for the row.
    #[error(
        "no room left to record a sample in {path}: {source}; free some space and go on with --resume, the rows recorded so far are intact"
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The sample has a number that no clock or counter has.
    #[error("a sample for {path} has a `{column}` that is not a finite number of at least 0; it was not recorded")]
    BadNumber {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// The row could not be written for another reason.
    #[error("cannot record a sample in {path}: {source}; the rows recorded so far are intact")]
    Append {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a journal needs of a file; the tests stand a full disk in its place.
trait Storage: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

impl Storage for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.seek(SeekFrom::Start(len)).map(drop)
    }
}

/// A `samples.csv` open for appending, held by one process at a time.
pub struct Journal {
    storage: Box<dyn Storage>,
    path: PathBuf,
    /// Bytes of whole rows: what the file is cut back to when a write fails half-way.
    len: u64,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).field("len", &self.len).finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens `path`, or creates it with its header. What a run that was killed while writing left of its last sample is cut off: a torn
    /// last line, and stages without the row of their phase. All whole samples stay.
    ///
    /// # Errors
    /// When the file cannot be opened, is in use by another run, or has another header.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let open = |source| JournalError::Open { path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(open)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy { path: path.to_owned() }),
            // A file system without locks is no reason not to measure.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(open)?;
        let whole = whole_lines(&bytes);
        let header = columns().join(",");
        let first = bytes[..whole].split(|&b| b == b'\n').next().unwrap_or_default();
        if whole > 0 && first.strip_suffix(b"\r").unwrap_or(first) != header.as_bytes() {
            return Err(JournalError::Header { path: path.to_owned() });
        }
        let whole = whole_samples(&bytes[..whole]);
        let mut journal = Self { storage: Box::new(file), path: path.to_owned(), len: whole as u64 };
        journal.storage.truncate(journal.len).map_err(open)?;
        if whole == 0 {
            journal.write(format!("{header}\n").as_bytes())?;
        }
        Ok(journal)
    }

    /// Appends a row and waits until the disk has it.
    ///
    /// # Errors
    /// As [`Journal::append_all`].
    pub fn append(&mut self, row: &Sample) -> Result<(), JournalError> {
        self.append_all(std::slice::from_ref(row))
    }

    /// Appends a sample and waits until the disk has it: the row of the whole phase, which is given first, and those of its stages. In the
    /// file the whole stands last: a kill between them leaves stages without their sample, which the next [`Journal::open`] cuts off.
    ///
    /// # Errors
    /// [`JournalError::BadNumber`] before anything is written; [`JournalError::Full`] when there is no room, else
    /// [`JournalError::Append`]: what was half written is cut off again.
    pub fn append_all(&mut self, rows: &[Sample]) -> Result<(), JournalError> {
        let (stages, whole): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.stage.is_some());
        let lines = stages.into_iter().chain(whole).map(|row| self.line(row)).collect::<Result<Vec<_>, _>>()?;
        self.write(&lines.concat())
    }

    fn line(&self, sample: &Sample) -> Result<Vec<u8>, JournalError> {
        // Such a row would make the whole file unreadable.
        if let Some(column) = bad_number(sample) {
            return Err(JournalError::BadNumber { path: self.path.clone(), column });
        }
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let mut sample = sample.clone();
        for text in [&mut sample.workload, &mut sample.backend, &mut sample.started_at] {
            *text = one_line(text);
        }
        for text in
            [&mut sample.stage, &mut sample.reason, &mut sample.evidence_sha256, &mut sample.flags, &mut sample.notes]
        {
            *text = text.as_deref().map(one_line);
        }
        writer.serialize(&sample).map_err(|e| self.failed(io::Error::other(e)))?;
        writer.into_inner().map_err(|e| self.failed(io::Error::other(e.to_string())))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let written = self.storage.append(bytes).and_then(|()| self.storage.sync());
        if let Err(source) = written {
            // Should this fail too, the next `open` does the same.
            let _ = self.storage.truncate(self.len);
            return Err(self.failed(source));
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> JournalError {
        let path = self.path.clone();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                JournalError::Full { path, source }
            }
            _ => JournalError::Append { path, source },
        }
    }
}

/// How many of these bytes, whole lines, remain when stages at their end without the row of their phase are left out.
fn whole_samples(bytes: &[u8]) -> usize {
    // What cannot be read is the reader's to name.
    let Ok(rows) = parse(Path::new(""), bytes) else { return bytes.len() };
    let of_same = |a: &Sample, b: &Sample| {
        (&a.workload, &a.backend, a.phase, a.sample) == (&b.workload, &b.backend, b.phase, b.sample)
    };
    let without_whole =
        |row: &&Sample| row.stage.is_some() && !rows.iter().any(|it| it.stage.is_none() && of_same(it, row));
    let cut = rows.iter().rev().take_while(without_whole).count();
    (0..cut).fold(bytes.len(), |end, _| whole_lines(&bytes[..end.saturating_sub(1)]))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
