//! Why a document was rejected.

use std::fmt;

use thiserror::Error;

use super::CertificateFault;
use crate::{ParseError, Pcr, hex::encode};

/// Where in the chain a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The first.
    Root,
    /// Below the root, counted from 1.
    Intermediate(usize),
    /// The last, whose key signed the document.
    Signer,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Intermediate(index) => write!(f, "intermediate {index}"),
            Self::Signer => f.write_str("signer"),
        }
    }
}

/// The check that a document failed. Times and ages are in milliseconds, times since 1970 (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejected {
    /// The policy's clock stands before 1970 or beyond counting.
    #[error("the policy's time is no time after 1970")]
    Clock,
    /// The form, which includes algorithm, headers and digest.
    #[error("not an attestation document: {0}")]
    Malformed(#[from] ParseError),
    /// The chain begins elsewhere.
    #[error("the chain begins with another root: SHA-256 {found}, not {expected}")]
    Root {
        /// The policy's, in hexadecimal.
        expected: String,
        /// The document's.
        found: String,
    },
    /// One certificate.
    #[error("the chain's {position} certificate {fault}")]
    Certificate {
        /// Which.
        position: Position,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// The document is not signed by the chain's last key.
    #[error("the document's signature does not verify")]
    Signature,
    /// Made later than now.
    #[error("the document is of {timestamp}, and it is {now} (milliseconds since 1970)")]
    Future {
        /// The document's.
        timestamp: u64,
        /// The policy's.
        now: u64,
    },
    /// Made too long ago.
    #[error("the document is {age} ms old, and {max_age} ms are allowed")]
    TooOld {
        /// Of the document.
        age: u64,
        /// The policy's limit.
        max_age: u64,
    },
    /// A register of the image is zero.
    #[error("PCR{0} is zero: the enclave runs in debug mode")]
    Debug(u8),
    /// An expected register is not in the document.
    #[error("PCR{0} is not in the document")]
    MissingPcr(u8),
    /// A register has another value.
    #[error("PCR{index} is {}, not {}", encode(&found[..]), encode(&expected[..]))]
    Pcr {
        /// Which.
        index: u8,
        /// The policy's.
        expected: Box<Pcr>,
        /// The document's.
        found: Box<Pcr>,
    },
    /// A nonce is expected, and there is none.
    #[error("the document has no nonce")]
    MissingNonce,
    /// Another nonce.
    #[error("the nonce is {}, not {}", encode(found), encode(expected))]
    Nonce {
        /// The policy's.
        expected: Vec<u8>,
        /// The document's.
        found: Vec<u8>,
    },
    /// User data are expected, and there are none.
    #[error("the document has no user data")]
    MissingUserData,
    /// Other user data.
    #[error("the user data are {}, not {}", encode(found), encode(expected))]
    UserData {
        /// The policy's.
        expected: Vec<u8>,
        /// The document's.
        found: Vec<u8>,
    },
}

impl Rejected {
    /// A word for the check that failed, for reports that are read by programs.
    pub fn check(&self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Malformed(_) => "form",
            Self::Root { .. } => "root",
            Self::Certificate { .. } => "certificate",
            Self::Signature => "signature",
            Self::Future { .. } | Self::TooOld { .. } => "age",
            Self::Debug(_) => "debug mode",
            Self::MissingPcr(_) | Self::Pcr { .. } => "PCR",
            Self::MissingNonce | Self::Nonce { .. } => "nonce",
            Self::MissingUserData | Self::UserData { .. } => "user data",
        }
    }
}
