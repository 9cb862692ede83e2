//! A run's folder: its lock, its log, what is written once (`run.json`, `environment.json`) and its scratch space.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zktee_core::record::{Environment, RunRecord, SCHEMA, files};
use zktee_core::vocabulary::CellId;

/// No more of what workers say on standard error than this goes into the log.
const MAX_WORKER_LOG_BYTES: u64 = 16 << 20;
/// The largest JSON file of a run that is read.
const MAX_JSON_BYTES: u64 = 256 << 20;
/// `run.json` while it is written.
const TEMPORARY_RECORD: &str = "run.tmp";

/// What is wrong with a run's folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It could not be read or written.
    #[error("{path}: {source}{hint}", hint = hint(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A new run needs a folder of its own.
    #[error("{0} is not empty; choose another with --out, or go on with that run by --resume {0}")]
    NotEmpty(PathBuf),
    /// There is no run to go on with.
    #[error("{0} holds no run (no {file}); --resume wants the folder of an earlier run", file = files::RUN)]
    NotARun(PathBuf),
    /// Another process is at work in it.
    #[error("another run is at work in {0}; wait for it, or choose another folder with --out")]
    Locked(PathBuf),
    /// It was written by a later version.
    #[error("{path} has schema {found}, this version knows {known}: use the zktee that wrote it, or a newer one")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
        /// The newest known.
        known: u32,
    },
    /// It was begun on another machine or with other code.
    #[error("the run in {path} was begun under other conditions ({differing}); start anew with --out")]
    Elsewhere {
        /// The run's folder.
        path: PathBuf,
        /// What differs.
        differing: String,
    },
    /// A file of it is larger than any run makes it.
    #[error("{path} is larger than {limit} bytes; restore it, or start anew with another --out")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, bytes.
        limit: u64,
    },
    /// A file of it is not what it should be.
    #[error("{path} is damaged: {source}; restore it, or start anew with another --out")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "; free some space, then go on with --resume"
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may write to with --out (and --cache)"
        }
        _ => "",
    }
}

/// A run's folder, locked for as long as this lives.
#[derive(Debug)]
pub struct RunFolder {
    root: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Makes the folder of a new run.
    ///
    /// # Errors
    /// When it holds anything, is locked, or cannot be made.
    pub fn create(root: &Path) -> Result<Self, FolderError> {
        make_dir(root)?;
        // Looked at before it is locked, so that nothing is left in a folder of somebody else's; and after, since another run may have
        // come and gone in between.
        if is_not_empty(root)? {
            return Err(FolderError::NotEmpty(root.to_owned()));
        }
        let folder = Self::lock(root)?;
        if is_not_empty(root)? { Err(FolderError::NotEmpty(root.to_owned())) } else { Ok(folder) }
    }

    /// Opens the folder of an earlier run.
    ///
    /// # Errors
    /// When it holds no run, is locked, or cannot be opened.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        if !root.join(files::RUN).is_file() {
            return Err(FolderError::NotARun(root.to_owned()));
        }
        Self::lock(root)
    }

    fn lock(root: &Path) -> Result<Self, FolderError> {
        let root = fs::canonicalize(root).map_err(io(root))?;
        let path = root.join(".lock");
        let lock = OpenOptions::new().create(true).write(true).truncate(false).open(&path).map_err(io(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked(root)),
            Err(TryLockError::Error(source)) => Err(FolderError::Io { path, source }),
        }
    }

    /// The folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `samples.csv`.
    pub fn samples(&self) -> PathBuf {
        self.root.join(files::SAMPLES)
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// When it is missing, damaged or of a newer schema.
    pub fn record(&self) -> Result<RunRecord, FolderError> {
        let path = self.root.join(files::RUN);
        // The schema is looked at first: a newer record may well not parse as one of today's.
        let value: serde_json::Value = read_json(&path)?;
        match value.get("schema").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(SCHEMA) => Err(FolderError::Newer { path, found, known: SCHEMA }),
            _ => serde_json::from_value(value).map_err(|source| FolderError::Damaged { path, source }),
        }
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// When it cannot be written; the earlier one then stands.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), FolderError> {
        write_json(&self.root.join(files::RUN), record)
    }

    /// Reads `environment.json`.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn environment(&self) -> Result<Environment, FolderError> {
        read_json(&self.root.join(files::ENVIRONMENT))
    }

    /// Writes `environment.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<(), FolderError> {
        write_json(&self.root.join(files::ENVIRONMENT), environment)
    }

    /// The scratch folder of a workload's model and inputs; made when it is not there.
    pub(crate) fn workload_dir(&self, workload: &str) -> Result<PathBuf, FolderError> {
        let dir = self.root.join("work").join("workloads").join(workload);
        make_dir(&dir)?;
        Ok(dir)
    }

    /// The scratch folder in which a cell is set up and proves; made when it is not there.
    pub(crate) fn cell_dir(&self, cell: &CellId) -> Result<PathBuf, FolderError> {
        let dir = self.root.join("work").join("cells").join(cell.folder());
        make_dir(&dir)?;
        Ok(dir)
    }

    /// A scratch folder in which only a verifier works: made anew, empty.
    pub(crate) fn fresh_verifier_dir(&self, cell: &CellId) -> Result<PathBuf, FolderError> {
        let dir = self.root.join("work").join("verify").join(cell.folder());
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(io(&dir))?;
        }
        make_dir(&dir)?;
        Ok(dir)
    }

    /// The folder in which a cell's evidence stays; made when it is not there.
    pub(crate) fn evidence_dir(&self, cell: &CellId) -> Result<PathBuf, FolderError> {
        let dir = self.root.join(files::EVIDENCE).join(cell.folder());
        make_dir(&dir)?;
        Ok(dir)
    }

    /// Removes the scratch space: proving keys are large and are made anew by the next run.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_scratch(&self) -> Result<(), FolderError> {
        let dir = self.root.join("work");
        if dir.exists() { fs::remove_dir_all(&dir).map_err(io(&dir)) } else { Ok(()) }
    }
}

