//! Chains with one fault each. `rustls-webpki` gives a second opinion: what is accepted here, it must accept too.

use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CustomExtension, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, ring::ECDSA_P384_SHA384};
use zktee_attestation::{
    Content, Rejected, document, verify,
    verify::{CertificateFault, Position},
};

use crate::{
    aws,
    forge::{Chain, Forged, Link, policy},
};

/// What this crate says of a document with these certificates, under the first of them.
fn verdict(certificates: &[Vec<u8>], signer: &KeyPair) -> Result<(), Rejected> {
    let verdict = verify(&Forged::new(certificates).bytes(signer), &policy(&certificates[0])).map(drop);
    if verdict.is_ok() {
        assert!(second_opinion(certificates, UnixTime::now()), "webpki rejects what is accepted here");
    }
    verdict
}

/// What `rustls-webpki` says of the chain.
fn second_opinion(certificates: &[Vec<u8>], time: UnixTime) -> bool {
    let ders: Vec<_> = certificates.iter().map(|der| CertificateDer::from_slice(der)).collect();
    let (root, below) = ders.split_first().unwrap();
    let (signer, intermediates) = below.split_last().unwrap();
    let (Ok(root), Ok(signer)) = (webpki::anchor_from_trusted_cert(root), EndEntityCert::try_from(signer)) else {
        return false;
    };
    let usage = KeyUsage::client_auth();
    signer.verify_for_usage(&[ECDSA_P384_SHA384], &[root], intermediates, time, usage, None, None).is_ok()
}

/// The verdict on a good chain after one change, and whether webpki agrees that it is a fault.
fn changed(change: impl FnOnce(&mut Chain)) -> (Result<(), Rejected>, bool) {
    let mut chain = Chain::good();
    change(&mut chain);
    let certificates = chain.certificates();
    (verdict(&certificates, chain.signer()), !second_opinion(&certificates, UnixTime::now()))
}

fn fault(position: Position, fault: CertificateFault) -> Result<(), Rejected> {
    Err(Rejected::Certificate { position, fault })
}

const UPPER: Position = Position::Intermediate(1);
const LOWER: Position = Position::Intermediate(2);

#[test]
fn a_good_chain_holds() {
    assert_eq!(changed(|_| ()), (Ok(()), false));
    // As short as can be, and as long.
    let chain = Chain { links: vec![Link::authority("root", BasicConstraints::Unconstrained), Link::signer()] };
    assert_eq!(verdict(&chain.certificates(), chain.signer()), Ok(()));
    let authority = |index| Link::authority(&format!("{index}"), BasicConstraints::Unconstrained);
    let chain = Chain { links: (0..7).map(authority).chain([Link::signer()]).collect() };
    assert_eq!(verdict(&chain.certificates(), chain.signer()), Ok(()));
    let chain = Chain { links: (0..9).map(authority).chain([Link::signer()]).collect() };
    assert!(matches!(verdict(&chain.certificates(), chain.signer()), Err(Rejected::Malformed(_))));
}

#[test]
fn webpki_agrees_on_the_chain_of_hardware() {
    let parsed = document::parse(aws::DOCUMENT).unwrap();
    let Content { cabundle, certificate, .. } = parsed.unverified_content();
    let certificates = [cabundle.as_slice(), std::slice::from_ref(certificate)].concat();
    let seconds = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    assert!(second_opinion(&certificates, seconds(aws::TIMESTAMP / 1000)));
    assert!(!second_opinion(&certificates, seconds(aws::TIMESTAMP / 1000 + 4 * 3600)));
}

#[test]
fn an_intermediate_must_be_an_authority() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        for index in [1, 2] {
            let expected = fault(Position::Intermediate(index), CertificateFault::NotAuthority);
            assert_eq!(changed(|chain| chain.links[index].params.is_ca = is_ca), (expected, true));
        }
    }
}

