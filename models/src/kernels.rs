//! The arithmetic of the layers, once for floats and once for integers.
//!
//! Every sum runs in one fixed order and without fused multiply-adds, so that a float evaluation gives the same bits on
//! every machine: the scales of the integer twin are calibrated by it, and prover and verifier must agree on them.

use std::ops::{Add, Mul};

use crate::graph::{Padding, Pool};

/// What a kernel needs of a number.
pub(crate) trait Number: Copy + Default + PartialOrd + Add<Output = Self> + Mul<Output = Self> {}

impl Number for f32 {}
impl Number for i64 {}

/// `W x + b` for row-major weights of `input.len()` columns.
pub(crate) fn dense<T: Number>(weights: &[T], bias: &[T], input: &[T]) -> Vec<T> {
    let row = |w: &[T]| w.iter().zip(input).fold(T::default(), |sum, (&w, &x)| sum + w * x);
    weights.chunks_exact(input.len()).zip(bias).map(|(w, &b)| row(w) + b).collect()
}

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvShape {
    /// Input channels, height, width.
    pub(crate) input: [usize; 3],
    /// Output channels, height, width.
    pub(crate) output: [usize; 3],
    /// Kernel height and width.
    pub(crate) kernel: [usize; 2],
    /// Step down and to the right.
    pub(crate) stride: [usize; 2],
    /// Zeros around the input.
    pub(crate) padding: Padding,
}

/// A cross-correlation; weights `[out, in, kh, kw]`, row-major like all else here.
pub(crate) fn conv2d<T: Number>(shape: &ConvShape, weights: &[T], bias: &[T], input: &[T]) -> Vec<T> {
    let padded = pad(shape, input);
    let [channels, height, width] = shape.input;
    let height = height + shape.padding.top + shape.padding.bottom;
    let width = width + shape.padding.left + shape.padding.right;
    let [_, oh, ow] = shape.output;
    let [kh, kw] = shape.kernel;
    let [down, right] = shape.stride;
    let mut output = Vec::with_capacity(shape.output.iter().product());
    for (kernel, &b) in weights.chunks_exact(channels * kh * kw).zip(bias) {
        let start = output.len();
        output.resize(start + oh * ow, b);
        // One weight at a time over the whole output plane: the inner loop has no dependency and vectorises.
        for (tap, &w) in kernel.iter().enumerate() {
            let (c, ky, kx) = (tap / (kh * kw), tap / kw % kh, tap % kw);
            for (y, out) in output[start..].chunks_exact_mut(ow).enumerate() {
                let from = (c * height + y * down + ky) * width + kx;
                let line = &padded[from..=from + (ow - 1) * right];
                for (o, &x) in out.iter_mut().zip(line.iter().step_by(right)) {
                    *o = *o + w * x;
                }
            }
        }
    }
    output
}

/// The input with zeros around it.
fn pad<'a, T: Number>(shape: &ConvShape, input: &'a [T]) -> std::borrow::Cow<'a, [T]> {
    let p = shape.padding;
    if p == Padding::default() {
        return input.into();
    }
    let [channels, height, width] = shape.input;
    let (ph, pw) = (height + p.top + p.bottom, width + p.left + p.right);
    let mut padded = vec![T::default(); channels * ph * pw];
    for (line, from) in input.chunks_exact(width).enumerate() {
        let (c, y) = (line / height, line % height);
        let start = (c * ph + y + p.top) * pw + p.left;
        padded[start..start + width].copy_from_slice(from);
    }
    padded.into()
}

/// The sum of each window of each channel; `input` has the shape given.
pub(crate) fn sum_pool<T: Number>(shape: [usize; 3], pool: Pool, input: &[T]) -> Vec<T> {
    windows(shape, pool, input, |sum, x| sum + x)
}

/// The maximum of each window of each channel.
pub(crate) fn max_pool<T: Number>(shape: [usize; 3], pool: Pool, input: &[T]) -> Vec<T> {
    windows(shape, pool, input, |max, x| if x > max { x } else { max })
}

fn windows<T: Number>(
    [channels, height, width]: [usize; 3],
    pool: Pool,
    input: &[T],
    join: impl Fn(T, T) -> T,
) -> Vec<T> {
    let ([kh, kw], [down, right]) = (pool.kernel, pool.stride);
    let (oh, ow) = ((height - kh) / down + 1, (width - kw) / right + 1);
    let mut output = Vec::with_capacity(channels * oh * ow);
    for c in 0..channels {
        for y in 0..oh {
            for x in 0..ow {
                let cell = |k: usize| input[(c * height + y * down + k / kw) * width + x * right + k % kw];
                output.push((1..kh * kw).map(cell).fold(cell(0), &join));
            }
        }
    }
    output
}

/// `max(x, 0)`.
pub(crate) fn relu<T: Number>(input: &mut [T]) {
    for x in input {
        if *x < T::default() {
            *x = T::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolution_by_hand() {
        // A 3x3 image, kernel [[1, 2], [3, 4]], stride 2, one zero on each side: windows at (-1, 1) x (-1, 1).
        let shape = ConvShape {
            input: [1, 3, 3],
            output: [1, 2, 2],
            kernel: [2, 2],
            stride: [2, 2],
            padding: Padding::uniform(1),
        };
        let image = [1i64, 2, 3, 4, 5, 6, 7, 8, 9];
        let output = conv2d(&shape, &[1, 2, 3, 4], &[100], &image);
        assert_eq!(output, [104, 118, 136, 177]);
    }

    #[test]
    fn pools_by_hand() {
        let image = [1i64, 2, 3, 4, 5, 6, 7, 8, 9];
        let pool = Pool { kernel: [2, 2], stride: [1, 1] };
        assert_eq!(sum_pool([1, 3, 3], pool, &image), [12, 16, 24, 28]);
        assert_eq!(max_pool([1, 3, 3], pool, &image), [5, 6, 8, 9]);
        assert_eq!(max_pool([1, 3, 3], Pool::square(2), &image), [5]);
    }
}
