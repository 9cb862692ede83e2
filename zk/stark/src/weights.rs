//! A stage's weights as field elements, and the transpose of its linear layer.

use p3_field::PrimeCharacteristicRing;
use p3_maybe_rayon::prelude::*;
use zktee_integer::network::{Conv, Map, Shape, Stage, volume};

use crate::field::{DEGREE, Ext, Val, add_scaled, coordinates, integer, powers};

/// So many products are worth a second thread.
const WORTH_A_THREAD: usize = 1 << 14;

/// `W` and `b` of one stage.
#[derive(Debug)]
pub(crate) struct Weights {
    map: Map,
    input: Shape,
    /// Outputs that have equations: all of the last stage, those under a whole window of a hidden one.
    pub(crate) shape: Shape,
    weights: Vec<Val>,
    pub(crate) bias: Vec<Val>,
}

impl Weights {
    /// Of a stage of which these outputs have equations.
    pub(crate) fn new(stage: &Stage, shape: Shape) -> Self {
        let field = |values: &[i64]| values.iter().map(|&value| integer(value)).collect();
        let linear = &stage.linear;
        Self { map: linear.map, input: stage.input, shape, weights: field(&linear.weights), bias: field(&linear.bias) }
    }

    /// `W^T c` for `c[i] = first * rho^i`, the outputs counted row-major: what each input is multiplied by in the sum of all equations.
    pub(crate) fn transposed(&self, first: Ext, rho: Ext) -> Vec<Ext> {
        let [outputs, height, width] = self.shape;
        let step = rho.exp_u64((height * width) as u64);
        let factors = step.shifted_powers(first).collect_n(outputs);
        match self.map {
            Map::Dense => self.combined(volume(self.input), &factors),
            Map::Conv(conv) => self.spread(conv, &factors, rho),
        }
    }

    /// The rows of `W`, each times its factor, added up.
    fn combined(&self, columns: usize, factors: &[Ext]) -> Vec<Ext> {
        let coordinate = |index: usize| {
            let mut sums = Val::zero_vec(columns);
            for (row, factor) in self.weights.chunks_exact(columns).zip(factors) {
                add_scaled(&mut sums, row, coordinates(factor)[index]);
            }
            sums
        };
        let sums: Vec<Vec<Val>> = if self.weights.len() < WORTH_A_THREAD {
            (0..DEGREE).map(coordinate).collect()
        } else {
            (0..DEGREE).into_par_iter().map(coordinate).collect()
        };
        (0..columns).map(|column| Ext::new(std::array::from_fn(|index| sums[index][column]))).collect()
    }

    /// A convolution's: taps are combined over the outputs first, then laid along lines, then lines down the image.
    fn spread(&self, conv: Conv, factors: &[Ext], rho: Ext) -> Vec<Ext> {
        let [channels, rows, columns] = self.input;
        let [_, height, width] = self.shape;
        let ([kh, kw], [down, right], [top, left, ..]) = (conv.kernel, conv.stride, conv.padding);
        let taps = self.combined(channels * kh * kw, factors);
        let along = powers(rho, width);
        let lines = powers(rho.exp_u64(width as u64), height);
        let mut sums = Ext::zero_vec(volume(self.input));
        for (index, taps) in taps.chunks_exact(kw).enumerate() {
            let (channel, ky) = (index / kh, index % kh);
            let mut line = Ext::zero_vec(columns);
            for (kx, &tap) in taps.iter().enumerate() {
                for (x, &power) in along.iter().enumerate() {
                    // Outside of the image there are zeros.
                    let at = (x * right + kx).checked_sub(left).and_then(|column| line.get_mut(column));
                    if let Some(sum) = at {
                        *sum += tap * power;
                    }
                }
            }
            for (y, &power) in lines.iter().enumerate() {
                let Some(row) = (y * down + ky).checked_sub(top).filter(|&row| row < rows) else { continue };
                let start = (channel * rows + row) * columns;
                for (sum, &value) in sums[start..start + columns].iter_mut().zip(&line) {
                    *sum += power * value;
                }
            }
        }
        sums
    }
}
