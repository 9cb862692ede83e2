//! What a verification and a document cost, and what the signature's library contributes to it.
//!
//! `cargo bench --bench verify`

use std::{collections::BTreeMap, hint::black_box};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use criterion::{Criterion, criterion_group, criterion_main};
use zktee_attestation::{AttestationRequest, Clock, Nsm, Policy, Root, SoftwareNsm, TestRoot, document, pcr, verify};

const DOCUMENT: &[u8] = include_bytes!("../tests/fixtures/aws-eu-central-1.cose");
const TIMESTAMP: u64 = 1_736_179_625_472;

fn documents(criterion: &mut Criterion) {
    let aws = Policy { clock: Clock::at_unix_millis(TIMESTAMP), ..Policy::new(Root::aws()) };
    criterion.bench_function("parse/aws", |bench| bench.iter(|| document::parse(black_box(DOCUMENT)).unwrap()));
    criterion.bench_function("verify/aws", |bench| bench.iter(|| verify(black_box(DOCUMENT), &aws).unwrap()));

    let root = TestRoot::generate().unwrap();
    let pcrs: BTreeMap<u8, _> = (0..4).map(|index| (index, pcr::measure(&[index]))).collect();
    let nsm = SoftwareNsm::new(&root, pcrs.clone()).unwrap();
    let request =
        AttestationRequest { nonce: Some(vec![7; 32]), user_data: Some(vec![8; 48]), ..AttestationRequest::default() };
    let bytes = nsm.attest(&request).unwrap();
    let timestamp = document::parse(&bytes).unwrap().unverified_content().timestamp;
    let test = Policy {
        pcrs: pcrs.clone(),
        nonce: request.nonce.clone(),
        user_data: request.user_data.clone(),
        clock: Clock::at_unix_millis(timestamp),
        ..Policy::new(root.root())
    };
    criterion.bench_function("attest/software", |bench| bench.iter(|| nsm.attest(black_box(&request)).unwrap()));
    criterion.bench_function("verify/software", |bench| bench.iter(|| verify(black_box(&bytes), &test).unwrap()));
    criterion.bench_function("new/software", |bench| bench.iter(|| SoftwareNsm::new(&root, pcrs.clone()).unwrap()));
}

fn signatures(criterion: &mut Criterion) {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let message = vec![7; 4700];
    let signature = key.sign(&random, &message).unwrap();
    let point = key.public_key().as_ref();

    let here = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point);
    let ring = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P384_SHA384_FIXED, point);
    criterion.bench_function("p384/aws-lc-rs", |bench| {
        bench.iter(|| here.verify(black_box(&message), signature.as_ref()).unwrap());
    });
    criterion.bench_function("p384/ring", |bench| {
        bench.iter(|| ring.verify(black_box(&message), signature.as_ref()).unwrap());
    });
}

criterion_group!(benches, documents, signatures);
criterion_main!(benches);
