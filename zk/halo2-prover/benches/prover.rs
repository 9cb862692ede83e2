//! Proofs of a synthetic circuit of two phases by this crate and by upstream, and the time of stages.

#[path = "../tests/prover/common.rs"]
mod common;

use std::time::Duration;

use common::{Filled, Gate, Plan, PlanCircuit, accepted, integer, keys};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::create_proof;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::ProverSHPLONK;
use halo2_proofs::transcript::{Blake2bWrite, Challenge255, TranscriptWriterBuffer};
use nix::time::{ClockId, clock_gettime};
use rand_core::OsRng;
use zktee_halo2_prover::{Column, Prover};

use Gate::{Advice, Challenge, Constant, Fixed, Instance, Scaled};

const K: u32 = 11;
const ROWS: usize = (1 << K) - 16;
const SMALL: usize = 16;
const FULL: usize = 12;
const FIXED: usize = 60;

/// Small columns of the first phase, and full ones of the second, each a combination of small and fixed columns or a running sum of it.
fn plan() -> Plan {
    let fixed = (0..FIXED).map(|column| match column {
        0 => vec![Fr::ONE; ROWS],
        column if column % 3 == 0 => (0..ROWS).map(|row| integer((row * column) as i64 % 255 - 127)).collect(),
        column => (0..ROWS).map(|row| Fr::from(u64::from(row % column == 0))).collect(),
    });
    let bits = (0..4).map(|column| Fixed(0, 0) * Advice(column, 0) * (Advice(column, 0) - Constant(1)));
    let full = (0..FULL).map(|column| {
        let terms = (0..10).map(|term| {
            let at = column * 10 + term;
            let value = Advice(at % SMALL, 0) * Challenge(term % 3);
            if term % 2 == 0 { Fixed(1 + at % (FIXED - 1), 0) * value } else { value * Advice((at + 1) % SMALL, 0) }
        });
        let sum = terms.reduce(|sum, term| sum * Challenge(1) + term).unwrap();
        // The instance has no values: there is one for what it costs.
        let value = Advice(SMALL + column, 0) + Scaled(Box::new(Instance(0, 0)), 2);
        Fixed(0, 0) * (value - sum)
    });
    Plan {
        advice: [[0; SMALL].as_slice(), &[1; FULL]].concat(),
        fixed: fixed.collect(),
        instances: 1,
        challenges: vec![0; 3],
        gates: bits.chain(full).collect(),
        minimum_degree: Some(3),
    }
}

fn small() -> Vec<Vec<i32>> {
    let value = |column: usize, row: usize| match column {
        0..4 => (row / (column + 1) % 2) as i32,
        _ => ((row * 7919 + column * 104_729) % 65_536) as i32 - 32_768,
    };
    (0..SMALL).map(|column| (0..ROWS).map(|row| value(column, row)).collect()).collect()
}

fn fill(plan: &Plan) -> impl Fn(u8, &[Fr]) -> Vec<Column> + use<> {
    let (plan, small) = (plan.clone(), small());
    move |phase, challenges| {
        if phase == 0 {
            return small.iter().cloned().map(Column::Small).collect();
        }
        let full = (0..FULL).map(|column| {
            let values = (0..ROWS).map(|row| {
                let at = |column: usize| integer(small[column % SMALL][row].into());
                (0..10).fold(Fr::ZERO, |sum, term| {
                    let index = column * 10 + term;
                    let value = at(index) * challenges[term % 3];
                    let factor = if term % 2 == 0 { plan.fixed[1 + index % (FIXED - 1)][row] } else { at(index + 1) };
                    // The first term has nothing before it.
                    sum * challenges[1] + factor * value
                })
            });
            Column::Field(values.collect())
        });
        full.collect()
    }
}

/// Time of all processors.
struct Cpu;

impl Measurement for Cpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
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

fn proofs<M: Measurement>(criterion: &mut Criterion<M>, name: &str) {
    let plan = plan();
    let (params, pk) = keys(K, &PlanCircuit { plan: &plan, fill: None });
    let prover = Prover::new(&params, &pk).unwrap();
    let fill = fill(&plan);
    let ours = || prover.prove(&[&[]], &mut Filled(&fill), OsRng).unwrap();
    let upstream = || {
        let mut transcript = Blake2bWrite::<_, _, Challenge255<_>>::init(Vec::new());
        create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
            &params,
            &pk,
            &[PlanCircuit { plan: &plan, fill: Some(&fill) }],
            &[&[&[]]],
            OsRng,
            &mut transcript,
        )
        .unwrap();
        transcript.finalize()
    };
    assert!(accepted(&params, &pk, &[&[]], ours().bytes()));
    assert!(accepted(&params, &pk, &[&[]], &upstream()));
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.bench_function("ours", |bencher| bencher.iter(ours));
    group.bench_function("upstream", |bencher| bencher.iter(upstream));
    group.finish();
    // The least time of each stage.
    let mut stages: Vec<_> = ours().timings().stages().to_vec();
    for _ in 0..20 {
        for (least, timing) in stages.iter_mut().zip(ours().timings().stages()) {
            least.wall = least.wall.min(timing.wall);
            least.cpu = least.cpu.min(timing.cpu);
        }
    }
    for timing in stages {
        println!("{name}/ours/{}: wall {:.2?}, processors {:.2?}", timing.stage, timing.wall, timing.cpu);
    }
}

fn wall(criterion: &mut Criterion) {
    proofs(criterion, "wall");
}

fn cpu(criterion: &mut Criterion<Cpu>) {
    proofs(criterion, "cpu");
}

criterion_group!(by_clock, wall);
criterion_group!(name = by_processors; config = Criterion::default().with_measurement(Cpu); targets = cpu);
criterion_main!(by_clock, by_processors);
