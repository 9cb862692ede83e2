//! Documents that are in order, against policies that expect something else.

use std::{collections::BTreeMap, time::Duration};

use zktee_attestation::{
    AttestationRequest, Clock, Nsm, NsmError, NsmKind, Pcr, Policy, Rejected, Root, SoftwareNsm, TestRoot, document,
    pcr, verify,
};

const NONCE: [u8; 32] = [7; 32];
const USER_DATA: [u8; 48] = [8; 48];

fn pcrs() -> BTreeMap<u8, Pcr> {
    (0..4).map(|index| (index, pcr::measure(&[index]))).collect()
}

fn request() -> AttestationRequest {
    AttestationRequest { nonce: Some(NONCE.into()), user_data: Some(USER_DATA.into()), public_key: Some(vec![9; 97]) }
}

/// A document with its timestamp, and the policy that expects all of it.
fn example() -> (Vec<u8>, u64, Policy) {
    let root = TestRoot::generate().unwrap();
    let nsm = SoftwareNsm::new(&root, pcrs()).unwrap();
    let bytes = nsm.attest(&request()).unwrap();
    let timestamp = document::parse(&bytes).unwrap().unverified_content().timestamp;
    let policy = Policy {
        pcrs: pcrs(),
        nonce: Some(NONCE.into()),
        user_data: Some(USER_DATA.into()),
        clock: Clock::at_unix_millis(timestamp),
        ..Policy::new(root.root())
    };
    (bytes, timestamp, policy)
}

#[test]
fn what_a_software_module_signs_holds_under_its_root_and_is_no_hardware() {
    let (bytes, timestamp, policy) = example();
    let verified = verify(&bytes, &policy).unwrap();
    assert!(!verified.hardware());
    let content = verified.content();
    assert_eq!((content.timestamp, &content.pcrs), (timestamp, &pcrs()));
    assert_eq!(content.public_key, request().public_key);
    assert!(verified.not_checked().is_empty());
    verify(&bytes, &Policy { clock: Clock::Now, ..policy }).unwrap();
}

#[test]
fn it_does_not_hold_under_aws_root() {
    let (bytes, _, policy) = example();
    let expected = Rejected::Root { expected: Root::aws().fingerprint(), found: policy.root.fingerprint() };
    assert_eq!(verify(&bytes, &Policy { root: Root::aws(), ..policy }), Err(expected));
}

#[test]
fn it_does_not_hold_under_another_test_root_of_the_same_name() {
    let (bytes, _, policy) = example();
    let root = TestRoot::generate().unwrap().root();
    assert!(matches!(verify(&bytes, &Policy { root, ..policy }), Err(Rejected::Root { .. })));
}

#[test]
fn another_process_with_the_roots_text_signs_under_the_same_root() {
    let root = TestRoot::generate().unwrap();
    let there = TestRoot::from_pem(&root.to_pem()).unwrap();
    let bytes = SoftwareNsm::new(&there, pcrs()).unwrap().attest(&request()).unwrap();
    verify(&bytes, &Policy::new(root.root())).unwrap();
}

#[test]
fn another_or_a_missing_register_is_rejected() {
    let (bytes, _, policy) = example();
    for index in 0..4 {
        let mut other = policy.clone();
        other.pcrs.get_mut(&index).unwrap()[47] ^= 1;
        let rejected = verify(&bytes, &other).unwrap_err();
        assert!(matches!(rejected, Rejected::Pcr { index: found, .. } if found == index), "{rejected}");
    }
    let mut more = policy.clone();
    more.pcrs.insert(4, pcr::ZERO);
    assert_eq!(verify(&bytes, &more), Err(Rejected::MissingPcr(4)));
    // More registers than expected are none of the policy's business.
    let fewer = Policy { pcrs: BTreeMap::from([(2, pcr::measure(&[2]))]), ..policy };
    verify(&bytes, &fewer).unwrap();
}

