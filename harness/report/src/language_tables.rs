//! Language models in the report: the table in the article's form, latencies and evidence, and what others publish.

use zktee_core::vocabulary::Outcome;

use crate::cell::Cell;
use crate::claims::{ClaimRow, Claims, Figure};
use crate::document::Block;
use crate::language::LanguageCell;
use crate::load::Run;
use crate::table::{Column, Field, NOTHING, Style, Table};
use crate::{published, show, units};

/// The longest response that a report repeats, characters; `generations.csv` has all of it.
const MOST_TEXT: usize = 600;

/// The section, with its figures of speed and of latencies; empty where no language model was planned.
pub(crate) fn blocks<'a>(
    run: &Run,
    cells: &[Cell],
    language: &[LanguageCell],
    claims: &Claims,
    speed: Vec<Block<'a>>,
    latencies: Vec<Block<'a>>,
) -> Vec<Block<'a>> {
    if language.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Paragraph(meaning()), Block::Table(answers(run, cells, language, claims))];
    blocks.extend(speed);
    blocks.push(Block::Table(evidence(cells, language)));
    blocks.extend(latencies);
    blocks.push(Block::List(questions(run, language)));
    blocks.push(Block::Table(published::proofs(claims)));
    blocks.push(Block::Table(published::enclaves(claims)));
    blocks.push(Block::List(notes(claims)));
    blocks
}

fn meaning() -> String {
    "Each row is one model that went on with one prompt. Counts and durations have the article's names, which are Ollama's: evaluation count is \
     the number of the response's tokens, evaluation duration the time from the logits after the prompt to the response's end, by the engine's \
     own clock, inside the enclave where there is one. Tokens a second are the one over the other: loading, the prompt and the attestation are \
     not in it."
        .to_owned()
}

/// The workload's name, and what must be known of its weights.
pub(crate) fn model_name(cell: &LanguageCell) -> String {
    if cell.random_weights { format!("{} (random weights)", cell.workload) } else { cell.workload.clone() }
}

/// The table in the article's form.
fn answers(run: &Run, cells: &[Cell], language: &[LanguageCell], claims: &Claims) -> Table {
    let mut table = Table::new(
        "Language models: evaluation count and duration, medians",
        &[
            Column::text("Model"),
            Column::text("Backend"),
            Column::text("Outcome"),
            Column::number("Evaluation count"),
            Column::number("Evaluation duration"),
            Column::number("The same, ns"),
            Column::number("Tokens a second"),
            Column::number("95 % interval"),
            Column::number("Prompt tokens"),
            Column::number("Prompt evaluation"),
            Column::number("Load"),
            Column::number("Answers"),
        ],
    );
    let mut last = "";
    for (cell, of) in shown(cells, language) {
        let few = of.answers < u64::from(run.record.settings.min_samples);
        let mark = if few { show::DAGGER } else { "" };
        let value = |text: Option<String>| timed(of, text.map(|text| format!("{text}{mark}")));
        let mut fields = head(cell, of);
        if of.answers == 0 {
            fields.push(Field::new(Style::Muted, show::reason(cell)));
        } else {
            let several = if of.different_answers > 1 { " (varies)" } else { "" };
            fields.extend([
                or_nothing(of.eval_count.map(|n| format!("{}{several}", units::count(n)))),
                value(of.eval_duration_ns_median.map(nanoseconds)),
                value(of.eval_duration_ns_median.map(|ns| units::count(ns.round() as u64))),
                value(of.tokens_per_s_median.map(units::rate)),
                timed(
                    of,
                    of.tokens_per_s_ci_low
                        .zip(of.tokens_per_s_ci_high)
                        .map(|(low, high)| format!("{} to {}", units::rate(low), units::rate(high))),
                ),
                or_nothing(of.prompt_eval_count.map(units::count)),
                value(of.prompt_eval_duration_ns_median.map(nanoseconds)),
                value(of.load_duration_ns_median.map(nanoseconds)),
                units::count(of.answers).into(),
            ]);
        }
        table.push(fields).begins_group = last != of.workload;
        last = &of.workload;
    }
    for row in claims.rows.iter().filter(|row| row.tokens_per_s.is_some()) {
        table.push(claimed(row)).begins_group = true;
    }
    table
}

