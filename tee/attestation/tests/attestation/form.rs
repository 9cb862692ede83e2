//! Documents of another form, all of them signed by the right key: the form alone is what is wrong.

use ciborium::Value;
use zktee_attestation::{
    ParseError, Rejected,
    document::{self, CborError, Field},
    verify,
};

use crate::forge::{Chain, Forged, cbor, policy};

/// The verdict on a good document after one change.
fn changed(change: impl FnOnce(&mut Forged)) -> Result<(), Rejected> {
    let chain = Chain::good();
    let certificates = chain.certificates();
    let mut forged = Forged::new(&certificates);
    change(&mut forged);
    verify(&forged.bytes(chain.signer()), &policy(&certificates[0])).map(drop)
}

fn refused(change: impl FnOnce(&mut Forged)) -> ParseError {
    match changed(change) {
        Err(Rejected::Malformed(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The verdict on other bytes as payload.
fn payload(bytes: &[u8]) -> Result<(), Rejected> {
    let chain = Chain::good();
    let certificates = chain.certificates();
    verify(&Forged::new(&certificates).around(bytes, chain.signer()), &policy(&certificates[0])).map(drop)
}

#[test]
fn with_and_without_the_tag_it_is_a_document() {
    assert_eq!(changed(|_| ()), Ok(()));
    assert_eq!(changed(|forged| forged.tagged = true), Ok(()));
    let chain = Chain::good();
    let mut bytes = Forged::new(&chain.certificates()).bytes(chain.signer());
    bytes.insert(0, 0xd1);
    assert!(matches!(document::parse(&bytes), Err(ParseError::Cose(CborError::Unexpected { at: 0, .. }))));
    bytes.splice(0..1, [0xd2, 0xd2]);
    assert!(matches!(document::parse(&bytes), Err(ParseError::Cose(_))));
}

#[test]
fn the_order_of_fields_does_not_matter() {
    assert_eq!(changed(|forged| forged.payload.reverse()), Ok(()));
}

#[test]
fn other_algorithms_are_refused() {
    for algorithm in [-7, -36, -1, -37, 0, 35] {
        let error = refused(|forged| forged.protected = Value::Map(vec![(1.into(), algorithm.into())]));
        assert_eq!(error, ParseError::Algorithm { found: algorithm.into(), expected: document::ES384 });
    }
    assert!(matches!(
        refused(|forged| forged.protected = Value::Map(vec![(1.into(), "ES384".into())])),
        ParseError::Protected(_)
    ));
    assert_eq!(refused(|forged| forged.protected = Value::Map(Vec::new())), ParseError::HeaderParameters(0));
    // The algorithm belongs into the protected header, not beside it.
    let beside = Value::Map(vec![(1.into(), (-35).into())]);
    assert_eq!(refused(|forged| forged.unprotected = beside), ParseError::Unprotected(1));
}

#[test]
fn header_parameters_are_refused_and_critical_ones_named() {
    let with = |label: i64, value: Value| {
        move |forged: &mut Forged| forged.protected = Value::Map(vec![(1.into(), (-35).into()), (label.into(), value)])
    };
    assert_eq!(refused(with(2, Value::Array(vec![99.into()]))), ParseError::Critical);
    assert_eq!(refused(with(99, Value::Null)), ParseError::HeaderParameter(99));
    assert_eq!(refused(with(4, vec![1, 2].into())), ParseError::HeaderParameter(4));
    assert_eq!(refused(with(1, (-35).into())), ParseError::HeaderParameters(2));
    let key_id = Value::Map(vec![(4.into(), vec![1].into())]);
    assert_eq!(refused(|forged| forged.unprotected = key_id), ParseError::Unprotected(1));
}

#[test]
fn signatures_have_one_length() {
    for length in [0, 64, 95, 97, 104] {
        let error = refused(|forged| forged.signature = Some(vec![1; length]));
        assert_eq!(error, ParseError::SignatureLength(length));
    }
    assert_eq!(changed(|forged| forged.signature = Some(vec![0; 96])), Err(Rejected::Signature));
    assert_eq!(changed(|forged| forged.signature = Some(vec![0xff; 96])), Err(Rejected::Signature));
}

#[test]
fn fields_are_known_there_and_there_once() {
    let extra = |forged: &mut Forged| forged.payload.push(("extra".into(), Value::Null));
    assert_eq!(refused(extra), ParseError::UnknownField("extra".to_owned()));
    let names = [
        ("module_id", Field::ModuleId),
        ("digest", Field::Digest),
        ("timestamp", Field::Timestamp),
        ("pcrs", Field::Pcrs),
        ("certificate", Field::Certificate),
        ("cabundle", Field::Cabundle),
        ("public_key", Field::PublicKey),
        ("user_data", Field::UserData),
        ("nonce", Field::Nonce),
    ];
    for (index, (name, field)) in names.into_iter().enumerate() {
        let twice = |forged: &mut Forged| forged.payload.push(forged.payload[index].clone());
        assert_eq!(refused(twice), ParseError::Duplicate(field));
        if index < 6 {
            let without = |forged: &mut Forged| forged.payload.retain(|(key, _)| key.as_text() != Some(name));
            assert_eq!(refused(without), ParseError::Missing(field));
        }
        // No field is a boolean, and none a list of lists.
        assert!(matches!(refused(|forged| *forged.field(name) = Value::Bool(true)), ParseError::Payload(_)), "{name}");
    }
    // The three that may be null may also be absent.
    assert_eq!(changed(|forged| forged.payload.truncate(6)), Ok(()));
}

#[test]
fn sizes_are_bounded() {
    type Sizes = (&'static str, Field, usize, usize);
    let bytes: [Sizes; 4] = [
        ("certificate", Field::Certificate, 1, 1024),
        ("public_key", Field::PublicKey, 1, 1024),
        ("user_data", Field::UserData, 0, 512),
        ("nonce", Field::Nonce, 0, 512),
    ];
    for (name, field, min, max) in bytes {
        let error = refused(|forged| *forged.field(name) = vec![1; max + 1].into());
        assert_eq!(error, ParseError::Size { field, size: max + 1, min, max });
        if field != Field::Certificate {
            assert_eq!(changed(|forged| *forged.field(name) = vec![1; max].into()), Ok(()));
        }
    }
    let error = refused(|forged| *forged.field("module_id") = "m".repeat(257).into());
    assert!(matches!(error, ParseError::Size { field: Field::ModuleId, .. }));
    let error = refused(|forged| *forged.field("module_id") = "".into());
    assert!(matches!(error, ParseError::Size { field: Field::ModuleId, size: 0, .. }));
    for certificates in [0, 9] {
        let error = refused(|forged| *forged.field("cabundle") = vec![Value::from(vec![1; 9]); certificates].into());
        assert_eq!(error, ParseError::Size { field: Field::Cabundle, size: certificates, min: 1, max: 8 });
    }
    for length in [0, 1025] {
        let error = refused(|forged| *forged.field("cabundle") = vec![Value::from(vec![1; length])].into());
        assert_eq!(error, ParseError::Size { field: Field::Cabundle, size: length, min: 1, max: 1024 });
    }
}

#[test]
fn registers_are_sha384_and_there_once() {
    let with = |entries: Vec<(Value, Value)>| move |forged: &mut Forged| *forged.field("pcrs") = Value::Map(entries);
    let entry = |index: u64, bytes: usize| (Value::from(index), Value::from(vec![1; bytes]));
    assert!(matches!(refused(with(Vec::new())), ParseError::Size { field: Field::Pcrs, size: 0, .. }));
    assert!(matches!(
        refused(with((0..33).map(|index| entry(index, 48)).collect())),
        ParseError::Size { field: Field::Pcrs, size: 33, .. }
    ));
    assert_eq!(changed(with((0..32).map(|index| entry(index, 48)).collect())), Ok(()));
    assert_eq!(refused(with(vec![entry(32, 48)])), ParseError::PcrIndex(32));
    assert_eq!(refused(with(vec![entry(256, 48)])), ParseError::PcrIndex(256));
    assert_eq!(refused(with(vec![entry(3, 48), entry(3, 48)])), ParseError::PcrDuplicate(3));
    for bytes in [0, 32, 47, 49, 64] {
        assert_eq!(refused(with(vec![entry(1, bytes)])), ParseError::PcrLength { index: 1, bytes });
    }
    for digest in ["SHA256", "SHA512", "sha384", ""] {
        let error = refused(|forged| *forged.field("digest") = digest.into());
        assert_eq!(error, ParseError::Digest(digest.to_owned()));
    }
}

#[test]
fn the_whole_is_bounded() {
    assert_eq!(document::parse(&vec![0; 16 * 1024 + 1]), Err(ParseError::Oversized(16 * 1024 + 1)));
    assert!(matches!(document::parse(&vec![0; 16 * 1024]), Err(ParseError::Cose(_))));
    assert!(matches!(document::parse(&[]), Err(ParseError::Cose(CborError::Truncated(0)))));
}

#[test]
fn nesting_ends_where_it_begins() {
    for nest in [0x81_u8, 0xa1, 0xc1, 0xd2] {
        let deep = vec![nest; 16_000];
        assert!(document::parse(&deep).is_err());
        assert!(document::parse_unsigned(&deep).is_err());
        assert!(matches!(payload(&deep[..12_000]), Err(Rejected::Malformed(ParseError::Payload(_)))));
    }
    let deep = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    for name in ["user_data", "nonce", "timestamp", "pcrs"] {
        assert!(matches!(refused(|forged| *forged.field(name) = deep.clone()), ParseError::Payload(_)), "{name}");
    }
    let header = Value::Map(vec![(1.into(), deep)]);
    assert!(matches!(refused(|forged| forged.protected = header), ParseError::Protected(_)));
}

#[test]
fn bytes_after_the_end_are_refused_in_every_layer() {
    let chain = Chain::good();
    let forged = Forged::new(&chain.certificates());
    let mut inner = cbor(&Value::Map(forged.payload.clone()));
    assert_eq!(inner[0], 0xa9);
    inner.push(0xf6);
    assert!(matches!(payload(&inner), Err(Rejected::Malformed(ParseError::Payload(CborError::Trailing(_))))));
    let mut outer = forged.bytes(chain.signer());
    outer.push(0xf6);
    assert!(matches!(document::parse(&outer), Err(ParseError::Cose(CborError::Trailing(_)))));
}

#[test]
fn hidden_and_padded_lengths_are_refused() {
    let chain = Chain::good();
    let forged = Forged::new(&chain.certificates());
    let inner = cbor(&Value::Map(forged.payload.clone()));
    // The payload's map without a length, ended by a break.
    let hidden = [&[0xbf], &inner[1..], &[0xff]].concat();
    assert_eq!(payload(&hidden), Err(Rejected::Malformed(ParseError::Payload(CborError::Indefinite(0)))));
    // Its length in two bytes, where one does.
    let padded = [&[0xb8, 9], &inner[1..]].concat();
    assert_eq!(payload(&padded), Err(Rejected::Malformed(ParseError::Payload(CborError::NotShortest(0)))));
    // A map that claims more than there is.
    let claimed = [&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &inner[1..]].concat();
    assert!(matches!(payload(&claimed), Err(Rejected::Malformed(ParseError::Payload(_)))));
}

#[test]
fn other_arrays_are_no_documents() {
    for items in [0, 3, 5] {
        let array = Value::Array(vec![Value::Bytes(Vec::new()); items]);
        assert_eq!(document::parse(&cbor(&array)), Err(ParseError::CoseItems(items)));
    }
}
