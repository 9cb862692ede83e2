//! Looking back: queries against the keys of what was read, and the values that they choose.

#![expect(
    clippy::inline_always,
    reason = "what is generic over instructions takes on those of its caller only where it is inlined"
)]

use std::sync::Arc;

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch, f32x16};

use crate::pool::{Pool, Work};
use crate::vectors::softmax;

/// Positions whose keys lie side by side, a lane of a vector register each.
const LANES: usize = 16;

/// What one layer remembers: keys and values of 32-bit floats.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Numbers of a head.
    head: usize,
    /// Heads of queries that share one of keys and values.
    sharing: usize,
    /// Each shared head's; counted, so that threads can read them.
    heads: Vec<Arc<Vec<Page>>>,
}

/// Keys and values of sixteen positions.
#[derive(Clone, Debug)]
struct Page {
    /// `[head, LANES]`.
    keys: Vec<[f32; LANES]>,
    /// `[LANES, head]`.
    values: Vec<f32>,
}

/// Bytes that a position takes, in whole pages, of all heads of a layer.
pub(crate) const fn bytes(positions: usize, shared_heads: usize, head: usize) -> u64 {
    let numbers = positions.next_multiple_of(LANES) as u64 * 2 * (shared_heads * head) as u64;
    numbers * 4
}

impl Memory {
    /// One that remembers nothing.
    pub(crate) fn new(heads: usize, shared_heads: usize, head: usize) -> Self {
        Self { head, sharing: heads / shared_heads, heads: vec![Arc::default(); shared_heads] }
    }

    /// Remembers keys and values of positions from `first` on: `[positions, shared heads, head]` each.
    pub(crate) fn keep(&mut self, first: usize, keys: &[f32], values: &[f32]) {
        let (size, shared) = (self.head, self.heads.len());
        for (index, pages) in self.heads.iter_mut().enumerate() {
            // Nobody else holds it between two looks; if somebody did, this would make a copy.
            let pages = Arc::make_mut(pages);
            let of_head = |numbers| <[f32]>::chunks_exact(numbers, size).skip(index).step_by(shared);
            for (position, (key, value)) in (first..).zip(of_head(keys).zip(of_head(values))) {
                let (page, lane) = (position / LANES, position % LANES);
                if page == pages.len() {
                    pages.push(Page { keys: vec![[0.0; LANES]; size], values: vec![0.0; LANES * size] });
                }
                let page = &mut pages[page];
                for (lanes, number) in page.keys.iter_mut().zip(key) {
                    lanes[lane] = *number;
                }
                page.values[lane * size..][..size].copy_from_slice(value);
            }
        }
    }

    /// Each new position's look at itself and those before it, head by head: `[positions, heads, head]`. `before` positions were there.
    pub(crate) fn attend(&self, pool: &Pool, before: usize, query: &[f32], attended: &mut [f32]) {
        let heads = self.heads.clone();
        let Self { head, sharing, .. } = *self;
        let level = Level::new();
        let work = Arc::new(Looks { level, head, sharing, heads, before, query: query.to_vec() });
        pool.run(&work, &mut |item, result| attended[item * self.head..][..self.head].copy_from_slice(result));
    }
}

/// Looks of some positions, a part for each head of each of them.
struct Looks {
    level: Level,
    head: usize,
    sharing: usize,
    heads: Vec<Arc<Vec<Page>>>,
    before: usize,
    query: Vec<f32>,
}

impl Work for Looks {
    fn items(&self) -> usize {
        self.query.len() / self.head
    }

    fn run(&self, item: usize, out: &mut Vec<f32>) {
        let heads = self.heads.len() * self.sharing;
        let pages = &self.heads[item % heads / self.sharing];
        let query = &self.query[item * self.head..][..self.head];
        let seen = self.before + item / heads + 1;
        let start = out.len();
        out.resize(start + self.head, 0.0);
        let pages = &pages[..seen.div_ceil(LANES)];
        dispatch!(self.level, simd => look(simd, query, pages, seen, &mut out[start..]));
    }
}

/// One query against the keys of positions seen, and their values by the shares that come of it.
#[inline(always)]
fn look<S: Simd>(simd: S, query: &[f32], pages: &[Page], seen: usize, out: &mut [f32]) {
    let scale = f32x16::splat(simd, 1.0 / (query.len() as f32).sqrt());
    let mut shares = vec![0.0; pages.len() * LANES];
    for (page, shares) in pages.iter().zip(shares.as_chunks_mut().0) {
        *shares = (scores(simd, page, query) * scale).into();
    }
    shares.truncate(seen);
    softmax(&mut shares);
    // As many registers at a time as a head of the usual size has.
    let mut done = 0;
    while out.len() - done >= 4 * LANES {
        gather::<S, 4>(simd, pages, &shares, done, out);
        done += 4 * LANES;
    }
    while out.len() - done >= LANES {
        gather::<S, 1>(simd, pages, &shares, done, out);
        done += LANES;
    }
    for (page, shares) in pages.iter().zip(shares.chunks(LANES)) {
        for (value, share) in page.values.chunks_exact(out.len()).zip(shares) {
            for (out, number) in out[done..].iter_mut().zip(&value[done..]) {
                *out += number * share;
            }
        }
    }
}

/// Products of a query with a page's keys. Two sums each, since one waits for its last addition.
#[inline(always)]
fn scores<S: Simd>(simd: S, page: &Page, query: &[f32]) -> f32x16<S> {
    let mut even = f32x16::splat(simd, 0.0);
    let mut odd = even;
    for (keys, numbers) in page.keys.chunks(2).zip(query.chunks(2)) {
        even = f32x16::load_array_ref(simd, &keys[0]).mul_add(f32x16::splat(simd, numbers[0]), even);
        if let ([_, key], [_, number]) = (keys, numbers) {
            odd = f32x16::load_array_ref(simd, key).mul_add(f32x16::splat(simd, *number), odd);
        }
    }
    even + odd
}

/// Sums some of the values' numbers from `first` on, each value as often as its share says.
#[inline(always)]
fn gather<S: Simd, const N: usize>(simd: S, pages: &[Page], shares: &[f32], first: usize, out: &mut [f32]) {
    let size = out.len();
    let mut sums = [f32x16::splat(simd, 0.0); N];
    for (page, shares) in pages.iter().zip(shares.chunks(LANES)) {
        for (value, share) in page.values.chunks_exact(size).zip(shares) {
            let (numbers, _) = value[first..first + N * LANES].as_chunks::<LANES>();
            for (sum, numbers) in sums.iter_mut().zip(numbers) {
                *sum = f32x16::load_array_ref(simd, numbers).mul_add(f32x16::splat(simd, *share), *sum);
            }
        }
    }
    for (sum, out) in sums.into_iter().zip(out[first..].as_chunks_mut::<LANES>().0) {
        *out = sum.into();
    }
}
