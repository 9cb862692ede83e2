//! The attestation document: a `COSE_Sign1` (RFC 9052) around a CBOR map.
//!
//! ```text
//!   [ protected: bytes {1: alg}, unprotected: {}, payload: bytes, signature: bytes ]      tagged 18 or not
//!   payload: { module_id, digest: "SHA384", timestamp, pcrs, certificate, cabundle, public_key, user_data, nonce }
//! ```
//!
//! [`parse()`] takes what AWS's security module signs and nothing else; [`parse_unsigned`] takes what QEMU's emulation of it gives,
//! which nobody has signed, as another type. Reading says nothing about truth: that is [`verify()`](crate::verify::verify).
//!
//! Sizes are those of AWS's "Attestation process" (`aws-nitro-enclaves-nsm-api`, `docs/attestation_process.md`), with bounds of our
//! own where it leaves them open.

mod error;
mod parse;
mod payload;

use std::collections::BTreeMap;

use serde::Serialize;

pub use crate::cbor::CborError;
pub use error::{Field, ParseError};
pub use parse::{parse, parse_unsigned};

use crate::Pcr;

/// The most bytes of a document.
pub const MAX_DOCUMENT: usize = 16 * 1024;
/// The most bytes of a module's name.
pub const MAX_MODULE_ID: usize = 256;
/// The most bytes of one certificate.
pub const MAX_CERTIFICATE: usize = 1024;
/// The most certificates above the signer's. AWS has four; each costs the verifier a signature.
pub const MAX_CABUNDLE: usize = 8;
/// The most bytes of a public key.
pub const MAX_PUBLIC_KEY: usize = 1024;
/// The most bytes of user data.
pub const MAX_USER_DATA: usize = 512;
/// The most bytes of a nonce.
pub const MAX_NONCE: usize = 512;

/// COSE's number for ECDSA with SHA-384 (RFC 9053, section 2.1).
pub const ES384: i64 = -35;
/// What stands for the algorithm in a document of QEMU's, which is not signed. COSE has reserved no meaning for it.
pub const UNSIGNED: i64 = -1;
/// Bytes of an ES384 signature: r and s, 48 big-endian bytes each.
pub const SIGNATURE_BYTES: usize = 96;

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The security module that speaks. On AWS: instance and enclave.
    pub module_id: String,
    /// When the document was made, in milliseconds since 1970 (UTC), by the module's clock.
    pub timestamp: u64,
    /// The locked registers, by index (below 32). SHA-384 is the only digest taken.
    #[serde(serialize_with = "crate::hex::map")]
    pub pcrs: BTreeMap<u8, Pcr>,
    /// The certificate of the key that signed, DER.
    #[serde(serialize_with = "crate::hex::bytes")]
    pub certificate: Vec<u8>,
    /// The certificates above it, from the root downwards, DER.
    #[serde(serialize_with = "crate::hex::list")]
    pub cabundle: Vec<Vec<u8>>,
    /// A key of the enclave's that others may encrypt to; the form is the enclave's choice.
    #[serde(serialize_with = "crate::hex::optional")]
    pub public_key: Option<Vec<u8>>,
    /// What the enclave wanted said.
    #[serde(serialize_with = "crate::hex::optional")]
    pub user_data: Option<Vec<u8>>,
    /// What the one who asked wanted to find again.
    #[serde(serialize_with = "crate::hex::optional")]
    pub nonce: Option<Vec<u8>>,
}

/// A document in the form that is signed with ES384. Read, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub(crate) protected: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: [u8; SIGNATURE_BYTES],
    pub(crate) content: Content,
}

impl Document {
    /// What it says. Nobody has checked yet who says it.
    pub fn unverified_content(&self) -> &Content {
        &self.content
    }

    /// The bytes that the signature is over: COSE's `Sig_structure` (RFC 9052, section 4.4), without external data.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(&self.protected, &self.payload)
    }
}

/// `["Signature1", protected, h'', payload]` in CBOR.
pub(crate) fn signed_bytes(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    use ciborium_ll::{Encoder, Header};
    let mut bytes = Vec::with_capacity(payload.len() + protected.len() + 24);
    let mut encoder = Encoder::from(&mut bytes);
    // Writing to memory does not fail.
    let _ = encoder.push(Header::Array(Some(4)));
    let _ = encoder.text("Signature1", None);
    let _ = encoder.bytes(protected, None);
    let _ = encoder.bytes(&[], None);
    let _ = encoder.bytes(payload, None);
    bytes
}

/// A document that nobody has signed, from an emulated security module. There is no way to have it verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsigned {
    authenticated: bool,
    content: Content,
}

impl Unsigned {
    /// Always false: anybody can write such a document. It stands in the JSON form too.
    pub fn authenticated(&self) -> bool {
        self.authenticated
    }

    /// What it says, on nobody's word.
    pub fn content(&self) -> &Content {
        &self.content
    }
}
