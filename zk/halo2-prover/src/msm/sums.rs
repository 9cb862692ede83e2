//! Sums of many runs of affine points at once.

use super::field::{Point, Residue};
use halo2curves_axiom::bn256::{Fq, G1};
use halo2curves_axiom::group::{Curve, Group};
use std::hint::black_box;
use std::ops::Range;

/// Points that are summed together. More of them share an inversion, fewer stay in a processor's second-level cache:
/// 2¹² are 256 KiB.
const CHUNK: usize = 1 << 12;

/// Points that are loaded ahead. They fit a first-level cache.
const AHEAD: usize = 1 << 7;

/// Points of a table with keys by which they are summed, in ascending order of keys.
#[derive(Default)]
pub(super) struct Terms {
    pub(super) keys: Vec<u32>,
    /// Each point's index in the table shifted left by one, and in the lowest bit whether it is subtracted.
    pub(super) entries: Vec<u32>,
}

/// Points with keys, in ascending order of keys. There may be several of a key, or none.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) keys: Vec<u32>,
    pub(super) points: Vec<Point>,
}

impl Sums {
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.points.clear();
    }

    /// Σ (key − first) · point over a range: each sum of the points from a key on is added once for that key.
    pub(super) fn weighted(&self, range: Range<usize>, first: u32) -> G1 {
        let (mut running, mut total) = (G1::identity(), G1::identity());
        let mut points = range.rev().map(|i| (self.keys[i] - first, &self.points[i])).peekable();
        let highest = points.peek().map_or(0, |(weight, _)| *weight);
        for weight in (1..=highest).rev() {
            while let Some((_, point)) = points.next_if(|(of, _)| *of == weight) {
                running += point.affine();
            }
            total += running;
        }
        total
    }
}

/// Memory of [`Summer::sum`], kept between calls.
#[derive(Default)]
pub(super) struct Summer {
    keys: Vec<u32>,
    points: Vec<Point>,
    /// What a round makes of `points`.
    halves: Vec<Point>,
    /// For each point that a round adds the next one to, its index and that of the sum.
    pairs: Vec<(u32, u32)>,
    /// The same for each point that it leaves alone.
    singles: Vec<(u32, u32)>,
    /// For each addition of a round: x₂ − x₁, and the product of those before it.
    denominators: Vec<(Residue, Residue)>,
}

impl Summer {
    /// Adds up the points of equal keys. None of `table` is the identity. Appends to `sums`: the points of a key together are
    /// its sum, and there are two only where a key goes on beyond a chunk.
    pub(super) fn sum(&mut self, keys: &[u32], entries: &[u32], table: &[Point], sums: &mut Sums) {
        for (keys, entries) in keys.chunks(CHUNK).zip(entries.chunks(CHUNK)) {
            self.gather(entries, table);
            self.keys.clear();
            self.keys.extend_from_slice(keys);
            loop {
                self.pair();
                if self.pairs.is_empty() {
                    sums.keys.extend_from_slice(&self.keys);
                    sums.points.extend_from_slice(&self.points);
                    break;
                }
                if !self.halve() {
                    self.gather(entries, table);
                    slow(keys, &self.points, sums);
                    break;
                }
            }
        }
    }

    /// The points of `entries`. They lie anywhere in the table, which no cache may hold: one word of each is asked for by loads
    /// close enough together that a processor waits for many of them at a time.
    fn gather(&mut self, entries: &[u32], table: &[Point]) {
        self.points.clear();
        for entries in entries.chunks(AHEAD) {
            black_box(entries.iter().fold(0, |sum, &entry| sum ^ table[(entry >> 1) as usize].x.word()));
            self.points.extend(entries.iter().map(|&entry| table[(entry >> 1) as usize].negative_if(entry & 1 == 1)));
        }
    }

    /// Makes neighbours of equal keys pairs, and `keys` those of the sums. Where runs end cannot be predicted: there is no branch
    /// on it.
    fn pair(&mut self) {
        let Self { keys, pairs, singles, .. } = self;
        let count = keys.len();
        // No key is this.
        keys.push(u32::MAX);
        pairs.clear();
        pairs.resize(count + 1, (0, 0));
        singles.clear();
        singles.resize(count + 1, (0, 0));
        let (mut paired, mut single, mut place) = (0, 0, 0);
        let mut is_second = false;
        for i in 0..count {
            let equal = keys[i] == keys[i + 1];
            let (is_first, is_single) = (!is_second && equal, !is_second && !equal);
            keys[place] = keys[i];
            pairs[paired] = (i as u32, place as u32);
            singles[single] = (i as u32, place as u32);
            paired += usize::from(is_first);
            single += usize::from(is_single);
            place += usize::from(!is_second);
            is_second = is_first;
        }
        keys.truncate(place);
        pairs.truncate(paired);
        singles.truncate(single);
    }

    /// Adds each pair's points, or returns false where two of them are the same or opposite, so that no chord goes through them.
    fn halve(&mut self) -> bool {
        let Self { keys, points, halves, pairs, singles, denominators } = self;
        denominators.clear();
        let mut product = Residue::ONE;
        for &(i, _) in pairs.iter() {
            let denominator = points[i as usize + 1].x.minus(&points[i as usize].x);
            denominators.push((denominator, product));
            product = product.times(&denominator);
        }
        let Some(inverse) = Option::<Fq>::from(product.element().invert()) else { return false };
        let mut inverse = Residue::new(&inverse);
        // Each place gets a sum or a point below.
        halves.resize(keys.len(), Point::default());
        for (&(i, place), (denominator, before)) in pairs.iter().zip(denominators.iter()).rev() {
            let (p, q) = (&points[i as usize], &points[i as usize + 1]);
            let slope = q.y.minus(&p.y).times(&inverse.times(before));
            inverse = inverse.times(denominator);
            let x = slope.times(&slope).minus(&p.x).minus(&q.x);
            halves[place as usize] = Point { x, y: slope.times(&p.x.minus(&x)).minus(&p.y) };
        }
        for &(i, place) in singles.iter() {
            halves[place as usize] = points[i as usize];
        }
        std::mem::swap(points, halves);
        true
    }
}

/// The same sums for any points, with complete formulas.
fn slow(keys: &[u32], points: &[Point], sums: &mut Sums) {
    let mut start = 0;
    for run in keys.chunk_by(|a, b| a == b) {
        let sum = points[start..start + run.len()].iter().fold(G1::identity(), |sum, point| sum + point.affine());
        start += run.len();
        if !bool::from(sum.is_identity()) {
            sums.keys.push(run[0]);
            sums.points.push(Point::new(&sum.to_affine()));
        }
    }
}
