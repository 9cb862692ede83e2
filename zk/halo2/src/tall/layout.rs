//! Where everything stands in a tall circuit: rows of blocks, planes and weights. Pure arithmetic on shapes.
//!
//! Rows are shared by several parties that live in different columns and need not know of each other:
//!
//! * **blocks** (columns of the lanes and of the coefficients): each stage has one, a row for each value that leaves it, in the order
//!   row, column, channel of the image that the next stage reads, with that one's padding;
//! * **planes** (columns of the window sums): the block that a convolution reads, or the input;
//! * **weight rows** (weight columns and operand column): one for each input value of a dense layer or each tap of a convolution, in
//!   as many groups as it takes to hold a weight for each output in `weight_columns` columns.

use super::pack::{self, Rows};
use crate::network::{Map, Network, Shape, Stage, volume};

/// What was decided about a tall circuit; the layout follows from it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TallParameters {
    /// Logarithm to base 2 of the number of rows.
    pub k: u32,
    /// Columns that hold weights.
    pub weight_columns: usize,
    /// Order of the hidden stages' blocks.
    pub order: Vec<usize>,
    /// First row of the input.
    pub input_row: usize,
    /// Largest degree of a constraint.
    pub degree: usize,
}

/// The rows of a stage's output (in the lanes' columns, or of the public output for the last stage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Image {
    /// First row.
    pub(crate) base: usize,
    /// Shape without padding.
    pub(crate) shape: Shape,
    /// Zeros above, to the left, below, to the right.
    pub(crate) padding: [usize; 4],
}

impl Image {
    pub(crate) const fn height(&self) -> usize {
        self.shape[1] + self.padding[0] + self.padding[2]
    }

    pub(crate) const fn width(&self) -> usize {
        self.shape[2] + self.padding[1] + self.padding[3]
    }

    /// Rows that it takes.
    pub(crate) const fn len(&self) -> usize {
        self.shape[0] * self.height() * self.width()
    }

    /// Rows from one line of the image to the next.
    pub(crate) const fn pitch(&self) -> usize {
        self.shape[0] * self.width()
    }

    /// Row of a padded position.
    pub(crate) const fn padded(&self, channel: usize, y: usize, x: usize) -> usize {
        self.base + (y * self.width() + x) * self.shape[0] + channel
    }

    /// Row of a value, by its row-major index `[channel, y, x]`.
    pub(crate) const fn row(&self, index: usize) -> usize {
        let [_, h, w] = self.shape;
        self.padded(index / (h * w), index / w % h + self.padding[0], index % w + self.padding[1])
    }

    /// Whether a row of the image is padding.
    pub(crate) fn is_padding(&self, row: usize) -> bool {
        let position = (row - self.base) / self.shape[0];
        let (y, x) = (position / self.width(), position % self.width());
        let inside = |at: usize, before: usize, size: usize| (before..before + size).contains(&at);
        !(inside(y, self.padding[0], self.shape[1]) && inside(x, self.padding[1], self.shape[2]))
    }
}

/// How a convolution's window sums run over the image that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plane {
    /// The convolution's stage.
    pub(crate) stage: usize,
    /// What it reads.
    pub(crate) image: Image,
    /// Output positions that count, down and across: those under a whole pool window.
    pub(crate) outputs: [usize; 2],
    /// Window height and width.
    pub(crate) kernel: [usize; 2],
    /// Step down and to the right.
    pub(crate) stride: [usize; 2],
}

impl Plane {
    /// Rows from one term of a horizontal sum to the next.
    pub(crate) const fn across(&self) -> usize {
        self.stride[1] * self.image.shape[0]
    }

    /// Rows from one term of a vertical sum to the next.
    pub(crate) const fn down(&self) -> usize {
        self.stride[0] * self.image.pitch()
    }

