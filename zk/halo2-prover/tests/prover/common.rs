//! Circuits made of a description, with their witnesses.

use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::{
    Advice, Challenge, Circuit, Column, ConstraintSystem, Error, Expression, FirstPhase, Fixed, Instance, ProvingKey,
    SecondPhase, ThirdPhase, keygen_pk, keygen_vk, verify_proof,
};
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{Blake2bRead, Challenge255, TranscriptReadBuffer};
use zktee_halo2_prover::{Column as Values, Verifier, Witness};

/// A gate's polynomial.
#[derive(Debug, Clone)]
pub(crate) enum Gate {
    Constant(i64),
    Advice(usize, i32),
    Fixed(usize, i32),
    Instance(usize, i32),
    Challenge(usize),
    Negated(Box<Gate>),
    Sum(Box<Gate>, Box<Gate>),
    Product(Box<Gate>, Box<Gate>),
    Scaled(Box<Gate>, i64),
}

impl std::ops::Add for Gate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::Sum(Box::new(self), Box::new(other))
    }
}

impl std::ops::Sub for Gate {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::Sum(Box::new(self), Box::new(Self::Negated(Box::new(other))))
    }
}

impl std::ops::Mul for Gate {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::Product(Box::new(self), Box::new(other))
    }
}

/// An integer in the field.
pub(crate) fn integer(value: i64) -> Fr {
    let magnitude = Fr::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// A circuit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// The phase of each advice column.
    pub(crate) advice: Vec<u8>,
    pub(crate) fixed: Vec<Vec<Fr>>,
    pub(crate) instances: usize,
    /// The phase after which each challenge is drawn.
    pub(crate) challenges: Vec<u8>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) minimum_degree: Option<usize>,
}

/// The columns of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    instance: Vec<Column<Instance>>,
    challenges: Vec<Challenge>,
}

impl Columns {
    fn expression(&self, gate: &Gate) -> Expression<Fr> {
        match gate {
            Gate::Constant(value) => Expression::Constant(integer(*value)),
            Gate::Advice(column, at) => self.advice[*column].rot(*at),
            Gate::Fixed(column, at) => self.fixed[*column].rot(*at),
            Gate::Instance(column, at) => self.instance[*column].rot(*at),
            Gate::Challenge(challenge) => self.challenges[*challenge].expr(),
            Gate::Negated(inner) => -self.expression(inner),
            Gate::Sum(a, b) => self.expression(a) + self.expression(b),
            Gate::Product(a, b) => self.expression(a) * self.expression(b),
            Gate::Scaled(inner, factor) => self.expression(inner) * integer(*factor),
        }
    }
}

/// How phase `phase` of a witness follows from the challenges.
pub(crate) type Fill = dyn Fn(u8, &[Fr]) -> Vec<Values>;

/// A plan, with a witness for upstream's prover if there is one.
pub(crate) struct PlanCircuit<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fill: Option<&'a Fill>,
}

impl Circuit<Fr> for PlanCircuit<'_> {
    type Config = Columns;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Plan;

    fn params(&self) -> Plan {
        self.plan.clone()
    }

    fn without_witnesses(&self) -> Self {
        Self { plan: self.plan, fill: None }
    }

    fn configure_with_params(cs: &mut ConstraintSystem<Fr>, plan: Plan) -> Columns {
        if let Some(degree) = plan.minimum_degree {
            cs.set_minimum_degree(degree);
        }
        let advice = plan.advice.iter().map(|phase| match phase {
            0 => cs.advice_column_in(FirstPhase),
            1 => cs.advice_column_in(SecondPhase),
            _ => cs.advice_column_in(ThirdPhase),
        });
        let advice = advice.collect();
        let fixed = plan.fixed.iter().map(|_| cs.fixed_column()).collect();
        let instance = (0..plan.instances).map(|_| cs.instance_column()).collect();
        let challenges = plan.challenges.iter().map(|phase| match phase {
            0 => cs.challenge_usable_after(FirstPhase),
            1 => cs.challenge_usable_after(SecondPhase),
            _ => cs.challenge_usable_after(ThirdPhase),
        });
        let challenges = challenges.collect();
        let columns = Columns { advice, fixed, instance, challenges };
        for gate in &plan.gates {
            cs.create_gate("gate", |_| vec![columns.expression(gate)]);
        }
        columns
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Columns {
        unreachable!("configured with parameters")
    }

    fn synthesize(&self, columns: Columns, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        let mut known = Vec::new();
        for challenge in &columns.challenges {
            layouter.get_challenge(*challenge).map(|value| known.push(value));
        }
        // Upstream's prover comes once a phase, with the challenges so far.
        let phase = self.plan.challenges.iter().take(known.len()).map(|phase| phase + 1).max().unwrap_or(0);
        layouter.assign_region(
            || "all",
            |mut region| {
                for (column, values) in columns.fixed.iter().zip(&self.plan.fixed) {
                    for (row, value) in values.iter().enumerate() {
                        region.assign_fixed(*column, row, *value);
                    }
                }
                let Some(fill) = self.fill else { return Ok(()) };
                let of_phase = columns.advice.iter().zip(&self.plan.advice).filter(|(_, of)| **of == phase);
                for ((column, _), values) in of_phase.zip(fill(phase, &known)) {
                    let values = match values {
                        Values::Small(values) => values.into_iter().map(|value| integer(value.into())).collect(),
                        Values::Field(values) => values,
                    };
                    for (row, value) in values.into_iter().enumerate() {
                        region.assign_advice(*column, row, Value::known(value));
                    }
                }
                Ok(())
            },
        )
    }
}

/// Any function as a witness.
pub(crate) struct Filled<F>(pub(crate) F);

impl<F: FnMut(u8, &[Fr]) -> Vec<Values>> Witness for Filled<F> {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<Values> {
        (self.0)(phase, challenges)
    }
}

/// Keys for any circuit.
pub(crate) fn keys<C: Circuit<Fr>>(k: u32, circuit: &C) -> (ParamsKZG<Bn256>, ProvingKey<G1Affine>) {
    let params = ParamsKZG::setup(k, rand_core::OsRng);
    let vk = keygen_vk(&params, circuit).expect("the circuit has rows enough");
    let pk = keygen_pk(&params, vk, circuit).expect("the circuit has rows enough");
    (params, pk)
}

/// Whether upstream's verifier takes a proof, and ours with it.
pub(crate) fn accepted(
    params: &ParamsKZG<Bn256>,
    pk: &ProvingKey<G1Affine>,
    instances: &[&[Fr]],
    proof: &[u8],
) -> bool {
    let mut rest = proof;
    let mut transcript = Blake2bRead::<_, _, Challenge255<_>>::init(&mut rest);
    let upstream = verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        params,
        pk.get_vk(),
        SingleStrategy::new(params),
        &[instances],
        &mut transcript,
    );
    let upstream = upstream.is_ok() && rest.is_empty();
    let ours = Verifier::new(params, pk.get_vk()).expect("it was proven").verify(instances, proof);
    assert_eq!(ours.is_ok(), upstream, "ours: {ours:?}");
    upstream
}
