//! The cells of the table by criterion: each workload on each backend that runs in this process, phase by phase.
//!
//! `cargo bench` takes them all, `cargo bench -- ols` those of one workload (meant to take less than a minute), `cargo bench -- prove` one phase.
//! Names are `workload/backend/phase`; throughput counts inputs, of the language model (`-- llm`) tokens. The smallest models of the scaling study are there when a filter writes
//! out `scale`. Calls are timed by the workers' own stop-watch, as `zktee run` times them, so that what stays outside of a measurement there
//! stays outside here; but all calls share a process, so that these times are for comparing code with code (`zktee compare
//! target/criterion@before target/criterion`, docs/compare.md) and not for the table.

mod backends;
mod case;
mod language;

use std::cell::RefCell;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use zktee_config::{SCALE_FAMILIES, builtin};

use case::Case;

/// The workloads of the table; that of single calls asks what that of batches does.
const WORKLOADS: [&str; 3] = ["ols-iris", "mlp-iris", "lenet-mnist"];

/// What a filter has to write out to take members of the scaling study, as it is with `zktee run`.
const STUDY: &str = "scale";

fn cells(criterion: &mut Criterion) {
    let study = std::env::args().skip(1).any(|argument| argument.contains(STUDY));
    let smallest = SCALE_FAMILIES.into_iter().filter(|_| study).filter_map(|family| family.members.first().copied());
    for name in WORKLOADS.into_iter().chain(smallest.map(|member| member.name)) {
        workload(criterion, name);
    }
    language::language(criterion);
}

fn workload(criterion: &mut Criterion, name: &str) {
    let workload = builtin(name).expect("a built-in workload");
    let batch = workload.tensors().map_or(1, |tensors| tensors.batch);
    let mut group = criterion.benchmark_group(name);
    // Flat, so that every sample is the mean of equally many calls and one is worth as much as another to a test of ranks. What takes
    // longer than the time that is meant for it gets one call a sample.
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .throughput(Throughput::Elements(batch as u64));
    for (backend, worker) in backends::all() {
        // Made on first need: a filter leaves most of them out.
        let case = RefCell::new(None);
        for &phase in backends::phases(&backend) {
            group.bench_function(BenchmarkId::new(&backend, phase), |bencher| {
                let mut case = case.borrow_mut();
                let case = case.get_or_insert_with(|| Case::new(&workload, &backend, &*worker));
                case.prepare(phase);
                bencher.iter_custom(|calls| case.time(phase, calls));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, cells);
criterion_main!(benches);
