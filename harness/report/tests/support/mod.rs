//! A synthetic run folder with every outcome in it. The figures are made up.

mod language;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use zktee_core::protocol::Description;
use zktee_core::record::{
    CellPlan, Environment, GenerationRow, RunRecord, SCHEMA, Sample, Settings, Task, TokenRow, files,
};
use zktee_core::vocabulary::{CellId, Hardware, Outcome, Part, Phase, SecurityBasis, SetupTrust, Trust};

/// A run that can be changed before it is written.
pub(crate) struct Fixture {
    pub(crate) record: RunRecord,
    pub(crate) samples: Vec<Sample>,
    pub(crate) generations: Vec<GenerationRow>,
    pub(crate) tokens: Vec<TokenRow>,
    pub(crate) environment: Environment,
}

/// Made-up medians of one cell, seconds: setup, infer, prove, verify.
type Times = [Option<f64>; 4];

impl Fixture {
    /// No cell yet.
    pub(crate) fn empty() -> Self {
        let settings = Settings {
            threads: 2,
            samples: 10,
            min_samples: 5,
            warmup: 2,
            time_budget_s: Some(3600.0),
            timeout_s: 600.0,
            disk_limit_bytes: None,
            memory_limit_bytes: Some(8_000_000_000),
            quick: false,
            assumed_instance: None,
            probes: true,
        };
        let record = RunRecord {
            schema: SCHEMA,
            zktee_version: "0.1.0".to_owned(),
            started_at: "2031-05-04T10:00:00Z".to_owned(),
            command: vec!["zktee".to_owned(), "run".to_owned(), "--threads".to_owned(), "2".to_owned()],
            settings,
            cells: Vec::new(),
            descriptions: BTreeMap::new(),
            language_descriptions: BTreeMap::new(),
            shard: None,
            merged: Vec::new(),
        };
        let environment = Environment {
            cpu: "Example CPU 9000".to_owned(),
            cpu_features: vec!["avx2".to_owned()],
            cores: 2,
            memory_bytes: 16_000_000_000,
            os: "Debian GNU/Linux 12".to_owned(),
            kernel: "6.1.0".to_owned(),
            virtualisation: Some("kvm".to_owned()),
            instance: None,
            governor: None,
            instructions_uncounted: None,
            rustc: "rustc 1.95.0".to_owned(),
            build: "x86_64-unknown-linux-gnu release".to_owned(),
            commit: Some("0123abc".to_owned()),
            versions: BTreeMap::new(),
            load_1m: Some(0.2),
        };
        Self { record, samples: Vec::new(), generations: Vec::new(), tokens: Vec::new(), environment }
    }

    /// Every workload, every backend, every outcome.
    pub(crate) fn full() -> Self {
        let mut f = Self::empty();
        for (workload, batch, k) in [("ols-iris", 150, 1.0), ("mlp-iris", 500, 9.0), ("lenet-mnist", 1, 40.0)] {
            let exact = workload == "ols-iris";
            f.good(workload, "native", batch, [Some(2e-4), Some(11e-6 * k), None, None], 12, 0.0);
            f.good(workload, "ezkl/default", batch, [Some(3.1 * k), Some(0.012), Some(1.9 * k), Some(0.021)], 10, 3e-3);
            f.good(workload, "ezkl/tuned", batch, [Some(1.4 * k), Some(0.012), Some(0.8 * k), Some(0.019)], 10, 4e-3);
            f.good(workload, "halo2", batch, [Some(0.5 * k), Some(40e-6 * k), Some(0.31 * k), Some(0.0041)], 3, 2e-4);
            f.good(
                workload,
                "halo2-ipa",
                batch,
                [Some(0.4 * k), Some(40e-6 * k), Some(0.52 * k), Some(0.11)],
                10,
                2e-4,
            );
            if exact {
                f.good(workload, "stark", batch, [Some(0.01), Some(30e-6), Some(0.09), Some(0.006)], 10, 2e-4);
            } else {
                f.fail(
                    workload,
                    "stark",
                    batch,
                    Phase::Prove,
                    Outcome::Timeout,
                    "no answer within 600 s; raise --timeout",
                );
            }
            f.good(
                workload,
                "enclave/process",
                batch,
                [Some(0.004), Some(14e-6 * k), Some(0.0007), Some(0.0009)],
                10,
                0.0,
            );
            f.decided(
                workload,
                "enclave/nitro",
                batch,
                Outcome::Unavailable,
                "no /dev/nsm or nitro-cli on this machine; run on an AWS instance with enclaves enabled",
            );
        }
        f.good("ols-iris", "risc0", 150, [Some(0.8), Some(0.01), Some(11.2), Some(0.03)], 5, 2e-4);
        f.fail(
            "mlp-iris",
            "risc0",
            500,
            Phase::Prove,
            Outcome::OutOfMemory,
            "7.9 GB of 8.0 GB used; raise --memory-limit",
        );
        f.decided(
            "lenet-mnist",
            "risc0",
            1,
            Outcome::Refused,
            "Conv of 5x5 is not done by the guest, \"see\" docs, section 3\nsecond line",
        );
        f.good("mlp-iris-each", "ezkl/tuned", 1, [Some(1.1), Some(0.002), Some(0.41), Some(0.018)], 10, 4e-3);
        f.record.cells.last_mut().unwrap().repeat = 500;
        f.good("mlp-iris-each", "enclave/process", 1, [Some(0.004), Some(11e-6), Some(0.0007), Some(0.0009)], 10, 0.0);
        f.record.cells.last_mut().unwrap().repeat = 500;
        f.fail(
            "mlp-iris-each",
            "halo2",
            1,
            Phase::Setup,
            Outcome::Crashed,
            "the worker died of signal 6: thread 'main' panicked",
        );
        f.good("lenet-mnist", "ezkl/resources", 1, [Some(30.0), Some(0.01), Some(20.0), Some(0.02)], 10, 0.7);
        f.plan("lenet-mnist", "enclave/qemu", 1);
        f.add_language_models();
        f
    }

