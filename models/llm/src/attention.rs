//! Looking back: queries against the keys of what was read, and the values that they choose.

use std::sync::Arc;

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
        let work = Arc::new(Looks { head: self.head, sharing: self.sharing, heads, before, query: query.to_vec() });
        pool.run(&work, &mut |item, result| attended[item * self.head..][..self.head].copy_from_slice(result));
    }
}

/// Looks of some positions, a part for each head of each of them.
struct Looks {
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
        let pages = &pages[..seen.div_ceil(LANES)];
        let scale = 1.0 / (self.head as f32).sqrt();
        let mut shares = Vec::with_capacity(pages.len() * LANES);
        for page in pages {
            let mut scores = [0.0; LANES];
            for (keys, number) in page.keys.iter().zip(query) {
                for (score, key) in scores.iter_mut().zip(keys) {
                    *score += key * number;
                }
            }
            shares.extend(scores.map(|score| score * scale));
        }
        shares.truncate(seen);
        softmax(&mut shares);
        let start = out.len();
        out.resize(start + self.head, 0.0);
        let out = &mut out[start..];
        for (page, shares) in pages.iter().zip(shares.chunks(LANES)) {
            gather(page, shares, out);
        }
    }
}

/// Adds a page's values, each as often as its share says.
fn gather(page: &Page, shares: &[f32], out: &mut [f32]) {
    let size = out.len();
    let (chunks, _) = out.as_chunks_mut::<LANES>();
    let whole = chunks.len() * LANES;
    for (index, chunk) in chunks.iter_mut().enumerate() {
        let mut sums = *chunk;
        for (value, share) in page.values.chunks_exact(size).zip(shares) {
            for (sum, number) in sums.iter_mut().zip(&value[index * LANES..][..LANES]) {
                *sum += number * share;
            }
        }
        *chunk = sums;
    }
    for (value, share) in page.values.chunks_exact(size).zip(shares) {
        for (out, number) in out[whole..].iter_mut().zip(&value[whole..]) {
            *out += number * share;
        }
    }
}
