//! Files of a job.

use std::io::Read;
use std::path::{Path, PathBuf};

use zktee_core::protocol::WorkerError;

use crate::invalid;

/// A path that the job must have.
///
/// # Errors
/// `invalid-input`, naming the field.
pub fn path_of<'a>(path: Option<&'a PathBuf>, field: &str) -> Result<&'a Path, WorkerError> {
    path.map(PathBuf::as_path).ok_or_else(|| invalid(format!("the job has no `{field}`")))
}

/// A whole file.
///
/// # Errors
/// `invalid-input`, naming the file.
pub fn read(path: &Path) -> Result<Vec<u8>, WorkerError> {
    std::fs::read(path).map_err(|error| invalid(format!("{}: {error}", path.display())))
}

/// A file of at most `most` bytes.
///
/// # Errors
/// `invalid-input`, naming the file.
pub fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, WorkerError> {
    let mut bytes = Vec::new();
    // One byte more tells that there was more.
    std::fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| invalid(format!("{}: {error}", path.display())))?;
    if bytes.len() as u64 > most {
        return Err(invalid(format!("{}: longer than {most} bytes", path.display())));
    }
    Ok(bytes)
}
