//! A model as words: what the host writes and the guest reads.

use alloc::vec::Vec;

/// The first word of a model: the layout's version.
const LAYOUT: i32 = 0x7a6b_0001;

/// A model, borrowed from its words.
///
/// The words, one after the other: the layout's version; the input's channels, height and width; the least and the largest legal
/// input; the largest magnitude of a rescaled value; the number of stages; then the stages. A stage: 0 and its outputs and inputs for
/// a dense layer, or 1 and outputs, channels, kernel height and width, stride down and right, zeros above, left, below and right for
/// a convolution; 0 for no rescale, 1 for one, 2 for one with `ReLU`, then the exponent; 0 for no pool, 1 for a sum, 2 for a maximum,
/// then the window's height and width; the weights, row-major, and the biases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model<'a> {
    /// Channels, height and width of an input; a flat vector of `n` values is `[n, 1, 1]`.
    pub input: [usize; 3],
    /// Least and largest legal input.
    pub input_range: [i32; 2],
    /// Largest magnitude of a rescaled value.
    pub activation_bound: i32,
    /// First to last.
    pub stages: Vec<Stage<'a>>,
}

/// A linear layer and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage<'a> {
    /// How the outputs read the inputs.
    pub linear: Linear,
    /// The rescale of a hidden stage.
    pub rescale: Option<Rescale>,
    /// The pool after it.
    pub pool: Option<Pool>,
    /// `[outputs, inputs]` or `[outputs, channels, kernel height, kernel width]`.
    pub weights: &'a [i32],
    /// `[outputs]`.
    pub bias: &'a [i32],
}

impl Stage<'_> {
    /// Whether nothing follows the linear layer.
    pub(crate) fn is_bare(&self) -> bool {
        self.rescale.is_none() && self.pool.is_none()
    }
}

/// How the outputs of a stage read its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linear {
    /// Every output reads every input.
    Dense {
        /// Number of outputs.
        outputs: usize,
        /// Number of inputs.
        inputs: usize,
    },
    /// A window slides over the padded input.
    Conv {
        /// Number of output channels.
        outputs: usize,
        /// Number of input channels.
        channels: usize,
        /// Window height and width.
        kernel: [usize; 2],
        /// Step down and to the right.
        stride: [usize; 2],
        /// Zeros above, to the left, below, to the right.
        padding: [usize; 4],
    },
}

/// `floor((accumulator + 2^exponent / 2) / 2^exponent)`, then `max(., 0)` where `relu` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// Of the divisor.
    pub exponent: u32,
    /// Whether negative values become 0.
    pub relu: bool,
}

/// A pool whose windows do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Whether it takes the maximum; otherwise the sum.
    pub max: bool,
    /// Height and width.
    pub window: [usize; 2],
}

/// Words that are no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// They end before the model does.
    Short,
    /// They go on behind it.
    Long,
    /// A tag or the version is none that is known.
    Tag,
    /// A number is larger than any that is used.
    Size,
}

/// Sizes, strides, padding and windows are below this.
const LARGEST: i32 = 1 << 24;