/// The article's own row.
fn claimed(row: &ClaimRow) -> Vec<Field> {
    let claim = |text: Option<String>| text.map_or_else(|| NOTHING.into(), |text| Field::new(Style::Claim, text));
    let stated = |figure: Option<&Figure>| figure.and_then(Figure::stated);
    let duration = row.tee_total_s.stated();
    let place = row.machine.as_ref().map(|machine| format!("Oyster, {machine}"));
    let mut fields = vec![
        Field::new(Style::Claimant, row.model.clone()),
        Field::new(Style::Claimant, place.unwrap_or_else(|| "Oyster".to_owned())),
        Field::new(Style::Claimant, Outcome::Published.as_str()),
        claim(stated(row.tokens.as_ref()).map(|it| it.text(|n| units::count(n as u64)))),
        claim(duration.map(|it| it.text(units::seconds))),
        claim(duration.map(|it| it.text(|s| units::count((s * 1e9).round() as u64)))),
        claim(stated(row.tokens_per_s.as_ref()).map(|it| it.text(units::rate))),
    ];
    fields.extend(["–", "not stated", "not stated", "not stated", "not stated"].map(Field::from));
    fields
}

/// Latencies, memory, and what the evidence of a response costs.
fn evidence(cells: &[Cell], language: &[LanguageCell]) -> Table {
    let priced = language.iter().any(|of| of.cost_usd_per_1000_tokens.is_some());
    let mut columns = vec![
        Column::text("Model"),
        Column::text("Backend"),
        Column::text("Outcome"),
        Column::number("First token"),
        Column::number("Token p50"),
        Column::number("Token p95"),
        Column::number("Peak memory"),
        Column::number("Response"),
        Column::number("Attest"),
        Column::number("Verify"),
        Column::number("Total"),
        Column::text("Same tokens as native"),
    ];
    if priced {
        columns.push(Column::number("USD a thousand tokens"));
    }
    let mut table =
        Table::new("Language models: latencies, memory, and the response with its evidence, medians", &columns);
    let mut last = "";
    // A cell without an answer has its reason in the table above.
    for (cell, of) in shown(cells, language).filter(|(_, of)| of.answers > 0) {
        let mut fields = head(cell, of);
        let seconds = |s: Option<f64>| timed(of, s.map(units::seconds));
        fields.extend([
            timed(of, of.first_token_ns_median.map(nanoseconds)),
            timed(of, of.token_latency_ns_p50.map(|ns| nanoseconds(ns as f64))),
            timed(of, of.token_latency_ns_p95.map(|ns| nanoseconds(ns as f64))),
            show::bytes(of.peak_rss_bytes).into(),
            seconds(of.infer_wall_s_median),
            seconds(of.prove_wall_s_median),
            seconds(of.verify_wall_s_median),
            show::total(cell).into(),
            show::yes_no(of.same_as_native).into(),
        ]);
        if priced {
            fields.push(or_nothing(of.cost_usd_per_1000_tokens.map(units::money)));
        }
        table.push(fields).begins_group = last != of.workload;
        last = &of.workload;
    }
    table
}

/// What was asked, and what the first answer of each workload was.
fn questions(run: &Run, language: &[LanguageCell]) -> Vec<String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for of in language {
        if seen.contains(&of.workload.as_str()) {
            continue;
        }
        seen.push(&of.workload);
        let plan = run.record.cells.iter().find(|plan| plan.id.workload == of.workload);
        let Some(asked) = plan.and_then(|plan| plan.language.as_ref()).map(|it| &it.generation) else { continue };
        let mut text = format!(
            "{}, {} of model: \"{}\", {} tokens at most, temperature {}, seed {}.",
            model_name(of),
            units::bytes(of.model_bytes),
            shortened(&asked.prompt),
            units::count(u64::from(asked.max_tokens)),
            asked.temperature,
            asked.seed
        );
        if let Some(said) = run.generations.iter().find(|row| row.workload == of.workload) {
            text += &format!(" {} went on: \"{}\"", said.backend, shortened(&said.text));
            if of.random_weights {
                text += " (Weights that were drawn at random have nothing to say.)";
            }
        }
        out.push(text);
    }
    out
}