/// `run.log`.
#[derive(Debug)]
pub struct Log {
    state: Mutex<LogState>,
}

#[derive(Debug)]
struct LogState {
    file: Option<File>,
    from_workers: u64,
}

impl Log {
    /// Opens the log for appending.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let path = root.join(files::LOG);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(io(&path))?;
        Ok(Self { state: Mutex::new(LogState { file: Some(file), from_workers: 0 }) })
    }

    /// A log that keeps nothing.
    pub fn nowhere() -> Self {
        Self { state: Mutex::new(LogState { file: None, from_workers: 0 }) }
    }

    /// Writes a line with the time before it. A log that cannot be written (a full disk) is no reason to stop: the samples are
    /// what counts, and their journal reports the same.
    pub fn line(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut state.file {
            let _ = writeln!(file, "{} {}", now(), text.trim_end());
        }
    }

    /// Writes a line of a worker's standard error, as long as workers have not said too much.
    pub(crate) fn worker(&self, cell: &CellId, text: &str) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let before = state.from_workers;
            state.from_workers += text.len() as u64;
            if before > MAX_WORKER_LOG_BYTES {
                return;
            }
        }
        self.line(&format!("{cell} | {text}"));
    }
}

/// The time, RFC 3339, UTC, to the millisecond.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { path, source }
}

fn make_dir(path: &Path) -> Result<(), FolderError> {
    fs::create_dir_all(path).map_err(io(path))
}

fn is_not_empty(path: &Path) -> Result<bool, FolderError> {
    let mut entries = fs::read_dir(path).map_err(io(path))?;
    // What a run that was killed before it had a record leaves is no run.
    Ok(entries
        .any(|entry| entry.is_ok_and(|entry| entry.file_name() != ".lock" && entry.file_name() != TEMPORARY_RECORD)))
}

/// Reads a JSON file of the run.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io(path))?;
    file.take(MAX_JSON_BYTES + 1).read_to_end(&mut bytes).map_err(io(path))?;
    if bytes.len() as u64 > MAX_JSON_BYTES {
        return Err(FolderError::TooLarge { path: path.to_owned(), limit: MAX_JSON_BYTES });
    }
    serde_json::from_slice(&bytes).map_err(|source| FolderError::Damaged { path: path.to_owned(), source })
}

/// Writes a JSON file of the run: a temporary file first, so that there is always a whole one.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FolderError> {
    let temporary = path.with_extension("tmp");
    let bytes =
        serde_json::to_vec_pretty(value).map_err(|source| FolderError::Damaged { path: path.to_owned(), source })?;
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_and_a_folder_with_something_in_it_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("run");
        let first = RunFolder::create(&root).unwrap();
        assert!(matches!(RunFolder::create(&root), Err(FolderError::Locked(_))));
        drop(first);
        assert!(matches!(RunFolder::open(&root), Err(FolderError::NotARun(_))));
        fs::write(root.join("notes.txt"), "mine").unwrap();
        assert!(matches!(RunFolder::create(&root), Err(FolderError::NotEmpty(_))));
    }

    #[test]
    fn a_file_that_no_run_makes_is_not_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(files::RUN);
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read_json::<RunRecord>(&path), Err(FolderError::TooLarge { .. })));
    }

    #[test]
    fn a_newer_schema_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(files::RUN), r#"{"schema": 99, "shape": "unknown"}"#).unwrap();
        let error = RunFolder::open(dir.path()).unwrap().record().unwrap_err().to_string();
        assert!(error.contains("schema 99") && error.contains(files::RUN), "{error}");
    }
}
