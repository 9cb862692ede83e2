//! The circuit as halo2 takes it: one region, filled by the column.

use std::cell::RefCell;

use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Challenge, Circuit, Column, ConstraintSystem, Error};
use zktee_halo2_prover::{Column as Values, Witness};
use zktee_models::integer::Trace;

use crate::explain::ColumnCounts;
use crate::field::integer;
use crate::logup::Argument;
use crate::spec::{Design, Spec};
use crate::tall::{FixedCells, Layout, TallColumns, TallWitness};
use crate::wide::{WideColumns, WideWitness};

/// The columns of either design.
#[derive(Debug, Clone)]
pub(crate) enum Columns {
    Tall(Box<TallColumns>),
    Wide(Box<WideColumns>),
}

impl Columns {
    /// Makes columns and gates.
    ///
    /// # Panics
    /// If the layout does not go with the model: [`crate::keys`] checks that before.
    pub(crate) fn configure(cs: &mut ConstraintSystem<Fr>, spec: &Spec) -> Self {
        // Upstream caps a degree that it works out itself at 5, or at what an environment variable says.
        cs.set_minimum_degree(spec.design.degree());
        match &spec.design {
            Design::Tall(parameters) => {
                let layout = Layout::new(&spec.network, parameters).expect("the layout was checked");
                let columns = TallColumns::configure(cs, &spec.network, parameters, layout, spec.private_input);
                Self::Tall(Box::new(columns))
            }
            Design::Wide(parameters) => {
                let columns = WideColumns::configure(cs, &spec.network, parameters, spec.private_input);
                Self::Wide(Box::new(columns))
            }
        }
    }

    /// The columns of a spec, which are the same in every constraint system made from it.
    pub(crate) fn of(spec: &Spec) -> Self {
        Self::configure(&mut ConstraintSystem::default(), spec)
    }

    /// The advice columns of each phase, in the order in which a witness gives them.
    fn advice(&self) -> [Vec<Column<Advice>>; 2] {
        match self {
            Self::Tall(columns) => columns.advice(),
            Self::Wide(columns) => columns.advice(),
        }
    }

    /// The challenges, in the order in which a witness takes them.
    fn challenges(&self) -> Vec<Challenge> {
        match self {
            Self::Tall(columns) => columns.challenges().to_vec(),
            Self::Wide(columns) => columns.challenges(),
        }
    }

    /// Number of challenges that a witness takes.
    pub(crate) fn challenge_count(&self) -> usize {
        self.challenges().len()
    }

    /// Lanes of activations.
    pub(crate) fn lanes(&self) -> usize {
        match self {
            Self::Tall(columns) => columns.magnitude.len(),
            Self::Wide(columns) => columns.magnitude.len(),
        }
    }

    /// Columns of a private input.
    pub(crate) fn private_inputs(&self) -> usize {
        match self {
            Self::Tall(columns) => usize::from(columns.private_input.is_some()),
            Self::Wide(columns) => columns.private_input.len(),
        }
    }

    /// The range checks, where there are any.
    fn ranges(&self) -> Option<&Argument> {
        match self {
            Self::Tall(columns) => Some(&columns.ranges),
            Self::Wide(columns) => columns.ranges.as_ref().map(|ranges| &ranges.argument),
        }
    }

    /// Entries of the lookup table.
    pub(crate) fn table_entries(&self) -> usize {
        self.ranges().map_or(0, Argument::table_entries)
    }

    /// Numbers of columns by kind.
    pub(crate) fn counts(&self, spec: &Spec) -> ColumnCounts {
        let mut cs = ConstraintSystem::default();
        let _ = Self::configure(&mut cs, spec);
        let [first, second] = self.advice();
        let weights = match &spec.design {
            Design::Tall(tall) => tall.weight_columns,
            Design::Wide(_) => 0,
        };
        ColumnCounts {
            first_phase: first.len(),
            second_phase: second.len(),
            helpers: self.ranges().map_or(0, |ranges| ranges.helper_columns().len()),
            fixed: cs.num_fixed_columns(),
            weights,
            instance: cs.num_instance_columns(),
        }
    }

