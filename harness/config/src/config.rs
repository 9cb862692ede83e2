//! `zktee.toml`: a user's own workloads and workers.

mod check;
mod file;

use std::io::Read as _;
use std::path::Path;

use crate::error::ConfigError;
use crate::worker::ExternalWorker;
use crate::workload::Workload;

/// The file's usual name.
pub const FILE_NAME: &str = "zktee.toml";

/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What a configuration file adds to the built-in workloads and backends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Its workloads, those of tensors first, in the file's order.
    pub workloads: Vec<Workload>,
    /// Its workers, in the file's order.
    pub workers: Vec<ExternalWorker>,
}

/// Names that are built in: a file's own may not clash with them, and options may be given for these backends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken<'a> {
    /// Workloads.
    pub workloads: &'a [&'a str],
    /// Backends with their profiles.
    pub backends: &'a [&'a str],
}

impl Config {
    /// Reads the file and all that it names; paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong, with the file, the line, and what mends it.
    pub fn load(path: &Path, taken: Taken<'_>) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { path: path.into(), source };
        let mut text = String::new();
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text)).map_err(read)?;
        if text.len() as u64 > MAX_BYTES {
            let what = format!("it has more than {MAX_BYTES} bytes; is it a configuration?");
            return Err(read(std::io::Error::new(std::io::ErrorKind::FileTooLarge, what)));
        }
        // Workers start in folders of their own, so that no path may stay relative.
        let absolute = std::path::absolute(path).map_err(read)?;
        let file =
            file::parse(&text).map_err(|source| ConfigError::Parse { path: path.into(), source: Box::new(source) })?;
        check::Checker { path, folder: absolute.parent().unwrap_or(Path::new("/")), text: &text, taken }.config(&file)
    }
}

/// Whether bytes have the form of a configuration; nothing that they name is looked at.
pub(crate) fn has_form(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| file::parse(text).is_ok())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::test_model;
