//! Proofs of many circuits, which upstream's verifier takes or, if anything was changed, does not.

use crate::case::{Case, Defined};
use crate::common::{Filled, Gate, Plan, PlanCircuit, accepted, integer, keys};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::ProvingKey;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use rand_core::OsRng;
use zktee_halo2_prover::{Column, Prover, Stage};

use Gate::{Advice, Challenge, Constant, Fixed, Instance};

type Keys = (ParamsKZG<Bn256>, ProvingKey<G1Affine>);

fn slices(columns: &[Vec<Fr>]) -> Vec<&[Fr]> {
    columns.iter().map(Vec::as_slice).collect()
}

fn prove(case: &Case, keys: &Keys, change: impl Fn(u8, &mut Vec<Column>)) -> Vec<u8> {
    let prover = Prover::new(&keys.0, &keys.1).expect("the circuit has gates alone");
    let mut witness = Filled(case.fill(change));
    prover.prove(&slices(&case.instances), &mut witness, OsRng).expect("the columns fit").into_bytes()
}

/// A proof that is accepted, and that no longer is once anything has changed.
fn check(case: &Case) {
    let keys = keys(case.k, &PlanCircuit { plan: &case.plan, fill: None });
    let (params, pk) = &keys;
    let proof = prove(case, &keys, |_, _| {});
    let instances = slices(&case.instances);
    assert!(accepted(params, pk, &instances, &proof));

    for (index, column) in case.instances.iter().enumerate().filter(|(_, column)| !column.is_empty()) {
        let mut changed = case.instances.clone();
        changed[index][column.len() / 2] += Fr::ONE;
        assert!(!accepted(params, pk, &slices(&changed), &proof));
    }
    for at in [0, 31, 40, proof.len() / 2, proof.len() - 70, proof.len() - 33, proof.len() - 1] {
        let mut changed = proof.clone();
        changed[at] ^= 1;
        assert!(!accepted(params, pk, &instances, &changed), "byte {at}");
    }
    assert!(!accepted(params, pk, &instances, &proof[..proof.len() - 1]));
    // The last column is a defined one, in the last phase.
    if let Some(last) = case.plan.advice.iter().max() {
        let spoiled = prove(case, &keys, |phase, columns| {
            if let (true, Some(Column::Field(values))) = (phase == *last, columns.last_mut()) {
                values[10] += Fr::ONE;
            }
        });
        assert!(!accepted(params, pk, &instances, &spoiled));
    }
}

fn defined(phase: u8, value: Gate) -> Defined {
    Defined { phase, value }
}

fn power(base: &Gate, exponent: usize) -> Gate {
    (1..exponent).fold(base.clone(), |power, _| power * base.clone())
}

#[test]
fn one_phase() {
    let product = Advice(0, 0) * Advice(1, 0) + Fixed(0, 0) - Constant(7);
    check(&Case::new(6, &[0, 0], 2, &[], &[], vec![defined(0, product)]));
}

#[test]
fn two_phases_with_challenges_and_rotations() {
    let folded = Advice(0, -2) * Challenge(0) + Advice(1, 3) * Challenge(1) * Challenge(0) + Fixed(1, -1);
    let product = Advice(0, 1) * Advice(1, -1);
    // The order of columns is that of phases here: 0 and 1 free, 2 defined in the first phase, 3 in the second.
    let second = Advice(2, 0) * Challenge(1) + folded;
    check(&Case::new(6, &[0, 0], 2, &[5], &[0, 0], vec![defined(0, product), defined(1, second)]));
}

#[test]
fn three_phases() {
    let first = Advice(0, 0) * Fixed(0, 1);
    let second = Advice(1, 0) * Challenge(0) + Advice(0, 1);
    let third = (Advice(2, 0) + Challenge(1)) * Challenge(0) * Advice(1, 0);
    let gates = vec![defined(0, first), defined(1, second), defined(2, third)];
    check(&Case::new(6, &[0], 1, &[], &[0, 1], gates));
}

