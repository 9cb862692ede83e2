//! What others publish of language models: proofs, and what enclaves cost. Claims, like the article's.

use zktee_core::vocabulary::Outcome;

use crate::claims::{Claims, Published, PublishedKind, Stated};
use crate::table::{Column, Field, NOTHING, Style, Table};
use crate::units;

/// Proofs of language models, as their makers publish them.
pub(crate) fn proofs(claims: &Claims) -> Table {
    let mut table = Table::new(
        "Proofs of language models that others publish",
        &[
            Column::text("System"),
            Column::text("Model"),
            Column::text("Outcome"),
            Column::number("Prove"),
            Column::number("Verify"),
            Column::number("Proof"),
            Column::text("Machine"),
            Column::prose("One figure is of"),
        ],
    );
    for it in claims.published.iter().filter(|it| it.kind == PublishedKind::Proof) {
        table.push(vec![
            Field::new(Style::Claimant, it.system.clone()),
            it.model.clone().into(),
            Field::new(Style::Claimant, Outcome::Published.as_str()),
            stated(it.prove_s, units::seconds),
            stated(it.verify_s, units::seconds),
            stated(it.proof_bytes, |bytes| units::bytes(bytes as u64)),
            it.machine.clone().into(),
            it.answers.clone().into(),
        ]);
    }
    table
}

/// What isolation costs language models, as others publish it.
pub(crate) fn enclaves(claims: &Claims) -> Table {
    let mut table = Table::new(
        "What isolation costs language models, as others publish it",
        &[
            Column::text("System"),
            Column::text("Model"),
            Column::text("Outcome"),
            Column::number("Throughput lost"),
            Column::number("Latency added"),
            Column::text("Machine"),
            Column::prose("One figure is of"),
        ],
    );
    for it in claims.published.iter().filter(|it| it.kind == PublishedKind::Enclave) {
        table.push(vec![
            Field::new(Style::Claimant, it.system.clone()),
            it.model.clone().into(),
            Field::new(Style::Claimant, Outcome::Published.as_str()),
            stated(it.slowdown, units::percent),
            stated(it.delay, units::percent),
            it.machine.clone().into(),
            it.answers.clone().into(),
        ]);
    }
    table
}

/// Where a figure is published, in a sentence.
pub(crate) fn source(it: &Published) -> String {
    let read = match (&it.url, &it.seen) {
        (Some(url), Some(day)) => format!(", {}, read {day}", without_scheme(url)),
        (Some(url), None) => format!(", {}", without_scheme(url)),
        (None, _) => String::new(),
    };
    let note = it.note.as_ref().map(|note| format!(" {note}")).unwrap_or_default();
    format!("{}: {}{read}.{note}", it.system, it.source)
}

/// A report holds no address that anything could take for one to fetch.
fn without_scheme(url: &str) -> &str {
    url.trim_start_matches("https://")
}

fn stated(figure: Option<Stated>, unit: impl Fn(f64) -> String) -> Field {
    figure.map_or_else(|| NOTHING.into(), |it| Field::new(Style::Claim, it.text(unit)))
}
