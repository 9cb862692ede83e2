//! What a batch saves: one model and one data set, with more and more inputs in one call.
//!
//! A group is what a run holds of `NAME-batch-N`, with `NAME-each` (one input a call) at its beginning and `NAME` (all of them in one
//! call) at its end. It is recognised by the names, so that a user's own workloads can be one.

use std::collections::BTreeSet;

use zktee_core::vocabulary::Phase;

use crate::cell::{Cell, Kind};
use crate::claims::{Claims, matches_any};
use crate::table::{Column, Field, NOTHING, Style, Table};
use crate::{show, units};

/// Between the workload and the number of inputs in a batch's name.
const BATCH: &str = "-batch-";
/// What the workload of single calls ends in.
const EACH: &str = "-each";

/// One model and data set in several batches.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// The workload of all inputs in one call, such as `mlp-iris`.
    pub(crate) name: &'a str,
    /// Its cells, the smallest batch first, then in the plan's order.
    pub(crate) cells: Vec<&'a Cell>,
}

/// What is plotted of a batch, for each input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    /// To prove or attest; of a backend without evidence its inference.
    Prove,
    /// To verify.
    Verify,
}

impl Metric {
    const fn phase(self, kind: Kind) -> Option<Phase> {
        match (self, kind) {
            (Self::Prove, Kind::Plain) => Some(Phase::Infer),
            (Self::Prove, _) => Some(Phase::Prove),
            (Self::Verify, Kind::Plain) => None,
            (Self::Verify, _) => Some(Phase::Verify),
        }
    }

    /// Median and interval for each input, seconds; none of a cell that failed.
    pub(crate) fn of(self, cell: &Cell) -> Option<(f64, Option<(f64, f64)>)> {
        let columns = cell.phase(self.phase(cell.kind())?);
        let inputs = inputs(cell) as f64;
        let median = columns.wall_s_median.filter(|s| cell.outcome.has_times() && *s > 0.0)?;
        let interval = columns.wall_s_ci_low.zip(columns.wall_s_ci_high);
        Some((median / inputs, interval.map(|(low, high)| (low / inputs, high / inputs))))
    }
}

fn inputs(cell: &Cell) -> u64 {
    cell.batch as u64 * cell.calls
}

/// The workload whose inputs a batch takes, and nothing of a name that is no batch's.
fn base_of(workload: &str) -> Option<&str> {
    let at = workload.rfind(BATCH).filter(|&at| at > 0)?;
    let digits = &workload[at + BATCH.len()..];
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| &workload[..at])
}

/// Whether a workload is a batch between one input and all: such cells stand in the section of batches alone.
pub(crate) fn is_between(workload: &str) -> bool {
    base_of(workload).is_some()
}

/// The groups of a run with two batches or more, in the plan's order.
pub(crate) fn groups(cells: &[Cell]) -> Vec<Group<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for base in cells.iter().filter_map(|cell| base_of(&cell.workload)) {
        if !names.contains(&base) {
            names.push(base);
        }
    }
    let belongs = |cell: &Cell, name: &str| {
        cell.workload == name || base_of(&cell.workload) == Some(name) || cell.workload.strip_suffix(EACH) == Some(name)
    };
    let group = |name| {
        let mut of_it: Vec<&Cell> = cells.iter().filter(|cell| belongs(cell, name)).collect();
        of_it.sort_by_key(|cell| cell.batch);
        Group { name, cells: of_it }
    };
    let groups = names.into_iter().map(group);
    groups.filter(|group| group.cells.iter().map(|cell| cell.batch).collect::<BTreeSet<_>>().len() > 1).collect()
}

impl<'a> Group<'a> {
    /// Its backends, each once, in the plan's order.
    pub(crate) fn backends(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for cell in &self.cells {
            if !names.contains(&cell.backend.as_str()) {
                names.push(&cell.backend);
            }
        }
        names
    }

    /// The cells of one backend, the smallest batch first.
    pub(crate) fn of(&self, backend: &str) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().copied().filter(move |cell| cell.backend == backend)
    }
}

