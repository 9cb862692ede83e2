//! Products by the instructions of AVX-512 with VNNI.
//!
//! One value of each register's lane is of one row, see [`super::panels`]; nothing is summed over lanes. The vectors' numbers are broadcast.

use std::arch::x86_64::{
    __m512, __m512i, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_ps, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps,
    _mm512_cvtepu16_epi32, _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_mul_ps,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_slli_epi32, _mm512_srli_epi16,
};
use std::ops::Range;

use fearless_simd::{Avx512, SimdBase, f32x16, kernel, u8x16, u8x64, u16x16};

use super::panels::{Floats, Halves, Integers, Line, ROWS};
use crate::activations::{Activations, Block};
use crate::dequantise::PART;
use crate::kind::Kind;

/// Vectors that are multiplied at a time, so that weights are fetched and unpacked once for so many.
const TILE: usize = 8;

kernel!(
    /// Products of panels of integers with all vectors: `[vectors, panels * ROWS]`.
    pub(super) fn integers(
        token: Avx512,
        weights: &Integers,
        panels: Range<usize>,
        vectors: &Activations,
        out: &mut [f32],
    ) {
        match weights.kind {
            Kind::Q4_0 => one_scale::<true, 8>(token, weights, panels, vectors, out),
            Kind::Q4_1 => one_scale::<true, 0>(token, weights, panels, vectors, out),
            Kind::Q5_0 => one_scale::<false, 16>(token, weights, panels, vectors, out),
            Kind::Q5_1 => one_scale::<false, 0>(token, weights, panels, vectors, out),
            Kind::Q8_0 => one_scale::<false, 128>(token, weights, panels, vectors, out),
            Kind::Q4K => several_scales::<true, 0>(token, weights, panels, vectors, out),
            Kind::Q5K => several_scales::<false, 0>(token, weights, panels, vectors, out),
            Kind::Q6K => several_scales::<false, 32>(token, weights, panels, vectors, out),
            Kind::F32 | Kind::F16 | Kind::Bf16 => unreachable!("no integers"),
        }
    }
);

kernel!(
    /// Products of panels of floats with all vectors: `[vectors, panels * ROWS]`.
    pub(super) fn floats(
        token: Avx512,
        weights: &Floats,
        columns: usize,
        panels: Range<usize>,
        vectors: &Activations,
        out: &mut [f32],
    ) {
        match weights {
            Floats::F32(lines) => each_column(lines, columns, panels, vectors, out, token, |token, line| {
                f32x16::load_array_ref(token, line).into()
            }),
            Floats::F16(lines) => {
                each_column(lines, columns, panels, vectors, out, token, |token, line| half(token, line));
            }
            Floats::Bf16(lines) => each_column(lines, columns, panels, vectors, out, token, |token, line| {
                let words = _mm512_cvtepu16_epi32(u16x16::load_array_ref(token, line).into());
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(words))
            }),
        }
    }
);

/// 16-bit floats as those of 32 bits.
#[target_feature(enable = "avx512f")]
#[inline]
fn half(token: Avx512, numbers: &Halves) -> __m512 {
    _mm512_cvtph_ps(u16x16::load_array_ref(token, numbers).into())
}

/// The codes of a part, four columns a register.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn codes<const FOUR_BITS: bool>(token: Avx512, lines: &[Line]) -> [__m512i; PART / 4] {
    let load = |line: &Line| -> __m512i { u8x64::load_array_ref(token, &line.0).into() };
    if FOUR_BITS {
        let low = _mm512_set1_epi8(0xf);
        let [a, b, c, d] = [load(&lines[0]), load(&lines[1]), load(&lines[2]), load(&lines[3])];
        let first = |line| _mm512_and_si512(line, low);
        let second = |line| _mm512_and_si512(_mm512_srli_epi16::<4>(line), low);
        [first(a), first(b), first(c), first(d), second(a), second(b), second(c), second(d)]
    } else {
        std::array::from_fn(|line| load(&lines[line]))
    }
}

/// Sums of products of codes, beginning with `start`.
#[target_feature(enable = "avx512f,avx512vnni")]
#[inline]
fn sums(start: i32, weights: &[__m512i], vector: &[i32]) -> __m512 {
    let mut sums = _mm512_set1_epi32(start);
    for (weights, &four) in weights.iter().zip(vector) {
        sums = _mm512_dpbusd_epi32(sums, *weights, _mm512_set1_epi32(four));
    }
    _mm512_cvtepi32_ps(sums)
}

