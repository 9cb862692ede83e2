//! An integer model as the circuits see it: a chain of stages, each one linear layer and what follows it.
//!
//! ```text
//!   input ─▶ linear ─▶ rescale ─▶ (ReLU) ─▶ (pool) ─▶ linear ─▶ … ─▶ linear ─▶ output
//!            └──────────── stage 0 ───────────────┘
//! ```
//!
//! Lowering keeps every number of the integer twin; what it changes is who computes it. A sum pool that no circuit has lanes for
//! (overlapping windows, or no rescale before it) becomes part of the weights of the linear layer after or before it; a `ReLU` after a
//! max pool moves before it, where it costs nothing. What is left over is refused with the layer's name.

mod fold;
mod lower;

use serde::{Deserialize, Serialize};
use zktee_models::integer::{ACCUMULATOR_BOUND, EXPONENT_LIMIT, Rescale};

pub use lower::LowerError;

/// Channels, height, width. A flat vector of `n` values is `[n, 1, 1]`.
pub type Shape = [usize; 3];

/// Number of values of a shape.
pub const fn volume(shape: Shape) -> usize {
    shape[0] * shape[1] * shape[2]
}

/// A whole model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Shape of one input.
    pub input: Shape,
    /// Least and largest legal input value.
    pub input_range: [i64; 2],
    /// Largest magnitude of a rescaled value.
    pub activation_bound: i64,
    /// First to last; at least one. Only the last has no rescale.
    pub stages: Vec<Stage>,
}

/// A linear layer with what follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The linear layer's index in the integer model.
    pub layer: usize,
    /// Shape of what enters.
    pub input: Shape,
    /// The linear layer.
    pub linear: Linear,
    /// Shape of its result.
    pub accumulators: Shape,
    /// Rescale of a hidden layer; `None` in the last stage, whose accumulators are the output.
    pub rescale: Option<Rescale>,
    /// Pool after the rescale; its windows do not overlap.
    pub pool: Option<Pool>,
    /// Shape of what leaves.
    pub output: Shape,
}

impl Stage {
    /// Height and width of the block of accumulators behind one value that leaves.
    pub fn window(&self) -> [usize; 2] {
        self.pool.map_or([1, 1], |pool| pool.window)
    }

    /// Multiplications by a weight for one input.
    pub fn multiplications(&self) -> u64 {
        let each = match &self.linear.map {
            Map::Dense => volume(self.input),
            Map::Conv(conv) => self.input[0] * conv.kernel[0] * conv.kernel[1],
        };
        (volume(self.accumulators) * each) as u64
    }
}

/// `W x + b`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Dense or convolution.
    pub map: Map,
    /// `[outputs, inputs]` or `[outputs, channels, kernel height, kernel width]`, row-major; empty where only shapes matter.
    pub weights: Vec<i64>,
    /// `[outputs]`; empty where only shapes matter.
    pub bias: Vec<i64>,
}

/// How a linear layer's outputs read its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Map {
    /// Every output reads every input.
    Dense,
    /// A window slides over the padded input.
    Conv(Conv),
}

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Window height and width.
    pub kernel: [usize; 2],
    /// Step down and to the right.
    pub stride: [usize; 2],
    /// Zeros above, to the left, below, to the right.
    pub padding: [usize; 4],
}

/// A pool whose windows do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Sum or maximum.
    pub kind: PoolKind,
    /// Height and width.
    pub window: [usize; 2],
}

/// What a pool makes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolKind {
    /// The sum.
    Sum,
    /// The maximum.
    Max,
}

impl Network {
    /// Number of values of one input.
    pub const fn input_len(&self) -> usize {
        volume(self.input)
    }

    /// Number of values of one output.
    pub fn output_len(&self) -> usize {
        self.stages.last().map_or(0, |stage| volume(stage.output))
    }

    /// The same shapes without a single weight: what a verifier needs to know of a circuit whose weights are in committed columns.
    #[must_use]
    pub fn without_weights(&self) -> Self {
        let mut shapes = self.clone();
        for stage in &mut shapes.stages {
            stage.linear.weights = Vec::new();
            stage.linear.bias = Vec::new();
        }
        shapes
    }

