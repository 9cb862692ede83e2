//! The tall circuit: for models too large to write a gate for each of their weights.
//!
//! One activation window a row, a few lanes wide; all linear layers together are checked by one random linear combination; weights
//! stand in fixed columns. `docs/halo2.md` explains it with a drawing.

mod circuit;
mod fixed;
mod layout;
mod pack;
mod search;
#[cfg(test)]
mod testing;
mod witness;

pub use layout::TallParameters;

pub(crate) use circuit::TallColumns;
pub(crate) use fixed::{FixedCells, rounding, stage_scale};
pub(crate) use layout::Layout;
pub(crate) use search::{candidates, degree};
pub(crate) use witness::TallWitness;

/// Whether these parameters give a layout of a model.
pub(crate) fn layout_exists(network: &crate::network::Network, parameters: &TallParameters) -> bool {
    parameters.weight_columns <= search::MOST_WEIGHT_COLUMNS && Layout::new(network, parameters).is_some()
}