/// Goes over panels and tiles of vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn each_tile<'a>(
    token: Avx512,
    panels: Range<usize>,
    vectors: &'a Activations,
    out: &mut [f32],
    tile: impl Fn(usize, [&'a [Block]; TILE]) -> [__m512; TILE],
    single: impl Fn(usize, [&'a [Block]; 1]) -> [__m512; 1],
) {
    let stride = panels.len() * ROWS;
    let mut vectors = vectors.blocks();
    let mut first = 0;
    while vectors.len() >= TILE {
        let tiled = std::array::from_fn(|_| vectors.next().unwrap_or_default());
        for (index, panel) in panels.clone().enumerate() {
            for (lane, product) in tile(panel, tiled).into_iter().enumerate() {
                store(token, product, &mut out[(first + lane) * stride + index * ROWS..]);
            }
        }
        first += TILE;
    }
    for vector in vectors {
        for (index, panel) in panels.clone().enumerate() {
            let [product] = single(panel, [vector]);
            store(token, product, &mut out[first * stride + index * ROWS..]);
        }
        first += 1;
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(token: Avx512, product: __m512, out: &mut [f32]) {
    let product: f32x16<Avx512> = fearless_simd::SimdFrom::simd_from(token, product);
    product.store_slice(&mut out[..ROWS]);
}

/// Kinds whose blocks are one part. Those without an offset have minima.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn one_scale<const FOUR_BITS: bool, const OFFSET: i32>(
    token: Avx512,
    weights: &Integers,
    panels: Range<usize>,
    vectors: &Activations,
    out: &mut [f32],
) {
    each_tile(
        token,
        panels,
        vectors,
        out,
        |panel, tile| one_scale_tile::<FOUR_BITS, OFFSET, TILE>(token, weights, panel, tile),
        |panel, single| one_scale_tile::<FOUR_BITS, OFFSET, 1>(token, weights, panel, single),
    );
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn one_scale_tile<const FOUR_BITS: bool, const OFFSET: i32, const N: usize>(
    token: Avx512,
    weights: &Integers,
    panel: usize,
    vectors: [&[Block]; N],
) -> [__m512; N] {
    let (lines, shared) = (if FOUR_BITS { 4 } else { 8 }, if OFFSET == 0 { 2 } else { 1 });
    let parts = weights.parts;
    let vectors = vectors.map(|vector| &vector[..parts]);
    let panel_lines = weights.lines[panel * parts * lines..][..parts * lines].chunks_exact(lines);
    let panel_shared = weights.shared[panel * parts * shared..][..parts * shared].chunks_exact(shared);
    let mut products = [_mm512_setzero_ps(); N];
    for (part, (lines, shared)) in panel_lines.zip(panel_shared).take(parts).enumerate() {
        let codes = codes::<FOUR_BITS>(token, lines);
        let scale = half(token, &shared[0]);
        for (product, vector) in products.iter_mut().zip(vectors) {
            let block = &vector[part];
            let sums = sums(-OFFSET * (block.sums[0] + block.sums[1]), &codes, &block.codes);
            *product = _mm512_fmadd_ps(sums, _mm512_mul_ps(scale, _mm512_set1_ps(block.scale)), *product);
            if OFFSET == 0 {
                *product = _mm512_fmadd_ps(half(token, &shared[1]), _mm512_set1_ps(block.scaled_sum), *product);
            }
        }
    }
    products
}

/// Kinds whose blocks are eight parts with scales of their own. Those with an offset have a scale for each half of a part.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn several_scales<const FOUR_BITS: bool, const OFFSET: i32>(
    token: Avx512,
    weights: &Integers,
    panels: Range<usize>,
    vectors: &Activations,
    out: &mut [f32],
) {
    each_tile(
        token,
        panels,
        vectors,
        out,
        |panel, tile| several_scales_tile::<FOUR_BITS, OFFSET, TILE>(token, weights, panel, tile),
        |panel, single| several_scales_tile::<FOUR_BITS, OFFSET, 1>(token, weights, panel, single),
    );
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn several_scales_tile<const FOUR_BITS: bool, const OFFSET: i32, const N: usize>(
    token: Avx512,
    weights: &Integers,
    panel: usize,
    vectors: [&[Block]; N],
) -> [__m512; N] {
    const BLOCK: usize = 8;
    let (lines, shared) = (if FOUR_BITS { 4 } else { 8 }, if OFFSET == 0 { 2 } else { 1 });
    let parts = weights.parts;
    let vectors = vectors.map(|vector| &vector[..parts]);
    let panel_lines = weights.lines[panel * parts * lines..][..parts * lines].chunks_exact(lines);
    let panel_own = &weights.own[panel * parts..][..parts];
    let panel_shared = &weights.shared[panel * parts / BLOCK * shared..][..parts / BLOCK * shared];
    let mut products = [_mm512_setzero_ps(); N];
    for (part, (lines, own)) in panel_lines.zip(panel_own).take(parts).enumerate() {
        let shared = &panel_shared[part / BLOCK * shared..][..shared];
        let codes = codes::<FOUR_BITS>(token, lines);
        let number =
            |own: &[u8; ROWS]| _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(u8x16::load_array_ref(token, own).into()));
        let common = half(token, &shared[0]);
        let first = _mm512_mul_ps(common, number(&own[0]));
        for (product, vector) in products.iter_mut().zip(vectors) {
            let block = &vector[part];
            let worth = _mm512_set1_ps(block.scale);
            if OFFSET == 0 {
                let minimum = _mm512_mul_ps(half(token, &shared[1]), number(&own[1]));
                *product = _mm512_fmadd_ps(sums(0, &codes, &block.codes), _mm512_mul_ps(first, worth), *product);
                *product = _mm512_fnmadd_ps(minimum, _mm512_set1_ps(block.scaled_sum), *product);
            } else {
                let second = _mm512_mul_ps(common, number(&own[1]));
                let low = sums(-OFFSET * block.sums[0], &codes[..4], &block.codes[..4]);
                let high = sums(-OFFSET * block.sums[1], &codes[4..], &block.codes[4..]);
                *product = _mm512_fmadd_ps(low, _mm512_mul_ps(first, worth), *product);
                *product = _mm512_fmadd_ps(high, _mm512_mul_ps(second, worth), *product);
            }
        }
    }
    products
}

/// Floats, column by column.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn each_column<T>(
    lines: &[[T; ROWS]],
    columns: usize,
    panels: Range<usize>,
    vectors: &Activations,
    out: &mut [f32],
    token: Avx512,
    load: impl Fn(Avx512, &[T; ROWS]) -> __m512,
) {
    let stride = panels.len() * ROWS;
    for (index, panel) in panels.enumerate() {
        let lines = &lines[panel * columns..][..columns];
        let (fours, rest) = lines.as_chunks::<4>();
        let mut tiles = vectors.floats();
        let mut first = 0;
        // Four at a time, with a register for each; what is left one by one, with four registers each.
        while tiles.len() >= 4 {
            let tile: [&[f32]; 4] = std::array::from_fn(|_| &tiles.next().unwrap_or_default()[..columns]);
            let mut products = [_mm512_setzero_ps(); 4];
            for (column, line) in lines.iter().enumerate() {
                let weights = load(token, line);
                for (product, vector) in products.iter_mut().zip(tile) {
                    *product = _mm512_fmadd_ps(weights, _mm512_set1_ps(vector[column]), *product);
                }
            }
            for (lane, product) in products.into_iter().enumerate() {
                store(token, product, &mut out[(first + lane) * stride + index * ROWS..]);
            }
            first += 4;
        }
        for vector in tiles {
            let (vector_fours, vector_rest) = vector.as_chunks::<4>();
            let mut sums = [_mm512_setzero_ps(); 4];
            for (lines, numbers) in fours.iter().zip(vector_fours) {
                for ((sum, line), &number) in sums.iter_mut().zip(lines).zip(numbers) {
                    *sum = _mm512_fmadd_ps(load(token, line), _mm512_set1_ps(number), *sum);
                }
            }
            for (line, &number) in rest.iter().zip(vector_rest) {
                sums[0] = _mm512_fmadd_ps(load(token, line), _mm512_set1_ps(number), sums[0]);
            }
            let [a, b, c, d] = sums;
            let product = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
            store(token, product, &mut out[first * stride + index * ROWS..]);
            first += 1;
        }
    }
}
