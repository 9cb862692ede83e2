//! Matrices of weights, and their products with vectors.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod panels;
mod portable;
#[cfg(test)]
pub(crate) mod tests;

use std::ops::Range;
use std::sync::Arc;

use fearless_simd::Level;

use self::panels::{Floats, Integers, ROWS, interleave};
use crate::activations::Activations;
use crate::dequantise;
use crate::kind::Kind;
use crate::pool::{Pool, Work};

/// Parts that each thread's share of a product is cut into, so that one that is held up does not hold up the others.
const PARTS_A_THREAD: usize = 4;

/// A matrix of weights: `outputs` rows of `inputs` weights each.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    outputs: usize,
    inputs: usize,
    weights: Arc<Weights>,
}

#[derive(Debug)]
enum Weights {
    Floats(Floats),
    Integers(Integers),
}

impl Matrix {
    /// A matrix of floats, row-major `[outputs, inputs]`.
    ///
    /// # Panics
    /// Where there are more or fewer weights.
    pub(crate) fn of_floats(outputs: usize, inputs: usize, weights: &[f32]) -> Self {
        assert_eq!(weights.len(), outputs * inputs);
        let floats = Floats::F32(interleave(outputs, inputs, |index| weights[index]));
        Self { outputs, inputs, weights: Arc::new(Weights::Floats(floats)) }
    }

    /// A matrix of floats that is held in blocks of [`Kind::Q8_0`].
    ///
    /// # Panics
    /// Where there are more or fewer weights, or rows are not of whole blocks.
    pub(crate) fn in_q8_0(outputs: usize, inputs: usize, weights: &[f32]) -> Self {
        Self::of_kind(Kind::Q8_0, outputs, inputs, &dequantise::to_q8_0(weights))
    }

    /// A matrix whose weights stand as a file has them, row-major `[outputs, inputs]`.
    ///
    /// # Panics
    /// Where there are more or fewer bytes, or rows are not of whole blocks.
    pub(crate) fn of_kind(kind: Kind, outputs: usize, inputs: usize, data: &[u8]) -> Self {
        assert!(inputs.is_multiple_of(kind.block()));
        assert_eq!(data.len(), outputs * (inputs / kind.block() * kind.bytes()));
        let word = |index: usize| u16::from_le_bytes([data[2 * index], data[2 * index + 1]]);
        let weights = match kind {
            Kind::F32 => {
                let float = |index: usize| dequantise::single(kind, &data[4 * index..][..4]);
                Weights::Floats(Floats::F32(interleave(outputs, inputs, float)))
            }
            Kind::F16 => Weights::Floats(Floats::F16(interleave(outputs, inputs, word))),
            Kind::Bf16 => Weights::Floats(Floats::Bf16(interleave(outputs, inputs, word))),
            _ => Weights::Integers(Integers::new(kind, outputs, inputs, data)),
        };
        Self { outputs, inputs, weights: Arc::new(weights) }
    }

    /// Bytes that such a matrix takes; with more than 2^64 of them, as many as that.
    pub(crate) fn bytes(kind: Kind, outputs: usize, inputs: usize) -> u64 {
        let rows = outputs.next_multiple_of(ROWS) as u64;
        let row = if kind.block() == 1 {
            inputs as u64 * kind.bytes() as u64
        } else {
            let (parts, blocks) = ((inputs / dequantise::PART) as u64, (inputs / kind.block()) as u64);
            let own = if dequantise::has_several_scales(kind) { 2 * parts } else { 0 };
            parts * 4 * Integers::part_lines(kind) as u64 + blocks * 2 * Integers::block_shared(kind) as u64 + own
        };
        rows.saturating_mul(row)
    }

    /// `product[n] = self · vectors[n]` for each of the vectors: `[n, inputs]` to `[n, outputs]`, row-major.
    pub(crate) fn multiply(&self, pool: &Pool, vectors: &[f32], product: &mut [f32]) {
        Self::multiply_each(&[self], pool, vectors, &mut [product]);
    }

