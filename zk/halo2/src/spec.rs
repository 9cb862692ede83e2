//! What a circuit is made from: the model, the layout that was chosen for it, the statement.

use serde::{Deserialize, Serialize};

use crate::logup::MOST_ENTRIES;
use crate::network::{LowerError, Network};
use crate::tall::{self, TallParameters};
use crate::wide::{self, WideParameters};

/// The largest circuit: 2^20 rows.
pub(crate) const LARGEST_K: u32 = 20;

/// A circuit's layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// One activation window a row, weights in columns; one input a proof.
    Tall(TallParameters),
    /// One input a row, weights in gates; a whole batch in one proof.
    Wide(WideParameters),
}

impl Design {
    /// Logarithm to base 2 of the number of rows.
    pub const fn k(&self) -> u32 {
        match self {
            Self::Tall(tall) => tall.k,
            Self::Wide(wide) => wide.k,
        }
    }

    /// Largest degree of a constraint.
    pub const fn degree(&self) -> usize {
        match self {
            Self::Tall(tall) => tall.degree,
            Self::Wide(wide) => wide.degree,
        }
    }

    /// Inputs of one proof.
    pub const fn inputs(&self) -> usize {
        match self {
            Self::Tall(_) => 1,
            Self::Wide(wide) => wide.batch,
        }
    }
}

/// A circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The model; without weights where the circuit holds them in columns and only its gates are wanted.
    pub network: Network,
    /// Its layout.
    pub design: Design,
    /// Whether the input is committed to and not revealed.
    pub private_input: bool,
}

/// A circuit that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The model has layers that this circuit does not do.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// No layout was found.
    #[error("no circuit of at most 2^20 rows holds this model with {batch} inputs")]
    NoLayout {
        /// Inputs of one call.
        batch: usize,
    },
    /// A layout that does not go with the model, from a file.
    #[error("the circuit's description does not hold together: {0}")]
    Inconsistent(&'static str),
}

impl Spec {
    /// Whether everything in it fits together, so that making its circuit cannot fail.
    ///
    /// # Errors
    /// [`SpecError::Inconsistent`].
    pub fn check(&self) -> Result<(), SpecError> {
        let network = &self.network;
        network.check().map_err(SpecError::Inconsistent)?;
        let tables = network.activation_bound.unsigned_abs() + (1 << network.exponent());
        let range = network.input_range[1].abs_diff(network.input_range[0]);
        if tables > MOST_ENTRIES || (self.private_input && range >= MOST_ENTRIES) {
            return Err(SpecError::Inconsistent("its ranges are too large for a table"));
        }
        let fits = match &self.design {
            Design::Tall(tall) => {
                tall.k <= LARGEST_K && tall.degree == tall::degree(network) && tall::layout_exists(network, tall)
            }
            Design::Wide(wide) => {
                let rows = 1_usize.checked_shl(wide.k).filter(|_| wide.k <= LARGEST_K && wide.k >= 5);
                wide::fits(network)
                    && network.has_weights()
                    && (4..=9).contains(&wide.degree)
                    && wide.batch > 0
                    && rows.is_some_and(|rows| wide.batch <= rows - wide::BLINDED)
            }
        };
        if fits { Ok(()) } else { Err(SpecError::Inconsistent("its layout is not one of its model")) }
    }

    /// What is needed to know the circuit's gates, and so to verify.
    #[must_use]
    pub fn for_verifier(&self) -> Self {
        match self.design {
            Design::Tall(_) => Self { network: self.network.without_weights(), ..self.clone() },
            // The weights are constants of the gates.
            Design::Wide(_) => self.clone(),
        }
    }
}

/// Upstream wants one; no circuit is ever made from it.
impl Default for Spec {
    fn default() -> Self {
        let network = Network { input: [0; 3], input_range: [0; 2], activation_bound: 1, stages: Vec::new() };
        let design = Design::Wide(WideParameters { k: 5, batch: 0, degree: 4 });
        Self { network, design, private_input: false }
    }
}