    /// What stands in the fixed columns.
    pub(crate) fn fixed(&self, spec: &Spec) -> Vec<FixedCells> {
        match self {
            Self::Tall(columns) => columns.fixed(&spec.network),
            Self::Wide(columns) => columns.fixed(),
        }
    }

    /// The advice columns for the inferences of one proof.
    pub(crate) fn witness<'a>(&'a self, spec: &'a Spec, traces: &[Trace]) -> ModelWitness<'a> {
        match (self, traces) {
            (Self::Tall(columns), [trace, ..]) => {
                ModelWitness::Tall(Box::new(TallWitness::new(columns, &spec.network, trace)))
            }
            (Self::Tall(_), []) => unreachable!("a proof is about at least one input"),
            (Self::Wide(columns), _) => ModelWitness::Wide(Box::new(WideWitness::new(columns, &spec.network, traces))),
        }
    }
}

/// The witness of either design.
#[derive(Debug, Clone)]
pub(crate) enum ModelWitness<'a> {
    Tall(Box<TallWitness<'a>>),
    Wide(Box<WideWitness<'a>>),
}

impl Witness for ModelWitness<'_> {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<Values> {
        match self {
            Self::Tall(witness) => witness.columns(phase, challenges),
            Self::Wide(witness) => witness.columns(phase, challenges),
        }
    }
}

/// A circuit to make keys for, or (with a witness) to be checked by halo2's own tools.
pub(crate) struct ModelCircuit<'a> {
    spec: &'a Spec,
    witness: Option<RefCell<&'a mut dyn Witness>>,
}

impl<'a> ModelCircuit<'a> {
    /// The circuit alone.
    pub(crate) fn new(spec: &'a Spec) -> Self {
        Self { spec, witness: None }
    }

    /// The circuit with a witness.
    pub(crate) fn with_witness(spec: &'a Spec, witness: &'a mut dyn Witness) -> Self {
        Self { spec, witness: Some(RefCell::new(witness)) }
    }
}

impl Circuit<Fr> for ModelCircuit<'_> {
    type Config = Columns;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Spec;

    fn params(&self) -> Spec {
        self.spec.clone()
    }

    fn without_witnesses(&self) -> Self {
        Self { spec: self.spec, witness: None }
    }

    fn configure_with_params(cs: &mut ConstraintSystem<Fr>, spec: Spec) -> Columns {
        Columns::configure(cs, &spec)
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Columns {
        unreachable!("a circuit is configured with its parameters")
    }

    fn synthesize(&self, columns: Columns, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(
            || "model",
            |mut region| {
                for (column, cells) in columns.fixed(self.spec) {
                    for (row, value) in cells {
                        region.assign_fixed(column, row, value);
                    }
                }
                let Some(witness) = &self.witness else { return Ok(()) };
                let mut known = Vec::new();
                for (phase, of_phase) in columns.advice().iter().enumerate().filter(|(_, columns)| !columns.is_empty())
                {
                    if phase > 0 {
                        region.next_phase();
                        for challenge in columns.challenges() {
                            region.get_challenge(challenge).map(|value| known.push(value));
                        }
                    }
                    let values = witness.borrow_mut().columns(phase as u8, &known);
                    for (&column, values) in of_phase.iter().zip(&values) {
                        assign(&mut region, column, values);
                    }
                }
                Ok(())
            },
        )
    }
}

fn assign(region: &mut halo2_proofs::circuit::Region<'_, Fr>, column: Column<Advice>, values: &Values) {
    let mut cell = |row: usize, value: Fr| {
        region.assign_advice(column, row, Value::known(value));
    };
    match values {
        Values::Small(values) => values.iter().enumerate().for_each(|(row, &value)| cell(row, integer(value.into()))),
        Values::Field(values) => values.iter().enumerate().for_each(|(row, &value)| cell(row, value)),
    }
}
