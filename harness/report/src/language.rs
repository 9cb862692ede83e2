//! What language models did, a cell at a time: `llm.csv`. `docs/results.md` says the same of every column at more length.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use zktee_core::protocol::Finish;
use zktee_core::record::{CellPlan, GenerationRow};
use zktee_core::vocabulary::{CellId, Outcome};

use crate::cell::Cell;
use crate::load::Run;
use crate::show;
use crate::stats::{self, Interval};

/// The backend without isolation, whose answer every other one's is held against.
const PLAIN: &str = "native";

/// One language model on one backend profile. An absent value is an empty field, never a zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageCell {
    /// The workload's name.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether the weights were drawn at random: speed alone, no sense.
    pub random_weights: bool,
    /// Bytes of the model's files.
    pub model_bytes: u64,
    /// Tokens that were asked for at most.
    pub max_tokens: u32,
    /// 0 takes the likeliest token each time.
    pub temperature: f32,
    /// Of the random numbers.
    pub seed: u64,
    /// Answers that were measured.
    pub answers: u64,
    /// How many of them differ.
    pub different_answers: u64,
    /// Whether every one is that of `native`, token by token; none without an answer of `native`.
    pub same_as_native: Option<bool>,
    /// Tokens of the prompt.
    pub prompt_eval_count: Option<u64>,
    /// Median from the prompt's text to the logits after it, nanoseconds.
    pub prompt_eval_duration_ns_median: Option<f64>,
    /// Tokens of the response; of the first where they differ.
    pub eval_count: Option<u64>,
    /// Why that response ended.
    pub finish: Option<Finish>,
    /// Median from the logits after the prompt to the response's end, nanoseconds.
    pub eval_duration_ns_median: Option<f64>,
    /// Median absolute deviation of the same, raw, nanoseconds.
    pub eval_duration_ns_mad: Option<f64>,
    /// Lower end of the median's 95 % bootstrap interval, nanoseconds.
    pub eval_duration_ns_ci_low: Option<f64>,
    /// Upper end of the same, nanoseconds.
    pub eval_duration_ns_ci_high: Option<f64>,
    /// Median of evaluation count over evaluation duration, tokens a second.
    pub tokens_per_s_median: Option<f64>,
    /// Median absolute deviation of the same, raw.
    pub tokens_per_s_mad: Option<f64>,
    /// Lower end of the median's 95 % bootstrap interval.
    pub tokens_per_s_ci_low: Option<f64>,
    /// Upper end of the same.
    pub tokens_per_s_ci_high: Option<f64>,
    /// Median of reading the model and making it ready, where an answer began with that, nanoseconds.
    pub load_duration_ns_median: Option<f64>,
    /// Median from the prompt to the first token, nanoseconds.
    pub first_token_ns_median: Option<f64>,
    /// Median absolute deviation of the same, raw, nanoseconds.
    pub first_token_ns_mad: Option<f64>,
    /// Tokens whose latency is known, those at position 0 left out.
    pub latencies: u64,
    /// Half of these latencies are not longer, nanoseconds.
    pub token_latency_ns_p50: Option<u64>,
    /// 95 of 100 are not longer, nanoseconds.
    pub token_latency_ns_p95: Option<u64>,
    /// Largest peak resident memory of all phases, bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Median wall-clock time of `infer`, seconds: in an enclave with the way there and back.
    pub infer_wall_s_median: Option<f64>,
    /// Median wall-clock time of `prove`, seconds: the attestation.
    pub prove_wall_s_median: Option<f64>,
    /// Median wall-clock time of `verify`, seconds.
    pub verify_wall_s_median: Option<f64>,
    /// The total of `cells.csv`, seconds.
    pub total_wall_s_median: Option<f64>,
    /// Lower end of its interval, seconds.
    pub total_wall_s_ci_low: Option<f64>,
    /// Upper end of its interval, seconds.
    pub total_wall_s_ci_high: Option<f64>,
    /// What a thousand tokens of such responses cost by a price table, USD.
    pub cost_usd_per_1000_tokens: Option<f64>,
    /// SHA-256 of the first response's tokens.
    pub response_sha256: Option<String>,
}