    /// Multiplies the same vectors with several matrices at once, which is less waiting than one after the other.
    ///
    /// # Panics
    /// Where a matrix has another number of columns, or there are more or fewer products than matrices.
    pub(crate) fn multiply_each(matrices: &[&Self], pool: &Pool, vectors: &[f32], products: &mut [&mut [f32]]) {
        assert_eq!(matrices.len(), products.len());
        let Some(inputs) = matrices.first().map(|matrix| matrix.inputs) else { return };
        assert!(matrices.iter().all(|matrix| matrix.inputs == inputs));
        let panels: usize = matrices.iter().map(|matrix| matrix.outputs.div_ceil(ROWS)).sum();
        let part = panels.div_ceil(pool.threads() * PARTS_A_THREAD).max(1);
        let mut parts = Vec::with_capacity(pool.threads() * PARTS_A_THREAD + matrices.len());
        for (index, matrix) in matrices.iter().enumerate() {
            let panels = matrix.outputs.div_ceil(ROWS);
            let starts = (0..panels).step_by(part);
            parts.extend(starts.map(|start| (index, start..panels.min(start + part))));
        }
        let are_floats = |matrix: &&Self| matches!(*matrix.weights, Weights::Floats(_));
        let as_floats = matrices.iter().any(are_floats);
        let in_8_bits = !matrices.iter().all(are_floats);
        let weights = matrices.iter().map(|matrix| (Arc::clone(&matrix.weights), inputs)).collect();
        let vectors = Activations::new(inputs, vectors, as_floats, in_8_bits);
        let work = Arc::new(Products { level: Level::new(), weights, parts, vectors });
        pool.run(&work, &mut |item, result| {
            let (index, panels) = &work.parts[item];
            let outputs = matrices[*index].outputs;
            let rows = panels.start * ROWS..outputs.min(panels.end * ROWS);
            let vectors = result.chunks_exact(panels.len() * ROWS);
            for (result, product) in vectors.zip(products[*index].chunks_exact_mut(outputs)) {
                product[rows.clone()].copy_from_slice(&result[..rows.len()]);
            }
        });
    }

    /// One row as floats: an embedding.
    pub(crate) fn row(&self, index: usize, out: &mut [f32]) {
        let start = index / ROWS * self.inputs;
        let lane = index % ROWS;
        let panel = start..start + self.inputs;
        let half = |bits: u16| half::f16::from_bits(bits).to_f32();
        let brain = |bits: u16| half::bf16::from_bits(bits).to_f32();
        match &*self.weights {
            Weights::Integers(integers) => integers.row(index, out),
            Weights::Floats(Floats::F32(lines)) => fill(out, lines[panel].iter().map(|line| line[lane])),
            Weights::Floats(Floats::F16(lines)) => fill(out, lines[panel].iter().map(|line| half(line[lane]))),
            Weights::Floats(Floats::Bf16(lines)) => fill(out, lines[panel].iter().map(|line| brain(line[lane]))),
        }
    }
}

fn fill(out: &mut [f32], numbers: impl Iterator<Item = f32>) {
    out.iter_mut().zip(numbers).for_each(|(out, number)| *out = number);
}

/// The products of vectors with matrices, cut into parts.
struct Products {
    level: Level,
    /// Matrices and their columns.
    weights: Vec<(Arc<Weights>, usize)>,
    /// A matrix and some of its panels.
    parts: Vec<(usize, Range<usize>)>,
    vectors: Activations,
}

impl Work for Products {
    fn items(&self) -> usize {
        self.parts.len()
    }

    fn run(&self, item: usize, out: &mut Vec<f32>) {
        let (index, panels) = &self.parts[item];
        let (weights, columns) = &self.weights[*index];
        let start = out.len();
        out.resize(start + self.vectors.count() * panels.len() * ROWS, 0.0);
        product(self.level, weights, *columns, panels.clone(), &self.vectors, &mut out[start..]);
    }
}

/// Products of some panels with all vectors, by the best instructions of a level.
fn product(
    level: Level,
    weights: &Weights,
    columns: usize,
    panels: Range<usize>,
    vectors: &Activations,
    out: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(token) = level.as_avx512() {
        return match weights {
            Weights::Floats(floats) => avx512::floats(token, floats, columns, panels, vectors, out),
            Weights::Integers(integers) => avx512::integers(token, integers, panels, vectors, out),
        };
    }
    let _ = level;
    match weights {
        Weights::Floats(floats) => portable::floats(floats, columns, panels, vectors, out),
        Weights::Integers(integers) => portable::integers(integers, panels, vectors, out),
    }
}
