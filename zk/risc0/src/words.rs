//! From the integer twin to the words that the virtual machine reads.

use sha2::{Digest, Sha256};
use zktee_integer::network::{Map, Network, PoolKind, Stage};
use zktee_models::integer::IntegerModel;
use zktee_risc0_program::{Linear, Model, Pool, Rescale, Stage as Stages};

/// The words of an integer model, in the layout of [`Model`].
///
/// # Errors
/// The layer that has no place in it.
pub fn model_words(model: &IntegerModel) -> Result<Vec<i32>, String> {
    let network = Network::lower(model).map_err(|error| error.to_string())?;
    let numbers: Vec<_> = network.stages.iter().map(numbers).collect::<Option<_>>().ok_or(TOO_LARGE)?;
    let stages = network.stages.iter().zip(&numbers).map(|(stage, (weights, bias))| narrowed(stage, weights, bias));
    let [low, high] = network.input_range;
    let model = Model {
        input: network.input,
        input_range: [narrow(low).ok_or(TOO_LARGE)?, narrow(high).ok_or(TOO_LARGE)?],
        activation_bound: narrow(network.activation_bound).ok_or(TOO_LARGE)?,
        stages: stages.collect(),
    };
    Ok(model.words())
}

/// SHA-256 of words, each as four little-endian bytes.
pub fn digest(words: &[i32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.to_le_bytes());
    }
    hash.finalize().into()
}

/// An integer model's numbers are below 2^29.
const TOO_LARGE: &str = "a number of the model has more than 32 bits";

fn narrow(value: i64) -> Option<i32> {
    i32::try_from(value).ok()
}

fn numbers(stage: &Stage) -> Option<(Vec<i32>, Vec<i32>)> {
    let narrow_all = |values: &[i64]| values.iter().map(|&value| narrow(value)).collect::<Option<_>>();
    Some((narrow_all(&stage.linear.weights)?, narrow_all(&stage.linear.bias)?))
}

fn narrowed<'a>(stage: &Stage, weights: &'a [i32], bias: &'a [i32]) -> Stages<'a> {
    let outputs = bias.len();
    let linear = match stage.linear.map {
        Map::Dense => Linear::Dense { outputs, inputs: zktee_integer::network::volume(stage.input) },
        Map::Conv(conv) => Linear::Conv {
            outputs,
            channels: stage.input[0],
            kernel: conv.kernel,
            stride: conv.stride,
            padding: conv.padding,
        },
    };
    let rescale = stage.rescale.map(|it| Rescale { exponent: it.exponent, relu: it.relu });
    let pool = stage.pool.map(|it| Pool { max: it.kind == PoolKind::Max, window: it.window });
    Stages { linear, rescale, pool, weights, bias }
}