    /// Whether any weight is there at all.
    pub fn has_weights(&self) -> bool {
        self.stages.iter().all(|stage| !stage.linear.bias.is_empty())
    }

    /// Whether shapes, sizes and weights fit together: a network that was read from a file may be anything.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), &'static str> {
        const LARGEST: usize = 1 << 24;
        // The circuit has a power of a challenge for it.
        const WIDEST_PADDING: usize = 256;
        let small = |shape: Shape| {
            shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).filter(|n| (1..=LARGEST).contains(n))
        };
        let within = |value: i64| value.unsigned_abs() < ACCUMULATOR_BOUND.unsigned_abs();
        let [low, high] = self.input_range;
        if !(within(low)
            && within(high)
            && low <= 0
            && high >= 0
            && within(self.activation_bound)
            && self.activation_bound > 0)
        {
            return Err("a range is none");
        }
        let mut shape = self.input;
        let last = self.stages.len().checked_sub(1).ok_or("it has no stage")?;
        for (index, stage) in self.stages.iter().enumerate() {
            let [outputs, height, width] = stage.accumulators;
            let inputs = small(stage.input).ok_or("a shape is too large")?;
            small(stage.accumulators).ok_or("a shape is too large")?;
            small(stage.output).ok_or("a shape is too large")?;
            let window = stage.window();
            if window.contains(&0) || window.iter().any(|&w| w > 64) {
                return Err("a pool window is too large");
            }
            let (weights, fits) = match stage.linear.map {
                Map::Dense => (inputs, [height, width] == [1, 1] && small(shape) == Some(inputs)),
                Map::Conv(conv) => {
                    let whole = |n: usize, before: usize, after: usize, kernel: usize, stride: usize, out: usize| {
                        let padded = n.checked_add(before).and_then(|n| n.checked_add(after)).filter(|n| *n <= LARGEST);
                        kernel > 0
                            && stride > 0
                            && padded.and_then(|n| n.checked_sub(kernel)).is_some_and(|n| n / stride + 1 == out)
                    };
                    let [top, left, bottom, right] = conv.padding;
                    let wider = |n: usize, before: usize, after: usize| n.saturating_add(before).saturating_add(after);
                    let padded = [shape[0], wider(shape[1], top, bottom), wider(shape[2], left, right)];
                    if conv.padding.iter().any(|&width| width > WIDEST_PADDING) || small(padded).is_none() {
                        return Err("a padding is too wide");
                    }
                    let fits = stage.input == shape
                        && whole(shape[1], top, bottom, conv.kernel[0], conv.stride[0], height)
                        && whole(shape[2], left, right, conv.kernel[1], conv.stride[1], width);
                    (stage.input[0].saturating_mul(conv.kernel[0]).saturating_mul(conv.kernel[1]), fits)
                }
            };
            let positive = stage.rescale.is_some_and(|rescale| rescale.relu);
            if stage.pool.is_some_and(|pool| pool.kind == PoolKind::Max && (pool.window == [1, 1] || !positive)) {
                return Err("a maximum of one value, or of values that may be negative");
            }
            let rescales = stage.rescale.is_some() == (index < last)
                && stage.rescale.is_none_or(|rescale| rescale.exponent <= EXPONENT_LIMIT)
                && (stage.pool.is_none() || stage.rescale.is_some());
            let pooled = stage.output == [outputs, height / window[0], width / window[1]];
            let held = (stage.linear.weights.len(), stage.linear.bias.len());
            let whole = held == (0, 0) || (held.1 == outputs && outputs.checked_mul(weights) == Some(held.0));
            if !(fits && rescales && pooled && whole) {
                return Err("a stage's sizes do not fit together");
            }
            if stage.linear.weights.iter().chain(&stage.linear.bias).any(|&weight| !within(weight)) {
                return Err("a weight is too large");
            }
            shape = stage.output;
        }
        Ok(())
    }

    /// The largest exponent of a rescale: the circuit divides by this one power of two everywhere, and stages with a smaller divisor
    /// have both sides of their equation multiplied by the difference.
    pub fn exponent(&self) -> u32 {
        self.stages.iter().filter_map(|stage| stage.rescale).map(|rescale| rescale.exponent).max().unwrap_or(0)
    }
}
