//! `cells.csv`: one row a cell. `docs/results.md` says the same of every column at more length.

use serde::{Deserialize, Serialize};
use zktee_core::vocabulary::{CellId, Hardware, Outcome, Phase, SecurityBasis, SetupTrust};

/// What became of one workload on one backend. An absent value is an empty field, never a zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The workload's name.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, with the fix where one is known; for extrapolated times, from what.
    pub reason: Option<String>,
    /// [`CellFlag`]s and the flags of its samples, separated by `;`.
    pub flags: Option<String>,
    /// Inputs of one call.
    pub batch: usize,
    /// Calls that make up the workload.
    pub calls: u64,
    /// Calls that were measured: those of the least measured phase among `infer`, `prove` and `verify`.
    pub calls_measured: u64,
    /// Multiplications by a weight for one input, where the model's could be counted.
    pub multiplications: Option<u64>,
    /// Samples of `setup`.
    pub setup_n: u64,
    /// Median wall-clock time of `setup`, seconds.
    pub setup_wall_s_median: Option<f64>,
    /// Median absolute deviation of the same, raw, seconds.
    pub setup_wall_s_mad: Option<f64>,
    /// Lower end of the median's 95 % bootstrap interval, seconds.
    pub setup_wall_s_ci_low: Option<f64>,
    /// Upper end of the median's 95 % bootstrap interval, seconds.
    pub setup_wall_s_ci_high: Option<f64>,
    /// Median CPU time of `setup`, user and system, all threads, seconds.
    pub setup_cpu_s_median: Option<f64>,
    /// Largest peak resident memory in a sample of `setup`, bytes.
    pub setup_peak_rss_bytes: Option<u64>,
    /// Samples of `infer`.
    pub infer_n: u64,
    /// Median wall-clock time of `infer`, of all calls, seconds.
    pub infer_wall_s_median: Option<f64>,
    /// Median absolute deviation of the same, raw, seconds.
    pub infer_wall_s_mad: Option<f64>,
    /// Lower end of the median's 95 % bootstrap interval, seconds.
    pub infer_wall_s_ci_low: Option<f64>,
    /// Upper end of the median's 95 % bootstrap interval, seconds.
    pub infer_wall_s_ci_high: Option<f64>,
    /// Median CPU time of `infer`, of all calls, user and system, all threads, seconds.
    pub infer_cpu_s_median: Option<f64>,
    /// Largest peak resident memory in a sample of `infer`, bytes.
    pub infer_peak_rss_bytes: Option<u64>,
    /// Samples of `prove`.
    pub prove_n: u64,
    /// Median wall-clock time of `prove`, of all calls, seconds.
    pub prove_wall_s_median: Option<f64>,
    /// Median absolute deviation of the same, raw, seconds.
    pub prove_wall_s_mad: Option<f64>,
    /// Lower end of the median's 95 % bootstrap interval, seconds.
    pub prove_wall_s_ci_low: Option<f64>,
    /// Upper end of the median's 95 % bootstrap interval, seconds.
    pub prove_wall_s_ci_high: Option<f64>,
    /// Median CPU time of `prove`, of all calls, user and system, all threads, seconds.
    pub prove_cpu_s_median: Option<f64>,
    /// Largest peak resident memory in a sample of `prove`, bytes.
    pub prove_peak_rss_bytes: Option<u64>,
    /// Samples of `verify`.
    pub verify_n: u64,
    /// Median wall-clock time of `verify`, of all calls, seconds.
    pub verify_wall_s_median: Option<f64>,
    /// Median absolute deviation of the same, raw, seconds.
    pub verify_wall_s_mad: Option<f64>,
    /// Lower end of the median's 95 % bootstrap interval, seconds.
    pub verify_wall_s_ci_low: Option<f64>,
    /// Upper end of the median's 95 % bootstrap interval, seconds.
    pub verify_wall_s_ci_high: Option<f64>,
    /// Median CPU time of `verify`, of all calls, user and system, all threads, seconds.
    pub verify_cpu_s_median: Option<f64>,
    /// Largest peak resident memory in a sample of `verify`, bytes.
    pub verify_peak_rss_bytes: Option<u64>,
    /// What a user waits for, without the setup: the sum of the medians that make it up, seconds.
    pub total_wall_s_median: Option<f64>,
    /// Lower end of the total's 95 % bootstrap interval, seconds.
    pub total_wall_s_ci_low: Option<f64>,
    /// Upper end of the total's 95 % bootstrap interval, seconds.
    pub total_wall_s_ci_high: Option<f64>,
    /// `prove_wall_s_median` for each input, seconds.
    pub prove_wall_s_per_input: Option<f64>,
    /// `total_wall_s_median` for each input, seconds.
    pub total_wall_s_per_input: Option<f64>,
    /// The first evidence including the setup, of one call: the first calls of the first processes of `setup`, of `infer` where it is in the
    /// total, and of `prove`, seconds.
    pub cold_wall_s: Option<f64>,
    /// The same with keys at hand, of one call: the medians without that of `setup`, seconds.
    pub warm_wall_s: Option<f64>,
    /// What an input costs by a price table: the whole machine for `total_wall_s_per_input`, USD.
    pub cost_usd_per_input: Option<f64>,
    /// The machine that this is the price of.
    pub cost_instance: Option<String>,
    /// What an hour of it costs, USD.
    pub cost_usd_per_hour: Option<f64>,
    /// The day on which that price was seen.
    pub cost_price_seen: Option<String>,
    /// Whether the machine was another, and somebody named this one.
    pub cost_assumed: Option<bool>,
    /// Largest bare proof or attestation document, bytes.
    pub proof_bytes: Option<u64>,
    /// Proving key, bytes.
    pub proving_key_bytes: Option<u64>,
    /// Verifying key, bytes.
    pub verifying_key_bytes: Option<u64>,
    /// Witness, bytes.
    pub witness_bytes: Option<u64>,
    /// Structured reference string, bytes.
    pub srs_bytes: Option<u64>,
    /// Constraint rows.
    pub rows: Option<u64>,
    /// Cycles of a virtual machine.
    pub cycles: Option<u64>,
    /// Largest peak resident memory of all phases, bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Largest absolute difference to the float reference, the worst sample's.
    pub max_abs_error: Option<f64>,
    /// Mean absolute difference to the float reference, the worst sample's.
    pub mean_abs_error: Option<f64>,
    /// Share of inputs whose class equals the float reference's, 0 to 1, the worst sample's.
    pub class_agreement: Option<f64>,
    /// Share of inputs whose class equals the label, 0 to 1, the worst sample's.
    pub accuracy: Option<f64>,
    /// Forgeries that the verifier rejected.
    pub probes_rejected: Option<u64>,
    /// Forgeries that the verifier was shown.
    pub probes_tried: Option<u64>,
    /// Those that it did not reject, by name, separated by `;`.
    pub probes_accepted: Option<String>,
    /// The system under test, as it names itself.
    pub system: Option<String>,
    /// The version of the system under test.
    pub system_version: Option<String>,
    /// Whether `prove` starts from the raw inputs, so that `infer` is not in the total.
    pub prove_includes_infer: Option<bool>,
    /// Who must be trusted for the setup.
    pub setup_trust: Option<SetupTrust>,
    /// Bits of security of the evidence.
    pub security_bits: Option<f64>,
    /// What that number rests on.
    pub security_basis: Option<SecurityBasis>,
    /// Whether the evidence keeps secret what it does not state.
    pub zero_knowledge: Option<bool>,
    /// Whether the evidence stands against a quantum computer.
    pub post_quantum: Option<bool>,
    /// Parts of `output = model(input)` that the evidence binds, separated by `;`.
    pub binds: Option<String>,
    /// Parts that stay hidden from the verifier, separated by `;`.
    pub hides: Option<String>,
    /// Whether isolation by hardware is real.
    pub hardware: Option<Hardware>,
    /// Largest load average of the machine before a sample.
    pub load_1m_max: Option<f64>,
    /// SHA-256 of the ONNX file.
    pub model_sha256: String,
    /// SHA-256 of the inputs.
    pub inputs_sha256: String,
    /// Notes of the worker, each once, separated by ` | `.
    pub notes: Option<String>,
}

