//! The wide circuit: for small models on many inputs.
//!
//! One input a row, a lane for each activation; every linear equation is a gate of its own with the weights as constants, so that the
//! verifying key binds them through the gates. No second phase but for the range checks.

mod circuit;
#[cfg(test)]
mod testing;
mod witness;

use serde::{Deserialize, Serialize};

use crate::network::{Map, Network};

pub(crate) use circuit::WideColumns;
pub(crate) use witness::WideWitness;

/// What was decided about a wide circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WideParameters {
    /// Logarithm to base 2 of the number of rows.
    pub k: u32,
    /// Inputs, one a row.
    pub batch: usize,
    /// Largest degree of a constraint.
    pub degree: usize,
}

/// Rows lost to blinding: each column is read at one place, or at two (the running total); the proof system counts at least 3, and 3 more.
pub(crate) const BLINDED: usize = 6;

/// Activations of one input that a wide circuit may have at most.
const MOST_LANES: usize = 256;

/// Multiplications of one input that a wide circuit may have at most: each is a term of a gate.
const MOST_MULTIPLICATIONS: u64 = 1 << 15;

/// Degrees that are tried.
const DEGREES: std::ops::RangeInclusive<usize> = 4..=8;

/// Number of activations of one input.
pub(crate) fn lanes(network: &Network) -> usize {
    let hidden = &network.stages[..network.stages.len().saturating_sub(1)];
    hidden.iter().map(|stage| stage.accumulators[0]).sum()
}

/// Whether a model has a wide circuit: dense layers alone, and few activations.
pub(crate) fn fits(network: &Network) -> bool {
    network.stages.iter().all(|stage| stage.linear.map == Map::Dense && stage.pool.is_none())
        && lanes(network) <= MOST_LANES
        && network.input_len() <= MOST_LANES
        && network.stages.iter().map(crate::network::Stage::multiplications).sum::<u64>() <= MOST_MULTIPLICATIONS
}

/// The circuits that a batch could have: the smallest number of rows and some larger ones, at every degree.
pub(crate) fn candidates(network: &Network, batch: usize) -> Vec<WideParameters> {
    let smallest = (batch + BLINDED).next_power_of_two().trailing_zeros().max(5);
    let sizes = smallest..=(smallest + 6).min(16.max(smallest)).min(20);
    let degrees = if lanes(network) == 0 { 4..=4 } else { DEGREES };
    sizes.flat_map(|k| degrees.clone().map(move |degree| WideParameters { k, batch, degree })).collect()
}