#[test]
fn another_or_no_nonce_is_rejected() {
    let (bytes, timestamp, policy) = example();
    let longer = [&NONCE[..], &[0]].concat();
    for expected in [vec![0; 32], NONCE[..31].to_vec(), longer, Vec::new()] {
        let rejected = Rejected::Nonce { expected: expected.clone(), found: NONCE.into() };
        assert_eq!(verify(&bytes, &Policy { nonce: Some(expected), ..policy.clone() }), Err(rejected));
    }
    let root = TestRoot::generate().unwrap();
    let nsm = SoftwareNsm::new(&root, pcrs()).unwrap();
    let bytes = nsm.attest(&AttestationRequest { nonce: None, ..request() }).unwrap();
    let clock = Clock::at_unix_millis(timestamp + 1000);
    let policy = Policy { root: root.root(), clock, ..policy };
    assert_eq!(verify(&bytes, &policy), Err(Rejected::MissingNonce));
    // Nor does an empty one pass for none, or none for an empty one.
    assert_eq!(verify(&bytes, &Policy { nonce: Some(Vec::new()), ..policy }), Err(Rejected::MissingNonce));
}

#[test]
fn other_or_no_user_data_are_rejected() {
    let (bytes, timestamp, policy) = example();
    for expected in [vec![8; 47], vec![8; 49], vec![0; 48], Vec::new()] {
        let rejected = Rejected::UserData { expected: expected.clone(), found: USER_DATA.into() };
        assert_eq!(verify(&bytes, &Policy { user_data: Some(expected), ..policy.clone() }), Err(rejected));
    }
    let root = TestRoot::generate().unwrap();
    let nsm = SoftwareNsm::new(&root, pcrs()).unwrap();
    let bytes = nsm.attest(&AttestationRequest { user_data: None, ..request() }).unwrap();
    let clock = Clock::at_unix_millis(timestamp + 1000);
    assert_eq!(verify(&bytes, &Policy { root: root.root(), clock, ..policy }), Err(Rejected::MissingUserData));
}

#[test]
fn a_document_of_the_future_or_of_long_ago_is_rejected() {
    let (bytes, timestamp, policy) = example();
    let at = |time| verify(&bytes, &Policy { clock: Clock::at_unix_millis(time), ..policy.clone() }).map(drop);
    assert_eq!(at(timestamp - 5_000), Ok(()));
    assert_eq!(at(timestamp - 5_001), Err(Rejected::Future { timestamp, now: timestamp - 5_001 }));
    assert_eq!(at(timestamp + 300_000), Ok(()));
    assert_eq!(at(timestamp + 300_001), Err(Rejected::TooOld { age: 300_001, max_age: 300_000 }));
    // A limit of nothing leaves the very moment.
    let none = Policy { max_age: Duration::ZERO, ..policy.clone() };
    verify(&bytes, &none).unwrap();
    // Clocks that no certificate knows.
    let before = std::time::SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(verify(&bytes, &Policy { clock: Clock::At(before), ..policy.clone() }), Err(Rejected::Clock));
    assert!(matches!(at(0), Err(Rejected::Certificate { .. })));
    assert!(matches!(at(u64::MAX), Err(Rejected::Certificate { .. })));
}

#[test]
fn a_signer_is_valid_as_long_as_it_says() {
    let root = TestRoot::generate().unwrap();
    let nsm = SoftwareNsm::with_lifetime(&root, pcrs(), Duration::from_mins(1)).unwrap();
    let bytes = nsm.attest(&request()).unwrap();
    let timestamp = document::parse(&bytes).unwrap().unverified_content().timestamp;
    let at =
        |time| verify(&bytes, &Policy { clock: Clock::at_unix_millis(time), ..Policy::new(root.root()) }).map(drop);
    assert_eq!(at(timestamp), Ok(()));
    assert!(matches!(at(timestamp + 62_000), Err(Rejected::Certificate { .. })));
}

