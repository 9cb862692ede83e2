//! What QEMU's emulated security module gives: built here as its `hw/virtio/virtio-nsm.c` builds it.

use ciborium::Value;
use zktee_attestation::{ParseError, Policy, Rejected, Root, document, verify};

use crate::{
    aws,
    forge::{Chain, Forged, now},
};

/// A document of QEMU's: algorithm −1, 64 zero bytes for the signature, the certificate and the bundle's one entry.
fn qemu() -> Forged {
    let mut forged = Forged::new(&[vec![0; 64], vec![0; 64]]);
    forged.protected = Value::Map(vec![(1.into(), (-1).into())]);
    *forged.field("module_id") = "i-234-enc5678".into();
    forged.signature = Some(vec![0; 64]);
    forged
}

fn bytes(forged: &Forged) -> Vec<u8> {
    // With a signature given, the key is not used.
    forged.bytes(Chain::good().signer())
}

#[test]
fn it_is_read_as_what_it_is() {
    let bytes = bytes(&qemu());
    let unsigned = document::parse_unsigned(&bytes).unwrap();
    assert!(!unsigned.authenticated());
    assert_eq!(unsigned.content().pcrs[&2], [3; 48]);
    assert_eq!(unsigned.content().nonce.as_deref(), Some(&[6; 32][..]));
    let json = serde_json::to_value(&unsigned).unwrap();
    assert_eq!(json["authenticated"], false);
}

#[test]
fn no_policy_accepts_it() {
    let expected = ParseError::Algorithm { found: -1, expected: -35 };
    let bytes = bytes(&qemu());
    for root in [Root::aws(), Root::from_der(&Chain::good().certificates()[0]).unwrap()] {
        let policy = Policy { allow_debug: true, ..Policy::new(root) };
        assert_eq!(verify(&bytes, &policy), Err(Rejected::Malformed(expected.clone())));
    }
}

#[test]
fn nor_with_another_algorithm_written_into_it() {
    let mut forged = qemu();
    forged.protected = Value::Map(vec![(1.into(), (-35).into())]);
    forged.signature = Some(vec![0; 96]);
    let rejected = verify(&bytes(&forged), &Policy::new(Root::aws())).unwrap_err();
    assert!(matches!(rejected, Rejected::Root { .. }), "{rejected}");
    // Nor is it then an unsigned document.
    assert!(matches!(
        document::parse_unsigned(&bytes(&forged)),
        Err(ParseError::Algorithm { found: -35, expected: -1 })
    ));
}

#[test]
fn a_signed_document_is_not_read_as_unsigned() {
    assert!(matches!(document::parse_unsigned(aws::DOCUMENT), Err(ParseError::Algorithm { found: -35, expected: -1 })));
    // Nor with its algorithm changed: its signature or its certificates give it away.
    let chain = Chain::good();
    let mut forged = Forged::new(&chain.certificates());
    forged.protected = Value::Map(vec![(1.into(), (-1).into())]);
    assert_eq!(document::parse_unsigned(&forged.bytes(chain.signer())), Err(ParseError::NotZero("signature")));
    forged.signature = Some(vec![0; 96]);
    assert_eq!(document::parse_unsigned(&bytes(&forged)), Err(ParseError::NotZero("certificate")));
    *forged.field("certificate") = vec![0; 64].into();
    assert_eq!(document::parse_unsigned(&bytes(&forged)), Err(ParseError::NotZero("cabundle")));
    forged.signature = Some(vec![0; 63]);
    assert_eq!(document::parse_unsigned(&bytes(&forged)), Err(ParseError::SignatureLength(63)));
}

#[test]
fn its_bounds_are_those_of_all_documents() {
    let mut forged = qemu();
    *forged.field("nonce") = vec![0; 513].into();
    assert!(matches!(document::parse_unsigned(&bytes(&forged)), Err(ParseError::Size { .. })));
    let mut forged = qemu();
    *forged.field("pcrs") = Value::Map(Vec::new());
    assert!(document::parse_unsigned(&bytes(&forged)).unwrap().content().pcrs.is_empty());
    let whole = bytes(&qemu());
    for length in 0..whole.len() {
        assert!(document::parse_unsigned(&whole[..length]).is_err(), "cut at {length}");
    }
    assert!(document::parse_unsigned(&whole).unwrap().content().timestamp <= now());
}
