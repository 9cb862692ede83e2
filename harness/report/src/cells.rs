//! From samples to cells.

use std::collections::{BTreeMap, BTreeSet};

use zktee_core::protocol::Description;
use zktee_core::record::{CellPlan, ProbeRow, ProbeVerdict, Sample, Settings, backend_without_machine};
use zktee_core::vocabulary::{CellId, Hardware, Outcome, Part, Phase};

use crate::cell::{Cell, CellFlag, PhaseColumns};
use crate::load::Run;
use crate::prices::Rate;
use crate::stats;

/// The cells of a run, in the plan's order.
pub fn cells(run: &Run) -> Vec<Cell> {
    let mut by_cell: BTreeMap<CellId, Vec<&Sample>> = BTreeMap::new();
    for sample in &run.samples {
        by_cell.entry(CellId::new(&*sample.workload, &*sample.backend)).or_default().push(sample);
    }
    let rate = Rate::of(&run.record.settings, run.environment.as_ref());
    let one = |plan: &CellPlan| {
        let material = Material {
            plan,
            settings: &run.record.settings,
            description: run.record.description(plan),
            samples: by_cell.get(&plan.id).map_or(&[], Vec::as_slice),
            probes: run
                .probes
                .iter()
                .filter(|probe| probe.workload == plan.id.workload && probe.backend == plan.id.backend)
                .collect(),
        };
        priced(material.cell(), rate.as_ref(), run.record.settings.threads)
    };
    run.record.cells.iter().map(one).collect()
}

/// The cell with what an input costs, where it has a cost.
fn priced(cell: Cell, rate: Option<&Rate>, threads: usize) -> Cell {
    // In a merged run rows of another machine say so in their names; the price is that of the first.
    let of_first = backend_without_machine(&cell.backend) == cell.backend;
    let Some(rate) = rate.filter(|_| of_first) else { return cell };
    let cost = rate.of_input(cell.outcome, cell.hardware, cell.total_wall_s_per_input, cell.peak_rss_bytes, threads);
    let Some(cost) = cost else { return cell };
    Cell {
        cost_usd_per_input: Some(cost),
        cost_instance: Some(rate.price.name.clone()),
        cost_usd_per_hour: Some(rate.price.per_hour),
        cost_price_seen: Some(rate.price.seen.clone()),
        cost_assumed: Some(rate.assumed),
        ..cell
    }
}

/// All that is known of one cell.
struct Material<'a> {
    plan: &'a CellPlan,
    settings: &'a Settings,
    description: Option<&'a Description>,
    samples: &'a [&'a Sample],
    probes: Vec<&'a ProbeRow>,
}

