//! Which circuit a model gets, and why.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use zktee_models::integer::IntegerModel;

use crate::circuit::Columns;
use crate::cost::Cost;
use crate::network::{Network, Stage};
use crate::spec::{Design, Spec, SpecError};
use crate::{tall, wide};

/// One circuit that a model could have.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// Its layout.
    pub design: Design,
    /// Proofs that one call takes.
    pub proofs: usize,
    /// What one proof is estimated to cost.
    pub cost: Cost,
}

impl Considered {
    /// Estimated CPU seconds of one call.
    pub fn total_s(&self) -> f64 {
        self.cost.total_s() * self.proofs as f64
    }
}

/// The circuit that was chosen, and those that were not.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The circuit.
    pub spec: Spec,
    /// All circuits, cheapest first: the first is the one that was chosen.
    pub considered: Vec<Considered>,
}

/// How many rows of a circuit hold anything: it decides what commitments to small columns cost.
fn used_rows(network: &Network, design: &Design) -> usize {
    match design {
        Design::Tall(_) => network.stages.iter().map(|stage| stage.output.iter().product::<usize>()).sum(),
        Design::Wide(wide) => wide.batch,
    }
}

impl Plan {
    /// Chooses the cheapest circuit for a model and a batch by the cost model.
    ///
    /// # Errors
    /// [`SpecError::Lower`] for a model with layers that no circuit here does, [`SpecError::NoLayout`] for one that is too large.
    pub fn new(model: &IntegerModel, batch: usize, private_input: bool) -> Result<Self, SpecError> {
        let network = Network::lower(model)?;
        let shapes = network.without_weights();
        let tables = network.activation_bound.unsigned_abs() + (1 << network.exponent());
        let hidden = network.stages.len() > 1;
        let none = SpecError::NoLayout { batch };
        if batch == 0 || (hidden && tables > crate::logup::MOST_ENTRIES) {
            return Err(none);
        }
        let mut considered = Vec::new();
        let consider = |network: &Network, design: Design, proofs: usize| {
            let spec = Spec { network: network.clone(), design, private_input };
            let mut cs = ConstraintSystem::<Fr>::default();
            let _ = Columns::configure(&mut cs, &spec);
            let used = used_rows(network, &spec.design);
            let cost = Cost::of(&cs, spec.design.k(), spec.design.degree(), used);
            Considered { design: spec.design, proofs, cost }
        };
        if wide::fits(&network) {
            let designs = wide::candidates(&network, batch).into_iter().map(Design::Wide);
            considered.extend(designs.map(|design| consider(&network, design, 1)));
        }
        let tall = tall::candidates(&shapes).into_iter();
        considered.extend(tall.map(|parameters| consider(&shapes, Design::Tall(parameters), batch)));
        considered.sort_by(|a, b| a.total_s().total_cmp(&b.total_s()));
        let best = considered.first().ok_or(none)?;
        let spec = Spec { network, design: best.design.clone(), private_input };
        Ok(Self { spec, considered })
    }

    /// Multiplications by a weight of one input.
    pub fn multiplications(&self) -> u64 {
        self.spec.network.stages.iter().map(Stage::multiplications).sum()
    }
}
