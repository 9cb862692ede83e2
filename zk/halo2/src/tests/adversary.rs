//! A prover who changes what he likes and works out the rest, so that as few constraints as possible are broken.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use halo2_proofs::dev::{MockProver, VerifyFailure};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::ConstraintSystem;
use rand_core::OsRng;
use zktee_halo2_prover::{Column as Values, Witness};
use zktee_models::integer::IntegerModel;

use super::cells::Cells;
use crate::circuit::{Columns, ModelCircuit};
use crate::evidence::Evidence;
use crate::field::integer;
use crate::keys::{ProvingKey, VerifyingKey};
use crate::logup::Argument;
use crate::network::Network;
use crate::spec::{Design, Spec};
use crate::srs::Source;
use crate::statement::instances;
use crate::tall;
use crate::verify::Rejected;
use crate::wide::WideParameters;

/// A circuit with its keys.
pub(super) struct Case {
    pub(super) model: IntegerModel,
    pub(super) key: ProvingKey,
    pub(super) verifier: VerifyingKey,
    cs: ConstraintSystem<Fr>,
    pub(super) usable: usize,
}

/// Keys of a circuit, with a reference string of the tests' own.
pub(super) fn keys(spec: Spec) -> ProvingKey {
    let folder = std::env::temp_dir().join("zktee-halo2-tests");
    let srs = Source::Cache(folder).get(spec.design.k()).unwrap();
    ProvingKey::generate(spec, &srs).unwrap()
}

impl Case {
    /// The smallest tall circuit of a model.
    pub(super) fn tall(model: IntegerModel, private_input: bool) -> Self {
        let network = Network::lower(&model).unwrap();
        let parameters = tall::candidates(&network.without_weights()).swap_remove(0);
        Self::new(model, Spec { network, design: Design::Tall(parameters), private_input })
    }

    /// A wide circuit of a model; it has room for two inputs more than it takes.
    pub(super) fn wide(model: IntegerModel, batch: usize, degree: usize, private_input: bool) -> Self {
        let network = Network::lower(&model).unwrap();
        let design = Design::Wide(WideParameters { k: 5, batch, degree });
        Self::new(model, Spec { network, design, private_input })
    }

    fn new(model: IntegerModel, spec: Spec) -> Self {
        let mut cs = ConstraintSystem::default();
        let columns = Columns::configure(&mut cs, &spec);
        let usable = match &columns {
            Columns::Tall(columns) => columns.layout().usable,
            Columns::Wide(_) => (1 << spec.design.k()) - crate::wide::BLINDED,
        };
        // No row that a gate or a witness knows of is one that the proof system fills at random.
        assert!(usable + cs.blinding_factors() < 1 << spec.design.k());
        let key = keys(spec);
        let verifier = key.verifying_key().unwrap();
        Self { model, key, verifier, cs, usable }
    }

    pub(super) fn spec(&self) -> &Spec {
        &self.key.spec
    }

    /// The tall layout.
    pub(super) fn layout(&self) -> &tall::Layout {
        match &self.key.columns {
            Columns::Tall(columns) => columns.layout(),
            Columns::Wide(_) => unreachable!("a wide circuit"),
        }
    }

    fn argument(&self) -> Option<&Argument> {
        match &self.key.columns {
            Columns::Tall(columns) => Some(columns.argument()),
            Columns::Wide(columns) => columns.argument(),
        }
    }

