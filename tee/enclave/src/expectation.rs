//! What a verifier is handed once: root, registers, model. A small JSON file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zktee_attestation::document::parse_unsigned;
use zktee_attestation::{Clock, Pcr, Policy, Root, RootError, verify};

use zktee_core::protocol::{Completion, Generation};
use zktee_enclave_protocol::LanguageFiles;

use crate::binding::{self, Digest, LanguageStatement, Statement};

/// Larger files are not read.
const MOST_BYTES: u64 = 64 << 10;

/// What a document must say besides its statement and nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The certificate that the chain begins with, PEM; none of emulated modules, whose documents nobody signs.
    root: Option<String>,
    /// Registers, hexadecimal.
    pcrs: BTreeMap<u8, String>,
    /// The model's digest, hexadecimal.
    model: String,
    /// The digest of a language model's configuration, where it is a file of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    /// The digest of a language model's tokenizer, where it is a file of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokenizer: Option<String>,
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
    /// A policy was asked for that only signed documents can meet.
    #[error("documents of an emulated security module are not signed: no policy accepts them")]
    Unsigned,
}

impl Expectation {
    /// Of documents under this root with these registers about this model; without a root, of documents that nobody signs.
    pub fn new(root: Option<&Root>, pcrs: &BTreeMap<u8, Pcr>, model: &Digest) -> Self {
        Self {
            root: root.map(Root::to_pem),
            pcrs: pcrs.iter().map(|(index, value)| (*index, binding::hex(value))).collect(),
            model: binding::hex(model),
            config: None,
            tokenizer: None,
        }
    }

    /// The same of documents about a language model's responses.
    pub fn of_language(root: Option<&Root>, pcrs: &BTreeMap<u8, Pcr>, files: &LanguageFiles) -> Self {
        let hex = |file: &Option<zktee_enclave_protocol::ModelId>| file.map(|file| binding::hex(&file.0));
        let (config, tokenizer) = (hex(&files.config), hex(&files.tokenizer));
        Self { config, tokenizer, ..Self::new(root, pcrs, &files.model.0) }
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

    /// The registers.
    fn pcrs(&self) -> Result<BTreeMap<u8, Pcr>, ExpectationError> {
        self.pcrs.iter().map(|(index, value)| Ok((*index, digest(value)?))).collect()
    }

    /// What is expected whatever a document is about: root and registers.
    ///
    /// # Errors
    /// [`ExpectationError`] if the file's values are none, or if documents are not signed.
    pub fn of_any_answer(&self) -> Result<Policy, ExpectationError> {
        let root = self.root.as_deref().ok_or(ExpectationError::Unsigned)?;
        Ok(Policy { pcrs: self.pcrs()?, ..Policy::new(Root::from_pem(root)?) })
    }

    /// Checks a document about this input and output that was asked for with this nonce. Its verdict is a rejection's words.
    ///
    /// # Errors
    /// [`ExpectationError`] if the file's values are none.
    pub fn check(
        &self,
        document: &[u8],
        input: &Digest,
        output: &Digest,
        nonce: &[u8],
        clock: Clock,
    ) -> Result<Result<(), String>, ExpectationError> {
        let statement = Statement { model: digest(&self.model)?, input: *input, output: *output };
        self.check_user_data(document, statement.user_data(nonce).to_vec(), nonce, clock)
    }

    /// Checks a document that a language model was asked this and said that. Its verdict is a rejection's words.
    ///
    /// # Errors
    /// As [`Expectation::check`].
    pub fn check_response(
        &self,
        document: &[u8],
        asked: &Generation,
        said: &Completion,
        nonce: &[u8],
        clock: Clock,
    ) -> Result<Result<(), String>, ExpectationError> {
        let statement = LanguageStatement {
            model: digest(&self.model)?,
            config: self.config.as_deref().map(digest).transpose()?,
            tokenizer: self.tokenizer.as_deref().map(digest).transpose()?,
            request: binding::request(asked),
            response: binding::response(said),
        };
        self.check_user_data(document, statement.user_data(nonce).to_vec(), nonce, clock)
    }

    fn check_user_data(
        &self,
        document: &[u8],
        user_data: Vec<u8>,
        nonce: &[u8],
        clock: Clock,
    ) -> Result<Result<(), String>, ExpectationError> {
        if self.root.is_none() {
            return Ok(Self::check_unsigned(document, &user_data, nonce, &self.pcrs()?));
        }
        let (nonce, user_data) = (Some(nonce.to_vec()), Some(user_data));
        let policy = Policy { nonce, user_data, clock, ..self.of_any_answer()? };
        Ok(verify(document, &policy).map(drop).map_err(|rejected| rejected.to_string()))
    }

    /// What is left to check where nobody signs: that the document says what it should. Anybody can write one that does.
    fn check_unsigned(document: &[u8], user_data: &[u8], nonce: &[u8], pcrs: &BTreeMap<u8, Pcr>) -> Result<(), String> {
        let document = parse_unsigned(document).map_err(|error| error.to_string())?;
        let content = document.content();
        if let Some((index, _)) = pcrs.iter().find(|(index, value)| content.pcrs.get(index) != Some(value)) {
            return Err(format!("PCR{index} is not the expected one"));
        }
        if content.nonce.as_deref() != Some(nonce) {
            return Err("the nonce is not the expected one".to_owned());
        }
        if content.user_data.as_deref() != Some(user_data) {
            return Err("the user data is not the expected one".to_owned());
        }
        Ok(())
    }
}

fn digest(text: &str) -> Result<Digest, ExpectationError> {
    binding::unhex(text).ok_or(ExpectationError::Digest)
}