#[test]
fn debug_mode_is_rejected_unless_allowed() {
    let root = TestRoot::generate().unwrap();
    for index in 0..3 {
        let mut zero = pcrs();
        zero.insert(index, pcr::ZERO);
        let bytes = SoftwareNsm::new(&root, zero.clone()).unwrap().attest(&request()).unwrap();
        // Also when the policy itself expects the zeros.
        let policy = Policy { pcrs: zero, ..Policy::new(root.root()) };
        assert_eq!(verify(&bytes, &policy), Err(Rejected::Debug(index)));
        let verified = verify(&bytes, &Policy { allow_debug: true, ..policy }).unwrap();
        assert!(verified.not_checked().iter().any(|check| check.name == "debug mode"));

        let mut missing = pcrs();
        missing.remove(&index);
        let bytes = SoftwareNsm::new(&root, missing).unwrap().attest(&request()).unwrap();
        assert_eq!(verify(&bytes, &Policy::new(root.root())), Err(Rejected::MissingPcr(index)));
    }
}

#[test]
fn every_check_is_in_the_report_as_text_and_json() {
    let (bytes, _, policy) = example();
    let verified = verify(&bytes, &policy).unwrap();
    let names: Vec<_> = verified.checks().iter().map(|check| check.name).collect();
    let certificates = ["certificate"; 3];
    let expected = [
        &["form", "root"][..],
        &certificates,
        &["signature", "age", "debug mode"],
        &["PCR"; 4],
        &["nonce", "user data"],
    ];
    assert_eq!(names, expected.concat());
    let text = verified.to_string();
    for part in ["nothing is said about hardware", &policy.root.fingerprint(), &"07".repeat(32), "PCR3 = "] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = serde_json::to_value(&verified).unwrap();
    assert_eq!(json["hardware"], false);
    assert_eq!(json["content"]["nonce"], "07".repeat(32));
    assert_eq!(json["content"]["pcrs"]["0"].as_str().map(str::len), Some(96));
    assert_eq!(json["checks"].as_array().map(Vec::len), Some(names.len()));

    let loose = Policy { clock: policy.clock, ..Policy::new(policy.root) };
    let verified = verify(&bytes, &loose).unwrap();
    let unchecked: Vec<_> = verified.not_checked().iter().map(|check| check.name).collect();
    assert_eq!(unchecked, ["PCRs", "nonce", "user data"]);
    assert!(verified.to_string().contains("not checked  nonce"));
}

#[test]
fn a_module_refuses_what_no_document_can_hold() {
    let root = TestRoot::generate().unwrap();
    let nsm = SoftwareNsm::new(&root, pcrs()).unwrap();
    assert_eq!((nsm.kind(), nsm.pcrs().unwrap()), (NsmKind::Software, pcrs()));
    for refused in [
        AttestationRequest { nonce: Some(vec![0; 513]), ..AttestationRequest::default() },
        AttestationRequest { user_data: Some(vec![0; 513]), ..AttestationRequest::default() },
        AttestationRequest { public_key: Some(vec![0; 1025]), ..AttestationRequest::default() },
        AttestationRequest { public_key: Some(Vec::new()), ..AttestationRequest::default() },
    ] {
        assert!(matches!(nsm.attest(&refused), Err(NsmError::Request { .. })));
    }
    let largest = AttestationRequest {
        nonce: Some(vec![1; 512]),
        user_data: Some(vec![2; 512]),
        public_key: Some(vec![3; 1024]),
    };
    let bytes = nsm.attest(&largest).unwrap();
    assert_eq!(verify(&bytes, &Policy::new(root.root())).unwrap().content().nonce, largest.nonce);
    assert!(matches!(SoftwareNsm::new(&root, BTreeMap::new()), Err(NsmError::Pcrs(_))));
    assert!(matches!(SoftwareNsm::new(&root, BTreeMap::from([(32, [1; 48])])), Err(NsmError::Pcrs(_))));
}

#[test]
fn any_other_byte_of_a_software_modules_document_is_rejected() {
    let (bytes, _, policy) = example();
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (at % 8);
        assert!(verify(&other, &policy).is_err(), "bit {} of byte {at}", at % 8);
    }
    for length in 0..bytes.len() {
        assert!(matches!(verify(&bytes[..length], &policy), Err(Rejected::Malformed(_))), "cut at {length}");
    }
}