    /// The columns of an honest run, without counts and second phase.
    fn honest(&self, inputs: &[i64]) -> (Cells, Vec<i64>) {
        let traces: Vec<_> =
            inputs.chunks(self.model.input_len()).map(|input| self.model.trace(input).unwrap()).collect();
        let outputs: Vec<i64> = traces.iter().flat_map(|trace| trace.output().to_vec()).collect();
        let columns = &self.key.columns;
        let rows = 1 << self.spec().design.k();
        let mut fixed = vec![vec![Fr::ZERO; rows]; self.cs.num_fixed_columns()];
        for (column, cells) in columns.fixed(self.spec()) {
            for (row, value) in cells {
                fixed[column.index()][row] = value;
            }
        }
        let mut advice = vec![vec![Fr::ZERO; rows]; self.cs.num_advice_columns()];
        let phases = self.cs.advice_column_phase();
        let first = (0..advice.len()).filter(|&column| phases[column] == 0);
        let values = columns.witness(self.spec(), &traces).columns(0, &[]);
        for (column, values) in first.zip(values) {
            match values {
                Values::Small(values) => {
                    values.iter().enumerate().for_each(|(row, &value)| advice[column][row] = integer(value.into()));
                }
                Values::Field(values) => advice[column][..values.len()].copy_from_slice(&values),
            }
        }
        let names = match columns {
            Columns::Tall(columns) => columns.by_name(),
            Columns::Wide(columns) => columns.by_name(),
        };
        let cells = Cells { fixed, advice, instance: Vec::new(), challenges: Vec::new(), names, usable: self.usable };
        (cells, outputs)
    }
}

/// A change of cells after their phase was worked out.
type Change<'a> = Box<dyn Fn(&mut Cells) + 'a>;

/// One attempt.
pub(super) struct Attack<'a> {
    pub(super) case: &'a Case,
    /// What is claimed.
    pub(super) inputs: Vec<i64>,
    /// What is claimed.
    pub(super) outputs: Vec<i64>,
    /// Columns of the first phase; counts are made from them.
    pub(super) first: Cells,
    after_counts: Change<'a>,
    after_second: Change<'a>,
}

impl<'a> Attack<'a> {
    /// No attack yet.
    pub(super) fn new(case: &'a Case, inputs: &[i64]) -> Self {
        let (first, outputs) = case.honest(inputs);
        let nothing = || -> Change<'a> { Box::new(|_| ()) };
        Self { case, inputs: inputs.to_vec(), outputs, first, after_counts: nothing(), after_second: nothing() }
    }

    /// With a change of the first phase.
    pub(super) fn first(mut self, change: impl FnOnce(&mut Cells)) -> Self {
        change(&mut self.first);
        self
    }

    /// With a change of the counts.
    pub(super) fn counts(mut self, change: impl Fn(&mut Cells) + 'a) -> Self {
        self.after_counts = Box::new(change);
        self
    }

    /// With a change of the second phase.
    pub(super) fn second(mut self, change: impl Fn(&mut Cells) + 'a) -> Self {
        self.after_second = Box::new(change);
        self
    }

    /// With these outputs claimed.
    pub(super) fn claiming(mut self, change: impl FnOnce(&mut Vec<i64>)) -> Self {
        change(&mut self.outputs);
        self
    }

    fn instances(&self) -> Vec<Vec<Fr>> {
        instances(self.case.spec(), &self.inputs, &self.outputs)
    }

    /// The gates that are broken: by our own evaluation, and by halo2's checker, who must agree.
    pub(super) fn broken(&self) -> BTreeSet<String> {
        let gates = self.evaluated();
        let spec = self.case.spec();
        let mut witness = Columnwise { attack: self, cells: self.first.clone() };
        let circuit = ModelCircuit::with_witness(spec, &mut witness);
        let checker = MockProver::run(spec.design.k(), &circuit, self.instances()).unwrap();
        let name = |failure: &VerifyFailure| match failure {
            VerifyFailure::ConstraintNotSatisfied { constraint, .. } => {
                let text = constraint.to_string();
                text.split('\'').nth(1).unwrap_or(&text).to_owned()
            }
            other => other.to_string(),
        };
        // The checker panics where it should print a row that a broken gate does not read, but names.
        match catch_unwind(AssertUnwindSafe(|| checker.verify())) {
            Ok(verdict) => assert_eq!(gates, verdict.err().unwrap_or_default().iter().map(name).collect()),
            Err(_) => assert_ne!(gates, BTreeSet::new()),
        }
        gates
    }

