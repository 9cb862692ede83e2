//! What is refused, and that nothing panics.

use crate::common::{Filled, Gate, Plan, PlanCircuit, accepted, keys};
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use rand_core::OsRng;
use zktee_halo2_prover::{Column, ProveError, Prover, Unsupported};

/// A circuit that is a configuration and nothing else.
#[derive(Clone, Copy)]
struct Configured(fn(&mut ConstraintSystem<Fr>));

#[derive(Clone, Copy)]
struct Parameters(fn(&mut ConstraintSystem<Fr>));

impl Default for Parameters {
    fn default() -> Self {
        Self(|_| {})
    }
}

impl Circuit<Fr> for Configured {
    type Config = ();
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Parameters;

    fn params(&self) -> Parameters {
        Parameters(self.0)
    }

    fn without_witnesses(&self) -> Self {
        *self
    }

    fn configure_with_params(cs: &mut ConstraintSystem<Fr>, parameters: Parameters) {
        (parameters.0)(cs);
    }

    fn configure(_: &mut ConstraintSystem<Fr>) {
        unreachable!("configured with parameters")
    }

    fn synthesize(&self, (): (), _: impl Layouter<Fr>) -> Result<(), Error> {
        Ok(())
    }
}

fn refusal(configure: fn(&mut ConstraintSystem<Fr>)) -> Option<Unsupported> {
    let (params, pk) = keys(5, &Configured(configure));
    Prover::new(&params, &pk).err()
}

#[test]
fn more_than_gates() {
    let permutation = |cs: &mut ConstraintSystem<Fr>| {
        let column = cs.advice_column();
        cs.enable_equality(column);
    };
    assert_eq!(refusal(permutation), Some(Unsupported::Permutation));
    let lookup = |cs: &mut ConstraintSystem<Fr>| {
        let (column, table) = (cs.advice_column(), cs.lookup_table_column());
        cs.lookup("lookup", |cells| {
            let value = cells.query_advice(column, halo2_proofs::poly::Rotation::cur());
            vec![(value, table)]
        });
    };
    assert_eq!(refusal(lookup), Some(Unsupported::Lookup));
    let nothing = |cs: &mut ConstraintSystem<Fr>| {
        cs.advice_column();
    };
    assert_eq!(refusal(nothing), None);
}

#[test]
fn degree_beyond_the_domain() {
    // Upstream caps the degree that it works out itself.
    let seventh = |cs: &mut ConstraintSystem<Fr>| {
        let column = cs.advice_column();
        cs.create_gate("power", |_| vec![(1..7).fold(column.cur::<Fr>(), |power, _| power * column.cur())]);
    };
    assert_eq!(refusal(seventh), Some(Unsupported::Degree { gate: 7, verifier: 5 }));
}

#[test]
fn rotations_that_coincide() {
    let around = |cs: &mut ConstraintSystem<Fr>| {
        let column = cs.advice_column();
        cs.create_gate("around", |_| vec![column.rot::<Fr>(-1) - column.rot(31)]);
    };
    assert_eq!(refusal(around), Some(Unsupported::Rotation));
}

#[test]
fn another_reference_string() {
    let plan = plan();
    let (_, pk) = keys(5, &PlanCircuit { plan: &plan, fill: None });
    let larger = ParamsKZG::<Bn256>::setup(6, OsRng);
    assert_eq!(Prover::new(&larger, &pk).err(), Some(Unsupported::Size { params: 6, keys: 5 }));
}

fn plan() -> Plan {
    let gate =
        Gate::Fixed(0, 0) * (Gate::Advice(0, 0) * Gate::Challenge(0) - Gate::Advice(1, 0) + Gate::Instance(0, 0));
    Plan {
        advice: vec![0, 1],
        fixed: vec![Vec::new()],
        instances: 1,
        challenges: vec![0],
        gates: vec![gate],
        minimum_degree: None,
    }
}

#[test]
fn columns_that_do_not_fit() {
    let plan = plan();
    let (params, pk) = keys(5, &PlanCircuit { plan: &plan, fill: None });
    let prover = Prover::new(&params, &pk).unwrap();
    let usable = prover.usable_rows();
    assert_eq!(usable, 32 - 6);
    let prove = |instances: &[&[Fr]], columns: &dyn Fn(u8) -> Vec<Column>| {
        prover.prove(instances, &mut Filled(|phase, _: &[Fr]| columns(phase)), OsRng).map(|_| ())
    };
    let one = |_: u8| vec![Column::Small(vec![1; usable])];
    let (exact, long) = (vec![Fr::ONE; usable], vec![Fr::ONE; usable + 1]);

    let proof = prover.prove(&[&exact], &mut Filled(|phase, _: &[Fr]| one(phase)), OsRng).unwrap();
    assert!(accepted(&params, &pk, &[&exact], proof.bytes()));
    assert_eq!(prove(&[], &one), Err(ProveError::InstanceColumns { expected: 1, got: 0 }));
    assert_eq!(prove(&[&exact, &exact], &one), Err(ProveError::InstanceColumns { expected: 1, got: 2 }));
    let too_long = ProveError::InstanceTooLong { column: 0, got: usable + 1, usable };
    assert_eq!(prove(&[&long], &one), Err(too_long));

    for wrong in [0, 1] {
        for count in [0, 2] {
            let columns = |phase| vec![Column::Small(Vec::new()); if phase == wrong { count } else { 1 }];
            assert_eq!(
                prove(&[&[]], &columns),
                Err(ProveError::AdviceColumns { phase: wrong, expected: 1, got: count })
            );
        }
        for column in [Column::Small(vec![0; usable + 1]), Column::Field(long.clone())] {
            let columns = |phase| vec![if phase == wrong { column.clone() } else { Column::Small(Vec::new()) }];
            let expected = ProveError::AdviceTooLong { column: wrong.into(), got: usable + 1, usable };
            assert_eq!(prove(&[&[]], &columns), Err(expected));
        }
    }
}