    /// The row at which the sum for one tap of the kernel ends, and whether the sum's tail must be cut off there.
    pub(crate) fn tap(&self, channel: usize, ky: usize, kx: usize) -> (usize, bool) {
        let y = self.stride[0] * (self.outputs[0] - 1) + ky;
        let x = self.stride[1] * (self.outputs[1] - 1) + kx;
        (self.image.padded(channel, y, x), y >= self.outputs[0] * self.stride[0])
    }
}

/// The rows of one stage's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weights {
    /// Rows of the operand, in the order of the weights' input index.
    pub(crate) rows: Vec<usize>,
    /// Where the operand is copied to for a second, third, … group of outputs: distance of each group's rows from the first.
    pub(crate) shifts: Vec<i32>,
}

/// A tall circuit's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Rows that may be used: the rest is random, for zero knowledge.
    pub(crate) usable: usize,
    /// Height and width of the grid of lanes.
    pub(crate) lanes: [usize; 2],
    /// The input's rows.
    pub(crate) input: Image,
    /// Each stage's output.
    pub(crate) blocks: Vec<Image>,
    /// The convolutions' planes.
    pub(crate) planes: Vec<Plane>,
    /// Each stage's weights.
    pub(crate) weights: Vec<Weights>,
    /// Weight rows in use.
    pub(crate) weight_rows: usize,
}

/// Rows lost to blinding: as many as a column is read at different places, at least 3, and 3 more.
fn blinded(network: &Network) -> usize {
    let images: Vec<Image> = (0..network.stages.len()).map(|stage| output_image(network, stage, 0)).collect();
    let coefficients = 1 + steps(&images).len();
    let windows = 1 + 2 * network.stages.iter().filter(|s| matches!(s.linear.map, Map::Conv(_))).count();
    coefficients.max(windows).max(1 + pack::MOST_SHIFTS).max(3) + 3
}

/// From which row a coefficient follows, and by which factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The next channel of the same pixel: one row on.
    Channel,
    /// The next pixel of the line, so many rows on; the factor's exponent is the window's width.
    Pixel { rows: usize, window: usize },
    /// The next line, so many rows on; the factor's exponent is the window's height.
    Line { rows: usize, window: usize },
}

impl Step {
    /// Rows to the one that this follows from.
    pub(crate) const fn rows(self) -> usize {
        match self {
            Self::Channel => 1,
            Self::Pixel { rows, .. } | Self::Line { rows, .. } => rows,
        }
    }
}

/// The different numbers of rows that coefficients reach over.
fn steps(images: &[Image]) -> std::collections::BTreeSet<usize> {
    let of = |image: &Image| {
        let channel = (image.shape[0] > 1).then_some(1);
        let pixel = (image.width() > 1).then_some(image.shape[0]);
        let line = (image.height() > 1).then_some(image.pitch());
        [channel, pixel, line]
    };
    images.iter().flat_map(of).flatten().collect()
}

/// The block of a stage's output, with the padding of the stage that reads it.
fn output_image(network: &Network, stage: usize, base: usize) -> Image {
    let padding = match network.stages.get(stage + 1).map(|next| &next.linear.map) {
        Some(Map::Conv(conv)) => conv.padding,
        _ => [0; 4],
    };
    Image { base, shape: network.stages[stage].output, padding }
}

/// The input's rows, with the padding of the first stage.
fn input_image(network: &Network, base: usize) -> Image {
    let padding = match network.stages[0].linear.map {
        Map::Conv(conv) => conv.padding,
        Map::Dense => [0; 4],
    };
    Image { base, shape: network.input, padding }
}

/// The input's and the output's rows, which need no packing of weights to be known: a verifier asks for them at every call.
pub(crate) fn public_images(network: &Network, parameters: &TallParameters) -> Option<[Image; 2]> {
    let last = network.stages.len().checked_sub(1)?;
    Some([input_image(network, parameters.input_row), output_image(network, last, 0)])
}

/// Height and width of the grid of lanes: the largest window of all stages.
pub(crate) fn lane_grid(network: &Network) -> [usize; 2] {
    network.stages.iter().map(Stage::window).fold([1, 1], |[h, w], window| [h.max(window[0]), w.max(window[1])])
}