/// A run's language cells, in the plan's order; none where no language model was planned.
pub fn language_cells(run: &Run, cells: &[Cell]) -> Vec<LanguageCell> {
    let mut answers = BTreeMap::<CellId, Vec<&GenerationRow>>::new();
    for row in &run.generations {
        answers.entry(CellId::new(&*row.workload, &*row.backend)).or_default().push(row);
    }
    let mut latencies = BTreeMap::<CellId, Vec<u64>>::new();
    // What stands at position 0 is drawn from the prompt's logits: no evaluation of the model is in it.
    for row in run.tokens.iter().filter(|row| row.position > 0) {
        latencies.entry(CellId::new(&*row.workload, &*row.backend)).or_default().push(row.latency_ns);
    }
    let of = |plan: &CellPlan| {
        let cell = cells.iter().find(|cell| cell.workload == plan.id.workload && cell.backend == plan.id.backend)?;
        let plain = answers.get(&CellId::new(&*plan.id.workload, PLAIN)).and_then(|rows| rows.first());
        let rows = answers.get(&plan.id).map_or(&[][..], Vec::as_slice);
        let mut latencies = latencies.get(&plan.id).cloned().unwrap_or_default();
        latencies.sort_unstable();
        language_cell(plan, cell, rows, plain.copied(), &latencies)
    };
    run.record.cells.iter().filter_map(of).collect()
}

fn language_cell(
    plan: &CellPlan,
    cell: &Cell,
    rows: &[&GenerationRow],
    plain: Option<&GenerationRow>,
    latencies: &[u64],
) -> Option<LanguageCell> {
    let language = plan.language.as_ref()?;
    let ns = |of: fn(&GenerationRow) -> u64| -> Vec<f64> { rows.iter().map(|row| of(row) as f64).collect() };
    let eval = ns(|row| row.eval_duration_ns);
    let eval_interval = stats::interval_of_median(&eval);
    let speeds: Vec<f64> = rows.iter().map(|row| row.tokens_per_s()).filter(|speed| speed.is_finite()).collect();
    let speed_interval = stats::interval_of_median(&speeds);
    let first_token = ns(|row| row.first_token_ns);
    let loads: Vec<f64> = ns(|row| row.load_duration_ns).into_iter().filter(|ns| *ns > 0.0).collect();
    let different: BTreeSet<&str> = rows.iter().map(|row| row.response_sha256.as_str()).collect();
    let first = rows.first();
    let low = |interval: Option<Interval>| interval.map(|it| it.low);
    let high = |interval: Option<Interval>| interval.map(|it| it.high);
    let tokens = first.map(|row| row.eval_count).filter(|count| *count > 0 && different.len() == 1);
    Some(LanguageCell {
        workload: plan.id.workload.clone(),
        backend: plan.id.backend.clone(),
        outcome: cell.outcome,
        random_weights: language.random_weights,
        model_bytes: language.model_bytes,
        max_tokens: language.generation.max_tokens,
        temperature: language.generation.temperature,
        seed: language.generation.seed,
        answers: rows.len() as u64,
        different_answers: different.len() as u64,
        same_as_native: plain
            .filter(|_| !rows.is_empty())
            .map(|plain| different.iter().all(|digest| *digest == plain.response_sha256)),
        prompt_eval_count: first.map(|row| row.prompt_eval_count),
        prompt_eval_duration_ns_median: stats::median(&ns(|row| row.prompt_eval_duration_ns)),
        eval_count: first.map(|row| row.eval_count),
        finish: first.map(|row| row.finish),
        eval_duration_ns_median: stats::median(&eval),
        eval_duration_ns_mad: stats::mad(&eval),
        eval_duration_ns_ci_low: low(eval_interval),
        eval_duration_ns_ci_high: high(eval_interval),
        tokens_per_s_median: stats::median(&speeds),
        tokens_per_s_mad: stats::mad(&speeds),
        tokens_per_s_ci_low: low(speed_interval),
        tokens_per_s_ci_high: high(speed_interval),
        load_duration_ns_median: stats::median(&loads),
        first_token_ns_median: stats::median(&first_token),
        first_token_ns_mad: stats::mad(&first_token),
        latencies: latencies.len() as u64,
        token_latency_ns_p50: stats::nearest_rank(latencies, 0.5),
        token_latency_ns_p95: stats::nearest_rank(latencies, 0.95),
        peak_rss_bytes: cell.peak_rss_bytes,
        infer_wall_s_median: cell.infer_wall_s_median,
        prove_wall_s_median: cell.prove_wall_s_median,
        verify_wall_s_median: cell.verify_wall_s_median,
        total_wall_s_median: cell.total(),
        total_wall_s_ci_low: cell.total_wall_s_ci_low,
        total_wall_s_ci_high: cell.total_wall_s_ci_high,
        cost_usd_per_1000_tokens: cell.cost_usd_per_input.zip(tokens).map(|(cost, n)| cost / n as f64 * 1000.0),
        response_sha256: first.map(|row| row.response_sha256.clone()),
    })
}