    /// Adds a cell to the plan, and the backend's description.
    pub(crate) fn plan(&mut self, workload: &str, backend: &str, batch: usize) {
        self.record.cells.push(CellPlan {
            id: CellId::new(workload, backend),
            batch,
            repeat: 1,
            task: if workload == "ols-iris" { Task::Regression } else { Task::Classification },
            tolerance: 0.05,
            min_class_agreement: 0.9,
            multiplications: None,
            model_sha256: "ab".repeat(32),
            inputs_sha256: "cd".repeat(32),
            language: None,
            decided: None,
        });
        self.record.descriptions.entry(backend.to_owned()).or_insert_with(|| description(backend));
    }

    /// A cell that was decided before it began; its backend never spoke.
    pub(crate) fn decided(&mut self, workload: &str, backend: &str, batch: usize, outcome: Outcome, reason: &str) {
        self.plan(workload, backend, batch);
        if !self.samples.iter().any(|s| s.backend == backend) {
            self.record.descriptions.remove(backend);
        }
        self.record.cells.last_mut().unwrap().decided = Some((outcome, reason.to_owned()));
    }

    /// A cell of which all went well, with `n` samples a phase and a spread of some percent.
    pub(crate) fn good(&mut self, workload: &str, backend: &str, batch: usize, times: Times, n: u32, error: f64) {
        self.plan(workload, backend, batch);
        for (phase, time) in Phase::ALL.into_iter().zip(times) {
            let Some(time) = time else { continue };
            for i in 0..n {
                // A spread with a tail that is the same on every machine.
                let stretch = 1.0 + 0.03 * f64::from((i * 7 + 3) % 10) / 10.0 + if i % 9 == 8 { 0.2 } else { 0.0 };
                let mut s = sample(workload, backend, phase, i);
                s.wall_s = Some(time * stretch);
                s.user_s = Some(time * stretch * 1.7);
                s.system_s = Some(time * stretch * 0.05);
                s.peak_rss_bytes = Some(40_000_000 + (time * 9e7) as u64);
                fill(&mut s, workload, backend, error, time);
                self.samples.push(s);
            }
        }
    }

    /// A cell that went well until a phase.
    pub(crate) fn fail(
        &mut self,
        workload: &str,
        backend: &str,
        batch: usize,
        at: Phase,
        outcome: Outcome,
        reason: &str,
    ) {
        let times = Phase::ALL.map(|p| (p < at).then_some(0.02));
        self.good(workload, backend, batch, times, 5, 2e-4);
        let mut s = sample(workload, backend, at, 0);
        s.outcome = outcome;
        s.reason = Some(reason.to_owned());
        self.samples.push(s);
    }

