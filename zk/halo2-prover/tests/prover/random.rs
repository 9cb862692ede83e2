//! Random circuits.

use crate::case::{Case, Defined};
use crate::common::{Filled, Gate, PlanCircuit, accepted, keys};
use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;
use rand_core::OsRng;
use zktee_halo2_prover::Prover;

/// Largest degree of a random expression.
const DEGREE: usize = 6;

fn degree(gate: &Gate) -> usize {
    match gate {
        Gate::Constant(_) | Gate::Challenge(_) => 0,
        Gate::Advice(..) | Gate::Fixed(..) | Gate::Instance(..) => 1,
        Gate::Negated(inner) | Gate::Scaled(inner, _) => degree(inner),
        Gate::Sum(a, b) => degree(a).max(degree(b)),
        Gate::Product(a, b) => degree(a) + degree(b),
    }
}

/// Expressions over so many advice columns, two fixed columns, two instance columns and so many challenges.
fn expression(advice: usize, challenges: usize) -> impl Strategy<Value = Gate> {
    let at = -3..=3_i32;
    let leaf = prop_oneof![
        1 => (-3..4_i64).prop_map(Gate::Constant),
        4 => (0..advice, at.clone()).prop_map(|(column, at)| Gate::Advice(column, at)),
        2 => (0..2_usize, at.clone()).prop_map(|(column, at)| Gate::Fixed(column, at)),
        1 => (0..2_usize, at).prop_map(|(column, at)| Gate::Instance(column, at)),
        1 => (0..challenges.max(1)).prop_map(move |challenge| {
            if challenges == 0 { Gate::Constant(1) } else { Gate::Challenge(challenge) }
        }),
    ];
    leaf.prop_recursive(5, 40, 2, |inner| {
        prop_oneof![
            4 => (inner.clone(), inner.clone()).prop_map(|(a, b)| a + b),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| a - b),
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| a * b),
            1 => (inner, -4..5_i64).prop_map(|(inner, factor)| Gate::Scaled(Box::new(inner), factor)),
        ]
    })
    .prop_filter("the degree is too large", |gate| degree(gate) <= DEGREE)
}

prop_compose! {
    fn case()(
        first in prop::collection::vec(expression(2, 0), 0..3),
        second in prop::collection::vec(expression(2, 2), 0..4),
        lengths in (0..17_usize, 0..17_usize),
    ) -> Case {
        let phased = |phase: u8| move |value| Defined { phase, value };
        let defined: Vec<Defined> = first.into_iter().map(phased(0)).chain(second.into_iter().map(phased(1))).collect();
        let highest = defined.iter().map(|defined| degree(&defined.value) + 1).max().unwrap_or(0);
        let mut case = Case::new(5, &[0, 0], 2, &[lengths.0, lengths.1], &[0, 0], defined);
        case.plan.minimum_degree = Some(highest.max(2));
        case
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits_are_proved(case in case()) {
        let (params, pk) = keys(case.k, &PlanCircuit { plan: &case.plan, fill: None });
        let prover = Prover::new(&params, &pk).unwrap();
        let instances: Vec<&[Fr]> = case.instances.iter().map(Vec::as_slice).collect();
        let proof = prover.prove(&instances, &mut Filled(case.fill(|_, _| {})), OsRng).unwrap();
        prop_assert!(accepted(&params, &pk, &instances, proof.bytes()));
    }
}
