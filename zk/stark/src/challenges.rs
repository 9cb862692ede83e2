//! What is drawn after the first commitment, and what follows from it on every row.

use p3_challenger::FieldChallenger;
use p3_field::PrimeCharacteristicRing;

use crate::field::{Challenger, Ext};

/// Drawn at once, after the cells are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Challenges {
    /// Its powers combine all equations.
    pub(crate) rho: Ext,
    /// Where the lookups' fractions are evaluated.
    pub(crate) gamma: Ext,
    /// Tells ranges apart.
    pub(crate) beta: Ext,
}

impl Challenges {
    pub(crate) fn draw(challenger: &mut Challenger) -> Self {
        let mut draw = || challenger.sample_algebra_element();
        Self { rho: draw(), gamma: draw(), beta: draw() }
    }

    /// What is added to a value that is looked up in this range.
    pub(crate) fn offset(&self, range: usize) -> Ext {
        self.gamma + self.beta * Ext::from_usize(range)
    }
}
