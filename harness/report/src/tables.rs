//! The tables of cells: times, sizes and correctness, trust, reasons, and the short one for a terminal.

use std::fmt::Write as _;

use zktee_core::record::{ProbeRow, ProbeVerdict};
use zktee_core::vocabulary::{Outcome, Phase};

use crate::cell::Cell;
use crate::load::Run;
use crate::show;
use crate::table::{Column, Field, NOTHING, Row, Style, Table};
use crate::units;

/// The workloads of some cells, each once, in their order.
pub(crate) fn workloads(cells: &[Cell]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for cell in cells {
        if !names.contains(&cell.workload.as_str()) {
            names.push(&cell.workload);
        }
    }
    names
}

/// The times of one workload's cells; of a language model `infer` is the prompt and the whole response.
pub(crate) fn times(workload: &str, cells: &[&Cell], language: bool, min_samples: u32) -> Table {
    let what = if language { " for one prompt and its response".to_owned() } else { calls(cells) };
    let mut table = Table::new(
        format!("{workload}: median wall-clock times{what}"),
        &[
            Column::text("Backend"),
            Column::text("Outcome"),
            Column::number("Setup, once"),
            Column::number("Infer"),
            Column::number("Prove or attest"),
            Column::number("Verify"),
            Column::number("Total"),
            Column::number("95 % interval of total"),
            Column::number("CPU time of prove"),
            Column::number("Samples by phase"),
        ],
    );
    for cell in cells {
        table.rows.push(times_row(cell, min_samples));
    }
    table
}

fn times_row(cell: &Cell, min_samples: u32) -> Row {
    let mut fields = vec![Field::new(Style::Strong, cell.backend.clone()), show::outcome(cell)];
    let Some(phases) = phase_fields(cell, min_samples) else {
        fields.push(Field::new(Style::Muted, show::reason(cell)));
        return Row { fields, begins_group: false };
    };
    fields.extend(phases);
    fields.push(show::total(cell).into());
    fields.push(
        cell.total_wall_s_ci_low
            .zip(cell.total_wall_s_ci_high)
            .map_or_else(|| NOTHING.to_owned(), |(low, high)| units::seconds_range(low, high))
            .into(),
    );
    fields.push(cell.prove_cpu_s_median.map_or_else(|| NOTHING.to_owned(), units::seconds).into());
    let counts: Vec<String> = Phase::ALL.iter().map(|&p| cell.phase(p).n).map(|n| n.to_string()).collect();
    fields.push(counts.join(" / ").into());
    Row { fields, begins_group: false }
}

/// The median of each phase, or the outcome where the cell ended; none of a cell in which nothing was timed.
pub(crate) fn phase_fields(cell: &Cell, min_samples: u32) -> Option<Vec<Field>> {
    if Phase::ALL.iter().all(|&p| cell.phase(p).wall_s_median.is_none()) {
        return None;
    }
    // The first phase without a time is where the cell ended; the phases after it were never reached.
    let unsound = cell.outcome == Outcome::Unsound;
    let mut ended = cell.outcome.has_times() || unsound;
    let mut field = |phase| match show::phase_time(cell, phase, min_samples) {
        Some(time) if unsound => Field::new(Style::Struck, time),
        Some(time) => time.into(),
        None if !ended && phase >= Phase::Prove => {
            ended = true;
            Field::new(Style::Outcome, cell.outcome.as_str())
        }
        None => NOTHING.into(),
    };
    Some(Phase::ALL.map(&mut field).into())
}

/// What the times belong to.
fn calls(cells: &[&Cell]) -> String {
    let Some(cell) = cells.first() else { return String::new() };
    if cells.iter().any(|c| (c.batch, c.calls) != (cell.batch, cell.calls)) {
        return String::new();
    }
    let inputs =
        if cell.batch == 1 { "1 input".to_owned() } else { format!("{} inputs", units::count(cell.batch as u64)) };
    if cell.calls == 1 {
        format!(" for {inputs} in one call")
    } else {
        format!(" for {} calls of {inputs} each", units::count(cell.calls))
    }
}