/// Every batch on every backend that came to times.
pub(crate) fn table(group: &Group) -> Table {
    let mut table = Table::new(
        format!("{}: for each input, by the inputs in one call", group.name),
        &[
            Column::text("Backend"),
            Column::number("Inputs in one call"),
            Column::number("Prove or attest, an input"),
            Column::number("Verify, an input"),
            Column::number("Total, an input"),
            Column::number("One by one over this"),
            Column::number("Proof or attestation, an input"),
            Column::number("Peak memory"),
            Column::text("Outcome"),
        ],
    );
    for backend in group.backends() {
        let single = group.of(backend).find(|cell| cell.batch == 1).and_then(per_input);
        let mut begins = true;
        for cell in group.of(backend).filter(|cell| cell.outcome.has_times()) {
            let total = per_input(cell);
            let prove = (cell.kind() != Kind::Plain).then(|| Metric::Prove.of(cell)).flatten();
            let seconds = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), units::seconds);
            let saved = single.zip(total).map(|(single, total)| units::ratio(single / total));
            let bytes = cell.proof_bytes.map(|bytes| units::bytes_f64(bytes as f64 / cell.batch as f64));
            table
                .push(vec![
                    Field::new(Style::Strong, backend),
                    units::count(cell.batch as u64).into(),
                    seconds(prove.map(|it| it.0)).into(),
                    seconds(Metric::Verify.of(cell).map(|it| it.0)).into(),
                    seconds(total).into(),
                    saved.unwrap_or_else(|| NOTHING.to_owned()).into(),
                    bytes.unwrap_or_else(|| NOTHING.to_owned()).into(),
                    show::bytes(cell.peak_rss_bytes).into(),
                    show::outcome(cell),
                ])
                .begins_group = std::mem::take(&mut begins);
        }
    }
    table
}

fn per_input(cell: &Cell) -> Option<f64> {
    cell.total().map(|total| total / inputs(cell) as f64)
}

/// What is missing of a group and why, a sentence each.
pub(crate) fn missing(group: &Group) -> Vec<String> {
    let failed = group.cells.iter().filter(|cell| !cell.outcome.has_times() && is_between(&cell.workload));
    let named = failed.filter(|cell| cell.outcome != zktee_core::vocabulary::Outcome::Unavailable);
    named.map(|cell| format!("{}: {} ({})", cell.id(), cell.outcome, show::reason(cell))).collect()
}

/// What "so many inputs" means: all in one call beside one call each, and what the article claims of them.
pub(crate) fn meaning(group: &Group, claims: &Claims) -> Option<String> {
    let pair = |backend: &&str| {
        let whole = group.of(backend).find(|cell| cell.workload == group.name)?;
        let each = group.of(backend).find(|cell| cell.workload.strip_suffix(EACH) == Some(group.name))?;
        if inputs(whole) != inputs(each) {
            return None;
        }
        let (a, b) = (whole.total()?, each.total()?);
        Some((whole, format!("{} and {} on {}", units::seconds(a), units::seconds(b), show::name_with_hardware(whole))))
    };
    let evident = |backend: &&str| group.of(backend).any(|cell| cell.kind() != Kind::Plain);
    let pairs: Vec<_> = group.backends().iter().filter(|it| evident(it)).filter_map(pair).collect();
    let n = inputs(pairs.first()?.0);
    let claimed = claims.rows.iter().find(|row| row.id == group.name).map(|row| {
        let zk = row.zk.iter().filter(|zk| pairs.iter().any(|(cell, _)| matches_any(&zk.beside, &cell.backend)));
        zk.filter_map(|zk| Some(format!("{} for {}", zk.total_s.stated()?.text(units::seconds), zk.framework)))
            .collect::<Vec<_>>()
    });
    let claimed = claimed.filter(|claims| !claims.is_empty()).map(|claims| {
        format!(
            " The article does not say which it means by its {}; its claim has to stand beside both.",
            claims.join(", ")
        )
    });
    let times: Vec<String> = pairs.into_iter().map(|(_, words)| words).collect();
    Some(format!(
        "What \"{n} inputs\" means: proved or attested and verified in one call, and in a call each, they take {}.{}",
        times.join("; "),
        claimed.unwrap_or_default()
    ))
}
