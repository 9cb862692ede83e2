//! The multiples by powers of two that digits stand for.

use super::field::Point;
use super::shape::Shape;
use halo2curves_axiom::bn256::{G1, G1Affine};
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::group::{Curve, Group};
use rayon::prelude::*;

/// Points that one task of the construction takes. Their multiples are normalised with one inversion.
const BLOCK: usize = 32;

/// 2^(width · j) Pᵢ at j · n + i: the digits of short scalars need the beginning alone. Uses the current rayon pool.
pub(super) fn build(bases: &[G1Affine], shape: Shape) -> Vec<Point> {
    let windows = shape.windows();
    let blocks: Vec<Vec<Point>> = bases.par_chunks(BLOCK).map(|block| multiples(block, shape)).collect();
    let mut table = Vec::with_capacity(windows * bases.len());
    for j in 0..windows {
        for (block, bases) in blocks.iter().zip(bases.chunks(BLOCK)) {
            table.extend_from_slice(&block[j * bases.len()..(j + 1) * bases.len()]);
        }
    }
    table
}

fn multiples(bases: &[G1Affine], shape: Shape) -> Vec<Point> {
    let mut current: Vec<G1> = bases.iter().map(G1Affine::to_curve).collect();
    let mut all = Vec::with_capacity(shape.windows() * bases.len());
    for _ in 0..shape.windows() {
        all.extend_from_slice(&current);
        for point in &mut current {
            *point = (0..shape.width).fold(*point, |point, _| point.double());
        }
    }
    let mut affine = vec![G1Affine::identity(); all.len()];
    G1::batch_normalize(&all, &mut affine);
    affine.iter().map(Point::new).collect()
}
