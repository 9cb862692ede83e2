//! Integer inference, as `zktee_models::integer::IntegerModel::infer` does it, in 32 bits.

use alloc::vec;
use alloc::vec::Vec;

use crate::model::{Linear, Model, Pool, Rescale, Stage};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InferError {
    /// A stage does not take as many values as the one before gives, or the inputs are no whole number of inputs.
    Shape,
    /// An input is out of the model's range.
    Input,
    /// A rescaled value is beyond the model's bound.
    Activation,
}

/// The outputs of one or more inputs, row-major, one after the other.
///
/// No sum overflows when the model's bounds have been checked by `IntegerModel::from_parts`: a model that was made otherwise gets an
/// answer modulo 2^32, which is why a verifier compares the model's digest with that of a model it has checked.
///
/// # Errors
/// [`InferError`], for the first input that has one.
pub fn infer(model: &Model<'_>, inputs: &[i32]) -> Result<Vec<i32>, InferError> {
    let width = model.input_len();
    if width == 0 || inputs.is_empty() || !inputs.len().is_multiple_of(width) {
        return Err(InferError::Shape);
    }
    let [low, high] = model.input_range;
    if inputs.iter().any(|value| !(low..=high).contains(value)) {
        return Err(InferError::Input);
    }
    let Some((first, rest)) = model.stages.split_first() else { return Err(InferError::Shape) };
    if let (true, Linear::Dense { outputs: 1, inputs: columns }) = (rest.is_empty() && first.is_bare(), first.linear) {
        return if columns == width { Ok(regress(first, inputs, width)) } else { Err(InferError::Shape) };
    }
    let mut outputs = Vec::new();
    let (mut values, mut next) = (Vec::new(), Vec::new());
    for input in inputs.chunks_exact(width) {
        let mut shape = step(first, model.input, input, &mut values, model.activation_bound)?;
        for stage in rest {
            shape = step(stage, shape, &values, &mut next, model.activation_bound)?;
            core::mem::swap(&mut values, &mut next);
        }
        outputs.extend_from_slice(&values);
    }
    Ok(outputs)
}

/// A linear regression: what [`step`] would do, without its bookkeeping, which would take most of the time of so small a model.
fn regress(stage: &Stage<'_>, inputs: &[i32], width: usize) -> Vec<i32> {
    let bias = stage.bias[0];
    let row =
        |row: &[i32]| row.iter().zip(stage.weights).fold(bias, |sum, (x, w)| sum.wrapping_add(x.wrapping_mul(*w)));
    inputs.chunks_exact(width).map(row).collect()
}

/// One stage: from `values` of `shape` to `out`, whose shape is returned.
fn step(
    stage: &Stage<'_>,
    shape: [usize; 3],
    values: &[i32],
    out: &mut Vec<i32>,
    bound: i32,
) -> Result<[usize; 3], InferError> {
    out.clear();
    let mut shape = match stage.linear {
        Linear::Dense { outputs, inputs } => {
            if inputs == 0 || inputs != values.len() {
                return Err(InferError::Shape);
            }
            let rows = stage.weights.chunks_exact(inputs).zip(stage.bias);
            out.extend(rows.map(|(row, &bias)| bias.wrapping_add(dot(row, values))));
            [outputs, 1, 1]
        }
        Linear::Conv { .. } => conv(stage, shape, values, out)?,
    };
    if let Some(rescale) = stage.rescale {
        for value in out.iter_mut() {
            *value = quotient(rescale, *value, bound)?;
        }
    }
    if let Some(pool) = stage.pool {
        shape = reduce(pool, shape, out)?;
    }
    Ok(shape)
}

fn quotient(rescale: Rescale, accumulator: i32, bound: i32) -> Result<i32, InferError> {
    let value = accumulator.wrapping_add((1 << rescale.exponent) >> 1) >> rescale.exponent;
    if value.unsigned_abs() > bound.unsigned_abs() {
        return Err(InferError::Activation);
    }
    Ok(if rescale.relu { value.max(0) } else { value })
}

/// Eight products a turn where there are so many: the machine pays for every instruction, so also for those that count turns.
fn dot(a: &[i32], b: &[i32]) -> i32 {
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest = rest.fold(0_i32, |sum, (x, y)| sum.wrapping_add(x.wrapping_mul(*y)));
    left.zip(right).fold(rest, |sum, (x, y)| {
        let mut sum = sum;
        for i in 0..8 {
            sum = sum.wrapping_add(x[i].wrapping_mul(y[i]));
        }
        sum
    })
}