    /// The gates that are not 0 everywhere, for challenges of our own.
    fn evaluated(&self) -> BTreeSet<String> {
        let mut witness = Columnwise { attack: self, cells: self.first.clone() };
        witness.columns(0, &[]);
        let challenges: Vec<Fr> = (0..self.case.cs.num_challenges()).map(|_| Fr::random(OsRng)).collect();
        witness.columns(1, &challenges);
        let cells = &witness.cells;
        let rows = 1 << self.case.spec().design.k();
        let broken = |polynomial| (0..rows).any(|row| cells.evaluate(polynomial, row) != Fr::ZERO);
        let gates = self.case.cs.gates().iter().filter(|gate| gate.polynomials().iter().any(broken));
        gates.map(|gate| gate.name().to_owned()).collect()
    }

    /// A real proof of it.
    pub(super) fn evidence(&self) -> Evidence {
        let mut witness = Columnwise { attack: self, cells: self.first.clone() };
        let instances = self.instances();
        let instances: Vec<&[Fr]> = instances.iter().map(Vec::as_slice).collect();
        let proof = self.case.key.prover.prove(&instances, &mut witness, OsRng).unwrap();
        let inputs = if self.case.spec().private_input { Vec::new() } else { self.inputs.clone() };
        Evidence { inputs, outputs: self.outputs.clone(), proofs: vec![proof.into_bytes()] }
    }

    /// Checks that it satisfies every constraint and that its proof is accepted.
    pub(super) fn succeeds(&self) {
        assert_eq!(self.broken(), BTreeSet::new());
        assert_eq!(self.case.verifier.verify(&self.evidence()), Ok(()));
    }

    /// Checks that exactly these gates are broken, and that the proof is rejected for what it is.
    pub(super) fn breaks(&self, gates: &[&str]) {
        assert_eq!(self.rejected(), gates.iter().map(|&gate| gate.to_owned()).collect());
    }

    /// Checks that some gate is broken, and that the proof is rejected for what it is; gives the gates.
    pub(super) fn rejected(&self) -> BTreeSet<String> {
        let broken = self.broken();
        assert_ne!(broken, BTreeSet::new());
        let verdict = self.case.verifier.verify(&self.evidence());
        assert!(matches!(verdict, Err(Rejected::Proof { .. })), "{broken:?}: {verdict:?}");
        broken
    }
}

/// Gives an attack's columns phase by phase.
struct Columnwise<'a> {
    attack: &'a Attack<'a>,
    cells: Cells,
}

impl Columnwise<'_> {
    fn instances(&mut self) {
        let rows = 1 << self.attack.case.spec().design.k();
        self.cells.instance = self.attack.instances();
        self.cells.instance.iter_mut().for_each(|column| column.resize(rows, Fr::ZERO));
    }
}

impl Witness for Columnwise<'_> {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<Values> {
        if phase == 0 {
            self.instances();
        }
        let (attack, cells) = (self.attack, &mut self.cells);
        let case = attack.case;
        if phase == 0 {
            if let Some(argument) = case.argument() {
                cells.count_lookups(argument);
            }
            (attack.after_counts)(cells);
        } else if challenges.is_empty() {
            // The checker goes through the circuit once for each phase, and first without challenges.
            return Vec::new();
        } else {
            cells.challenges = challenges.to_vec();
            let planes: Vec<usize> = match &case.key.columns {
                Columns::Tall(columns) => columns.layout().planes.iter().map(|plane| plane.stage).collect(),
                Columns::Wide(_) => Vec::new(),
            };
            cells.second_phase(&case.cs, &planes);
            (attack.after_second)(cells);
        }
        let phases = case.cs.advice_column_phase();
        let of_phase = (0..cells.advice.len()).filter(|&column| phases[column] == phase);
        of_phase.map(|column| Values::Field(cells.advice[column][..case.usable].to_vec())).collect()
    }
}
