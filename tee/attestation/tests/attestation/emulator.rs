//! A document that QEMU 10.0.2's emulated security module gave, recorded by `scripts/enclave/test-qemu` (docs/enclave-qemu.md).

use zktee_attestation::{Policy, Rejected, Root, document, pcr, verify};

const DOCUMENT: &[u8] = include_bytes!("../fixtures/qemu-10.0.2.cose");
/// What was computed from the image's bytes before it was booted.
const REGISTERS: &str = include_str!("../fixtures/qemu-10.0.2.json");

#[test]
fn it_is_read_and_says_that_nobody_signed_it() {
    let unsigned = document::parse_unsigned(DOCUMENT).unwrap();
    assert!(!unsigned.authenticated());
    let content = unsigned.content();
    assert_eq!(content.module_id, "zktee");
    assert_eq!(content.nonce.as_ref().map(Vec::len), Some(32));
    assert_eq!(content.user_data.as_ref().map(Vec::len), Some(48));
    let registers: serde_json::Value = serde_json::from_str(REGISTERS).unwrap();
    for index in 0..3 {
        let register = content.pcrs[&index].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(registers[format!("PCR{index}")], register, "PCR{index}");
    }
    // What the emulator was not told of the parent.
    assert_eq!(content.pcrs[&3], pcr::ZERO);
}

#[test]
fn no_policy_accepts_it() {
    let policy = Policy { allow_debug: true, ..Policy::new(Root::aws()) };
    assert!(matches!(verify(DOCUMENT, &policy), Err(Rejected::Malformed(_))));
}