impl Layout {
    /// The layout that parameters ask for; `None` if it does not fit into the rows.
    pub(crate) fn new(network: &Network, parameters: &TallParameters) -> Option<Self> {
        let usable = (1_usize << parameters.k).checked_sub(blinded(network))?;
        let last = network.stages.len().checked_sub(1)?;
        let mut sorted = parameters.order.clone();
        sorted.sort_unstable();
        if sorted != (0..last).collect::<Vec<_>>() || parameters.weight_columns == 0 {
            return None;
        }
        let mut blocks = vec![output_image(network, last, 0); last + 1];
        let mut base = blocks[last].len();
        for &stage in &parameters.order {
            blocks[stage] = output_image(network, stage, base);
            base = base.checked_add(blocks[stage].len()).filter(|&end| end <= usable)?;
        }
        let input = input_image(network, parameters.input_row);
        if base > usable || input.base.checked_add(input.len())? > usable {
            return None;
        }
        let planes = planes(network, input, &blocks);
        let mut rows = Rows::new(usable);
        let operands: Vec<Vec<usize>> = operand_rows(network, input, &blocks, &planes);
        if !operands.iter().all(|operand| rows.take(operand)) {
            return None;
        }
        let groups: Vec<usize> =
            network.stages.iter().map(|s| s.accumulators[0].div_ceil(parameters.weight_columns)).collect();
        let shifts = rows.shifts(&operands, &groups)?;
        let weights = operands.into_iter().zip(shifts).map(|(rows, shifts)| Weights { rows, shifts }).collect();
        Some(Self { usable, lanes: lane_grid(network), input, blocks, planes, weights, weight_rows: rows.taken() })
    }

    /// The lane of a position in a stage's window: windows smaller than the grid stand in its last corner.
    pub(crate) const fn lane(&self, window: [usize; 2], dy: usize, dx: usize) -> usize {
        (self.lanes[0] - window[0] + dy) * self.lanes[1] + self.lanes[1] - window[1] + dx
    }

    /// The lanes of a stage's window, in row-major order.
    pub(crate) fn window_lanes(&self, window: [usize; 2]) -> Vec<usize> {
        (0..window[0])
            .flat_map(|dy| (0..window[1]).map(move |dx| (dy, dx)))
            .map(|(dy, dx)| self.lane(window, dy, dx))
            .collect()
    }

    /// Number of lanes.
    pub(crate) const fn lane_count(&self) -> usize {
        self.lanes[0] * self.lanes[1]
    }
}

fn planes(network: &Network, input: Image, blocks: &[Image]) -> Vec<Plane> {
    let plane = |(index, stage): (usize, &Stage)| match stage.linear.map {
        Map::Dense => None,
        Map::Conv(conv) => {
            let window = stage.window();
            Some(Plane {
                stage: index,
                image: index.checked_sub(1).map_or(input, |before| blocks[before]),
                outputs: [stage.output[1] * window[0], stage.output[2] * window[1]],
                kernel: conv.kernel,
                stride: conv.stride,
            })
        }
    };
    network.stages.iter().enumerate().filter_map(plane).collect()
}

fn operand_rows(network: &Network, input: Image, blocks: &[Image], planes: &[Plane]) -> Vec<Vec<usize>> {
    let of_stage = |(index, stage): (usize, &Stage)| {
        if let Some(plane) = planes.iter().find(|plane| plane.stage == index) {
            let [kh, kw] = plane.kernel;
            let taps = (0..stage.input[0] * kh * kw).map(|tap| plane.tap(tap / (kh * kw), tap / kw % kh, tap % kw).0);
            return taps.collect();
        }
        let image = index.checked_sub(1).map_or(input, |before| blocks[before]);
        (0..volume(stage.input)).map(|value| image.row(value)).collect()
    };
    network.stages.iter().enumerate().map(of_stage).collect()
}