#[test]
fn degrees() {
    for degree in [3, 5, 9] {
        let value = power(&(Advice(0, 0) + Fixed(0, 0)), degree - 1) + Advice(1, 1) * Constant(3);
        let low = Advice(1, 0) + Gate::Scaled(Box::new(Advice(0, 0)), 5);
        let mut case = Case::new(6, &[0, 0], 1, &[], &[], vec![defined(0, low), defined(0, value)]);
        case.plan.minimum_degree = Some(degree);
        check(&case);
    }
}

#[test]
fn every_degree_at_once() {
    let powers = (1..6).map(|degree| defined(0, power(&(Advice(0, 0) - Fixed(0, 0)), degree) + Advice(1, 0)));
    let mut case = Case::new(5, &[0, 0], 2, &[], &[], powers.collect());
    case.plan.minimum_degree = Some(8);
    check(&case);
}

#[test]
fn several_instance_columns() {
    let sum = Instance(0, 0) * Advice(0, 0) + Instance(1, -1) * Instance(2, 2) + Instance(0, 1);
    check(&Case::new(6, &[0], 1, &[20, 1, 48], &[], vec![defined(0, sum)]));
}

#[test]
fn no_instance_values() {
    let sum = Instance(0, 0) + Advice(0, 0) * Advice(0, 1);
    check(&Case::new(6, &[0], 1, &[0], &[], vec![defined(0, sum)]));
}

#[test]
fn fixed_column_at_two_rotations() {
    let sum = Fixed(0, 0) * Fixed(0, 1) * Advice(0, 0) + Fixed(1, -1) - Fixed(1, 2) * Constant(-3);
    let mut case = Case::new(6, &[0], 2, &[], &[], vec![defined(0, sum)]);
    case.plan.minimum_degree = Some(4);
    check(&case);
}

#[test]
fn one_gate_times_another() {
    let (a, b) = (Advice(0, 0) - Advice(1, 0), Advice(0, 1) + Constant(2));
    let square = (a.clone() * b.clone() + b.clone()) * (a + b);
    let mut case = Case::new(6, &[0, 0], 1, &[], &[], vec![defined(0, square.clone()), defined(0, square)]);
    case.plan.minimum_degree = Some(4);
    check(&case);
}

#[test]
fn instances_alone() {
    let rows = 16;
    let fixed: Vec<Fr> = (0..rows).map(|row| Fr::from(row * row + 5)).collect();
    let gates = vec![
        Fixed(0, 0) * (Instance(0, 0) - Fixed(1, 0)),
        Fixed(0, 0) * (Instance(0, 0) - Fixed(1, 0)) * Instance(0, 0),
    ];
    let plan = Plan { fixed: vec![vec![Fr::ONE; 16], fixed.clone()], instances: 1, gates, ..Plan::default() };
    let (params, pk) = keys(5, &PlanCircuit { plan: &plan, fill: None });
    let prover = Prover::new(&params, &pk).unwrap();
    let proof = prover.prove(&[&fixed], &mut Filled(|_, _: &[Fr]| Vec::new()), OsRng).unwrap().into_bytes();
    assert!(accepted(&params, &pk, &[&fixed], &proof));
    let mut changed = fixed.clone();
    changed[3] = -changed[3];
    assert!(!accepted(&params, &pk, &[&changed], &proof));
    let wrong = prover.prove(&[&changed], &mut Filled(|_, _: &[Fr]| Vec::new()), OsRng).unwrap();
    assert!(!accepted(&params, &pk, &[&changed], wrong.bytes()));
}

#[test]
fn columns_that_no_gate_reads() {
    let product = Advice(0, 0) * Advice(0, 0);
    check(&Case::new(6, &[0, 0, 0], 3, &[4], &[0], vec![defined(0, product)]));
}