#[test]
fn keys_are_used_for_what_they_are_for() {
    for usages in [vec![], vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign]] {
        for (index, position) in [(0, Position::Root), (1, UPPER), (2, LOWER)] {
            // webpki does not look at key usage, which is why its word alone would not do.
            let (verdict, _) = changed(|chain| chain.links[index].params.key_usages.clone_from(&usages));
            assert_eq!(verdict, fault(position, CertificateFault::KeyUsage("signing certificates")));
        }
    }
    for usages in [vec![], vec![KeyUsagePurpose::KeyEncipherment]] {
        let (verdict, _) = changed(|chain| chain.links[3].params.key_usages = usages);
        assert_eq!(verdict, fault(Position::Signer, CertificateFault::KeyUsage("signing documents")));
    }
    let both = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    let (verdict, _) = changed(|chain| chain.links[3].params.key_usages = both);
    assert_eq!(verdict, fault(Position::Signer, CertificateFault::Authority));
}

#[test]
fn an_authority_signs_no_documents() {
    let (verdict, agreed) = changed(|chain| chain.links[3].params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!((verdict, agreed), (fault(Position::Signer, CertificateFault::Authority), true));
}

#[test]
fn path_lengths_count() {
    let expected = fault(UPPER, CertificateFault::PathLength { allowed: 0, found: 1 });
    let limit = IsCa::Ca(BasicConstraints::Constrained(0));
    assert_eq!(changed(|chain| chain.links[1].params.is_ca = limit), (expected, true));
    // webpki takes a root's constraints as given.
    let (verdict, _) = changed(|chain| chain.links[0].params.is_ca = limit);
    assert_eq!(verdict, fault(Position::Root, CertificateFault::PathLength { allowed: 0, found: 2 }));
}

#[test]
fn every_certificate_must_be_valid_now() {
    let hour = Duration::from_hours(1);
    for (index, position) in [(0, Position::Root), (1, UPPER), (2, LOWER), (3, Position::Signer)] {
        let (verdict, agreed) = changed(|chain| {
            chain.links[index].params.not_before = (SystemTime::now() - 2 * hour).into();
            chain.links[index].params.not_after = (SystemTime::now() - hour).into();
        });
        let Err(Rejected::Certificate { position: found, fault: CertificateFault::Expired { .. } }) = verdict else {
            panic!("{verdict:?}")
        };
        // webpki does not ask the time of a root.
        assert_eq!((found, agreed), (position, index != 0));

        let (verdict, agreed) = changed(|chain| {
            chain.links[index].params.not_before = (SystemTime::now() + hour).into();
            chain.links[index].params.not_after = (SystemTime::now() + 2 * hour).into();
        });
        let Err(Rejected::Certificate { position: found, fault: CertificateFault::NotYetValid { .. } }) = verdict
        else {
            panic!("{verdict:?}")
        };
        assert_eq!((found, agreed), (position, index != 0));
    }
}

#[test]
fn the_signer_must_hang_on_the_chain() {
    let (one, other) = (Chain::good(), Chain::good());
    let mut certificates = one.certificates();
    // A signer by the same names under other keys: every name fits, no signature does.
    certificates[3] = other.certificates()[3].clone();
    assert_eq!(verdict(&certificates, other.signer()), fault(Position::Signer, CertificateFault::Signature));
    // An intermediate of the same name likewise.
    let mut certificates = one.certificates();
    certificates[2] = other.certificates()[2].clone();
    assert_eq!(verdict(&certificates, one.signer()), fault(LOWER, CertificateFault::Signature));
    // A signer that signed itself.
    let mut certificates = one.certificates();
    let alone = Link::signer();
    certificates[3] = alone.params.self_signed(&alone.key).unwrap().der().to_vec();
    assert_eq!(verdict(&certificates, &alone.key), fault(Position::Signer, CertificateFault::Issuer));
}

#[test]
fn the_chain_is_in_order_and_whole() {
    let chain = Chain::good();
    let all = chain.certificates();
    let pick = |order: &[usize]| order.iter().map(|index| all[*index].clone()).collect::<Vec<_>>();
    assert_eq!(verdict(&pick(&[0, 1, 2, 3]), chain.signer()), Ok(()));
    assert_eq!(verdict(&pick(&[0, 1, 3]), chain.signer()), fault(Position::Signer, CertificateFault::Issuer));
    assert_eq!(verdict(&pick(&[0, 2, 3]), chain.signer()), fault(UPPER, CertificateFault::Issuer));
    assert!(matches!(verdict(&pick(&[0, 2, 1, 3]), chain.signer()), Err(Rejected::Certificate { .. })));
    assert!(matches!(verdict(&pick(&[0, 1, 1, 2, 3]), chain.signer()), Err(Rejected::Certificate { .. })));
    // An unlimited root below itself adds nothing that it could not say.
    assert_eq!(verdict(&pick(&[0, 0, 1, 2, 3]), chain.signer()), Ok(()));
    // Without the root, though its key signed the first that is there.
    let rejected = verify(&Forged::new(&pick(&[1, 2, 3])).bytes(chain.signer()), &policy(&all[0])).unwrap_err();
    assert!(matches!(rejected, Rejected::Root { .. }), "{rejected}");
    // A policy that trusts an intermediate does not thereby trust a chain from above it.
    let rejected = verify(&Forged::new(&all).bytes(chain.signer()), &policy(&all[1])).unwrap_err();
    assert!(matches!(rejected, Rejected::Root { .. }), "{rejected}");
}

#[test]
fn a_root_of_the_same_name_or_key_is_another_root() {
    let chain = Chain::good();
    let trusted = chain.certificates();
    let mut renewed = trusted.clone();
    // The same name and key, signed once more: ECDSA's signature differs, and so does the certificate.
    renewed[0] = chain.links[0].params.self_signed(&chain.links[0].key).unwrap().der().to_vec();
    let rejected = verify(&Forged::new(&renewed).bytes(chain.signer()), &policy(&trusted[0])).unwrap_err();
    assert!(matches!(rejected, Rejected::Root { .. }), "{rejected}");
}

#[test]
fn other_curves_and_hashes_are_refused() {
    let (verdict, agreed) =
        changed(|chain| chain.links[1].key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
    assert_eq!((verdict, agreed), (fault(UPPER, CertificateFault::Key), true));
}

#[test]
fn unknown_critical_and_repeated_extensions_are_refused() {
    let critical = |critical: bool| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        extension
    };
    for index in 1..4 {
        let position = if index == 3 { Position::Signer } else { Position::Intermediate(index) };
        let expected = CertificateFault::CriticalExtension("1.3.6.1.4.1.99999.1".to_owned());
        let (verdict, agreed) = changed(|chain| chain.links[index].params.custom_extensions = vec![critical(true)]);
        assert_eq!((verdict, agreed), (fault(position, expected), true));
    }
    assert_eq!(changed(|chain| chain.links[1].params.custom_extensions = vec![critical(false)]), (Ok(()), false));
    let (verdict, _) =
        changed(|chain| chain.links[1].params.custom_extensions = vec![critical(false), critical(false)]);
    assert_eq!(verdict, fault(UPPER, CertificateFault::RepeatedExtension("1.3.6.1.4.1.99999.1".to_owned())));
}

#[test]
fn another_name_above_is_refused() {
    let chain = Chain::good();
    let mut certificates = chain.certificates();
    let mut renamed = Chain::good();
    renamed.links = chain.links;
    renamed.links[2].params.distinguished_name.push(DnType::CommonName, "another");
    // Signed by the right key, under another name.
    certificates[3] = renamed.certificates()[3].clone();
    assert_eq!(verdict(&certificates, renamed.signer()), fault(Position::Signer, CertificateFault::Issuer));
}

#[test]
fn another_key_signs_no_documents() {
    let chain = Chain::good();
    let certificates = chain.certificates();
    for other in [&Link::signer().key, &chain.links[2].key] {
        assert_eq!(verdict(&certificates, other), Err(Rejected::Signature));
    }
}

#[test]
fn what_is_no_certificate_is_refused() {
    let chain = Chain::good();
    for (index, position) in [(1, UPPER), (3, Position::Signer)] {
        for bytes in [vec![0; 64], vec![0x30, 0x80], vec![0x30; 1024]] {
            let mut certificates = chain.certificates();
            certificates[index] = bytes;
            let verdict = verdict(&certificates, chain.signer());
            let Err(Rejected::Certificate { position: found, fault: CertificateFault::Malformed(_) }) = verdict else {
                panic!("{verdict:?}")
            };
            assert_eq!(found, position);
        }
        let mut certificates = chain.certificates();
        certificates[index].push(0);
        assert!(matches!(verdict(&certificates, chain.signer()), Err(Rejected::Certificate { .. })));
    }
}
