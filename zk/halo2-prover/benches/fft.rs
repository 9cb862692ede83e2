//! Fourier transforms on one thread, against upstream's.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::poly::EvaluationDomain;
use zktee_halo2_prover::fft::Domain;

/// Values without a pattern.
fn values(count: usize) -> Vec<Fr> {
    let step = Fr::from(0x9e37_79b9_7f4a_7c15).square();
    std::iter::successors(Some(step), |s| Some(s.square() * s + step)).skip(8).take(count).collect()
}

/// From values to coefficients, and on to one coset of as many points: what a column takes for one of the cosets that its gates need.
fn bench(criterion: &mut Criterion) {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    for k in [9, 11, 13] {
        let n = 1_usize << k;
        let values = values(n);
        let domain = Domain::new(k);
        let coset = domain.coset(Fr::MULTIPLICATIVE_GENERATOR);
        let mut group = criterion.benchmark_group(format!("2^{k} values"));
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function("to coefficients", |b| {
            b.iter_batched_ref(|| values.clone(), |values| domain.to_coefficients(values), BatchSize::SmallInput);
        });
        group.bench_function("coefficients to a coset", |b| {
            b.iter_batched_ref(|| values.clone(), |values| coset.evaluate(values), BatchSize::SmallInput);
        });
        // A domain whose quotient has two pieces: upstream's extended domain is twice as large, and there is no smaller one.
        let upstream = EvaluationDomain::<Fr>::new(3, k);
        group.bench_function("upstream, to coefficients", |b| {
            one.install(|| {
                let setup = || upstream.lagrange_from_vec(values.clone());
                b.iter_batched(setup, |column| upstream.lagrange_to_coeff(column), BatchSize::SmallInput);
            });
        });
        let coefficients = upstream.lagrange_to_coeff(upstream.lagrange_from_vec(values.clone()));
        group.bench_function("upstream, coefficients to the extended domain", |b| {
            one.install(|| {
                b.iter_batched(
                    || coefficients.clone(),
                    |column| upstream.coeff_to_extended(&column),
                    BatchSize::SmallInput,
                );
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = bench
}
criterion_main!(benches);
