//! Products in plain Rust: for processors without the instructions of [`super::avx512`], and to compare those with.

use std::ops::Range;

use half::{bf16, f16};

use super::panels::{Floats, Halves, Integers, ROWS};
use crate::activations::{Activations, Block};
use crate::dequantise::{self, PART};

/// One number a row.
type Lanes = [f32; ROWS];

/// Products of panels of integers with all vectors: `[vectors, panels * ROWS]`.
pub(super) fn integers(weights: &Integers, panels: Range<usize>, vectors: &Activations, out: &mut [f32]) {
    let stride = panels.len() * ROWS;
    for (index, panel) in panels.enumerate() {
        for (vector, out) in vectors.blocks().zip(out.chunks_exact_mut(stride)) {
            out[index * ROWS..][..ROWS].copy_from_slice(&integer_panel(weights, panel, vector));
        }
    }
}

fn integer_panel(weights: &Integers, panel: usize, vector: &[Block]) -> Lanes {
    let kind = weights.kind;
    let (lines, block_shared) = (Integers::part_lines(kind), Integers::block_shared(kind));
    let block_parts = kind.block() / PART;
    let blocks = weights.parts / block_parts;
    let offset = dequantise::offset(kind);
    let mut products = [0.0; ROWS];
    for (part, block) in vector.iter().enumerate() {
        let at = (panel * blocks + part / block_parts) * block_shared;
        let (mut first, mut minimum) = (halves(&weights.shared[at]), [0.0; ROWS]);
        if block_shared == 2 {
            minimum = halves(&weights.shared[at + 1]);
        }
        let part = panel * weights.parts + part;
        let mut second = first;
        if let Some([own_first, own_second]) = weights.own.get(part) {
            let signed = |own: &[u8; ROWS]| own.map(|number| f32::from(number as i8));
            let second_scale = if block_shared == 2 { own_first } else { own_second };
            second = times(&first, &signed(second_scale));
            first = times(&first, &signed(own_first));
            minimum = times(&minimum, &own_second.map(|number| -f32::from(number)));
        }
        let mut sums = [[0; ROWS]; 2];
        for (line, four) in block.codes.iter().enumerate() {
            let codes = &weights.lines[part * lines + line % lines].0;
            let four = four.to_le_bytes().map(|code| i32::from(code as i8));
            let shift = if lines == 4 && line >= 4 { 4 } else { 0 };
            let mask = if lines == 4 { 0xf } else { 0xff };
            for (sum, codes) in sums[line / 4].iter_mut().zip(codes.as_chunks::<4>().0) {
                for (code, number) in codes.iter().zip(four) {
                    *sum += i32::from((code >> shift) & mask) * number;
                }
            }
        }
        for lane in 0..ROWS {
            let [low, high] = [0, 1].map(|half| (sums[half][lane] - offset * block.sums[half]) as f32);
            products[lane] +=
                (low * first[lane] + high * second[lane]) * block.scale + minimum[lane] * block.scaled_sum;
        }
    }
    products
}

fn halves(numbers: &Halves) -> Lanes {
    numbers.map(|bits| f16::from_bits(bits).to_f32())
}

fn times(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|lane| a[lane] * b[lane])
}

/// Products of panels of floats with all vectors: `[vectors, panels * ROWS]`.
pub(super) fn floats(weights: &Floats, columns: usize, panels: Range<usize>, vectors: &Activations, out: &mut [f32]) {
    match weights {
        Floats::F32(lines) => each_column(lines, columns, panels, vectors, out, |line| *line),
        Floats::F16(lines) => each_column(lines, columns, panels, vectors, out, halves),
        Floats::Bf16(lines) => {
            each_column(lines, columns, panels, vectors, out, |line| line.map(|bits| bf16::from_bits(bits).to_f32()));
        }
    }
}

fn each_column<T>(
    lines: &[[T; ROWS]],
    columns: usize,
    panels: Range<usize>,
    vectors: &Activations,
    out: &mut [f32],
    load: impl Fn(&[T; ROWS]) -> Lanes,
) {
    let stride = panels.len() * ROWS;
    for (index, panel) in panels.enumerate() {
        let lines = &lines[panel * columns..][..columns];
        for (vector, out) in vectors.floats().zip(out.chunks_exact_mut(stride)) {
            let mut products = [0.0; ROWS];
            for (line, number) in lines.iter().zip(vector) {
                for (product, weight) in products.iter_mut().zip(load(line)) {
                    *product += weight * number;
                }
            }
            out[index * ROWS..][..ROWS].copy_from_slice(&products);
        }
    }
}
