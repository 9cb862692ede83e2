//! Sums of many runs of affine points at once.

use halo2curves_axiom::bn256::{Fq, G1, G1Affine};
use halo2curves_axiom::ff::Field;
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::group::{Curve, Group};

/// Points that are summed together. More of them share an inversion, fewer stay in a processor's second-level cache:
/// 2¹² are 256 KiB.
const CHUNK: usize = 1 << 12;

/// Memory of [`Summer::sum`], kept between calls.
#[derive(Default)]
pub(super) struct Summer {
    points: Vec<G1Affine>,
    /// How many points each run has left.
    lengths: Vec<u32>,
    keys: Vec<u32>,
    /// For each addition of a round, from the last: x₂ − x₁ and the product of those before it.
    denominators: Vec<(Fq, Fq)>,
}

impl Summer {
    /// Adds up the points of equal keys, which lie next to each other: point i is `point(i)` and counts for `keys[i]`. No
    /// point is the identity. Appends sums with their keys in the order of keys; there may be several of a key, which
    /// together are its sum, and none for one whose sum is zero.
    pub(super) fn sum(&mut self, keys: &[u32], point: impl Fn(usize) -> G1Affine, sums: &mut Vec<(u32, G1Affine)>) {
        for (start, keys) in keys.chunks(CHUNK).enumerate().map(|(i, keys)| (i * CHUNK, keys)) {
            self.points.clear();
            self.points.extend((0..keys.len()).map(|i| point(start + i)));
            self.keys.clear();
            self.lengths.clear();
            for run in keys.chunk_by(|a, b| a == b) {
                self.keys.push(run[0]);
                self.lengths.push(run.len() as u32);
            }
            loop {
                match self.round() {
                    Round::Done => {
                        sums.extend(self.keys.iter().copied().zip(self.points.iter().copied()));
                        break;
                    }
                    Round::Halved => {}
                    Round::Failed => {
                        self.points.clear();
                        self.points.extend((0..keys.len()).map(|i| point(start + i)));
                        slow(keys, &self.points, sums);
                        break;
                    }
                }
            }
        }
    }

    /// Adds the points of each run in pairs, so that half of them are left, at the front.
    fn round(&mut self) -> Round {
        let Self { points, lengths, denominators, .. } = self;
        denominators.clear();
        let mut product = Fq::ONE;
        let mut end = lengths.iter().sum::<u32>() as usize;
        for &length in lengths.iter().rev() {
            let length = length as usize;
            let start = end - length;
            for pair in points[start..end - length % 2].chunks_exact(2).rev() {
                let denominator = pair[1].x - pair[0].x;
                denominators.push((denominator, product));
                product *= denominator;
            }
            end = start;
        }
        if denominators.is_empty() {
            return Round::Done;
        }
        let Some(mut inverse) = Option::<Fq>::from(product.invert()) else { return Round::Failed };
        let mut steps = denominators.iter().rev();
        let (mut read, mut write) = (0, 0);
        for length in lengths.iter_mut() {
            for (_, &(denominator, before)) in (0..*length / 2).zip(&mut steps) {
                let (p, q) = (points[read], points[read + 1]);
                let slope = (q.y - p.y) * (inverse * before);
                inverse *= denominator;
                let x = slope.square() - p.x - q.x;
                points[write] = G1Affine { x, y: slope * (p.x - x) - p.y };
                read += 2;
                write += 1;
            }
            if *length % 2 == 1 {
                points[write] = points[read];
                read += 1;
                write += 1;
            }
            *length = length.div_ceil(2);
        }
        Round::Halved
    }
}

/// What [`Summer::round`] did.
enum Round {
    /// Nothing: each run is one point.
    Done,
    Halved,
    /// Nothing: two points that were to be added are the same or opposite, so no chord goes through them.
    Failed,
}

/// The same sums for any points, with complete formulas.
fn slow(keys: &[u32], points: &[G1Affine], sums: &mut Vec<(u32, G1Affine)>) {
    let mut start = 0;
    for run in keys.chunk_by(|a, b| a == b) {
        let sum = points[start..start + run.len()].iter().fold(G1::identity(), |sum, point| sum + point).to_affine();
        start += run.len();
        if !bool::from(sum.is_identity()) {
            sums.push((run[0], sum));
        }
    }
}
