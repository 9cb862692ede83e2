//! Nothing wraps: the proof that equations modulo `p` are equations of integers.
//!
//! Range checks, bits and the verifier's own checks bound every number of an equation. What is shown here is that the two sides of each
//! equation, so bounded, are less than `p` apart: then they are equal where they are equal modulo `p`. It is worked out from the weights
//! when a key is made, not taken from the model's own promise.

use zktee_integer::network::{Linear, Map, Network, PoolKind, volume};
use zktee_models::integer::ACCUMULATOR_BOUND;

use crate::field::MODULUS;
use crate::layout::Layout;

/// A model whose equations could hold modulo `p` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wraps {
    /// An equation.
    #[error("layer {layer}: the sides of an equation could be {reach} apart, and the field has {MODULUS} elements")]
    Equation {
        /// The linear layer's index in the integer model.
        layer: usize,
        /// How far the two sides can be apart.
        reach: i128,
    },
    /// So many lookups that a multiplicity of them could be 0.
    #[error("{lookups} lookups in one table, and the field has {MODULUS} elements")]
    Lookups {
        /// How many.
        lookups: usize,
    },
}

/// Checks every equation of a model and the number of lookups of its table.
pub(crate) fn check(network: &Network, layout: &Layout) -> Result<(), Wraps> {
    let modulus = i128::from(MODULUS);
    let largest = i128::from(network.activation_bound);
    let mut input = network.input_range.iter().map(|bound| i128::from(bound.unsigned_abs())).max().unwrap_or(0);
    for stage in &network.stages {
        let accumulator = accumulator(&stage.linear, volume(stage.input), stage.input[0], input);
        // acc + D/2 = D q + r, or acc = out.
        let other = stage.rescale.map_or(i128::from(ACCUMULATOR_BOUND) - 1, |rescale| {
            let divisor = i128::from(rescale.divisor());
            divisor / 2 + divisor * largest + divisor - 1
        });
        let mut reach = accumulator + other;
        if let Some(pool) = stage.pool {
            match pool.kind {
                PoolKind::Sum => input = largest * i128::from((pool.window[0] * pool.window[1]) as u64),
                PoolKind::Max => {
                    // larger + e = other + f, each of them at most the bound.
                    reach = reach.max(2 * largest);
                    input = largest;
                }
            }
        } else {
            input = largest;
        }
        if reach >= modulus {
            return Err(Wraps::Equation { layer: stage.layer, reach });
        }
    }
    let lookups = 2 * layout.lanes.len() * layout.rows();
    if lookups >= MODULUS as usize { Err(Wraps::Lookups { lookups }) } else { Ok(()) }
}

/// The largest magnitude of `W x + b` for inputs up to this one.
fn accumulator(linear: &Linear, inputs: usize, channels: usize, input: i128) -> i128 {
    let columns = match linear.map {
        Map::Dense => inputs,
        Map::Conv(conv) => channels * conv.kernel[0] * conv.kernel[1],
    };
    let magnitude = |value: &i64| i128::from(value.unsigned_abs());
    let rows = linear.weights.chunks_exact(columns.max(1)).zip(&linear.bias);
    rows.map(|(row, bias)| input * row.iter().map(magnitude).sum::<i128>() + magnitude(bias)).max().unwrap_or(0)
}
