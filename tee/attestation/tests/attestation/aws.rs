//! A document that AWS's hardware signed, recorded on 2025-01-06.

use std::time::Duration;

use zktee_attestation::{
    Clock, Policy, Rejected, Root, TestRoot, document, verify,
    verify::{CertificateFault, Position},
};

pub(crate) const DOCUMENT: &[u8] = include_bytes!("../fixtures/aws-eu-central-1.cose");
/// Its timestamp, in milliseconds.
pub(crate) const TIMESTAMP: u64 = 1_736_179_625_472;
const HOUR: u64 = 60 * 60 * 1000;

/// Expects all that the document says, at `time`.
pub(crate) fn policy(time: u64) -> Policy {
    let pcrs = document::parse(DOCUMENT).unwrap().unverified_content().pcrs.clone();
    Policy { pcrs, clock: Clock::at_unix_millis(time), ..Policy::new(Root::aws()) }
}

#[test]
fn it_holds_at_its_own_time() {
    let verified = verify(DOCUMENT, &policy(TIMESTAMP)).unwrap();
    assert!(verified.hardware());
    let content = verified.content();
    assert_eq!(content.timestamp, TIMESTAMP);
    assert_eq!(content.module_id, "i-0bee92034f3d60691-enc01943c5eaab3ad6a");
    assert_eq!(content.pcrs.len(), 16);
    assert_eq!(content.cabundle.len(), 4);
    assert!(content.public_key.is_some() && content.user_data.is_none() && content.nonce.is_none());
    // With COSE's tag it is the same document.
    let tagged = [&[0xd2], DOCUMENT].concat();
    assert_eq!(verify(&tagged, &policy(TIMESTAMP)).unwrap().content(), content);
}

#[test]
fn it_does_not_hold_now() {
    let policy = Policy { clock: Clock::Now, max_age: Duration::MAX, ..policy(TIMESTAMP) };
    let Err(Rejected::Certificate { position: Position::Intermediate(1), fault: CertificateFault::Expired { .. } }) =
        verify(DOCUMENT, &policy)
    else {
        panic!("certificates of 2025 hold")
    };
}

#[test]
fn it_does_not_hold_four_hours_later() {
    let late = Policy { max_age: Duration::MAX, ..policy(TIMESTAMP + 4 * HOUR) };
    let rejected = verify(DOCUMENT, &late).unwrap_err();
    assert!(
        matches!(
            rejected,
            Rejected::Certificate {
                position: Position::Signer,
                fault: CertificateFault::Expired { not_after: 1_736_190_425, .. }
            }
        ),
        "{rejected}"
    );
    // While all certificates are valid, its age counts.
    let rejected = verify(DOCUMENT, &policy(TIMESTAMP + 2 * HOUR)).unwrap_err();
    assert_eq!(rejected, Rejected::TooOld { age: 2 * HOUR, max_age: 300_000 });
}

#[test]
fn it_does_not_hold_before_it_was_made() {
    let rejected = verify(DOCUMENT, &policy(TIMESTAMP - 60 * 60 * 1000)).unwrap_err();
    assert!(
        matches!(
            rejected,
            Rejected::Certificate { position: Position::Intermediate(3), fault: CertificateFault::NotYetValid { .. } }
                | Rejected::Certificate { position: Position::Signer, fault: CertificateFault::NotYetValid { .. } }
        ),
        "{rejected}"
    );
}

#[test]
fn it_holds_under_no_other_root() {
    let root = TestRoot::generate().unwrap().root();
    let rejected = verify(DOCUMENT, &Policy { root: root.clone(), ..policy(TIMESTAMP) }).unwrap_err();
    assert_eq!(rejected, Rejected::Root { expected: root.fingerprint(), found: Root::aws().fingerprint() });
}

#[test]
fn any_other_byte_anywhere_is_rejected() {
    let policy = policy(TIMESTAMP);
    for at in 0..DOCUMENT.len() {
        let mut bytes = DOCUMENT.to_vec();
        bytes[at] ^= 1 << (at % 8);
        assert!(verify(&bytes, &policy).is_err(), "bit {} of byte {at}", at % 8);
    }
}

#[test]
fn any_other_length_is_rejected() {
    let policy = policy(TIMESTAMP);
    for length in 0..DOCUMENT.len() {
        assert!(matches!(verify(&DOCUMENT[..length], &policy), Err(Rejected::Malformed(_))), "cut at {length}");
    }
    assert!(matches!(verify(&[DOCUMENT, &[0]].concat(), &policy), Err(Rejected::Malformed(_))));
}