/// What makes a cell worth a second look, beside the flags of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellFlag {
    /// `infer`, `prove` or `verify` has fewer samples than the run's `min_samples`.
    FewSamples,
    /// `setup` has, which the total does not rest on.
    FewSetupSamples,
    /// Times are those of a few calls or of a part of the work, multiplied.
    Extrapolated,
    /// Evidence was timed whose verification says neither yes nor no.
    Unverified,
    /// A language model whose weights were drawn at random: speed alone.
    RandomWeights,
}

impl CellFlag {
    /// The name used in the CSV files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FewSamples => "few-samples",
            Self::FewSetupSamples => "few-setup-samples",
            Self::Extrapolated => "extrapolated",
            Self::Unverified => "unverified",
            Self::RandomWeights => "random-weights",
        }
    }
}

/// What sort of evidence a backend gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// None: the answer alone, the floor under the others.
    Plain,
    /// A proof.
    Zk,
    /// An attestation by hardware, real or simulated.
    Tee,
}

/// The columns of one phase, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PhaseColumns {
    /// Samples.
    pub n: u64,
    /// Median wall-clock time, seconds.
    pub wall_s_median: Option<f64>,
    /// Median absolute deviation, seconds.
    pub wall_s_mad: Option<f64>,
    /// Lower end of the median's interval, seconds.
    pub wall_s_ci_low: Option<f64>,
    /// Upper end of the median's interval, seconds.
    pub wall_s_ci_high: Option<f64>,
    /// Median CPU time, seconds.
    pub cpu_s_median: Option<f64>,
    /// Largest peak resident memory, bytes.
    pub peak_rss_bytes: Option<u64>,
}