#[test]
fn short_and_mixed_columns() {
    // Small values, their negatives, and some large ones, in columns of fewer values than there are rows.
    let plan = Plan {
        advice: vec![0, 0],
        fixed: vec![vec![Fr::ONE; 20]],
        gates: vec![Fixed(0, 0) * (Advice(0, 0) * Advice(0, 0) - Advice(1, 0) * Advice(1, 0))],
        ..Plan::default()
    };
    let (params, pk) = keys(6, &PlanCircuit { plan: &plan, fill: None });
    let prover = Prover::new(&params, &pk).unwrap();
    let mut values: Vec<Fr> = (-10..5).map(integer).collect();
    values[7] = Fr::random(OsRng);
    let negated: Vec<Fr> = values.iter().map(|value| -value).collect();
    let witness = |_, _: &[Fr]| vec![Column::Field(values.clone()), Column::Field(negated.clone())];
    let proof = prover.prove(&[], &mut Filled(witness), OsRng).unwrap();
    assert!(accepted(&params, &pk, &[], proof.bytes()));
    let witness = |_, _: &[Fr]| vec![Column::Small(vec![i32::MIN, 5]), Column::Small(vec![i32::MIN, -5, 0])];
    let proof = prover.prove(&[], &mut Filled(witness), OsRng).unwrap();
    assert!(accepted(&params, &pk, &[], proof.bytes()));
    let witness = |_, _: &[Fr]| vec![Column::Small(Vec::new()), Column::Small(vec![1])];
    let proof = prover.prove(&[], &mut Filled(witness), OsRng).unwrap();
    assert!(!accepted(&params, &pk, &[], proof.bytes()));
}

#[test]
fn nothing_kept_and_one_thread() {
    let gates = [Advice(0, 0) * Fixed(0, 1) + Fixed(1, 0), Advice(1, 0) * Challenge(0) + Advice(0, 1) * Advice(0, -1)];
    let [first, second] = gates;
    let case = Case::new(6, &[0], 2, &[3], &[0], vec![defined(0, first), defined(1, second)]);
    let (params, pk) = keys(case.k, &PlanCircuit { plan: &case.plan, fill: None });
    let instances = slices(&case.instances);
    let prove = |prover: &Prover| {
        let proof = prover.prove(&instances, &mut Filled(case.fill(|_, _| {})), OsRng).unwrap();
        assert!(accepted(&params, &pk, &instances, proof.bytes()));
    };
    let forgetful = Prover::with_cache(&params, &pk, 0).unwrap();
    let kept = Prover::new(&params, &pk).unwrap();
    prove(&forgetful);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| [&forgetful, &kept, &Prover::new(&params, &pk).unwrap()].into_iter().for_each(prove));
}

#[test]
fn stages_are_timed() {
    let case = Case::new(5, &[0], 1, &[], &[0], vec![defined(1, Advice(0, 0) * Challenge(0))]);
    let (params, pk) = keys(case.k, &PlanCircuit { plan: &case.plan, fill: None });
    let prover = Prover::new(&params, &pk).unwrap();
    let proof = prover.prove(&[], &mut Filled(case.fill(|_, _| {})), OsRng).unwrap();
    let stages: Vec<Stage> = proof.timings().stages().iter().map(|timing| timing.stage).collect();
    let phases = [Stage::Witness(0), Stage::Commit(0), Stage::Witness(1), Stage::Commit(1)];
    let others = [Stage::Quotient, Stage::CommitQuotient, Stage::Evaluations, Stage::Opening];
    assert_eq!(stages, [phases, others].concat());
}

#[test]
fn proofs_differ() {
    let case = Case::new(5, &[0], 1, &[], &[], vec![defined(0, Advice(0, 0) * Advice(0, 0))]);
    let keys = keys(case.k, &PlanCircuit { plan: &case.plan, fill: None });
    let zeros = |_: u8, columns: &mut Vec<Column>| {
        for column in columns {
            *column = Column::Small(Vec::new());
        }
    };
    let [one, other] = [(), ()].map(|()| prove(&case, &keys, zeros));
    // Every commitment and every value but those of fixed columns: equal witnesses cannot be told by their proofs.
    assert_eq!(one.len(), other.len());
    let equal = one.chunks(32).zip(other.chunks(32)).filter(|(one, other)| one == other).count();
    assert_eq!(equal, 0);
    assert!(accepted(&keys.0, &keys.1, &[], &one));
}
