//! Committed receipts of `ols-iris`, proven once on a virtual machine of 2 cores (AMD EPYC, Zen 5).

use risc0_zkvm::{FakeReceipt, InnerReceipt, Receipt, ReceiptClaim};
use zktee_risc0_verifier::{Guest, Rejected, part_to_bytes, verify, verify_part};

const RECEIPT: &[u8] = include_bytes!("receipts/predict.bin");
const FITTED: &[u8] = include_bytes!("receipts/fit.bin");

fn image_id(guest: Guest) -> [u8; 32] {
    guest.image_id().unwrap()
}

fn changed(change: impl FnOnce(&mut Receipt)) -> Vec<u8> {
    let mut receipt: Receipt = borsh::from_slice(RECEIPT).unwrap();
    change(&mut receipt);
    borsh::to_vec(&receipt).unwrap()
}

#[test]
fn the_committed_receipts_verify_against_the_committed_image_ids() {
    let [predicted, fitted] = [(RECEIPT, Guest::Predict), (FITTED, Guest::Fit)].map(|(receipt, guest)| {
        let verified = verify(receipt, image_id(guest)).unwrap();
        assert_eq!((verified.statement.batch, verified.statement.outputs.len()), (150, 150));
        assert_eq!(verified.segments, 1);
        assert!(verified.seal_bytes > 200_000);
        verified.statement
    });
    assert_eq!(predicted.targets, [0; 32]);
    assert_ne!(fitted.targets, [0; 32]);
    assert_eq!((predicted.model, predicted.inputs, predicted.outputs), (fitted.model, fitted.inputs, fitted.outputs));
}

#[test]
fn another_program_is_rejected() {
    let error = verify(RECEIPT, image_id(Guest::Fit)).unwrap_err();
    assert!(matches!(error, Rejected::Proof(_)), "{error}");
    assert!(matches!(verify(FITTED, image_id(Guest::Predict)), Err(Rejected::Proof(_))));
    let mut id = image_id(Guest::Predict);
    id[31] ^= 1;
    assert!(matches!(verify(RECEIPT, id), Err(Rejected::Proof(_))));
}

#[test]
fn a_changed_journal_is_rejected() {
    let length = verify(RECEIPT, image_id(Guest::Predict)).unwrap().statement.outputs.len() * 4 + 100;
    for at in [0, 40, 70, 96, 100, length - 1] {
        let forged = changed(|receipt| receipt.journal.bytes[at] ^= 1);
        assert!(matches!(verify(&forged, image_id(Guest::Predict)), Err(Rejected::Proof(_))), "byte {at}");
    }
    let longer = changed(|receipt| receipt.journal.bytes.extend([0; 4]));
    assert!(matches!(verify(&longer, image_id(Guest::Predict)), Err(Rejected::Proof(_))));
}

#[test]
fn a_changed_seal_is_rejected() {
    let InnerReceipt::Composite(composite) = borsh::from_slice::<Receipt>(RECEIPT).unwrap().inner else {
        panic!("a composite receipt");
    };
    let words = composite.segments[0].seal.len();
    for part in 0..40 {
        let forged = changed(|receipt| {
            let InnerReceipt::Composite(composite) = &mut receipt.inner else { panic!("a composite receipt") };
            composite.segments[0].seal[words * part / 40] ^= 1 << (part % 31);
        });
        assert!(verify(&forged, image_id(Guest::Predict)).is_err(), "word {}", words * part / 40);
    }
    let none = changed(|receipt| {
        let InnerReceipt::Composite(composite) = &mut receipt.inner else { panic!("a composite receipt") };
        composite.segments.clear();
    });
    assert!(verify(&none, image_id(Guest::Predict)).is_err());
}

#[test]
fn bytes_that_are_no_receipt_are_rejected() {
    let good = RECEIPT;
    for bytes in [&[][..], &good[..good.len() - 1], &[good, &[0]].concat(), &[0xff; 64]] {
        let error = verify(bytes, image_id(Guest::Predict)).unwrap_err();
        assert!(matches!(error, Rejected::NotAReceipt(_)), "{error}");
    }
}

#[test]
fn a_receipt_of_development_mode_is_rejected() {
    let honest: Receipt = borsh::from_slice(RECEIPT).unwrap();
    let claim = ReceiptClaim::ok(image_id(Guest::Predict), honest.journal.bytes.clone());
    let fake = Receipt::new(InnerReceipt::Fake(FakeReceipt::new(claim)), honest.journal.bytes);
    let error = verify(&borsh::to_vec(&fake).unwrap(), image_id(Guest::Predict)).unwrap_err();
    assert_eq!(error, Rejected::Kind("fake"));
}

#[test]
fn a_segment_hashed_otherwise_is_rejected() {
    let forged = changed(|receipt| {
        let InnerReceipt::Composite(composite) = &mut receipt.inner else { panic!("a composite receipt") };
        composite.segments[0].hashfn = "sha-256".to_owned();
    });
    assert_eq!(verify(&forged, image_id(Guest::Predict)), Err(Rejected::Hash("sha-256".to_owned())));
}

/// The committed run has one segment: its first is all of it.
fn part(segments: u32, change: impl FnOnce(&mut risc0_zkvm::SegmentReceipt)) -> Vec<u8> {
    let InnerReceipt::Composite(mut composite) = borsh::from_slice::<Receipt>(RECEIPT).unwrap().inner else {
        panic!("a composite receipt");
    };
    change(&mut composite.segments[0]);
    part_to_bytes(segments, &composite.segments[0]).unwrap()
}

#[test]
fn a_first_segment_verifies_alone_and_changed_ones_do_not() {
    let id = image_id(Guest::Predict);
    let verified = verify_part(&part(14, |_| {}), id).unwrap();
    assert_eq!((verified.segments, verified.seal_bytes), (14, verify(RECEIPT, id).unwrap().seal_bytes));
    assert!(matches!(verify_part(&part(14, |_| {}), image_id(Guest::Fit)), Err(Rejected::Proof(_))), "another program");
    for at in [0, 100, 30_000, 50_000] {
        assert!(verify_part(&part(14, |segment| segment.seal[at] ^= 1), id).is_err(), "word {at}");
    }
    let hashed = part(14, |segment| segment.hashfn = "sha-256".to_owned());
    assert_eq!(verify_part(&hashed, id), Err(Rejected::Hash("sha-256".to_owned())));
    let good = part(14, |_| {});
    for bytes in [&[][..], &good[..good.len() - 1], &[good.as_slice(), &[0]].concat(), RECEIPT] {
        assert!(matches!(verify_part(bytes, id), Err(Rejected::NotAReceipt(_))));
    }
    assert!(matches!(verify(&good, id), Err(Rejected::NotAReceipt(_))), "a part is no receipt");
}
