//! `zktee data fetch`: the MNIST training set.

use std::path::PathBuf;

use crate::backends::cache_folder;
use crate::cli::CacheArguments;
use crate::exit::Code;

/// Fetches into the given folder, or the cache's.
pub(crate) fn fetch(folder: Option<PathBuf>, cache: &CacheArguments) -> anyhow::Result<Code> {
    let folder = match folder {
        Some(folder) => folder,
        None => cache_folder(cache)?.join("mnist"),
    };
    zktee_datasets::fetch::mnist_train(&folder, &mut |text| eprintln!("{text}"))?;
    println!("{}", folder.display());
    Ok(Code::Success)
}