impl Cell {
    /// A cell of which nothing is known.
    pub(crate) const fn blank() -> Self {
        Self {
            workload: String::new(),
            backend: String::new(),
            outcome: Outcome::Unfinished,
            reason: None,
            flags: None,
            batch: 0,
            calls: 0,
            calls_measured: 0,
            multiplications: None,
            setup_n: 0,
            setup_wall_s_median: None,
            setup_wall_s_mad: None,
            setup_wall_s_ci_low: None,
            setup_wall_s_ci_high: None,
            setup_cpu_s_median: None,
            setup_peak_rss_bytes: None,
            infer_n: 0,
            infer_wall_s_median: None,
            infer_wall_s_mad: None,
            infer_wall_s_ci_low: None,
            infer_wall_s_ci_high: None,
            infer_cpu_s_median: None,
            infer_peak_rss_bytes: None,
            prove_n: 0,
            prove_wall_s_median: None,
            prove_wall_s_mad: None,
            prove_wall_s_ci_low: None,
            prove_wall_s_ci_high: None,
            prove_cpu_s_median: None,
            prove_peak_rss_bytes: None,
            verify_n: 0,
            verify_wall_s_median: None,
            verify_wall_s_mad: None,
            verify_wall_s_ci_low: None,
            verify_wall_s_ci_high: None,
            verify_cpu_s_median: None,
            verify_peak_rss_bytes: None,
            total_wall_s_median: None,
            total_wall_s_ci_low: None,
            total_wall_s_ci_high: None,
            prove_wall_s_per_input: None,
            total_wall_s_per_input: None,
            cold_wall_s: None,
            warm_wall_s: None,
            cost_usd_per_input: None,
            cost_instance: None,
            cost_usd_per_hour: None,
            cost_price_seen: None,
            cost_assumed: None,
            proof_bytes: None,
            proving_key_bytes: None,
            verifying_key_bytes: None,
            witness_bytes: None,
            srs_bytes: None,
            rows: None,
            cycles: None,
            peak_rss_bytes: None,
            max_abs_error: None,
            mean_abs_error: None,
            class_agreement: None,
            accuracy: None,
            probes_rejected: None,
            probes_tried: None,
            probes_accepted: None,
            system: None,
            system_version: None,
            prove_includes_infer: None,
            setup_trust: None,
            security_bits: None,
            security_basis: None,
            zero_knowledge: None,
            post_quantum: None,
            binds: None,
            hides: None,
            hardware: None,
            load_1m_max: None,
            model_sha256: String::new(),
            inputs_sha256: String::new(),
            notes: None,
        }
    }