/// What one workload's cells leave behind and how right they are.
pub(crate) fn evidence(workload: &str, cells: &[&Cell]) -> Option<Table> {
    let mut table = Table::new(
        format!("{workload}: evidence, memory and correctness"),
        &[
            Column::text("Backend"),
            Column::number("Proof or attestation"),
            Column::number("Proving key"),
            Column::number("Verifying key"),
            Column::number("Witness"),
            Column::number("Rows or cycles"),
            Column::number("Peak memory"),
            Column::number("Largest error"),
            Column::number("Mean error"),
            Column::number("Class agreement"),
            Column::number("Accuracy"),
            Column::number("Forgeries rejected"),
        ],
    );
    for cell in cells {
        let work = match (cell.rows, cell.cycles) {
            (Some(rows), _) => format!("{} rows", units::count(rows)),
            (None, Some(cycles)) => format!("{} cycles", units::count(cycles)),
            (None, None) => NOTHING.to_owned(),
        };
        let values = [
            show::bytes(cell.proof_bytes),
            show::bytes(cell.proving_key_bytes),
            show::bytes(cell.verifying_key_bytes),
            show::bytes(cell.witness_bytes),
            work,
            show::bytes(cell.peak_rss_bytes),
            show::error(cell.max_abs_error),
            show::error(cell.mean_abs_error),
            show::share(cell.class_agreement),
            show::share(cell.accuracy),
            show::probes(cell),
        ];
        // A cell that left nothing has its reason in the table of times.
        if values.iter().any(|v| v != NOTHING) {
            let mut fields = vec![Field::new(Style::Strong, show::name_with_hardware(cell))];
            fields.extend(values.into_iter().map(Field::from));
            table.push(fields);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Every cell that is no plain measurement, with its reason.
pub(crate) fn reasons(cells: &[Cell]) -> Option<Table> {
    let mut table = Table::new(
        "Cells that are no plain measurement, and why",
        &[Column::text("Cell"), Column::text("Outcome"), Column::prose("Reason")],
    );
    for cell in cells.iter().filter(|c| c.outcome != Outcome::Measured) {
        let reason = match (&cell.reason, show::tag(cell)) {
            (Some(reason), _) => reason.clone(),
            (None, Some(_)) => "simulated hardware: a functional test without isolation".to_owned(),
            (None, None) => show::reason(cell),
        };
        table.push(vec![Field::new(Style::Strong, cell.id().to_string()), show::outcome(cell), reason.into()]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// What is missing on this machine, in one line for all workloads.
pub fn not_here(cells: &[Cell]) -> Option<String> {
    let missing = |cell: &&Cell| cell.outcome == Outcome::Unavailable;
    let mut backends: Vec<&str> = Vec::new();
    for cell in cells.iter().filter(missing) {
        if !backends.contains(&cell.backend.as_str()) {
            backends.push(&cell.backend);
        }
    }
    let one = |backend: &str| {
        let of_it: Vec<&Cell> = cells.iter().filter(|c| c.backend == backend).collect();
        let gone: Vec<&str> = of_it.iter().copied().filter(missing).map(|c| c.workload.as_str()).collect();
        if gone.len() == of_it.len() { backend.to_owned() } else { format!("{backend} on {}", gone.join(", ")) }
    };
    let named: Vec<String> = backends.into_iter().map(one).collect();
    (!named.is_empty()).then(|| format!("Not here: {}.", named.join("; ")))
}

/// How many forgeries each cell's verifier rejected.
pub(crate) fn probes(cells: &[Cell]) -> Table {
    let mut table = Table::new(
        "Forgeries that verifiers were shown",
        &[Column::text("Cell"), Column::number("Rejected"), Column::prose("Not rejected")],
    );
    for cell in cells.iter().filter(|cell| cell.probes_tried.is_some()) {
        let accepted = cell.probes_accepted.as_deref().unwrap_or(NOTHING).replace(';', ", ");
        let style = if cell.probes_accepted.is_some() { Style::Outcome } else { Style::Plain };
        let name = Field::new(Style::Strong, cell.id().to_string());
        table.push(vec![name, show::probes(cell).into(), Field::new(style, accepted)]);
    }
    table
}

/// The forgeries that were not rejected, each with what it changes.
pub(crate) fn taken(probes: &[ProbeRow]) -> Option<Table> {
    let mut table = Table::new(
        "Forgeries that were not rejected",
        &[
            Column::text("Cell"),
            Column::text("Forgery"),
            Column::text("Verdict"),
            Column::text("Another statement"),
            Column::prose("The verifier's words"),
        ],
    );
    for probe in probes.iter().filter(|probe| probe.verdict != ProbeVerdict::Rejected) {
        table.push(vec![
            Field::new(Style::Strong, format!("{}@{}", probe.workload, probe.backend)),
            probe.probe.clone().into(),
            Field::new(Style::Outcome, probe.verdict.as_str()),
            show::yes_no(Some(probe.changes_statement)).into(),
            probe.detail.as_deref().unwrap_or(NOTHING).into(),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// What a verifier relies on, a row a backend.
pub(crate) fn trust(run: &Run) -> Option<Table> {
    let mut table = Table::new(
        "What a verifier relies on, and what the evidence says",
        &[
            Column::text("Backend"),
            Column::text("System"),
            Column::text("Setup"),
            Column::text("Security"),
            Column::text("Zero knowledge"),
            Column::text("Post-quantum"),
            Column::text("Binds"),
            Column::text("Hides"),
            Column::text("Hardware"),
        ],
    );
    let mut seen = Vec::new();
    for plan in &run.record.cells {
        let backend = plan.id.backend.as_str();
        let Some(description) = run.record.description(plan) else { continue };
        // A backend may have another system for language models.
        if seen.contains(&(backend, &description.name)) {
            continue;
        }
        seen.push((backend, &description.name));
        let t = &description.trust;
        table.push(vec![
            Field::new(Style::Strong, backend),
            format!("{} {}", description.name, description.version).trim().into(),
            show::setup_trust(t.setup).into(),
            show::security(t.security_bits, t.security_basis).into(),
            show::yes_no(Some(t.zero_knowledge)).into(),
            show::yes_no(Some(t.post_quantum)).into(),
            show::parts(&t.binds).into(),
            show::parts(&t.hides).into(),
            show::hardware(t.hardware).into(),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// A short summary for the end of a run: plain text, aligned, no control characters.
pub fn markdown_table(cells: &[Cell]) -> String {
    let mut out = String::new();
    for workload in workloads(cells) {
        let mut table = Table::new(
            "",
            &[
                Column::text(""),
                Column::text("outcome"),
                Column::number("setup"),
                Column::number("infer"),
                Column::number("prove"),
                Column::number("verify"),
                Column::number("total"),
                Column::number("proof"),
                Column::number("memory"),
                Column::number("agreement"),
            ],
        );
        for cell in cells.iter().filter(|c| c.workload == workload) {
            table.rows.push(short_row(cell));
        }
        let _ = writeln!(out, "{}\n{}", workload.escape_debug(), table.plain());
    }
    if cells.iter().any(|c| c.has_flag(crate::cell::CellFlag::FewSamples)) {
        let _ = writeln!(out, "†: fewer samples than asked for");
    }
    out
}

fn short_row(cell: &Cell) -> Row {
    let mut fields = vec![Field::from(cell.backend.clone()), cell.outcome.as_str().into()];
    if cell.total().is_none() {
        let reason = show::reason(cell);
        let short: String = reason.chars().take(100).collect();
        fields.push(if short == reason { short } else { format!("{short}…") }.into());
    } else {
        fields.extend(Phase::ALL.map(|p| show::phase_time(cell, p, 0).unwrap_or_else(|| NOTHING.to_owned()).into()));
        fields.push(show::total(cell).into());
        fields.push(show::bytes(cell.proof_bytes).into());
        fields.push(show::bytes(cell.peak_rss_bytes).into());
        fields.push(show::share(cell.class_agreement).into());
    }
    Row { fields, begins_group: false }
}
