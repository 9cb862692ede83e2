//! The verifier's file: the integer model, the batch, and the digest of the key that must come of them.

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zktee_models::integer::IntegerModel;

use crate::{Error, Keys, VerifierKey};

/// Tells such files from others, and this form from later ones.
const FORMAT: &str = "zktee halo2-ipa verifier 1";

/// The largest file that is read, bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// What a verifier is given once. The prover's keys are made from it as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifierFile {
    format: String,
    /// Inputs of one proof.
    batch: usize,
    /// The digest that [`VerifierKey::digest`] must give.
    key_sha256: String,
    /// The model; reading it checks its shapes and bounds.
    model: IntegerModel,
}

/// A verifier's file that cannot be read, written or trusted to be whole.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is of another kind.
    #[error("{path}: not a verifier's file of this backend: {reason}")]
    Format {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The model gives another key than the one that was written down.
    #[error("the model gives the verifying key {got}, expected was {expected}")]
    Digest {
        /// What the file says.
        expected: String,
        /// What the model gives.
        got: String,
    },
    /// The model gives no key.
    #[error(transparent)]
    Key(#[from] Error),
}

impl VerifierFile {
    /// The file for a key.
    pub fn new(key: &VerifierKey) -> Self {
        Self {
            format: FORMAT.to_owned(),
            batch: key.batch(),
            key_sha256: key.digest().to_owned(),
            model: key.model().clone(),
        }
    }

    /// The model that proofs are about.
    pub const fn model(&self) -> &IntegerModel {
        &self.model
    }

    /// Inputs of one proof.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError::Io`], [`FileError::Format`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        use std::io::Read;
        let io = |source| FileError::Io { path: path.display().to_string(), source };
        let format = |reason: String| FileError::Format { path: path.display().to_string(), reason };
        let mut bytes = Vec::new();
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)).map_err(io)?;
        let file: Self = serde_json::from_slice(&bytes).map_err(|error| format(error.to_string()))?;
        if file.format == FORMAT { Ok(file) } else { Err(format(format!("its format is `{}`", file.format))) }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let io = |source| FileError::Io { path: path.display().to_string(), source };
        let bytes = serde_json::to_vec(self).map_err(|error| io(error.into()))?;
        std::fs::write(path, bytes).map_err(io)
    }

    /// Makes the verifying key again.
    ///
    /// # Errors
    /// [`FileError::Key`]; [`FileError::Digest`] where it is another.
    pub fn verifier(&self) -> Result<VerifierKey, FileError> {
        let key = VerifierKey::generate(&self.model, self.batch)?;
        self.check(key.digest())?;
        Ok(key)
    }

    /// Makes both keys again.
    ///
    /// # Errors
    /// As [`VerifierFile::verifier`].
    pub fn keys(&self) -> Result<Keys, FileError> {
        let keys = Keys::generate(&self.model, self.batch)?;
        self.check(keys.verifier().digest())?;
        Ok(keys)
    }

    fn check(&self, got: &str) -> Result<(), FileError> {
        if self.key_sha256 == got {
            Ok(())
        } else {
            Err(FileError::Digest { expected: self.key_sha256.clone(), got: got.to_owned() })
        }
    }
}