/// How long the tokens of one cell's answers took.
#[derive(Debug)]
pub(crate) struct Latencies<'a> {
    pub(crate) workload: &'a str,
    pub(crate) backend: &'a str,
    /// What a reader must know of these times at once.
    pub(crate) tag: Option<&'static str>,
    /// By answer, then by position in the response, nanoseconds.
    pub(crate) answers: Vec<Vec<u64>>,
}

/// The latencies of each cell that has some, in the plan's order.
pub(crate) fn latencies<'a>(run: &'a Run, cells: &[Cell]) -> Vec<Latencies<'a>> {
    let mut by_cell = BTreeMap::<(&str, &str), BTreeMap<u32, Vec<u64>>>::new();
    for row in &run.tokens {
        let of_cell = by_cell.entry((&row.workload, &row.backend)).or_default();
        of_cell.entry(row.sample).or_default().push(row.latency_ns);
    }
    let of = |plan: &'a CellPlan| {
        let (workload, backend) = (plan.id.workload.as_str(), plan.id.backend.as_str());
        let answers: Vec<Vec<u64>> = by_cell.get(&(workload, backend))?.values().cloned().collect();
        let cell = cells.iter().find(|cell| cell.workload == workload && cell.backend == backend)?;
        // A response of one token has none that took an evaluation.
        let any = answers.iter().any(|it| it.len() > 1);
        any.then(|| Latencies { workload, backend, tag: show::tag(cell), answers })
    };
    run.record.cells.iter().filter_map(of).collect()
}

impl LanguageCell {
    /// The column names of `llm.csv`, in order.
    pub fn columns() -> Vec<String> {
        crate::samples::header_of(&Self::blank())
    }

    /// A cell of which nothing is known.
    pub(crate) fn blank() -> Self {
        Self {
            workload: String::new(),
            backend: String::new(),
            outcome: Outcome::Unfinished,
            random_weights: false,
            model_bytes: 0,
            max_tokens: 0,
            temperature: 0.0,
            seed: 0,
            answers: 0,
            different_answers: 0,
            same_as_native: None,
            prompt_eval_count: None,
            prompt_eval_duration_ns_median: None,
            eval_count: None,
            finish: None,
            eval_duration_ns_median: None,
            eval_duration_ns_mad: None,
            eval_duration_ns_ci_low: None,
            eval_duration_ns_ci_high: None,
            tokens_per_s_median: None,
            tokens_per_s_mad: None,
            tokens_per_s_ci_low: None,
            tokens_per_s_ci_high: None,
            load_duration_ns_median: None,
            first_token_ns_median: None,
            first_token_ns_mad: None,
            latencies: 0,
            token_latency_ns_p50: None,
            token_latency_ns_p95: None,
            peak_rss_bytes: None,
            infer_wall_s_median: None,
            prove_wall_s_median: None,
            verify_wall_s_median: None,
            total_wall_s_median: None,
            total_wall_s_ci_low: None,
            total_wall_s_ci_high: None,
            cost_usd_per_1000_tokens: None,
            response_sha256: None,
        }
    }
}
