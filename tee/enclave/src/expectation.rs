//! What a verifier is handed once: root, registers, model. A small JSON file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zktee_attestation::{Pcr, Policy, Rejected, Root, RootError, Verified, verify};

use crate::binding::{self, Digest, Statement};

/// Larger files are not read.
const MOST_BYTES: u64 = 64 << 10;

/// What a document must say besides its statement and nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The certificate that the chain begins with, PEM.
    root: String,
    /// Registers, hexadecimal.
    pcrs: BTreeMap<u8, String>,
    /// The model's digest, hexadecimal.
    model: String,
}

/// Why a file holds no expectation.
#[derive(Debug, thiserror::Error)]
pub enum ExpectationError {
    /// It cannot be read, or is too large.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no JSON of this form.
    #[error("no expectation of an enclave: {0}")]
    Form(#[from] serde_json::Error),
    /// The root.
    #[error("the expected root: {0}")]
    Root(#[from] RootError),
    /// A register or a digest.
    #[error("an expected digest is not 96 hexadecimal digits")]
    Digest,
}

impl Expectation {
    /// Of documents under this root with these registers about this model.
    pub fn new(root: &Root, pcrs: &BTreeMap<u8, Pcr>, model: &Digest) -> Self {
        Self {
            root: root.to_pem(),
            pcrs: pcrs.iter().map(|(index, value)| (*index, binding::hex(value))).collect(),
            model: binding::hex(model),
        }
    }

    /// Reads a file of them.
    ///
    /// # Errors
    /// [`ExpectationError`].
    pub fn read(path: &Path) -> Result<Self, ExpectationError> {
        use std::io::Read as _;
        let failed = |source| ExpectationError::Read { path: path.to_owned(), source };
        let mut text = String::new();
        std::fs::File::open(path).map_err(failed)?.take(MOST_BYTES).read_to_string(&mut text).map_err(failed)?;
        Ok(serde_json::from_str(&text)?)
    }

    /// What is expected of a document about this input and output that was asked for with this nonce.
    ///
    /// # Errors
    /// [`ExpectationError`] if the file's values are none.
    pub fn policy(&self, input: Digest, output: Digest, nonce: &[u8]) -> Result<Policy, ExpectationError> {
        let statement = Statement { model: digest(&self.model)?, input, output };
        let user_data = Some(statement.user_data(nonce).to_vec());
        Ok(Policy { nonce: Some(nonce.to_vec()), user_data, ..self.of_any_answer()? })
    }

    /// What is expected whatever a document is about: root and registers.
    ///
    /// # Errors
    /// [`ExpectationError`] if the file's values are none.
    pub fn of_any_answer(&self) -> Result<Policy, ExpectationError> {
        let pcrs = self.pcrs.iter().map(|(index, value)| Ok((*index, digest(value)?)));
        let pcrs = pcrs.collect::<Result<_, ExpectationError>>()?;
        Ok(Policy { pcrs, ..Policy::new(Root::from_pem(&self.root)?) })
    }
}

fn digest(text: &String) -> Result<Digest, ExpectationError> {
    binding::unhex(text).ok_or(ExpectationError::Digest)
}

/// Checks a document about these tensors: their digests are part of what is checked.
pub(crate) fn check(
    document: &[u8],
    policy_of: impl Fn(Digest, Digest) -> Result<Policy, ExpectationError>,
    input: (&[usize], &[f32]),
    output: (&[usize], &[f32]),
) -> Result<Result<Verified, Rejected>, ExpectationError> {
    let policy = policy_of(binding::tensor(input.0, input.1), binding::tensor(output.0, output.1))?;
    Ok(verify(document, &policy))
}
