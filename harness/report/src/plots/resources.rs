//! Peak memory, and the sizes of what is kept or sent.

use super::Plot;
use super::dots::{self, Chart, Group, Key, Look, Row, Value};
use super::palette::Ink;
use super::scene::Mark;
use super::time::gap;
use super::total::{legend, look_of};
use crate::cell::{Cell, Kind};
use crate::{show, tables, units};

/// Peak memory, a row a cell; none when no cell has it.
pub(super) fn memory(cells: &[Cell]) -> Option<Plot> {
    cells.iter().find(|c| c.peak_rss_bytes.is_some())?;
    let groups = by_workload(cells, |cell| {
        let value = match cell.peak_rss_bytes {
            Some(bytes) => Value::Dot {
                at: bytes as f64,
                interval: None,
                text: label(cell, bytes),
                look: look_of(cell),
                open: false,
            },
            None => gap(cell),
        };
        vec![Row { label: String::new(), value }]
    });
    let chart = Chart {
        title: "Peak memory".to_owned(),
        axis_title: "peak resident memory of any phase, bytes, logarithmic",
        unit: units::bytes_f64,
        also: Vec::new(),
        legend: legend(cells.iter().filter(|c| c.peak_rss_bytes.is_some())),
        groups,
    };
    Some(Plot {
        name: "memory".to_owned(),
        title: chart.title.clone(),
        caption: "The largest resident set during a call of any phase, setup included. Of a cell that failed, the phases that \
                  worked."
            .to_owned(),
        scene: dots::lay_out(&chart),
    })
}

/// A failed cell's memory is no full answer.
fn label(cell: &Cell, bytes: u64) -> String {
    if cell.outcome.has_times() { units::bytes(bytes) } else { format!("{} ({})", units::bytes(bytes), cell.outcome) }
}

const PROOF: Look = Look { mark: Mark::Circle, ink: Ink::Data(2), filled: true };
const VERIFYING: Look = Look { mark: Mark::Diamond, ink: Ink::Data(3), filled: true };
const PROVING: Look = Look { mark: Mark::Square, ink: Ink::Data(0), filled: true };

/// Sizes of proofs and keys, a row each; none when no cell has any.
pub(super) fn sizes(cells: &[Cell]) -> Option<Plot> {
    let sizes = |cell: &Cell| {
        [
            (if cell.kind() == Kind::Tee { "attestation" } else { "proof" }, cell.proof_bytes, PROOF),
            ("verifying key", cell.verifying_key_bytes, VERIFYING),
            ("proving key", cell.proving_key_bytes, PROVING),
        ]
        .into_iter()
        .filter_map(|(label, bytes, look)| Some((label, bytes?, look)))
        .map(|(label, bytes, look)| Row {
            label: label.to_owned(),
            value: Value::Dot { at: bytes as f64, interval: None, text: units::bytes(bytes), look, open: false },
        })
        .collect::<Vec<_>>()
    };
    // A plain answer has nothing to keep or send; it is no gap.
    let with_evidence: Vec<Cell> = cells.iter().filter(|c| c.kind() != Kind::Plain).cloned().collect();
    with_evidence.iter().find(|c| !sizes(c).is_empty())?;
    let groups = by_workload(&with_evidence, |cell| {
        let mut rows = sizes(cell);
        if !cell.outcome.has_times() {
            rows.push(Row { label: String::new(), value: gap(cell) });
        } else if rows.is_empty() {
            rows.push(Row { label: String::new(), value: Value::Gap("no sizes recorded".to_owned()) });
        }
        rows
    });
    let chart = Chart {
        title: "Sizes of evidence and keys".to_owned(),
        axis_title: "size, bytes, logarithmic",
        unit: units::bytes_f64,
        also: Vec::new(),
        legend: [(PROOF, "proof or attestation"), (VERIFYING, "verifying key"), (PROVING, "proving key")]
            .map(|(look, text)| Key { look: Some(look), text: text.to_owned() })
            .into(),
        groups,
    };
    Some(Plot {
        name: "sizes".to_owned(),
        title: chart.title.clone(),
        caption: "Bare proofs and attestation documents, and the keys that prover and verifier keep.".to_owned(),
        scene: dots::lay_out(&chart),
    })
}

fn by_workload(cells: &[Cell], rows: impl Fn(&Cell) -> Vec<Row>) -> Vec<Group> {
    let mut groups = Vec::new();
    for workload in tables::workloads(cells) {
        for (i, cell) in cells.iter().filter(|c| c.workload == workload).enumerate() {
            groups.push(Group {
                heading: (i == 0).then(|| workload.to_owned()),
                name: show::name_with_hardware(cell),
                tag: None,
                rows: rows(cell),
            });
        }
    }
    groups
}