/// What is compared with what, and where the published figures stand.
fn notes(claims: &Claims) -> Vec<String> {
    let mut notes = vec![
        "First token is from the prompt to the first token; the latency of a token is from the one before it. The one at position 0 is drawn \
         from the prompt's logits without another evaluation of the model and is in no p50 or p95: n tokens take n - 1 evaluations. The total is \
         what a user waits for a response that is verified: infer, attest and verify, without loading; infer is the prompt with the response, \
         in an enclave with the way there and back."
            .to_owned(),
        "The article does not say of its row in which format the weights were, on how many threads the model ran, how many tokens the prompt \
         had, nor whether loading, the prompt or the attestation is in its duration. Its tokens a second are its tokens over its duration."
            .to_owned(),
        "A published proof is of one pass of the model over a sequence; a response of n tokens is n passes when each token is proved as it is \
         drawn, or one pass over prompt and response when all are proved afterwards. Our rows are whole responses with all their tokens, and a \
         document in the place of a proof. So the figures stand side by side, and no quotient is made of them."
            .to_owned(),
    ];
    notes.extend(claims.published.iter().map(published::source));
    notes
}

/// Speeds of each workload in one sentence, for the report's summary.
pub(crate) fn sentences(cells: &[Cell], language: &[LanguageCell]) -> Vec<String> {
    let mut workloads: Vec<&str> = Vec::new();
    for of in language {
        if !workloads.contains(&of.workload.as_str()) {
            workloads.push(&of.workload);
        }
    }
    let one = |workload: &str| {
        let of_it = || shown(cells, language).filter(|(_, of)| of.workload == workload && of.outcome.has_times());
        let floor = of_it().find(|(_, of)| of.backend == "native").and_then(|(_, of)| of.tokens_per_s_median);
        let speeds: Vec<String> = of_it()
            .filter_map(|(cell, of)| {
                let speed = of.tokens_per_s_median?;
                let beside = floor.filter(|_| of.backend != "native").map(|floor| units::ratio(speed / floor));
                let beside = beside.map(|it| format!(" ({it} that of native)")).unwrap_or_default();
                Some(format!("{} {}{beside}", show::name_with_outcome(cell), units::rate(speed)))
            })
            .collect();
        let (_, of) = of_it().next()?;
        (!speeds.is_empty()).then(|| format!("Tokens a second on {}: {}.", model_name(of), speeds.join(", ")))
    };
    workloads.into_iter().filter_map(one).collect()
}

/// The cells with what is known of their language model, but those that are not here.
fn shown<'a>(cells: &'a [Cell], language: &'a [LanguageCell]) -> impl Iterator<Item = (&'a Cell, &'a LanguageCell)> {
    language
        .iter()
        .filter(|of| of.outcome != Outcome::Unavailable)
        .filter_map(|of| Some((cells.iter().find(|c| c.workload == of.workload && c.backend == of.backend)?, of)))
}

fn head(cell: &Cell, of: &LanguageCell) -> Vec<Field> {
    vec![Field::new(Style::Strong, model_name(of)), of.backend.clone().into(), show::outcome(cell)]
}

/// A time or a speed, struck through where its cell is unsound.
fn timed(of: &LanguageCell, text: Option<String>) -> Field {
    match text {
        Some(text) if of.outcome == Outcome::Unsound => Field::new(Style::Struck, text),
        text => or_nothing(text),
    }
}

fn or_nothing(text: Option<String>) -> Field {
    text.unwrap_or_else(|| NOTHING.to_owned()).into()
}

fn nanoseconds(ns: f64) -> String {
    units::seconds(ns * 1e-9)
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(MOST_TEXT).collect();
    if short.len() < text.len() { format!("{}…", short.trim_end()) } else { short }
}
