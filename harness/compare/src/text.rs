//! A comparison for a terminal.

use std::fmt::Write as _;

use zktee_report::units;

use crate::comparison::{Comparison, SideInfo};
use crate::words;

const HEADINGS: [&str; 8] = ["cell", "phase", "time", "base", "new", "change", "95 % interval", "p"];

/// The comparison as text, to be read from the top: what must be known first, then what changed, then the rest.
pub fn text(it: &Comparison) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "base  {}\nnew   {}", side(&it.base), side(&it.new));
    for alarm in words::alarms(it) {
        let _ = writeln!(out, "\n!! {alarm}");
    }
    for warning in &it.warnings {
        let _ = writeln!(out, "\n!  {}", words::plain(warning));
    }
    if !it.differences.is_empty() {
        let _ = writeln!(out, "\nWhat differs beside the times:");
        for one in &it.differences {
            let line = format!("  {:<8} {}: {} -> {}", words::about(one.about), one.what, one.base, one.new);
            let _ = writeln!(out, "{}", words::plain(&line));
        }
    }
    let _ = writeln!(out, "\n{}\n", words::summary(it));
    if !it.rows.is_empty() {
        table(&mut out, it);
    }
    if !it.remarks.is_empty() {
        out.push('\n');
    }
    for one in &it.remarks {
        let _ =
            writeln!(out, "{}", words::plain(&format!("{:<14} {}: {}", words::remark(one.kind), one.cell, one.text)));
    }
    let _ = writeln!(out, "\n{}", words::method(it));
    out
}

fn side(it: &SideInfo) -> String {
    let runs = if it.runs == 1 { String::new() } else { format!(" ({} runs)", it.runs) };
    let commit = it.commit.as_deref().map_or_else(|| "unknown commit".to_owned(), short);
    let cpu = it.cpu.as_deref().unwrap_or("unknown machine");
    words::plain(&format!("{}{runs}: {commit}, {cpu}, begun {}", it.path, it.started_at))
}

/// A commit's first digits, with the mark of a tree that had changes.
pub(crate) fn short(commit: &str) -> String {
    let digits: String = commit.chars().take(10).take_while(|c| *c != '+').collect();
    if commit.contains('+') { format!("{digits}+dirty") } else { digits }
}

fn table(out: &mut String, it: &Comparison) {
    let mut lines: Vec<Vec<String>> = vec![HEADINGS.iter().map(ToString::to_string).collect()];
    lines[0][6] = format!("{} interval", units::percent(1.0 - it.level));
    let rows = words::by_verdict(it);
    lines.extend(rows.iter().map(|row| {
        vec![
            words::plain(&row.cell.to_string()),
            row.phase.to_string(),
            row.metric.to_string(),
            row.metric.show(row.base.median_s),
            row.metric.show(row.new.median_s),
            row.ratio.map_or_else(|| words::NOTHING.to_owned(), words::change),
            words::interval(row),
            words::p(row.p_adjusted),
        ]
    }));
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default())
        .collect();
    let verdicts = std::iter::once("verdict".to_owned()).chain(rows.iter().map(|row| words::verdict(row)));
    for (line, verdict) in lines.iter().zip(verdicts) {
        for (i, (field, width)) in line.iter().zip(&widths).enumerate() {
            let _ = if i < 3 { write!(out, "{field:<width$}  ") } else { write!(out, "{field:>width$}  ") };
        }
        let _ = writeln!(out, "{}", words::plain(&verdict));
    }
}
