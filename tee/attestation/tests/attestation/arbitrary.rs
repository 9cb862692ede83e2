//! Any bytes: never a panic, and nothing but a signed document is accepted.

use proptest::prelude::*;
use zktee_attestation::{Root, TestRoot, document, verify};

use crate::aws;

/// Tries everything that reads bytes.
fn read(bytes: &[u8]) -> bool {
    let _ = document::parse_unsigned(bytes);
    let _ = Root::from_der(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Root::from_pem(text);
        let _ = TestRoot::from_pem(text);
    }
    verify(bytes, &aws::policy(aws::TIMESTAMP)).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..20_000)) {
        prop_assert!(!read(&bytes));
    }

    /// Bytes that begin as CBOR, so that more of the reader is reached.
    #[test]
    fn any_bytes_as_a_document(header in prop::collection::vec(any::<u8>(), 0..20), payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = vec![0x84, 0x58, header.len() as u8];
        bytes.extend(&header);
        bytes.extend([0xa0, 0x59, (payload.len() >> 8) as u8, payload.len() as u8]);
        bytes.extend(&payload);
        bytes.extend([0x58, 96]);
        bytes.extend([1; 96]);
        prop_assert!(!read(&bytes));
    }

    /// A piece of a true document replaced by any other.
    #[test]
    fn a_document_with_a_splice(at in 0..aws::DOCUMENT.len(), length in 0_usize..40, piece in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut bytes = aws::DOCUMENT.to_vec();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, piece);
        prop_assert!(bytes == aws::DOCUMENT || !read(&bytes));
    }

    /// Any certificate with any change.
    #[test]
    fn a_root_with_a_splice(at in 0_usize..533, length in 0_usize..8, piece in prop::collection::vec(any::<u8>(), 0..8)) {
        let mut bytes = Root::aws().der().to_vec();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, piece);
        let _ = read(&bytes);
    }
}