impl<'a> Model<'a> {
    /// Reads a model. Whether the shapes of its stages fit together is for [`crate::infer()`] to find.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn read(words: &'a [i32]) -> Result<Self, ModelError> {
        let mut reader = Reader(words);
        if reader.word()? != LAYOUT {
            return Err(ModelError::Tag);
        }
        let input = reader.sizes()?;
        let input_range = [reader.word()?, reader.word()?];
        let activation_bound = reader.word()?;
        let mut stages = Vec::new();
        for _ in 0..reader.size()? {
            stages.push(reader.stage()?);
        }
        if reader.0.is_empty() {
            Ok(Self { input, input_range, activation_bound, stages })
        } else {
            Err(ModelError::Long)
        }
    }

    /// The model's words.
    pub fn words(&self) -> Vec<i32> {
        let mut out = alloc::vec![LAYOUT];
        sizes(&mut out, &self.input);
        out.extend(self.input_range);
        out.push(self.activation_bound);
        sizes(&mut out, &[self.stages.len()]);
        for stage in &self.stages {
            match stage.linear {
                Linear::Dense { outputs, inputs } => sizes(&mut out, &[0, outputs, inputs]),
                Linear::Conv { outputs, channels, kernel, stride, padding } => {
                    sizes(&mut out, &[1, outputs, channels]);
                    sizes(&mut out, &kernel);
                    sizes(&mut out, &stride);
                    sizes(&mut out, &padding);
                }
            }
            let rescale = stage.rescale.map_or([0, 0], |it| [1 + usize::from(it.relu), it.exponent as usize]);
            sizes(&mut out, &rescale);
            let pool = stage.pool.map_or([0, 0, 0], |it| [1 + usize::from(it.max), it.window[0], it.window[1]]);
            sizes(&mut out, &pool);
            out.extend_from_slice(stage.weights);
            out.extend_from_slice(stage.bias);
        }
        out
    }

    /// Number of values of an input.
    pub const fn input_len(&self) -> usize {
        self.input[0] * self.input[1] * self.input[2]
    }
}

fn sizes(out: &mut Vec<i32>, values: &[usize]) {
    // A size beyond a word is beyond `LARGEST` too, so that it cannot be read back as another one.
    out.extend(values.iter().map(|&value| i32::try_from(value).unwrap_or(i32::MAX)));
}

struct Reader<'a>(&'a [i32]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [i32], ModelError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ModelError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn word(&mut self) -> Result<i32, ModelError> {
        Ok(self.take(1)?[0])
    }

    fn size(&mut self) -> Result<usize, ModelError> {
        let word = self.word()?;
        if (0..LARGEST).contains(&word) { Ok(word as usize) } else { Err(ModelError::Size) }
    }

    fn sizes<const N: usize>(&mut self) -> Result<[usize; N], ModelError> {
        let mut sizes = [0; N];
        for size in &mut sizes {
            *size = self.size()?;
        }
        Ok(sizes)
    }

    /// As many signed words as the product of some sizes.
    fn matrix(&mut self, sizes: &[usize]) -> Result<&'a [i32], ModelError> {
        let count = sizes.iter().try_fold(1_usize, |n, &size| n.checked_mul(size)).ok_or(ModelError::Size)?;
        self.take(count)
    }

    fn stage(&mut self) -> Result<Stage<'a>, ModelError> {
        let linear = match self.word()? {
            0 => {
                let [outputs, inputs] = self.sizes()?;
                Linear::Dense { outputs, inputs }
            }
            1 => {
                let [outputs, channels] = self.sizes()?;
                Linear::Conv { outputs, channels, kernel: self.sizes()?, stride: self.sizes()?, padding: self.sizes()? }
            }
            _ => return Err(ModelError::Tag),
        };
        let rescale = match self.sizes()? {
            [0, 0] => None,
            [tag @ (1 | 2), exponent @ 0..=16] => Some(Rescale { exponent: exponent as u32, relu: tag == 2 }),
            _ => return Err(ModelError::Tag),
        };
        let pool = match (self.word()?, self.sizes()?) {
            (0, [0, 0]) => None,
            (tag @ (1 | 2), window) if !window.contains(&0) => Some(Pool { max: tag == 2, window }),
            _ => return Err(ModelError::Tag),
        };
        let (outputs, weights) = match linear {
            Linear::Dense { outputs, inputs } => (outputs, self.matrix(&[outputs, inputs])?),
            Linear::Conv { outputs, channels, kernel, .. } => {
                (outputs, self.matrix(&[outputs, channels, kernel[0], kernel[1]])?)
            }
        };
        Ok(Stage { linear, rescale, pool, weights, bias: self.matrix(&[outputs])? })
    }
}
