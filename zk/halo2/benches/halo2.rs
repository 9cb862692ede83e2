//! Planning, keys, witness, proof and verification of the built-in workloads, and upstream's prover beside ours.
//!
//! `cargo bench --bench halo2`. One iteration is one call of the workload: all 150 or 500 inputs of `ols-iris` and `mlp-iris`, one input of
//! the others. Sums over points, transforms and the quotient have benchmarks of their own in `zktee-halo2-prover`.

use std::cell::LazyCell;
use std::path::Path;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Bencher, BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use zktee_halo2::stock::{self, Stock, traces, witness};
use zktee_halo2::{Plan, ProvingKey, ReferenceString, Source};
use zktee_models::integer::IntegerModel;
use zktee_models::workload::{self, BUILTIN_NAMES};

/// A workload's model, the inputs of one call, and what they are proven with. Made on first need: a filter leaves most of them out.
struct Case {
    model: IntegerModel,
    batch: usize,
    inputs: Vec<i64>,
    plan: Plan,
    srs: ReferenceString,
}

impl Case {
    fn new(name: &str, private_input: bool) -> Self {
        let workload = workload::builtin(name).unwrap();
        let model = workload.integer_model().unwrap();
        let values: Vec<f32> = workload.inputs.iter().copied().take(workload.batch * model.input_len()).collect();
        let inputs = model.quantise_inputs(&values).unwrap();
        let plan = Plan::new(&model, workload.batch, private_input).unwrap();
        let srs = Source::Cache(Path::new(env!("CARGO_TARGET_TMPDIR")).join("srs"));
        let srs = srs.get(plan.spec.design.k()).unwrap();
        Self { model, batch: workload.batch, inputs, plan, srs }
    }

    fn key(&self) -> ProvingKey {
        ProvingKey::generate(self.plan.spec.clone(), &self.srs).unwrap()
    }
}

/// A group of things of which one takes up to a second.
fn long<'a, M: Measurement>(criterion: &'a mut Criterion<M>, name: &str) -> BenchmarkGroup<'a, M> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10).measurement_time(Duration::from_secs(3));
    group
}

fn plan(criterion: &mut Criterion) {
    let mut group = long(criterion, "plan");
    for name in BUILTIN_NAMES {
        let case = LazyCell::new(|| Case::new(name, false));
        group.bench_function(name, |bencher| {
            let Case { model, batch, .. } = &*case;
            bencher.iter(|| Plan::new(model, *batch, false).unwrap());
        });
    }
}

fn keygen(criterion: &mut Criterion) {
    let mut group = long(criterion, "keygen");
    for name in BUILTIN_NAMES {
        let case = LazyCell::new(|| Case::new(name, false));
        group.bench_function(name, |bencher| {
            let case = &*case;
            bencher.iter(|| case.key());
        });
    }
}

fn witnesses(criterion: &mut Criterion) {
    let mut group = long(criterion, "witness");
    for name in BUILTIN_NAMES {
        let made = LazyCell::new(|| {
            let case = Case::new(name, false);
            (case.key(), traces(&case.model, &case.inputs).unwrap())
        });
        group.bench_function(name, |bencher| {
            let (key, inferences) = &*made;
            bencher.iter(|| witness(key, inferences));
        });
    }
}

/// Ours and upstream's for the public statement, ours for the private one.
fn proofs<M: Measurement>(criterion: &mut Criterion<M>, name: &str) {
    let mut group = long(criterion, name);
    for name in BUILTIN_NAMES {
        let public = LazyCell::new(|| keyed(name, false));
        let stock = LazyCell::new(|| {
            let (case, key) = &*public;
            let stock = Stock::new(case.plan.spec.clone(), &case.srs).unwrap();
            // What is slower must at least be right.
            let verifier = key.verifying_key().unwrap();
            verifier.verify(&stock.prove(&case.model, &case.inputs).unwrap()).unwrap();
            stock
        });
        group.bench_function(format!("{name}/ours"), |bencher| prove_again(bencher, &public));
        group.bench_function(format!("{name}/private-input"), |bencher| prove_again(bencher, &keyed(name, true)));
        group.bench_function(format!("{name}/upstream"), |bencher| {
            let (stock, case) = (&*stock, &public.0);
            bencher.iter(|| stock.prove(&case.model, &case.inputs).unwrap());
        });
    }
}

fn prove_again<M: Measurement>(bencher: &mut Bencher<'_, M>, (case, key): &(Case, ProvingKey)) {
    bencher.iter(|| key.prove(&case.model, &case.inputs).unwrap());
}

fn keyed(name: &str, private_input: bool) -> (Case, ProvingKey) {
    let case = Case::new(name, private_input);
    let key = case.key();
    (case, key)
}

fn prove(criterion: &mut Criterion) {
    proofs(criterion, "prove");
}

fn prove_cpu(criterion: &mut Criterion<Cpu>) {
    proofs(criterion, "prove-cpu");
}

fn verify(criterion: &mut Criterion) {
    let mut group = long(criterion, "verify");
    for (name, private) in BUILTIN_NAMES.into_iter().flat_map(|name| [(name, false), (name, true)]) {
        let made = LazyCell::new(|| {
            let (case, key) = keyed(name, private);
            (key.verifying_key().unwrap(), key.prove(&case.model, &case.inputs).unwrap().evidence)
        });
        let statement = if private { "private-input" } else { "public-input" };
        group.bench_function(format!("{name}/{statement}"), |bencher| {
            let (verifier, evidence) = &*made;
            bencher.iter(|| verifier.verify(evidence).unwrap());
        });
        group.bench_function(format!("{name}/{statement}/upstream"), |bencher| {
            let (verifier, evidence) = &*made;
            bencher.iter(|| stock::verify(verifier, evidence).unwrap());
        });
    }
}

/// Time of all processors, of the system's part too, by `getrusage`.
struct Cpu;

impl Measurement for Cpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
        let duration = |time: TimeVal| {
            // Times that a process has used are not negative.
            Duration::from_secs(time.tv_sec() as u64) + Duration::from_micros(time.tv_usec() as u64)
        };
        duration(usage.user_time()) + duration(usage.system_time())
    }

    fn end(&self, start: Duration) -> Duration {
        self.start().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

criterion_group!(by_clock, plan, keygen, witnesses, prove, verify);
criterion_group!(name = by_processors; config = Criterion::default().with_measurement(Cpu); targets = prove_cpu);
criterion_main!(by_clock, by_processors);
