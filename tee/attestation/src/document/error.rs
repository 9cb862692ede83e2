//! Why bytes are no attestation document.

use std::fmt;

use thiserror::Error;

use crate::cbor::CborError;

/// A field of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named as in the document; said there")]
pub enum Field {
    ModuleId,
    Timestamp,
    Digest,
    Pcrs,
    Certificate,
    Cabundle,
    PublicKey,
    UserData,
    Nonce,
}

impl Field {
    /// In the order in which AWS's module writes them.
    pub(crate) const ALL: [Self; 9] = [
        Self::ModuleId,
        Self::Digest,
        Self::Timestamp,
        Self::Pcrs,
        Self::Certificate,
        Self::Cabundle,
        Self::PublicKey,
        Self::UserData,
        Self::Nonce,
    ];

    /// Its key in the payload.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModuleId => "module_id",
            Self::Timestamp => "timestamp",
            Self::Digest => "digest",
            Self::Pcrs => "pcrs",
            Self::Certificate => "certificate",
            Self::Cabundle => "cabundle",
            Self::PublicKey => "public_key",
            Self::UserData => "user_data",
            Self::Nonce => "nonce",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why bytes are no attestation document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// More bytes than any document has.
    #[error("{0} bytes, where a document has at most {max}", max = super::MAX_DOCUMENT)]
    Oversized(usize),
    /// The outer structure, `COSE_Sign1`.
    #[error("the COSE structure: {0}")]
    Cose(#[source] CborError),
    /// The outer array has not four items.
    #[error("the COSE structure has {0} items, not 4")]
    CoseItems(usize),
    /// The protected header.
    #[error("the protected header: {0}")]
    Protected(#[source] CborError),
    /// The protected header names parameters that must be understood ("crit"), and none is.
    #[error("the protected header names critical parameters, and none is known here")]
    Critical,
    /// The protected header has a parameter besides the algorithm.
    #[error("the protected header has parameter {0}; only the algorithm is allowed")]
    HeaderParameter(i128),
    /// The protected header does not hold one entry.
    #[error("the protected header has {0} parameters, not the algorithm alone")]
    HeaderParameters(usize),
    /// The unprotected header, which anybody can change, is not empty.
    #[error("the unprotected header has {0} parameters; none is allowed")]
    Unprotected(usize),
    /// Another algorithm than the one for this kind of document.
    #[error("COSE algorithm {found}, not {expected}")]
    Algorithm {
        /// What the header says.
        found: i128,
        /// [`ES384`](super::ES384) or [`UNSIGNED`](super::UNSIGNED).
        expected: i64,
    },
    /// The signature has another length.
    #[error("a signature of {0} bytes")]
    SignatureLength(usize),
    /// What should be empty of an unsigned document is not: it may be a signed one with its algorithm changed.
    #[error("the {0} of an unsigned document is not all zero bytes")]
    NotZero(&'static str),
    /// The payload's structure.
    #[error("the payload: {0}")]
    Payload(#[source] CborError),
    /// A key that no document has.
    #[error("the payload has an unknown field {0:?}")]
    UnknownField(String),
    /// A key twice.
    #[error("the payload has {0} twice")]
    Duplicate(Field),
    /// A key that every document has is not there.
    #[error("the payload has no {0}")]
    Missing(Field),
    /// A field of fewer or more bytes (for pcrs and cabundle: entries) than allowed.
    #[error("{field} has size {size}; {min} to {max} are allowed")]
    Size {
        /// Which.
        field: Field,
        /// Its bytes or entries.
        size: usize,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// Another digest than SHA384.
    #[error("digest {0:?}, not \"SHA384\"")]
    Digest(String),
    /// A register that there is not.
    #[error("PCR{0}: indices end at 31")]
    PcrIndex(u64),
    /// A register twice.
    #[error("PCR{0} stands there twice")]
    PcrDuplicate(u8),
    /// A register that is no SHA-384 digest.
    #[error("PCR{index} has {bytes} bytes, not 48")]
    PcrLength {
        /// Which.
        index: u8,
        /// Its bytes.
        bytes: usize,
    },
}