fn conv(stage: &Stage<'_>, shape: [usize; 3], values: &[i32], out: &mut Vec<i32>) -> Result<[usize; 3], InferError> {
    let Linear::Conv { outputs, channels, kernel, stride, padding: [top, left, bottom, right] } = stage.linear else {
        return Err(InferError::Shape);
    };
    let [_, height, width] = shape;
    let (rows, columns) = (height + top + bottom, width + left + right);
    let fits = shape[0] == channels
        && channels * height * width == values.len()
        && kernel.iter().chain(&stride).all(|&size| size > 0)
        && rows >= kernel[0]
        && columns >= kernel[1];
    if !fits {
        return Err(InferError::Shape);
    }
    let padded = pad(values, shape, [top, left], [rows, columns]);
    let reach = [(rows - kernel[0]) / stride[0] + 1, (columns - kernel[1]) / stride[1] + 1];
    let plane = reach[0] * reach[1];
    out.resize(outputs * plane, 0);
    let filters = stage.weights.chunks_exact(channels * kernel[0] * kernel[1]);
    for ((filter, &bias), target) in filters.zip(stage.bias).zip(out.chunks_exact_mut(plane.max(1))) {
        target.fill(bias);
        let kernels = filter.chunks_exact(kernel[0] * kernel[1]).zip(padded.chunks_exact(rows * columns));
        for (weights, source) in kernels {
            for (down, weights) in weights.chunks_exact(kernel[1]).enumerate() {
                let sources = source.chunks_exact(columns).skip(down).step_by(stride[0]);
                for (line, source) in target.chunks_exact_mut(reach[1]).zip(sources) {
                    slide(weights, source, stride[1], line);
                }
            }
        }
    }
    Ok([outputs, reach[0], reach[1]])
}

/// The input with zeros around it.
fn pad(values: &[i32], [channels, height, width]: [usize; 3], [top, left]: [usize; 2], to: [usize; 2]) -> Vec<i32> {
    let mut padded = vec![0; channels * to[0] * to[1]];
    if height * width > 0 {
        for (plane, target) in values.chunks_exact(height * width).zip(padded.chunks_exact_mut(to[0] * to[1])) {
            let lines = target.chunks_exact_mut(to[1]).skip(top);
            for (line, target) in plane.chunks_exact(width).zip(lines) {
                target[left..left + width].copy_from_slice(line);
            }
        }
    }
    padded
}

/// Adds one row of a kernel at each place of one row of outputs. Windows of five, the most usual, keep weights and window in registers.
fn slide(weights: &[i32], source: &[i32], stride: usize, line: &mut [i32]) {
    if let (&[a, b, c, d, e], 1, [p, q, r, s, rest @ ..]) = (weights, stride, source) {
        let (mut p, mut q, mut r, mut s) = (*p, *q, *r, *s);
        for (value, &t) in line.iter_mut().zip(rest) {
            let sum = a.wrapping_mul(p).wrapping_add(b.wrapping_mul(q)).wrapping_add(c.wrapping_mul(r));
            let sum = sum.wrapping_add(d.wrapping_mul(s)).wrapping_add(e.wrapping_mul(t));
            *value = value.wrapping_add(sum);
            (p, q, r, s) = (q, r, s, t);
        }
    } else {
        for (value, window) in line.iter_mut().zip(source.windows(weights.len()).step_by(stride)) {
            *value = value.wrapping_add(dot(weights, window));
        }
    }
}

/// Pools in place: an output is never behind the values it is made from.
fn reduce(pool: Pool, [channels, height, width]: [usize; 3], values: &mut Vec<i32>) -> Result<[usize; 3], InferError> {
    let [down, right] = pool.window;
    let shape = [channels, height / down, width / right];
    if shape.contains(&0) || channels * height * width != values.len() {
        return Err(InferError::Shape);
    }
    let mut to = 0;
    for channel in 0..channels {
        for y in 0..shape[1] {
            for x in 0..shape[2] {
                let first = (channel * height + y * down) * width + x * right;
                let lines = (0..down).map(|line| first + line * width);
                let window = lines.flat_map(|start| &values[start..start + right]);
                values[to] = if pool.max {
                    window.fold(i32::MIN, |most, &value| most.max(value))
                } else {
                    window.fold(0, |sum: i32, &value| sum.wrapping_add(value))
                };
                to += 1;
            }
        }
    }
    values.truncate(to);
    Ok(shape)
}
