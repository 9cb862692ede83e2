//! Which tall layouts a model could have.

use super::layout::{Layout, TallParameters, lane_grid};
use super::pack;
use crate::network::{Network, PoolKind, volume};
use crate::spec::LARGEST_K;

/// Weight columns that a circuit may have at most.
pub(super) const MOST_WEIGHT_COLUMNS: usize = 512;

/// Orders of blocks that are tried at most.
const MOST_ORDERS: usize = 120;

/// Places for the input that are tried.
const INPUT_PLACES: usize = 64;

/// How many sizes are tried beyond the smallest that fits.
const LARGER_SIZES: u32 = 1;

/// For each size that a model fits into, the layout with the fewest weight columns.
pub(crate) fn candidates(network: &Network) -> Vec<TallParameters> {
    let mut found: Vec<TallParameters> = Vec::new();
    for k in 5..=LARGEST_K {
        if found.first().is_some_and(|first| k > first.k + LARGER_SIZES) {
            break;
        }
        found.extend(smallest(network, k));
    }
    found
}

/// The largest degree of a constraint: that of the running total, or of a maximum.
pub(crate) fn degree(network: &Network) -> usize {
    let maximum = |pool: crate::network::Pool| pool.kind == PoolKind::Max;
    if network.stages.iter().filter_map(|stage| stage.pool).any(maximum) { 6 } else { 4 }
}

/// The layout of 2^k rows with the fewest weight columns, if there is one.
fn smallest(network: &Network, k: u32) -> Option<TallParameters> {
    let rows = 1_usize << k;
    let lanes = lane_grid(network);
    let windows: usize = network.stages.iter().map(|stage| volume(stage.output)).sum();
    if windows > rows || volume(network.input) > rows || lanes[0] * lanes[1] > 64 {
        return None;
    }
    let parameters = |weight_columns, order: &[usize], input_row| TallParameters {
        k,
        weight_columns,
        order: order.to_vec(),
        input_row,
        degree: degree(network),
    };
    let orders = orders(network.stages.len() - 1);
    for weight_columns in widths(network, rows) {
        for order in &orders {
            // Where the input stands decides only where its taps' weights do: a few places to choose from are enough.
            let step = (rows / INPUT_PLACES).max(1);
            for input_row in (0..rows).step_by(step) {
                let parameters = parameters(weight_columns, order, input_row);
                if Layout::new(network, &parameters).is_some() {
                    return Some(parameters);
                }
                if input_row + volume(network.input) > rows {
                    break;
                }
            }
        }
    }
    None
}

/// Numbers of weight columns worth trying, ascending: those at which some stage needs a group less.
fn widths(network: &Network, rows: usize) -> Vec<usize> {
    let outputs = |stage: &crate::network::Stage| {
        let outputs = stage.accumulators[0];
        (1..=pack::MOST_GROUPS).map(move |groups| outputs.div_ceil(groups))
    };
    let mut widths: Vec<usize> =
        network.stages.iter().flat_map(outputs).filter(|&w| w <= MOST_WEIGHT_COLUMNS).collect();
    widths.sort_unstable();
    widths.dedup();
    widths.retain(|&width| {
        let groups = |stage: &crate::network::Stage| stage.accumulators[0].div_ceil(width);
        let operands = |stage: &crate::network::Stage| match stage.linear.map {
            crate::network::Map::Dense => volume(stage.input),
            crate::network::Map::Conv(conv) => stage.input[0] * conv.kernel[0] * conv.kernel[1],
        };
        network.stages.iter().map(|stage| groups(stage) * operands(stage)).sum::<usize>() <= rows
            && network.stages.iter().all(|stage| groups(stage) <= pack::MOST_GROUPS)
    });
    widths
}

/// Orders of the hidden blocks: all of them where they are few, else as the model has them and the other way round.
fn orders(blocks: usize) -> Vec<Vec<usize>> {
    let forward: Vec<usize> = (0..blocks).collect();
    let backward: Vec<usize> = forward.iter().rev().copied().collect();
    let mut orders = vec![backward, forward];
    if (1..=blocks).product::<usize>() <= MOST_ORDERS {
        orders.extend(permutations((0..blocks).collect()));
    }
    orders
}

fn permutations(items: Vec<usize>) -> Vec<Vec<usize>> {
    if items.len() < 2 {
        return vec![items];
    }
    let with_first = |first: usize| {
        let rest: Vec<usize> = items.iter().copied().filter(|&item| item != first).collect();
        permutations(rest).into_iter().map(move |rest| [vec![first], rest].concat())
    };
    items.iter().copied().flat_map(with_first).collect()
}
