//! The outer structure: headers, payload, signature.

use super::{
    Document, ES384, MAX_DOCUMENT, ParseError, SIGNATURE_BYTES, UNSIGNED, Unsigned,
    payload::{self, Limits},
};
use crate::cbor::Reader;

/// COSE's tag for a message with one signature.
const TAG_SIGN1: u64 = 18;
/// COSE's labels in a header.
const LABEL_ALG: i128 = 1;
const LABEL_CRIT: i128 = 2;
/// Bytes of what stands for signature and certificates in a document of QEMU's (`hw/virtio/virtio-nsm.c`).
const QEMU_ZEROS: usize = 64;

struct Parts<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

/// Reads a document in the form that AWS's security module signs.
///
/// # Errors
///
/// [`ParseError`] for anything else: other structure, headers, algorithm, sizes; unknown, missing or repeated fields; bytes left over.
pub fn parse(bytes: &[u8]) -> Result<Document, ParseError> {
    let parts = split(bytes, ES384)?;
    let signature = parts.signature.try_into().map_err(|_| ParseError::SignatureLength(parts.signature.len()))?;
    let content = payload::read(parts.payload, &Limits { least_pcrs: 1 })?;
    Ok(Document { protected: parts.protected.to_vec(), payload: parts.payload.to_vec(), signature, content })
}

/// Reads a document of QEMU's emulated security module: algorithm −1, zero bytes where signature and certificates would be.
///
/// # Errors
///
/// [`ParseError`] as for [`parse`], and if anything that would authenticate a document is not all zero.
pub fn parse_unsigned(bytes: &[u8]) -> Result<Unsigned, ParseError> {
    let parts = split(bytes, UNSIGNED)?;
    if ![QEMU_ZEROS, SIGNATURE_BYTES].contains(&parts.signature.len()) {
        return Err(ParseError::SignatureLength(parts.signature.len()));
    }
    // An emulated enclave may have locked no register yet.
    let content = payload::read(parts.payload, &Limits { least_pcrs: 0 })?;
    let zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    if !zero(parts.signature) {
        return Err(ParseError::NotZero("signature"));
    }
    if !zero(&content.certificate) {
        return Err(ParseError::NotZero("certificate"));
    }
    if !content.cabundle.iter().all(|certificate| zero(certificate)) {
        return Err(ParseError::NotZero("cabundle"));
    }
    Ok(Unsigned { authenticated: false, content })
}

fn split(bytes: &[u8], algorithm: i64) -> Result<Parts<'_>, ParseError> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(ParseError::Oversized(bytes.len()));
    }
    let mut reader = Reader::new(bytes);
    reader.skip_tag(TAG_SIGN1);
    let items = reader.array().map_err(ParseError::Cose)?;
    if items != 4 {
        return Err(ParseError::CoseItems(items));
    }
    let protected = reader.bytes().map_err(ParseError::Cose)?;
    check_protected(protected, algorithm)?;
    let unprotected = reader.map().map_err(ParseError::Cose)?;
    if unprotected != 0 {
        return Err(ParseError::Unprotected(unprotected));
    }
    let payload = reader.bytes().map_err(ParseError::Cose)?;
    let signature = reader.bytes().map_err(ParseError::Cose)?;
    reader.end().map_err(ParseError::Cose)?;
    Ok(Parts { protected, payload, signature })
}

/// The algorithm and nothing else.
fn check_protected(bytes: &[u8], expected: i64) -> Result<(), ParseError> {
    let mut reader = Reader::new(bytes);
    let entries = reader.map().map_err(ParseError::Protected)?;
    let mut algorithm = None;
    // Each entry but the algorithm ends this, and so does the algorithm's second: at most two turns, whatever `entries` claims.
    for _ in 0..entries {
        match reader.integer().map_err(ParseError::Protected)? {
            LABEL_ALG if algorithm.is_none() => algorithm = Some(reader.integer().map_err(ParseError::Protected)?),
            LABEL_CRIT => return Err(ParseError::Critical),
            LABEL_ALG => return Err(ParseError::HeaderParameters(entries)),
            label => return Err(ParseError::HeaderParameter(label)),
        }
    }
    reader.end().map_err(ParseError::Protected)?;
    match algorithm {
        None => Err(ParseError::HeaderParameters(entries)),
        Some(found) if found != i128::from(expected) => Err(ParseError::Algorithm { found, expected }),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protected_header_is_the_algorithm_alone() {
        assert_eq!(check_protected(&[0xa1, 1, 0x38, 0x22], ES384), Ok(()));
        assert_eq!(check_protected(&[0xa0], ES384), Err(ParseError::HeaderParameters(0)));
        assert_eq!(check_protected(&[0xa1, 1, 0x26], ES384), Err(ParseError::Algorithm { found: -7, expected: -35 }));
        assert_eq!(check_protected(&[0xa1, 1, 0x20], ES384), Err(ParseError::Algorithm { found: -1, expected: -35 }));
        assert_eq!(check_protected(&[0xa2, 1, 0x38, 0x22, 2, 0x81, 4], ES384), Err(ParseError::Critical));
        assert_eq!(check_protected(&[0xa2, 1, 0x38, 0x22, 4, 0x41, 9], ES384), Err(ParseError::HeaderParameter(4)));
        assert_eq!(check_protected(&[0xa2, 1, 0x38, 0x22, 1, 0x38, 0x22], ES384), Err(ParseError::HeaderParameters(2)));
        assert!(matches!(check_protected(&[0xa1, 1, 0x38, 0x22, 0], ES384), Err(ParseError::Protected(_))));
        assert!(matches!(check_protected(&[], ES384), Err(ParseError::Protected(_))));
        // A text as a label, which COSE would allow.
        assert!(matches!(check_protected(&[0xa1, 0x61, b'a', 0], ES384), Err(ParseError::Protected(_))));
    }
}
