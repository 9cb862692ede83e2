//! Any bytes as a document, and a recorded document of hardware with any edits: never a panic, and nothing but the original is
//! accepted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_attestation::{Clock, Policy, Root, document, verify};

const DOCUMENT: &[u8] = include_bytes!("../../tests/fixtures/aws-eu-central-1.cose");
const TIMESTAMP: u64 = 1_736_179_625_472;

/// Each three bytes of `edits` put one byte at a place of the original.
fn edited(edits: &[u8]) -> Vec<u8> {
    let mut bytes = DOCUMENT.to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[at] = edit[2];
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let policy = Policy { clock: Clock::at_unix_millis(TIMESTAMP), ..Policy::new(Root::aws()) };
    if let Ok(unsigned) = document::parse_unsigned(data) {
        assert!(!unsigned.authenticated() && document::parse(data).is_err(), "signed and unsigned at once");
    }
    // COSE's tag may stand before a document; it is the same one without.
    let accepted = verify(data, &policy).is_ok();
    assert!(!accepted || data.strip_prefix(&[0xd2]).unwrap_or(data) == DOCUMENT, "accepted");
    let edited = edited(data);
    assert!(verify(&edited, &policy).is_err() || edited == DOCUMENT, "accepted after edits");
});
