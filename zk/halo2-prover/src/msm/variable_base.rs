//! Sums over points that come once: no table of multiples is worth making.

use super::buckets::Buckets;
use super::digits::Signed;
use super::field::Point;
use super::shape::Shape;
use halo2curves_axiom::bn256::{Fr, G1, G1Affine};
use halo2curves_axiom::group::Group;
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::serde::SerdeObject;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

/// Widths of digits that are considered.
const WIDTHS: Range<u32> = 2..13;

/// Σ scalars\[i\] · points\[i\], for tens to thousands of points that may be anybody's: equal, opposite or the identity.
///
/// Pippenger's bucket method with a set of buckets for each window, all of which are summed at once so that they share field inversions;
/// lower and upper windows are two tasks of the current rayon pool.
///
/// # Panics
///
/// If there are not as many scalars as points.
pub fn msm(scalars: &[Fr], points: &[G1Affine]) -> G1 {
    assert_eq!(scalars.len(), points.len(), "each point has a scalar");
    let (scalars, points) = merged(scalars, points);
    let shape = best(points.len());
    let half = shape.windows() / 2;
    let (low, high) = rayon::join(
        || of_windows(&scalars, &points, shape, 0..half),
        || of_windows(&scalars, &points, shape, half..shape.windows()),
    );
    (0..half as u32 * shape.width).fold(high, |sum, _| sum.double()) + low
}

/// Each point once, with the sum of its scalars, and without the identity. Equal points would meet in a bucket sooner or later, where no chord
/// goes through them, and all sums would be taken the slow way; a verifying key does have equal columns.
fn merged(scalars: &[Fr], points: &[G1Affine]) -> (Vec<Signed>, Vec<Point>) {
    let mut places = HashMap::new();
    let mut terms: Vec<(Fr, &G1Affine)> = Vec::with_capacity(points.len());
    for (scalar, point) in scalars.iter().zip(points).filter(|(_, point)| !bool::from(point.is_identity())) {
        match places.entry(point.x.to_raw_bytes()) {
            Entry::Vacant(place) => {
                place.insert(terms.len());
                terms.push((*scalar, point));
            }
            Entry::Occupied(place) => {
                let (sum, first) = &mut terms[*place.get()];
                // The other point with the same x is the negative.
                *sum += if point.y == first.y { *scalar } else { -*scalar };
            }
        }
    }
    terms.into_iter().map(|(scalar, point)| (Signed::new(&scalar), Point::new(point))).unzip()
}

/// The shape that takes the fewest field multiplications: six for each digit, about 28 for each bucket, which is added twice with complete
/// formulas.
fn best(points: usize) -> Shape {
    let cost = |shape: &Shape| shape.windows() * (6 * points + (28 << (shape.width - 1)));
    WIDTHS.map(|width| Shape { width }).min_by_key(cost).unwrap_or(Shape { width: 4 })
}

/// The sum of the digits in these windows, divided by what the first of them counts.
fn of_windows(scalars: &[Signed], points: &[Point], shape: Shape, windows: Range<usize>) -> G1 {
    // Digits of a window and the place of those that do not exist: 0.
    let keys = (1 << (shape.width - 1)) + 1;
    let mut buckets = Buckets::default();
    for (i, scalar) in scalars.iter().enumerate() {
        scalar.digits(shape, |window, digit| {
            if windows.contains(&window) {
                let key = (window - windows.start) as u32 * keys + digit.unsigned_abs();
                buckets.put_at(key, digit < 0, i as u32);
            }
        });
    }
    let sums = buckets.sums(points);
    let mut total = G1::identity();
    let mut end = sums.keys.len();
    for window in (0..windows.len() as u32).rev() {
        let start = sums.keys.partition_point(|key| *key < window * keys);
        total = (0..shape.width).fold(total, |sum, _| sum.double()) + sums.weighted(start..end, window * keys);
        end = start;
    }
    total
}
