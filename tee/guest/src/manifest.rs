//! Which models are in the image.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The manifest's name in the application's folder: a JSON list of [`NamedFile`]s.
pub const MANIFEST: &str = "models.json";
/// The most models.
pub const MAX_MODELS: usize = 64;
/// The most bytes of a model's file.
pub const MAX_MODEL: u64 = 256 << 20;
/// The most bytes of a manifest.
const MAX_MANIFEST: u64 = 64 << 10;

/// A model and its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFile {
    /// What it is called: the workload's name.
    pub name: String,
    /// The ONNX file, within the application's folder.
    pub file: PathBuf,
    /// Inputs of one call.
    pub batch: usize,
}

/// Why there are no models.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// A file.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is no list of models.
    #[error("{MANIFEST}: {0}")]
    Form(#[from] serde_json::Error),
    /// What the manifest says cannot be.
    #[error("{MANIFEST}: {0}")]
    Content(String),
}

/// The models of the application in `folder`, each with its file's bytes, in the manifest's order.
///
/// # Errors
///
/// [`ManifestError`]: also for no models, more than [`MAX_MODELS`], two of one name, and files outside of the folder or above [`MAX_MODEL`].
pub fn read_manifest(folder: &Path) -> Result<Vec<(NamedFile, Vec<u8>)>, ManifestError> {
    let listed: Vec<NamedFile> = serde_json::from_slice(&read(&folder.join(MANIFEST), MAX_MANIFEST)?)?;
    if listed.is_empty() || listed.len() > MAX_MODELS {
        return Err(ManifestError::Content(format!("{} models, expected 1 to {MAX_MODELS}", listed.len())));
    }
    let names: BTreeSet<&str> = listed.iter().map(|model| model.name.as_str()).collect();
    if names.len() != listed.len() {
        return Err(ManifestError::Content("two models of one name".to_owned()));
    }
    let mut models = Vec::new();
    for model in listed {
        if !model.file.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(ManifestError::Content(format!("{}: not a path within the folder", model.file.display())));
        }
        let onnx = read(&folder.join(&model.file), MAX_MODEL)?;
        models.push((model, onnx));
    }
    Ok(models)
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, ManifestError> {
    let failed = |source| ManifestError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(failed(io::Error::other(format!("more than {most} bytes"))));
    }
    Ok(bytes)
}
