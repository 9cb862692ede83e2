//! An integer model as the circuit sees it: a chain of operations on the values of one input.
//!
//! ```text
//!   dense, conv2d, sum pool ─▶ Linear: blocks of dot products that share their inputs
//!   rescale (with its ReLU) ─▶ Rescale
//!   ReLU elsewhere          ─▶ Relu
//!   max pool                ─▶ Maximum
//!   flatten                 ─▶ nothing
//! ```

use zktee_models::graph::Pool;
use zktee_models::integer::{ACCUMULATOR_BOUND, IntegerConv2d, IntegerDense, IntegerLayer, IntegerModel, Rescale};

use crate::Error;

/// Dot products over the same inputs, such as all output channels at one place of a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Which values enter, by their positions in the layer's input; at least one.
    pub(crate) inputs: Vec<u32>,
    /// Which values leave, by their positions in the layer's output.
    pub(crate) outputs: Vec<u32>,
    /// `[outputs, inputs]`, row-major.
    pub(crate) weights: Vec<i64>,
    /// `[outputs]`.
    pub(crate) bias: Vec<i64>,
}

/// One operation on all the values of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// Weighted sums.
    Linear {
        /// They cover each output once.
        blocks: Vec<Block>,
        /// Number of outputs.
        outputs: usize,
    },
    /// Division by a power of two, rounded, bounded; then `ReLU` where it is part of it. As many outputs as inputs.
    Rescale {
        /// The divisor and whether negative quotients become 0.
        by: Rescale,
        /// Number of values.
        count: usize,
    },
    /// `max(x, 0)` of values below `2^bits` in magnitude.
    Relu {
        /// Bits of the largest magnitude.
        bits: u32,
        /// Number of values.
        count: usize,
    },
    /// The largest value of each window.
    Maximum {
        /// The positions of each output's candidates; all windows are of one size.
        windows: Vec<Vec<u32>>,
        /// The largest difference of two candidates.
        difference: i64,
    },
}

/// A whole model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Values of one input.
    pub(crate) inputs: usize,
    /// Values of one output.
    pub(crate) outputs: usize,
    /// Largest magnitude of a rescaled value.
    pub(crate) activation_bound: i64,
    /// First to last.
    pub(crate) ops: Vec<Op>,
}

impl Program {
    /// The operations of a model.
    ///
    /// # Errors
    /// [`Error::Bound`], which no [`IntegerModel`] gives.
    pub(crate) fn new(model: &IntegerModel) -> Result<Self, Error> {
        let mut ops = Vec::new();
        // Values that cannot be negative are half as far from each other at most.
        let mut negative = model.parts().input_range[0] < 0;
        for (layer, it) in model.layers().iter().enumerate() {
            let bounds = model.bounds()[layer];
            let largest = bounds.input.max(bounds.output).max(bounds.accumulator.unwrap_or(0));
            if largest >= ACCUMULATOR_BOUND {
                return Err(Error::Bound { layer, got: largest, bound: ACCUMULATOR_BOUND });
            }
            let (from, to) = (&model.shapes()[layer], &model.shapes()[layer + 1]);
            let (entering, count) = (from.iter().product(), to.iter().product());
            let mut linear = |blocks, by: Option<Rescale>| {
                ops.push(Op::Linear { blocks, outputs: count });
                ops.extend(by.map(|by| Op::Rescale { by, count }));
                negative = !by.is_some_and(|by| by.relu);
            };
            match it {
                IntegerLayer::Dense(dense) => linear(vec![dense_block(dense)], dense.rescale),
                IntegerLayer::Conv2d(conv) => linear(conv_blocks(conv, image(from), image(to)), conv.rescale),
                IntegerLayer::SumPool(pool) => {
                    let sum = |(output, inputs): (usize, Vec<u32>)| Block {
                        weights: vec![1; inputs.len()],
                        bias: vec![0],
                        outputs: vec![output as u32],
                        inputs,
                    };
                    let blocks = windows(*pool, image(from), image(to)).into_iter().enumerate().map(sum).collect();
                    ops.push(Op::Linear { blocks, outputs: count });
                }
                IntegerLayer::MaxPool(pool) => {
                    let difference = bounds.input * if negative { 2 } else { 1 };
                    ops.push(Op::Maximum { windows: windows(*pool, image(from), image(to)), difference });
                }
                IntegerLayer::Relu if negative => {
                    ops.push(Op::Relu { bits: bits(bounds.input), count: entering });
                    negative = false;
                }
                // What is not negative already is its own ReLU.
                IntegerLayer::Relu | IntegerLayer::Flatten => {}
            }
        }
        Ok(Self {
            inputs: model.input_len(),
            outputs: model.output_len(),
            activation_bound: model.parts().activation_bound,
            ops,
        })
    }

