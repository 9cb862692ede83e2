//! How hard it is to forge a proof: Plonky3's report for the very parameters in use, our own terms, and all of it added up.
//!
//! Plonky3's report takes the largest error of any round, as an analysis round by round does. Here errors are added, and each folding is
//! counted, so that what is reported is a bound on the chance of a forger who tries once, in the random-oracle model.

use p3_security::fri::{self, FriRegime};
use p3_security::logup::{self, LogUpAir};
use p3_security::report::{LDT_COMMIT_LABEL, LDT_LABEL, LDT_QUERY_LABEL};
use p3_security::{CandidateSet, ErrorBits, GrindingSites, InstanceShape, RegimeReport, SecurityTerm, StarkAirParams};
use p3_security::{proximity, stark};

use crate::degrees::Degrees;
use crate::field::{DEGREE, MODULUS};
use crate::layout::Layout;
use crate::parameters::Parameters;

/// Degree of the constraints.
const DEGREE_OF_CONSTRAINTS: usize = 3;

/// Pieces of the quotient.
pub(crate) const PIECES: usize = 2;

/// The running sum is opened at two points.
const MOST_POINTS: usize = 2;

/// Bits of collision resistance of a hash of 256 bits.
const COLLISION_BITS: usize = 128;

/// Our own term: the linear equations of a model, combined by the powers of one challenge.
pub(crate) const EQUATIONS_LABEL: &str = "equations";

/// Up to which distance from a codeword the proof of soundness reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regime {
    /// Half the distance: one codeword is near at most.
    UniqueDecoding,
    /// Up to the Johnson bound: a short list.
    Johnson,
}

/// A source of error.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Its name in Plonky3's report, or `equations`, which is ours.
    pub label: &'static str,
    /// `-log2` of its error.
    pub bits: f64,
}

/// What a proof of one shape is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Security {
    /// Up to which radius it is proven: `unique-decoding` or `johnson`.
    pub regime: &'static str,
    /// The terms of the proven bound.
    pub proven: Vec<Term>,
    /// All of them added up; 0 where nothing can be proven.
    pub proven_bits: f64,
    /// The terms under the conjecture that random words are the worst ones.
    pub conjectured: Vec<Term>,
    /// All of them added up.
    pub conjectured_bits: f64,
}

/// What all terms are worked out from.
struct Instance {
    fri: FriRegime,
    air: StarkAirParams,
    shape: InstanceShape,
    grinding: GrindingSites,
    foldings: usize,
    equations: ErrorBits,
    lookups: ErrorBits,
}

impl Security {
    /// Of proofs with this layout and these parameters.
    pub(crate) fn of(layout: &Layout, parameters: &Parameters, regime: Regime) -> Self {
        let instance = Instance::of(layout, parameters);
        let (name, proven) = match regime {
            Regime::UniqueDecoding => ("unique-decoding", instance.unique()),
            Regime::Johnson => ("johnson", instance.johnson()),
        };
        let conjectured = instance.conjectured();
        Self { regime: name, proven_bits: total(&proven), proven, conjectured_bits: total(&conjectured), conjectured }
    }
}

/// `-log2` of the sum of the errors.
fn total(terms: &[Term]) -> f64 {
    let errors: Vec<ErrorBits> = terms.iter().map(|term| ErrorBits::from_log2(term.bits)).collect();
    if errors.is_empty() { 0.0 } else { ErrorBits::sum(&errors).bits().max(0.0) }
}

impl Instance {
    fn of(layout: &Layout, parameters: &Parameters) -> Self {
        // Of the polynomials, which have twice as many coefficients as there are rows where they are masked.
        let log_rows = Degrees::log_bound(layout);
        // Rounded down: p^4 has a little more.
        let modulus_bits = (f64::from(MODULUS).log2() * DEGREE as f64) as usize;
        let shape = InstanceShape {
            log_trace_length: log_rows,
            modulus_bits,
            collision_resistance: COLLISION_BITS,
            num_batched_functions: layout.opened(),
        };
        let air = StarkAirParams {
            num_constraints: layout.constraints(),
            max_constraint_degree: DEGREE_OF_CONSTRAINTS,
            num_quotient_chunks: PIECES,
            max_combo: MOST_POINTS,
        };
        let fri = FriRegime {
            log_blowup: parameters.log_blowup,
            num_queries: parameters.queries,
            log_final_poly_len: parameters.log_final_length,
            max_log_arity: parameters.log_arity,
            commit_pow_bits: parameters.commit_grinding,
            query_pow_bits: parameters.query_grinding,
        };
        let grinding = GrindingSites { batch_combination: parameters.batch_grinding, ..GrindingSites::NONE };
        let last = parameters.log_blowup + parameters.log_final_length;
        let foldings = p3_fri::fold_schedule(&[log_rows + parameters.log_blowup], last, parameters.log_arity).len();
        let equations = ErrorBits::from_log2(modulus_bits as f64 - (layout.equations().max(1) as f64).log2());
        let interactions = 2 * layout.lanes.len() + layout.multiplicities();
        let lookups = LogUpAir { num_interactions: interactions, max_message_width: 1 };
        let lookups = logup::fingerprint_error(&lookups, &shape);
        Self { fri, air, shape, grinding, foldings, equations, lookups }
    }

