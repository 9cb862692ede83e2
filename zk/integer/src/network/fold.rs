//! Sum pools taken into the weights of a linear layer next to them: both are linear, and so is one after the other.

use zktee_models::graph::Pool as Window;

use super::{Conv, Linear, Map, Shape, Stage, volume};

/// The layer that does what a sum pool and then `linear` do. A convolution must be without padding.
///
/// `input` and `pooled` are the shapes before and after the pool, `outputs` the number of the layer's output channels.
pub(super) fn pool_before(linear: Linear, outputs: usize, input: Shape, pool: Window, pooled: Shape) -> Linear {
    let ([kh, kw], [down, right]) = (pool.kernel, pool.stride);
    match linear.map {
        Map::Dense => {
            let mut weights = vec![0; outputs * volume(input)];
            let rows = weights.chunks_exact_mut(volume(input)).zip(linear.weights.chunks_exact(volume(pooled)));
            for (to, from) in rows {
                for (index, &weight) in from.iter().enumerate() {
                    let (c, i, j) = position(pooled, index);
                    for [dy, dx] in cells([kh, kw]) {
                        to[(c * input[1] + i * down + dy) * input[2] + j * right + dx] += weight;
                    }
                }
            }
            Linear { weights, ..linear }
        }
        Map::Conv(conv) => {
            let nested = Nested { outer: conv.kernel, step: pool.stride, inner: pool.kernel };
            let weights = nested.spread(&linear.weights, conv.kernel, |outer, _| outer);
            let stride = [down * conv.stride[0], right * conv.stride[1]];
            let map = Map::Conv(Conv { kernel: nested.reach(), stride, padding: conv.padding });
            Linear { map, weights, bias: linear.bias }
        }
    }
}

/// Makes a stage without rescale also do the sum pool after it.
pub(super) fn pool_after(stage: &mut Stage, pool: Window, output: Shape) {
    let cells = (pool.kernel[0] * pool.kernel[1]) as i64;
    // Only a convolution gives an image, and an image alone has a pool after it.
    if let Map::Conv(conv) = stage.linear.map {
        let nested = Nested { outer: pool.kernel, step: conv.stride, inner: conv.kernel };
        let stride = [conv.stride[0] * pool.stride[0], conv.stride[1] * pool.stride[1]];
        stage.linear.weights = nested.spread(&stage.linear.weights, conv.kernel, |_, inner| inner);
        stage.linear.map = Map::Conv(Conv { kernel: nested.reach(), stride, ..conv });
        stage.linear.bias.iter_mut().for_each(|bias| *bias *= cells);
        stage.accumulators = output;
        stage.output = output;
    }
}

/// A window of windows: `outer` cells at distance `step`, each the corner of an `inner` window.
struct Nested {
    outer: [usize; 2],
    step: [usize; 2],
    inner: [usize; 2],
}

impl Nested {
    /// Height and width of the whole.
    fn reach(&self) -> [usize; 2] {
        [0, 1].map(|i| self.step[i] * (self.outer[i] - 1) + self.inner[i])
    }

    /// One plane of the whole for each plane of weights; `pick` says which weight a cell of the outer and one of the inner window have.
    fn spread(&self, weights: &[i64], of: [usize; 2], pick: impl Fn([usize; 2], [usize; 2]) -> [usize; 2]) -> Vec<i64> {
        let reach = self.reach();
        let mut out = Vec::with_capacity(weights.len() / (of[0] * of[1]) * reach[0] * reach[1]);
        for plane in weights.chunks_exact(of[0] * of[1]) {
            let start = out.len();
            out.resize(start + reach[0] * reach[1], 0);
            for outer in cells(self.outer) {
                for inner in cells(self.inner) {
                    let [y, x] = pick(outer, inner);
                    let at = [0, 1].map(|i| outer[i] * self.step[i] + inner[i]);
                    out[start + at[0] * reach[1] + at[1]] += plane[y * of[1] + x];
                }
            }
        }
        out
    }
}

fn cells(window: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
    (0..window[0]).flat_map(move |y| (0..window[1]).map(move |x| [y, x]))
}

/// Channel, row and column of a row-major index.
fn position(shape: Shape, index: usize) -> (usize, usize, usize) {
    (index / (shape[1] * shape[2]), index / shape[2] % shape[1], index % shape[2])
}