impl Material<'_> {
    fn cell(&self) -> Cell {
        let [setup, infer, prove, verify] = Phase::ALL.map(|phase| self.phase_columns(phase));
        let (outcome, reason) = self.outcome();
        let inputs = self.plan.batch as f64 * self.plan.repeat as f64;
        let total = outcome.has_times().then(|| self.total()).flatten();
        let total_interval = if total.is_some() { self.total_interval() } else { None };
        let trust = self.description.map(|d| &d.trust);
        Cell {
            workload: self.plan.id.workload.clone(),
            backend: self.plan.id.backend.clone(),
            outcome,
            reason,
            flags: self.flags(),
            batch: self.plan.batch,
            calls: self.plan.repeat,
            calls_measured: self.calls_measured(),
            multiplications: self.plan.multiplications,
            setup_n: setup.n,
            setup_wall_s_median: setup.wall_s_median,
            setup_wall_s_mad: setup.wall_s_mad,
            setup_wall_s_ci_low: setup.wall_s_ci_low,
            setup_wall_s_ci_high: setup.wall_s_ci_high,
            setup_cpu_s_median: setup.cpu_s_median,
            setup_peak_rss_bytes: setup.peak_rss_bytes,
            infer_n: infer.n,
            infer_wall_s_median: infer.wall_s_median,
            infer_wall_s_mad: infer.wall_s_mad,
            infer_wall_s_ci_low: infer.wall_s_ci_low,
            infer_wall_s_ci_high: infer.wall_s_ci_high,
            infer_cpu_s_median: infer.cpu_s_median,
            infer_peak_rss_bytes: infer.peak_rss_bytes,
            prove_n: prove.n,
            prove_wall_s_median: prove.wall_s_median,
            prove_wall_s_mad: prove.wall_s_mad,
            prove_wall_s_ci_low: prove.wall_s_ci_low,
            prove_wall_s_ci_high: prove.wall_s_ci_high,
            prove_cpu_s_median: prove.cpu_s_median,
            prove_peak_rss_bytes: prove.peak_rss_bytes,
            verify_n: verify.n,
            verify_wall_s_median: verify.wall_s_median,
            verify_wall_s_mad: verify.wall_s_mad,
            verify_wall_s_ci_low: verify.wall_s_ci_low,
            verify_wall_s_ci_high: verify.wall_s_ci_high,
            verify_cpu_s_median: verify.cpu_s_median,
            verify_peak_rss_bytes: verify.peak_rss_bytes,
            total_wall_s_median: total,
            total_wall_s_ci_low: total_interval.map(|i| i.low),
            total_wall_s_ci_high: total_interval.map(|i| i.high),
            prove_wall_s_per_input: prove.wall_s_median.map(|s| s / inputs),
            total_wall_s_per_input: total.map(|s| s / inputs),
            cold_wall_s: if outcome.has_times() { self.cold() } else { None },
            warm_wall_s: if outcome.has_times() { self.warm() } else { None },
            proof_bytes: self.largest(|s| s.proof_bytes),
            proving_key_bytes: self.largest(|s| s.proving_key_bytes),
            verifying_key_bytes: self.largest(|s| s.verifying_key_bytes),
            witness_bytes: self.largest(|s| s.witness_bytes),
            srs_bytes: self.largest(|s| s.srs_bytes),
            rows: self.largest(|s| s.rows),
            cycles: self.largest(|s| s.cycles),
            peak_rss_bytes: [setup, infer, prove, verify].iter().filter_map(|p| p.peak_rss_bytes).max(),
            max_abs_error: self.greatest(|s| s.max_abs_error),
            mean_abs_error: self.greatest(|s| s.mean_abs_error),
            class_agreement: self.least(|s| s.class_agreement),
            accuracy: self.least(|s| s.accuracy),
            probes_rejected: self.probes_with(ProbeVerdict::Rejected).map(|probes| probes.len() as u64),
            probes_tried: (!self.probes.is_empty()).then_some(self.probes.len() as u64),
            probes_accepted: self.not_rejected(),
            system: self.description.map(|d| d.name.clone()),
            system_version: self.description.map(|d| d.version.clone()),
            prove_includes_infer: self.description.map(|d| d.prove_includes_infer),
            setup_trust: trust.map(|t| t.setup),
            security_bits: trust.and_then(|t| t.security_bits).filter(|bits| bits.is_finite()),
            security_basis: trust.map(|t| t.security_basis),
            zero_knowledge: trust.map(|t| t.zero_knowledge),
            post_quantum: trust.map(|t| t.post_quantum),
            binds: trust.and_then(|t| parts(&t.binds)),
            hides: trust.and_then(|t| parts(&t.hides)),
            hardware: trust.map(|t| t.hardware),
            load_1m_max: self.greatest(|s| s.load_1m),
            model_sha256: self.plan.model_sha256.clone(),
            inputs_sha256: self.plan.inputs_sha256.clone(),
            notes: self.notes(),
            ..Cell::blank()
        }
    }

    /// The good samples of a whole phase.
    fn good(&self, phase: Phase) -> impl Iterator<Item = &Sample> {
        self.samples.iter().copied().filter(move |s| s.phase == phase && s.is_whole_and_good())
    }

    /// Wall-clock seconds of a phase, of all the workload's calls, by sample.
    fn walls(&self, phase: Phase) -> Vec<f64> {
        let factor = self.factor(phase);
        self.good(phase).filter_map(|s| s.wall_s).map(|s| s * factor).collect()
    }

    /// A sample of `setup` serves all calls; one of any other phase is one call.
    fn factor(&self, phase: Phase) -> f64 {
        if phase == Phase::Setup { 1.0 } else { self.plan.repeat as f64 }
    }

    fn phase_columns(&self, phase: Phase) -> PhaseColumns {
        let walls = self.walls(phase);
        let interval = stats::interval_of_median(&walls);
        let factor = self.factor(phase);
        let cpus: Vec<f64> = self.good(phase).filter_map(Sample::cpu_s).map(|s| s * factor).collect();
        PhaseColumns {
            n: walls.len() as u64,
            wall_s_median: stats::median(&walls),
            wall_s_mad: stats::mad(&walls),
            wall_s_ci_low: interval.map(|i| i.low),
            wall_s_ci_high: interval.map(|i| i.high),
            cpu_s_median: stats::median(&cpus),
            peak_rss_bytes: self.good(phase).filter_map(|s| s.peak_rss_bytes).max(),
        }
    }

    /// The phases that a user waits for: `prove` and `verify` where `prove` starts from the raw inputs, else `infer` too.
    fn total_phases(&self) -> Vec<Phase> {
        let Some(description) = self.description else { return Vec::new() };
        let waited_for = |phase: &Phase| match phase {
            Phase::Setup => false,
            Phase::Infer => !(description.prove_includes_infer && description.phases.contains(&Phase::Prove)),
            Phase::Prove | Phase::Verify => true,
        };
        description.phases.iter().copied().filter(waited_for).collect()
    }

    fn total(&self) -> Option<f64> {
        let phases = self.total_phases();
        let medians: Option<Vec<f64>> = phases.iter().map(|&p| stats::median(&self.walls(p))).collect();
        medians.filter(|m| !m.is_empty()).map(|m| m.iter().sum())
    }

    /// The phases that lead to the evidence, or to the answer of a backend that gives none.
    fn phases_to_evidence(&self) -> impl Iterator<Item = Phase> {
        self.total_phases().into_iter().filter(|phase| *phase != Phase::Verify)
    }

    /// The first call of the first process of each, the setup before them. Runs of before first calls were recorded have the timed one.
    fn cold(&self) -> Option<f64> {
        let first = |phase| {
            let sample = self.good(phase).find(|s| s.sample == 0)?;
            sample.first_wall_s.or(sample.wall_s)
        };
        let setup = self.description.filter(|d| d.phases.contains(&Phase::Setup)).map(|_| Phase::Setup);
        setup.into_iter().chain(self.phases_to_evidence()).map(first).sum()
    }

    /// The medians of one call.
    fn warm(&self) -> Option<f64> {
        self.phases_to_evidence().map(|p| stats::median(&self.walls(p)).map(|s| s / self.factor(p))).sum()
    }

    fn total_interval(&self) -> Option<stats::Interval> {
        let walls: Vec<Vec<f64>> = self.total_phases().iter().map(|&p| self.walls(p)).collect();
        stats::interval_of_sum_of_medians(&walls.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn calls_measured(&self) -> u64 {
        let counts = [Phase::Infer, Phase::Prove, Phase::Verify].map(|p| self.good(p).count() as u64);
        counts.into_iter().filter(|&n| n > 0).min().unwrap_or(0)
    }

    /// What became of the cell: what was decided before it began, else its first failure, else what its samples amount to.
    fn outcome(&self) -> (Outcome, Option<String>) {
        if let Some((outcome, reason)) = &self.plan.decided {
            return (*outcome, Some(reason.clone()));
        }
        if let Some(failed) = self.samples.iter().find(|s| !s.is_good()) {
            let reason = failed.reason.clone().filter(|r| !r.trim().is_empty());
            return (
                failed.outcome,
                reason.or_else(|| Some(format!("no reason recorded; it was in {}", failed.phase))),
            );
        }
        if let Some(why) = self.wrong() {
            return (Outcome::Wrong, Some(why));
        }
        if let Some(why) = self.unsound() {
            return (Outcome::Unsound, Some(why));
        }
        if let Some(why) = self.unfinished() {
            return (Outcome::Unfinished, Some(why));
        }
        let extrapolated = self.extrapolated();
        let simulated = self.description.is_some_and(|d| d.trust.hardware == Hardware::Simulated);
        // Simulated comes first: an enclave without isolation must never pass for one, extrapolated or not.
        let outcome = match (simulated, &extrapolated) {
            (true, _) => Outcome::Simulated,
            (false, Some(_)) => Outcome::Estimated,
            (false, None) => Outcome::Measured,
        };
        (outcome, extrapolated)
    }

    /// From what times were worked out, where they were: from a few calls, from parts of a phase's work.
    fn extrapolated(&self) -> Option<String> {
        let calls = (self.plan.repeat > 1).then(|| {
            format!("extrapolated: median of {} measured calls x {}", self.calls_measured(), self.plan.repeat)
        });
        let of_part = |phase| self.good(phase).find(|s| s.outcome == Outcome::Estimated);
        let parts = Phase::ALL.into_iter().filter_map(of_part);
        let parts =
            parts.map(|s| format!("extrapolated: {}: {}", s.phase, s.reason.as_deref().unwrap_or("from a part of it")));
        let how: Vec<String> = calls.into_iter().chain(parts).collect();
        (!how.is_empty()).then(|| how.join("; "))
    }

    /// The probes with a verdict; none where nothing was probed.
    fn probes_with(&self, verdict: ProbeVerdict) -> Option<Vec<&ProbeRow>> {
        let of_it = || self.probes.iter().copied().filter(|probe| probe.verdict == verdict).collect();
        (!self.probes.is_empty()).then(of_it)
    }

    /// Forgeries that were taken, or that the verifier died over, by name.
    fn not_rejected(&self) -> Option<String> {
        let names = self.probes.iter().filter_map(|probe| match probe.verdict {
            ProbeVerdict::Rejected => None,
            ProbeVerdict::Accepted => Some(probe.probe.clone()),
            ProbeVerdict::Crashed => Some(format!("{} (the verifier died)", probe.probe)),
        });
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then(|| names.join(";"))
    }

    /// Which other statements the verifier took, where it did.
    fn unsound(&self) -> Option<String> {
        let taken =
            self.probes.iter().filter(|probe| probe.changes_statement && probe.verdict == ProbeVerdict::Accepted);
        let names: Vec<&str> = taken.map(|probe| probe.probe.as_str()).collect();
        (!names.is_empty()).then(|| format!("its verifier took evidence of something else: {}", names.join(", ")))
    }

    /// Why the answers or their evidence do not hold, where they do not.
    fn wrong(&self) -> Option<String> {
        if let Some(rejected) = self.good(Phase::Verify).find(|s| s.verified == Some(false)) {
            return Some(format!("the verifier rejected the evidence of sample {}", rejected.sample));
        }
        let error = self.greatest(|s| s.max_abs_error).filter(|e| *e > self.plan.tolerance);
        if let Some(error) = error {
            return Some(format!(
                "largest difference to the float reference {error:.3e}, tolerance {:.3e}",
                self.plan.tolerance
            ));
        }
        let agreement = self.least(|s| s.class_agreement).filter(|a| *a < self.plan.min_class_agreement);
        agreement.map(|a| {
            format!(
                "{:.2} % of the classes are the float reference's, {:.2} % are asked for",
                a * 100.0,
                self.plan.min_class_agreement * 100.0
            )
        })
    }

    /// What is missing, where something is.
    fn unfinished(&self) -> Option<String> {
        if self.samples.is_empty() {
            return Some(
                "the run ended before this cell had a sample; go on with `zktee run --resume` and this folder"
                    .to_owned(),
            );
        }
        let Some(description) = self.description else {
            return Some("the backend's description is missing from run.json".to_owned());
        };
        let missing: Vec<&str> =
            description.phases.iter().filter(|&&p| self.good(p).next().is_none()).map(|p| p.as_str()).collect();
        (!missing.is_empty()).then(|| {
            format!(
                "the run ended before a sample of {}; go on with `zktee run --resume` and this folder",
                missing.join(", ")
            )
        })
    }

    fn flags(&self) -> Option<String> {
        let mut flags = Vec::new();
        let few = |p: Phase| (1..self.settings.min_samples as usize).contains(&self.good(p).count());
        if [Phase::Infer, Phase::Prove, Phase::Verify].into_iter().any(few) {
            flags.push(CellFlag::FewSamples.as_str());
        }
        if few(Phase::Setup) {
            flags.push(CellFlag::FewSetupSamples.as_str());
        }
        let of_part = self.samples.iter().any(|s| s.outcome == Outcome::Estimated);
        if of_part || (self.plan.repeat > 1 && self.calls_measured() > 0) {
            flags.push(CellFlag::Extrapolated.as_str());
        }
        if self.good(Phase::Verify).any(|s| s.verified.is_none()) {
            flags.push(CellFlag::Unverified.as_str());
        }
        if !self.samples.is_empty() && self.plan.language.as_ref().is_some_and(|it| it.random_weights) {
            flags.push(CellFlag::RandomWeights.as_str());
        }
        let seen: BTreeSet<&str> =
            self.samples.iter().filter_map(|s| s.flags.as_deref()).flat_map(|f| f.split(';')).collect();
        flags.extend(seen.into_iter().map(str::trim).filter(|f| !f.is_empty()));
        (!flags.is_empty()).then(|| flags.join(";"))
    }

    fn notes(&self) -> Option<String> {
        let mut notes: Vec<&str> = Vec::new();
        let mut seen = BTreeSet::new();
        for note in self.samples.iter().filter_map(|s| s.notes.as_deref()).flat_map(|n| n.split(" | ")) {
            if !note.trim().is_empty() && seen.insert(note) {
                notes.push(note);
            }
        }
        (!notes.is_empty()).then(|| notes.join(" | "))
    }

    fn largest(&self, column: impl Fn(&Sample) -> Option<u64>) -> Option<u64> {
        self.samples.iter().filter_map(|s| column(s)).max()
    }

    fn greatest(&self, column: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        self.samples.iter().filter_map(|s| column(s)).max_by(f64::total_cmp)
    }

    fn least(&self, column: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        self.samples.iter().filter_map(|s| column(s)).min_by(f64::total_cmp)
    }
}

fn parts(parts: &[Part]) -> Option<String> {
    let names: Vec<&str> = parts
        .iter()
        .map(|part| match part {
            Part::Model => "model",
            Part::Input => "input",
            Part::Output => "output",
        })
        .collect();
    (!names.is_empty()).then(|| names.join(";"))
}
