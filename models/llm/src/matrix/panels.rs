//! Weights put together anew for multiplying: sixteen rows lie side by side, a lane of a vector register each.
//!
//! A panel is sixteen rows. A line of it is 64 bytes: of each of its rows four neighbouring codes of 8 bits, or eight of 4 bits, of which
//! the high ones are of columns that stand sixteen further on. So one instruction (`vpdpbusd`) multiplies four columns of sixteen rows with
//! four numbers of the vector, and no sum over lanes is ever needed. It takes as many bytes as the file's blocks, save that 5 and 6 bits are
//! held in 8.

use half::f16;

use crate::dequantise::{self, PART, Part};
use crate::kind::Kind;

/// Rows of a panel.
pub(crate) const ROWS: usize = 16;

/// 64 bytes on a border of 64 bytes: a line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

/// One number a row.
pub(crate) type Halves = [u16; ROWS];

/// Rows of integers in blocks.
#[derive(Debug)]
pub(crate) struct Integers {
    pub(crate) kind: Kind,
    /// Parts of 32 columns in a row.
    pub(crate) parts: usize,
    /// Panel by panel, part by part: 4 where codes have four bits, 8 otherwise.
    pub(crate) lines: Vec<Line>,
    /// Panel by panel, block by block: scales, and after them minima where the kind has them; 16-bit floats.
    pub(crate) shared: Vec<Halves>,
    /// Panel by panel, part by part: what the shared scales are multiplied with, then minima or the second half's scales. Empty where blocks
    /// have one scale.
    pub(crate) own: Vec<[[u8; ROWS]; 2]>,
}

impl Integers {
    /// Puts rows together.
    ///
    /// # Panics
    /// Where the bytes are not those of so many blocks.
    pub(crate) fn new(kind: Kind, rows: usize, columns: usize, data: &[u8]) -> Self {
        let row_bytes = columns / kind.block() * kind.bytes();
        assert_eq!(data.len(), rows * row_bytes);
        let (parts, blocks, panels) = (columns / PART, columns / kind.block(), rows.div_ceil(ROWS));
        let part_lines = Self::part_lines(kind);
        let block_shared = Self::block_shared(kind);
        let own = if dequantise::has_several_scales(kind) { parts } else { 0 };
        let mut integers = Self {
            kind,
            parts,
            lines: vec![Line([0; 64]); panels * parts * part_lines],
            shared: vec![[0; ROWS]; panels * blocks * block_shared],
            own: vec![[[0; ROWS]; 2]; panels * own],
        };
        for (index, row) in data.chunks_exact(row_bytes).enumerate() {
            let (panel, lane) = (index / ROWS, index % ROWS);
            for (block, bytes) in row.chunks_exact(kind.bytes()).enumerate() {
                let mut part = panel * parts + block * (kind.block() / PART);
                let shared = dequantise::take_apart(kind, bytes, |taken| {
                    integers.put(part, lane, &taken);
                    part += 1;
                });
                let at = (panel * blocks + block) * block_shared;
                integers.shared[at][lane] = shared.scale.to_bits();
                if block_shared == 2 {
                    integers.shared[at + 1][lane] = shared.minimum.to_bits();
                }
            }
        }
        integers
    }

    /// Lines of a part.
    pub(crate) const fn part_lines(kind: Kind) -> usize {
        if dequantise::has_four_bits(kind) { 4 } else { 8 }
    }

    /// Numbers that a block's parts share.
    pub(crate) const fn block_shared(kind: Kind) -> usize {
        if dequantise::has_minimum(kind) { 2 } else { 1 }
    }

    fn put(&mut self, part: usize, lane: usize, taken: &Part) {
        let lines = Self::part_lines(self.kind);
        for (line, to) in self.lines[part * lines..][..lines].iter_mut().enumerate() {
            for column in 0..4 {
                let code = taken.codes[4 * line + column];
                let high = if lines == 4 { taken.codes[16 + 4 * line + column] << 4 } else { 0 };
                to.0[4 * lane + column] = code | high;
            }
        }
        if let Some([first, second]) = self.own.get_mut(part) {
            first[lane] = taken.scales[0] as u8;
            second[lane] = if dequantise::has_minimum(self.kind) { taken.minimum } else { taken.scales[1] as u8 };
        }
    }

    /// A row as floats.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        let (panel, lane) = (row / ROWS, row % ROWS);
        let (lines, block_shared) = (Self::part_lines(self.kind), Self::block_shared(self.kind));
        let block_parts = self.kind.block() / PART;
        let has_minimum = dequantise::has_minimum(self.kind);
        for (part, out) in out.as_chunks_mut::<PART>().0.iter_mut().enumerate() {
            let at = (panel * (self.parts / block_parts) + part / block_parts) * block_shared;
            let number = |at: usize| f16::from_bits(self.shared[at][lane]).to_f32();
            let (mut scales, mut minimum) = ([number(at); 2], if has_minimum { number(at + 1) } else { 0.0 });
            let part = panel * self.parts + part;
            if let Some([first, second]) = self.own.get(part) {
                let (first, second) = (first[lane], second[lane]);
                scales[0] *= f32::from(first as i8);
                scales[1] *= f32::from(if has_minimum { first } else { second } as i8);
                minimum *= -f32::from(second);
            }
            for (column, out) in out.iter_mut().enumerate() {
                let bytes = &self.lines[part * lines + column / 4 % lines].0;
                let byte = bytes[4 * lane + column % 4];
                let number = match (lines, column / 16) {
                    (4, 0) => byte & 0xf,
                    (4, _) => byte >> 4,
                    _ => byte,
                };
                *out = scales[column / 16] * (i32::from(number) - dequantise::offset(self.kind)) as f32 + minimum;
            }
        }
    }
}

/// Rows of floats: of each panel column after column, a number a row.
#[derive(Debug)]
pub(crate) enum Floats {
    /// 32 bits.
    F32(Vec<[f32; ROWS]>),
    /// 16 bits, of which 10 are the fraction.
    F16(Vec<Halves>),
    /// 16 bits, of which 7 are the fraction.
    Bf16(Vec<Halves>),
}

/// Puts rows of columns together: `number` is that of a row and a column.
pub(crate) fn interleave<T: Copy + Default>(
    rows: usize,
    columns: usize,
    number: impl Fn(usize) -> T,
) -> Vec<[T; ROWS]> {
    let mut panels = vec![[T::default(); ROWS]; rows.div_ceil(ROWS) * columns];
    for (panel, lines) in panels.chunks_exact_mut(columns.max(1)).enumerate() {
        for lane in 0..ROWS.min(rows - panel * ROWS) {
            let start = (panel * ROWS + lane) * columns;
            for (column, line) in lines.iter_mut().enumerate() {
                line[lane] = number(start + column);
            }
        }
    }
    panels
}