    /// Writes the folder as a run leaves it.
    pub(crate) fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join(files::RUN), serde_json::to_vec_pretty(&self.record).unwrap()).unwrap();
        fs::write(dir.join(files::ENVIRONMENT), serde_json::to_vec_pretty(&self.environment).unwrap()).unwrap();
        fs::write(dir.join(files::LOG), "").unwrap();
        // The journal waits for the disk at every row; hundreds of made-up rows need not.
        let mut rows = csv::WriterBuilder::new().has_headers(false).from_path(dir.join(files::SAMPLES)).unwrap();
        rows.write_record(zktee_report::samples::columns()).unwrap();
        self.samples.iter().for_each(|s| rows.serialize(s).unwrap());
        rows.flush().unwrap();
        if !self.generations.is_empty() {
            zktee_report::write_rows(&dir.join(files::GENERATIONS), &self.generations).unwrap();
            zktee_report::write_rows(&dir.join(files::TOKENS), &self.tokens).unwrap();
        }
    }
}

fn fill(s: &mut Sample, workload: &str, backend: &str, error: f64, time: f64) {
    let zk = !backend.starts_with("native") && !backend.starts_with("enclave");
    match s.phase {
        Phase::Setup if zk => {
            s.proving_key_bytes = Some((time * 3e7) as u64 + 90_000);
            s.verifying_key_bytes = Some(2_400);
            s.rows = Some(1 << 17);
        }
        Phase::Infer | Phase::Prove => {
            s.max_abs_error = Some(error);
            s.mean_abs_error = Some(error / 4.0);
            if workload != "ols-iris" {
                s.class_agreement = Some(if error > 0.5 {
                    0.87
                } else if error > 1e-3 {
                    0.996
                } else {
                    1.0
                });
                s.accuracy = Some(if error > 0.5 { 0.84 } else { 0.974 });
            }
            if s.phase == Phase::Prove {
                s.proof_bytes = Some(if zk { 22_000 + (time * 300.0) as u64 } else { 4_480 });
            }
        }
        Phase::Verify => s.verified = Some(true),
        Phase::Setup => {}
    }
    if backend == "halo2-ipa" {
        s.flags = Some("clock-mismatch".to_owned());
    }
    if backend == "ezkl/tuned" {
        s.notes = Some("scale 7 chosen by calibration | lookup range -32768..32768".to_owned());
    }
}

/// A sample with nothing but its names.
pub(crate) fn sample(workload: &str, backend: &str, phase: Phase, n: u32) -> Sample {
    Sample {
        round: n,
        sample: n,
        started_at: "2031-05-04T10:00:01Z".to_owned(),
        iterations: Some(1),
        untimed_s: Some(0.001),
        load_1m: Some(0.3),
        ..Sample::blank(&CellId::new(workload, backend), phase)
    }
}

/// What a backend of a name would say of itself.
pub(crate) fn description(backend: &str) -> Description {
    let family = backend.split('/').next().unwrap();
    let all = Phase::ALL.to_vec();
    let binds = vec![Part::Model, Part::Input, Part::Output];
    let (phases, prove_includes_infer, trust) = match family {
        "native" => (vec![Phase::Setup, Phase::Infer], false, Trust::no_evidence()),
        "enclave" => (
            all,
            false,
            Trust {
                setup: SetupTrust::HardwareVendor,
                security_bits: None,
                security_basis: SecurityBasis::Hardware,
                zero_knowledge: true,
                post_quantum: false,
                binds,
                hides: vec![Part::Model],
                hardware: if backend == "enclave/nitro" { Hardware::Real } else { Hardware::Simulated },
                notes: vec!["A plain process: nothing is isolated.".to_owned()],
            },
        ),
        _ => (
            all,
            true,
            Trust {
                setup: if family == "halo2" || family == "ezkl" {
                    SetupTrust::Trusted
                } else {
                    SetupTrust::Transparent
                },
                security_bits: Some(100.0),
                security_basis: SecurityBasis::Conjectured,
                zero_knowledge: family != "stark",
                post_quantum: family == "stark" || family == "risc0",
                binds,
                hides: vec![],
                hardware: Hardware::None,
                notes: vec![],
            },
        ),
    };
    let version = "1.2.3".to_owned();
    Description { name: family.to_owned(), version, phases, prove_includes_infer, trust }
}
