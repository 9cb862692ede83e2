//! Security modules: those that sign documents.

mod encode;
mod nitro;
mod software;
mod test_root;

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

pub use nitro::NitroNsm;
pub use software::{SIGNER_LIFETIME, SoftwareNsm};
pub use test_root::{TestRoot, TestRootError};

use crate::{
    Pcr,
    document::{Field, MAX_NONCE, MAX_PUBLIC_KEY, MAX_USER_DATA},
};

/// What a document shall say besides what the module knows itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttestationRequest {
    /// At most [`MAX_NONCE`] bytes, from the one who will verify.
    pub nonce: Option<Vec<u8>>,
    /// At most [`MAX_USER_DATA`] bytes: what is to be bound.
    pub user_data: Option<Vec<u8>>,
    /// 1 to [`MAX_PUBLIC_KEY`] bytes.
    pub public_key: Option<Vec<u8>>,
}

impl AttestationRequest {
    /// Whether the parts are within their sizes, so that every module refuses the same.
    fn check(&self) -> Result<(), NsmError> {
        for (field, bytes, min, max) in [
            (Field::Nonce, &self.nonce, 0, MAX_NONCE),
            (Field::UserData, &self.user_data, 0, MAX_USER_DATA),
            (Field::PublicKey, &self.public_key, 1, MAX_PUBLIC_KEY),
        ] {
            if let Some(size) = bytes.as_ref().map(Vec::len).filter(|size| !(min..=max).contains(size)) {
                return Err(NsmError::Request { field, size, max });
            }
        }
        Ok(())
    }
}

/// Which kind of module speaks. It is the module's own word: only a verified document shows hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NsmKind {
    /// Keys in this process: simulated.
    Software,
    /// Whatever answers at `/dev/nsm`: AWS's hardware, or an emulator that signs nothing.
    Device,
}

/// Why a module gave no document.
#[derive(Debug, Error)]
pub enum NsmError {
    /// There is no module.
    #[error("no Nitro security module at /dev/nsm: {0}")]
    NoDevice(String),
    /// The module refused.
    #[error("the Nitro security module answered {0}")]
    Device(String),
    /// A part of the request has another size than documents allow.
    #[error("{field} of {size} bytes in the request; a document has at most {max}, and no empty public_key")]
    Request {
        /// Which.
        field: Field,
        /// Its bytes.
        size: usize,
        /// The most.
        max: usize,
    },
    /// Registers that no document can hold.
    #[error("{0}")]
    Pcrs(String),
    /// Making keys or certificates failed.
    #[error("keys and certificates of a software module: {0}")]
    Keys(#[from] rcgen::Error),
    /// Signing failed, or the clock stands before 1970.
    #[error("a software module could not sign: {0}")]
    Sign(&'static str),
}

/// A module that signs attestation documents.
pub trait Nsm: Send + Sync {
    /// A document over the request and the module's registers, as [`parse`](crate::document::parse) or, from an emulated device,
    /// [`parse_unsigned`](crate::document::parse_unsigned) reads it.
    ///
    /// # Errors
    ///
    /// [`NsmError::Request`] for a request beyond its sizes; others as the module fails.
    fn attest(&self, request: &AttestationRequest) -> Result<Vec<u8>, NsmError>;

    /// The registers, by index.
    ///
    /// # Errors
    ///
    /// [`NsmError`] if the module does not tell.
    fn pcrs(&self) -> Result<BTreeMap<u8, Pcr>, NsmError>;

    /// Which kind of module it is.
    fn kind(&self) -> NsmKind;
}
