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
pub(crate) use layout::{Layout, public_images};
pub(crate) use search::{candidates, degree};
pub(crate) use witness::TallWitness;

/// Whether these parameters give a layout of a model.
pub(crate) fn layout_exists(network: &crate::network::Network, parameters: &TallParameters) -> bool {
    parameters.weight_columns <= search::MOST_WEIGHT_COLUMNS && Layout::new(network, parameters).is_some()
}

/// Usable rows, and what stands on which rows, in sentences.
pub(crate) fn places(network: &crate::network::Network, parameters: &TallParameters) -> (usize, Vec<String>) {
    let Some(layout) = Layout::new(network, parameters) else { return (0, Vec::new()) };
    let rows = |image: &layout::Image| format!("rows {}..{}", image.base, image.base + image.len());
    let last = network.stages.len() - 1;
    let block = |(stage, image): (usize, &layout::Image)| {
        let what = if stage == last { "the output".to_owned() } else { format!("values that leave stage {stage}") };
        format!("{}: {what}", rows(image))
    };
    let mut blocks: Vec<(usize, &layout::Image)> = layout.blocks.iter().enumerate().collect();
    blocks.sort_by_key(|(_, image)| image.base);
    let mut places: Vec<String> = blocks.into_iter().map(block).collect();
    places.push(format!("{}: the input, with its padding, in columns of its own", rows(&layout.input)));
    places.push(format!("{}x{} lanes a row", layout.lanes[0], layout.lanes[1]));
    let copies = layout.weights.iter().map(|weights| weights.shifts.len()).sum::<usize>();
    places.push(format!("{} rows of weights, {copies} of their groups on copied operands", layout.weight_rows));
    (layout.usable, places)
}
