//! Sums over fixed points on one thread, against halo2curves' for any points.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use halo2curves_axiom::bn256::{Fr, G1, G1Affine};
use halo2curves_axiom::group::Curve;
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::msm::msm_best;
use std::hint::black_box;
use zktee_halo2_prover::msm::FixedBase;

/// Scalars without a pattern.
fn scalars(count: usize) -> Vec<Fr> {
    let step = Fr::from(0x9e37_79b9_7f4a_7c15).square();
    std::iter::successors(Some(step), |s| Some(s.square() * s + step)).skip(8).take(count).collect()
}

fn points(count: usize) -> Vec<G1Affine> {
    let points: Vec<G1> = scalars(count).iter().map(|s| G1::generator() * s).collect();
    let mut affine = vec![G1Affine::identity(); count];
    G1::batch_normalize(&points, &mut affine);
    affine
}

/// Signed integers of 11 bits.
fn small(count: usize) -> Vec<i32> {
    (0..count as i32).map(|i| i.wrapping_mul(0x3779_b9f1) >> 21).collect()
}

fn bench(criterion: &mut Criterion) {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    for k in [9, 11, 13] {
        let n = 1 << k;
        let bases = points(n);
        let fixed = FixedBase::new(&bases);
        let full = scalars(n);
        let integers = small(n);
        let short: Vec<Fr> = integers
            .iter()
            .map(|&v| {
                let size = Fr::from(u64::from(v.unsigned_abs()));
                if v < 0 { -size } else { size }
            })
            .collect();
        let mixed: Vec<Fr> = (0..n).map(|i| if i % 10 == 0 { full[i] } else { short[i] }).collect();

        let mut group = criterion.benchmark_group(format!("2^{k} points"));
        for (name, scalars) in [("full", &full), ("11-bit", &short), ("mixed", &mixed)] {
            group.bench_function(BenchmarkId::new("fixed base", name), |b| b.iter(|| fixed.msm(black_box(scalars))));
            group.bench_function(BenchmarkId::new("msm_best", name), |b| {
                one.install(|| b.iter(|| msm_best(black_box(scalars), &bases)));
            });
        }
        group.bench_function(BenchmarkId::new("fixed base", "11-bit integers"), |b| {
            b.iter(|| fixed.msm_small(black_box(&integers)));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = bench
}
criterion_main!(benches);