    /// The largest exponent of a rescale; `None` without any.
    pub(crate) fn largest_exponent(&self) -> Option<u32> {
        let exponent = |op: &Op| if let Op::Rescale { by, .. } = op { Some(by.exponent) } else { None };
        self.ops.iter().filter_map(exponent).max()
    }
}

/// How many bits a magnitude takes: the least `n` with `value < 2^n`, and at least 1.
pub(crate) fn bits(value: i64) -> u32 {
    (64 - value.unsigned_abs().leading_zeros()).max(1)
}

/// Channels, height and width of an image's shape.
fn image(shape: &[usize]) -> [usize; 3] {
    // Shape inference has let nothing else reach a convolution or a pool.
    <[usize; 3]>::try_from(shape).unwrap_or([1, 1, shape.iter().product()])
}

fn dense_block(dense: &IntegerDense) -> Block {
    Block {
        inputs: (0..dense.inputs as u32).collect(),
        outputs: (0..dense.outputs as u32).collect(),
        weights: dense.weights.clone(),
        bias: dense.bias.clone(),
    }
}

/// One block a place. What lies in the padding is left out: zero times a weight needs no proof.
fn conv_blocks(conv: &IntegerConv2d, [_, height, width]: [usize; 3], [outputs, down, right]: [usize; 3]) -> Vec<Block> {
    let [kernel_height, kernel_width] = conv.kernel;
    let taps = conv.channels * kernel_height * kernel_width;
    let mut blocks = Vec::with_capacity(down * right);
    for place in 0..down * right {
        let (y, x) = (place / right * conv.stride[0], place % right * conv.stride[1]);
        let (mut inputs, mut kept) = (Vec::new(), Vec::new());
        for tap in 0..taps {
            let (channel, ky, kx) =
                (tap / (kernel_height * kernel_width), tap / kernel_width % kernel_height, tap % kernel_width);
            let row = (y + ky).checked_sub(conv.padding.top).filter(|&row| row < height);
            let column = (x + kx).checked_sub(conv.padding.left).filter(|&column| column < width);
            if let (Some(row), Some(column)) = (row, column) {
                inputs.push(((channel * height + row) * width + column) as u32);
                kept.push(tap);
            }
        }
        if inputs.is_empty() {
            // A window that lies in the padding alone: the bias, told by any input with weights of zero.
            inputs.push(0);
        }
        let weight = |output: usize, i: usize| kept.get(i).map_or(0, |tap| conv.weights[output * taps + tap]);
        blocks.push(Block {
            outputs: (0..outputs).map(|output| (output * down * right + place) as u32).collect(),
            weights: (0..outputs)
                .flat_map(|o| (0..inputs.len()).map(move |i| (o, i)))
                .map(|(o, i)| weight(o, i))
                .collect(),
            bias: conv.bias.clone(),
            inputs,
        });
    }
    blocks
}

/// The positions in each window of a pool, in the order of the outputs.
fn windows(pool: Pool, [_, height, width]: [usize; 3], [channels, down, right]: [usize; 3]) -> Vec<Vec<u32>> {
    let [kernel_height, kernel_width] = pool.kernel;
    let window = |output: usize| {
        let (channel, y, x) = (output / (down * right), output / right % down, output % right);
        let cell = |k: usize| {
            let row = channel * height + y * pool.stride[0] + k / kernel_width;
            (row * width + x * pool.stride[1] + k % kernel_width) as u32
        };
        (0..kernel_height * kernel_width).map(cell).collect()
    };
    (0..channels * down * right).map(window).collect()
}
