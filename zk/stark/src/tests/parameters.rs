//! What keys are worth.

use super::models::{all, builtin, dense};
use crate::key::{Key, KeyError};
use crate::parameters::{MIN_BITS, Parameters, Profile};
use crate::security::{EQUATIONS_LABEL, Security};

/// The bits of a term.
fn bits(security: &Security, label: &str) -> f64 {
    security.proven.iter().find(|term| term.label == label).unwrap().bits
}

#[test]
fn every_key_has_its_bits_and_no_query_too_many() {
    let models = all().into_iter().map(|model| (model, 1));
    let builtin =
        [("ols-iris", 150), ("mlp-iris", 500), ("lenet-mnist", 1)].map(|(name, batch)| (builtin(name, batch).0, batch));
    for (model, batch) in models.chain(builtin) {
        for profile in Profile::ALL {
            let key = Key::new(model.clone(), batch, profile).unwrap();
            let security = key.security();
            assert!(security.proven_bits >= MIN_BITS, "{security:?}");
            assert!(security.conjectured_bits >= security.proven_bits, "{security:?}");
            let fewer = Parameters { queries: key.parameters.queries - 1, ..key.parameters };
            assert!(Security::of(&key.layout, &fewer, profile.regime()).proven_bits < MIN_BITS);
        }
    }
}

#[test]
fn the_sum_is_of_all_terms() {
    let key = Key::new(builtin("lenet-mnist", 1).0, 1, Profile::Fast).unwrap();
    let security = key.security();
    assert_eq!(security.regime, "unique-decoding");
    let mut labels: Vec<_> = security.proven.iter().map(|term| term.label).collect();
    labels.sort_unstable();
    let all = [
        "air-composition",
        "batch-combination",
        "commitment-collision",
        "deep-ali",
        EQUATIONS_LABEL,
        "ldt-commit-phase",
        "ldt-query-phase",
        "logup-fingerprint",
    ];
    assert_eq!(labels, all);
    let sum: f64 = security.proven.iter().map(|term| (-term.bits).exp2()).sum();
    assert!((security.proven_bits + sum.log2()).abs() < 1e-9);
    // By hand: (1 + rho+)/2 a query at rate 1/2, and as many equations as the table has cells and the model outputs.
    let rows = key.layout.rows() as f64;
    let rate = (rows + 2.0) / (2.0 * rows);
    let query = -f64::midpoint(1.0, rate).log2() * key.parameters.queries as f64 + key.parameters.query_grinding as f64;
    assert!((bits(security, "ldt-query-phase") - query).abs() < 1e-9);
    let equations = 123.0 - (key.layout.equations() as f64).log2();
    assert!((bits(security, EQUATIONS_LABEL) - equations).abs() < 1e-9);
    let lookups = (2 * key.layout.lanes.len() + key.layout.multiplicities()) as f64 * rows;
    assert!((bits(security, "logup-fingerprint") - (123.0 - (3.0 * lookups).log2())).abs() < 1e-9);
}

#[test]
fn our_terms_are_charged_for_every_candidate_up_to_the_johnson_bound() {
    let key = Key::new(builtin("lenet-mnist", 1).0, 1, Profile::Small).unwrap();
    let security = key.security();
    assert_eq!(security.regime, "johnson");
    let alone = 123.0 - (key.layout.equations() as f64).log2();
    // A list of (m + 1/2) / sqrt(rate) for m >= 3, rate 1/32.
    assert!(bits(security, EQUATIONS_LABEL) <= alone - (3.5_f64 * 32.0_f64.sqrt()).log2() + 1e-9);
}

#[test]
fn what_cannot_be_proven_gets_no_key() {
    // A table so large that the terms beside the queries leave too little.
    let model = dense();
    let mut batch = 1 << 14;
    let error = loop {
        match Key::new(model.clone(), batch, Profile::Small) {
            Ok(key) => {
                assert!(key.security().proven_bits >= MIN_BITS);
                batch *= 4;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, KeyError::Security { best, least } if best < least), "{error}");
}
