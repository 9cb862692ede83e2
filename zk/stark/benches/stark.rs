//! Keys, proofs, their stages and verification of the built-in workloads.
//!
//! `cargo bench --bench stark`. One iteration is one call of the workload: all 150 or 500 inputs of `ols-iris` and `mlp-iris`, one input of
//! the others. `prove` goes from the inputs to the proof's bytes. What a proof costs in CPU time is in the groups `prove-cpu` and
//! `verify-cpu`; sizes and bits are printed once.

use std::cell::LazyCell;
use std::path::Path;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use nix::time::{ClockId, clock_gettime};
use zktee_models::workload::{self, BUILTIN_NAMES};
use zktee_stark::evidence::Evidence;
use zktee_stark::{Key, Profile};

/// A workload with its key and the evidence of one call.
struct Case {
    key: Key,
    inputs: Vec<i64>,
    evidence: Evidence,
}

impl Case {
    fn new(name: &str, profile: Profile) -> Self {
        let workload = workload::builtin(name).unwrap();
        let model = workload.integer_model().unwrap();
        let values: Vec<f32> = workload.inputs.iter().copied().take(workload.batch * model.input_len()).collect();
        let inputs = model.quantise_inputs(&values).unwrap();
        let key = Key::new(model, workload.batch, profile).unwrap();
        let evidence = key.prove(&inputs).unwrap().evidence;
        key.verify(&evidence).unwrap();
        println!(
            "{name} {}: {} bytes, {:.1} bits proven, {:.1} conjectured, {:?}, {:?}",
            profile.backend(),
            evidence.proof.len(),
            key.security().proven_bits,
            key.security().conjectured_bits,
            key.parameters(),
            key.sizes(),
        );
        Self { key, inputs, evidence }
    }
}

/// Does something with each workload and profile.
fn each(
    criterion: &mut Criterion,
    name: &str,
    run: impl Fn(&mut BenchmarkGroup<'_, WallTime>, &str, &LazyCell<Case, Box<dyn FnOnce() -> Case>>),
) {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(50).measurement_time(Duration::from_secs(3));
    for workload in BUILTIN_NAMES {
        for profile in Profile::ALL {
            let case: LazyCell<Case, Box<dyn FnOnce() -> Case>> =
                LazyCell::new(Box::new(move || Case::new(workload, profile)));
            run(&mut group, &format!("{workload}/{}", profile.backend()), &case);
        }
    }
}

fn keys(criterion: &mut Criterion) {
    each(criterion, "key", |group, name, case| {
        group.bench_function(name, |bencher| {
            let bytes = case.key.to_bytes();
            bencher.iter(|| Key::from_bytes(&bytes, Path::new("key")).unwrap());
        });
    });
}

fn prove(criterion: &mut Criterion) {
    each(criterion, "prove", |group, name, case| {
        group.bench_function(name, |bencher| {
            let case = &**case;
            bencher.iter(|| case.key.prove(&case.inputs).unwrap());
        });
    });
}

fn cpu(criterion: &mut Criterion) {
    each(criterion, "prove-cpu", |group, name, case| {
        group.bench_function(name, |bencher| {
            let case = &**case;
            let once =
                || case.key.prove(&case.inputs).unwrap().timings.iter().map(|timing| timing.cpu).sum::<Duration>();
            bencher.iter_custom(|iterations| (0..iterations).map(|_| once()).sum());
        });
    });
}

fn verify_cpu(criterion: &mut Criterion) {
    let used = || clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap();
    each(criterion, "verify-cpu", |group, name, case| {
        group.bench_function(name, |bencher| {
            let case = &**case;
            bencher.iter_custom(|iterations| {
                let before = used();
                for _ in 0..iterations {
                    case.key.verify(&case.evidence).unwrap();
                }
                used() - before
            });
        });
    });
}

/// Each part of the prover, wall time.
fn stages(criterion: &mut Criterion) {
    each(criterion, "stage", |group, name, case| {
        let names = LazyCell::new(|| {
            let timings = case.key.prove(&case.inputs).unwrap().timings;
            timings.iter().map(|timing| timing.stage).collect::<Vec<_>>()
        });
        for index in 0..zktee_stark::STAGES.len() {
            let stage = zktee_stark::STAGES[index];
            group.bench_function(format!("{name}/{stage}"), |bencher| {
                assert_eq!(names[index], stage);
                let case = &**case;
                let once = || case.key.prove(&case.inputs).unwrap().timings[index].wall;
                bencher.iter_custom(|iterations| (0..iterations).map(|_| once()).sum());
            });
        }
    });
}

fn verify(criterion: &mut Criterion) {
    each(criterion, "verify", |group, name, case| {
        group.bench_function(name, |bencher| {
            let case = &**case;
            bencher.iter(|| case.key.verify(&case.evidence).unwrap());
        });
    });
}

criterion_group!(benches, keys, prove, cpu, stages, verify, verify_cpu);
criterion_main!(benches);