    /// The cell's name.
    pub fn id(&self) -> CellId {
        CellId::new(&*self.workload, &*self.backend)
    }

    /// The columns of one phase.
    pub fn phase(&self, phase: Phase) -> PhaseColumns {
        match phase {
            Phase::Setup => PhaseColumns {
                n: self.setup_n,
                wall_s_median: self.setup_wall_s_median,
                wall_s_mad: self.setup_wall_s_mad,
                wall_s_ci_low: self.setup_wall_s_ci_low,
                wall_s_ci_high: self.setup_wall_s_ci_high,
                cpu_s_median: self.setup_cpu_s_median,
                peak_rss_bytes: self.setup_peak_rss_bytes,
            },
            Phase::Infer => PhaseColumns {
                n: self.infer_n,
                wall_s_median: self.infer_wall_s_median,
                wall_s_mad: self.infer_wall_s_mad,
                wall_s_ci_low: self.infer_wall_s_ci_low,
                wall_s_ci_high: self.infer_wall_s_ci_high,
                cpu_s_median: self.infer_cpu_s_median,
                peak_rss_bytes: self.infer_peak_rss_bytes,
            },
            Phase::Prove => PhaseColumns {
                n: self.prove_n,
                wall_s_median: self.prove_wall_s_median,
                wall_s_mad: self.prove_wall_s_mad,
                wall_s_ci_low: self.prove_wall_s_ci_low,
                wall_s_ci_high: self.prove_wall_s_ci_high,
                cpu_s_median: self.prove_cpu_s_median,
                peak_rss_bytes: self.prove_peak_rss_bytes,
            },
            Phase::Verify => PhaseColumns {
                n: self.verify_n,
                wall_s_median: self.verify_wall_s_median,
                wall_s_mad: self.verify_wall_s_mad,
                wall_s_ci_low: self.verify_wall_s_ci_low,
                wall_s_ci_high: self.verify_wall_s_ci_high,
                cpu_s_median: self.verify_cpu_s_median,
                peak_rss_bytes: self.verify_peak_rss_bytes,
            },
        }
    }

    /// What sort of evidence the backend gives; of a backend that never spoke, what its name says.
    pub fn kind(&self) -> Kind {
        match (self.security_basis, self.hardware) {
            (Some(SecurityBasis::Hardware), _) | (_, Some(Hardware::Real | Hardware::Simulated)) => Kind::Tee,
            (Some(SecurityBasis::None), _) => Kind::Plain,
            (Some(_), _) => Kind::Zk,
            (None, _) => match self.backend.split('/').next() {
                Some("enclave") => Kind::Tee,
                Some("native") => Kind::Plain,
                _ => Kind::Zk,
            },
        }
    }

    /// Whether the run was marked with a flag.
    pub fn has_flag(&self, flag: CellFlag) -> bool {
        self.flags.as_deref().is_some_and(|flags| flags.split(';').any(|f| f == flag.as_str()))
    }

    /// The total, unless the cell has none to show.
    pub fn total(&self) -> Option<f64> {
        self.total_wall_s_median.filter(|_| self.outcome.has_times())
    }
}