    /// Our own terms, for each of the tables that the first commitment may stand for.
    fn own(&self, candidates: CandidateSet) -> [SecurityTerm; 2] {
        [(EQUATIONS_LABEL, self.equations), (logup::LOGUP_LABEL, self.lookups)]
            .map(|(label, bits)| SecurityTerm::new(label, bits).over_candidates(candidates))
    }

    fn unique(&self) -> Vec<Term> {
        let own = self.own(CandidateSet::UNIQUE);
        let report = stark::proven_security_report(&self.fri, &self.air, &self.shape, &own, &self.grinding);
        let alpha = proximity::alpha_udr(self.shape.log_trace_length, self.fri.log_blowup, MOST_POINTS);
        self.split(&report.udr, alpha, fri::commit_phase_error_udr(&self.fri, &self.shape))
    }

    fn johnson(&self) -> Vec<Term> {
        // Which list there is depends on the radius, and the terms on the list: the best radius is looked for with all of them.
        let report = stark::proven_security_report(&self.fri, &self.air, &self.shape, &[], &self.grinding);
        let Some(p3_security::Regime::ListDecoding { m }) = report.ldr.as_ref().map(|report| report.regime) else {
            return Vec::new();
        };
        let list = proximity::list_size_ldr_m(self.fri.log_blowup, m).log2().max(0.0);
        let Some(candidates) = CandidateSet::from_log2(list) else { return Vec::new() };
        let Some(ldr) = report.ldr else { return Vec::new() };
        let alpha = proximity::alpha_ldr_m(self.fri.log_blowup, m);
        let mut terms = self.split(&ldr, alpha, fri::commit_phase_error_ldr_m(&self.fri, &self.shape, m));
        terms.extend(self.own(candidates).map(|term| Term { label: term.label, bits: term.bits.bits() }));
        terms
    }

    /// A report's terms, with the low-degree test's as those of its queries and of each folding.
    fn split(&self, report: &RegimeReport, alpha: f64, commit: Option<ErrorBits>) -> Vec<Term> {
        let query = fri::query_phase_error(alpha, self.fri.num_queries, self.fri.query_pow_bits);
        let split = commit.map_or(query.bits(), |commit| commit.bits().min(query.bits()));
        let mut terms = Vec::new();
        for term in report.terms() {
            // A report that says less than the two parts knows of a reason why they do not hold.
            if term.label == LDT_LABEL && term.bits.bits() >= split - 1e-9 {
                terms.push(Term { label: LDT_QUERY_LABEL, bits: query.bits() });
                if let Some(commit) = commit {
                    terms.push(self.foldings(commit));
                }
            } else {
                terms.push(Term { label: term.label, bits: term.bits.bits() });
            }
        }
        terms
    }

    /// The error of one folding, as many times as there are foldings.
    fn foldings(&self, one: ErrorBits) -> Term {
        Term { label: LDT_COMMIT_LABEL, bits: one.bits() - (self.foldings.max(1) as f64).log2() }
    }

    fn conjectured(&self) -> Vec<Term> {
        let own = self.own(CandidateSet::UNIQUE);
        let report = stark::conjectured_security_report(&self.fri, &self.air, &self.shape, &own, &self.grinding);
        let term = |term: &SecurityTerm| match term.label {
            LDT_COMMIT_LABEL => self.foldings(term.bits),
            label => Term { label, bits: term.bits.bits() },
        };
        report.terms().iter().map(term).collect()
    }
}
