//! Sentences made from the data: each is said only when its data are there.

use std::collections::BTreeMap;

use zktee_core::record::{Environment, Settings};
use zktee_core::vocabulary::Outcome;

use crate::article::{self, Role};
use crate::cell::{Cell, CellFlag, Kind};
use crate::claims::{Claims, Stated};
use crate::language::LanguageCell;
use crate::load::Run;
use crate::scaling::{self, Families};
use crate::tables::workloads;
use crate::{batch, language_tables, show, units};

/// What the run found, in three sentences: what it holds, how much dearer evidence is than the answer, how that compares with the claims.
/// One without its data is left out.
pub(crate) fn in_short(cells: &[Cell], families: &Families, claims: &Claims) -> String {
    let sentences = [Some(contents(cells)), dearer(&in_table(cells, families), cells), beside_claims(cells, claims)];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The workloads of the table: no families, no batches between one input and all.
fn in_table<'a>(cells: &'a [Cell], families: &Families) -> Vec<&'a str> {
    let taken = families.others(cells);
    let taken = workloads(&taken);
    workloads(cells).into_iter().filter(|w| taken.contains(w) && !batch::is_between(w)).collect()
}

/// The fastest cell of a kind.
fn best<'a>(workload: &str, cells: &'a [Cell], kind: Kind) -> Option<(&'a Cell, f64)> {
    let of_it = cells.iter().filter(|c| c.workload == workload && c.kind() == kind);
    of_it.filter_map(|c| Some((c, c.total()?))).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Over the plain answer's time, from the least to the most over the workloads.
fn dearer<'a>(names: &[&'a str], cells: &'a [Cell]) -> Option<String> {
    let spread = |kind: Kind, what: &str| {
        let over = |name: &'a str| {
            let ((cell, total), (_, floor)) = (best(name, cells, kind)?, best(name, cells, Kind::Plain)?);
            Some((cell, name, total / floor))
        };
        let mut all: Vec<_> = names.iter().copied().filter_map(over).collect();
        all.sort_by(|a, b| a.2.total_cmp(&b.2));
        let ((a, on_a, least), (b, on_b, most)) = (*all.first()?, *all.last()?);
        let one = |cell: &Cell, name: &str| format!("{} on {name}", show::name_with_outcome(cell));
        Some(if all.len() == 1 {
            format!("{what} {} its time ({})", units::ratio(least), one(a, on_a))
        } else {
            let (least, most) = (units::ratio(least), units::ratio(most));
            format!("{what} {least} ({}) to {most} ({}) its time", one(a, on_a), one(b, on_b))
        })
    };
    let parts: Vec<String> = [
        spread(Kind::Zk, "a proof with its verification"),
        spread(Kind::Tee, "an attested answer with its verification"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("Beside the plain answer, at its fastest {}.", parts.join(", and ")))
}

/// The fastest cell beside each claim, in one sentence.
fn beside_claims(cells: &[Cell], claims: &Claims) -> Option<String> {
    let one = |group: &article::Group| {
        let (cell, total, who, stated) = beside_claim(group)?;
        let workload = &group.row.id;
        Some(format!(
            "{} by {} against {} ({who}) on {workload}",
            units::seconds(total),
            cell.backend,
            stated.text(units::seconds)
        ))
    };
    let all: Vec<String> = article::groups(claims, cells).iter().filter_map(one).collect();
    (!all.is_empty()).then(|| format!("Beside the article's claims stand {}.", all.join(", ")))
}

/// The fastest cell beside a claim. What a simulated enclave takes says nothing of the enclave that is claimed; the table has it, with its
/// caveat.
fn beside_claim<'g>(group: &'g article::Group) -> Option<(&'g Cell, f64, &'g str, &'g Stated)> {
    let (who, stated) = group.claim.as_ref()?;
    if !matches!(group.role, Role::Zk | Role::Tee) {
        return None;
    }
    let real = group.cells.iter().filter(|c| c.outcome != Outcome::Simulated && group.claim_beside(c).is_some());
    let timed = real.filter_map(|c| Some((*c, c.total()?)));
    let (cell, total) = timed.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((cell, total, who, stated))
}

/// What the run found, a sentence a workload and claim.
pub(crate) fn sentences(
    run: &Run,
    cells: &[Cell],
    language: &[LanguageCell],
    families: &Families,
    claims: &Claims,
) -> Vec<String> {
    let mut out: Vec<String> = in_table(cells, families).into_iter().filter_map(|w| fastest(w, cells)).collect();
    out.extend(language_tables::sentences(cells, language));
    out.extend(families.list.iter().filter_map(scaling::sentence));
    out.extend(compared(cells, claims));
    let few = cells.iter().filter(|c| c.has_flag(CellFlag::FewSamples)).count();
    if few > 0 {
        out.push(format!(
            "{} on fewer than {} samples of infer, prove or verify and {} marked †.",
            plural(few, "cell rests", "cells rest"),
            run.record.settings.min_samples,
            if few == 1 { "is" } else { "are" }
        ));
    }
    if run.record.settings.quick {
        out.push("This was a quick look: intervals are wide, and a full run is what to quote.".to_owned());
    }
    out
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn contents(cells: &[Cell]) -> String {
    if cells.is_empty() {
        return "The run planned no cell.".to_owned();
    }
    let mut counts = BTreeMap::<Outcome, usize>::new();
    for cell in cells {
        *counts.entry(cell.outcome).or_default() += 1;
    }
    let counted: Vec<String> = counts.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect();
    format!(
        "The run holds {} on {}: {}.",
        plural(cells.len(), "cell", "cells"),
        plural(workloads(cells).len(), "workload", "workloads"),
        counted.join(", ")
    )
}

/// The fastest proof and the fastest enclave of a workload, beside the plain answer.
fn fastest(workload: &str, cells: &[Cell]) -> Option<String> {
    let best = |kind: Kind| best(workload, cells, kind);
    let floor = best(Kind::Plain);
    let mut parts = Vec::new();
    if let Some((cell, total)) = best(Kind::Zk) {
        let right = cell.class_agreement.map(|a| format!(", class agreement {}", units::percent(a)));
        let right = right.or_else(|| cell.max_abs_error.map(|e| format!(", largest error {}", units::error(e))));
        parts.push(format!(
            "the fastest proof with its verification is {} in {}{}{}",
            show::name_with_outcome(cell),
            units::seconds(total),
            over(total, floor),
            right.unwrap_or_default()
        ));
    }
    if let Some((cell, total)) = best(Kind::Tee) {
        parts.push(format!(
            "the fastest attested answer is {} in {}{}",
            show::name_with_outcome(cell),
            units::seconds(total),
            over(total, floor)
        ));
    }
    match (parts.is_empty(), floor) {
        (false, _) => Some(format!("On {workload} {}.", parts.join("; "))),
        (true, Some((cell, total))) => {
            Some(format!("On {workload} the plain answer of {} takes {}.", cell.backend, units::seconds(total)))
        }
        (true, None) => None,
    }
}

fn over(total: f64, floor: Option<(&Cell, f64)>) -> String {
    floor
        .map(|(cell, floor)| {
            format!(" ({} the {} of {})", units::ratio(total / floor), units::seconds(floor), cell.backend)
        })
        .unwrap_or_default()
}

/// The fastest cell beside each claim.
fn compared(cells: &[Cell], claims: &Claims) -> Vec<String> {
    let sentence = |group: &article::Group| {
        let (cell, total, who, stated) = beside_claim(group)?;
        Some(format!(
            "The article claims {} for {} ({who}); here {} took {}, {}.",
            stated.text(units::seconds),
            group.row.id,
            show::name_with_outcome(cell),
            units::seconds(total),
            stated.in_words(total)
        ))
    };
    article::groups(claims, cells).iter().filter_map(sentence).collect()
}

/// The machine in one line.
pub(crate) fn machine(environment: Option<&Environment>, settings: &Settings) -> String {
    let Some(e) = environment else {
        return "Unknown: environment.json is missing.".to_owned();
    };
    let mut parts = vec![
        e.cpu.clone(),
        plural(e.cores, "core", "cores"),
        format!("{} memory", units::bytes(e.memory_bytes)),
        e.os.clone(),
        format!("kernel {}", e.kernel),
        format!("{} a worker", plural(settings.threads, "thread", "threads")),
    ];
    parts.extend(e.virtualisation.iter().map(|v| format!("virtualised ({v})")));
    parts.extend(e.governor.iter().map(|g| format!("governor {g}")));
    parts.push(e.rustc.clone());
    parts.extend(e.commit.iter().map(|c| format!("commit {c}")));
    parts.retain(|p| !p.trim().is_empty());
    parts.join(", ")
}

/// How the numbers came about.
pub(crate) fn method(run: &Run) -> Vec<String> {
    let s = &run.record.settings;
    let mut out = vec![
        format!(
            "Begun {} with zktee {}: {}",
            run.record.started_at,
            run.record.zktee_version,
            run.record.command.join(" ")
        ),
        format!(
            "Each phase of each cell ran in a fresh process with {}; {} of each phase were asked for, after {} where calls are \
             cheap; a cell with fewer than {} is marked †.",
            plural(s.threads, "thread", "threads"),
            plural(s.samples as usize, "sample", "samples"),
            plural(s.warmup as usize, "untimed call", "untimed calls"),
            s.min_samples
        ),
        format!(
            "Limits: {} a request{}{}.",
            units::seconds(s.timeout_s),
            s.memory_limit_bytes.map(|b| format!(", {} memory", units::bytes(b))).unwrap_or_default(),
            s.time_budget_s.map(|t| format!(", {} for the whole run", units::seconds(t))).unwrap_or_default()
        ),
        format!(
            "Times are medians of wall-clock seconds inside the worker around the call. Intervals are 95 % percentile bootstraps of \
             the median, {} resamples, seed fixed (Efron and Tibshirani 1993, chapter 13).",
            units::count(crate::stats::RESAMPLES as u64)
        ),
        "The total is prove + verify where prove starts from the raw inputs, else infer + prove + verify; of a backend without \
         evidence it is infer alone. The setup is never in it."
            .to_owned(),
        "Errors are absolute differences to the float reference, the worst sample's; class agreement is with the float \
         reference, accuracy with the labels."
            .to_owned(),
        "Bytes are in steps of a thousand. Peak memory is the largest resident set during a call of any phase.".to_owned(),
    ];
    if run.record.cells.iter().any(|c| c.repeat > 1) {
        out.push(
            "A workload of more than one call was measured by a few calls; its times of infer, prove and verify are medians of a \
             call times the number of calls, which is why it is called estimated."
                .to_owned(),
        );
    }
    if run.samples.iter().any(|s| s.outcome == Outcome::Estimated) {
        out.push(
            "Where a phase did a part of its work, the whole is estimated from that part; the reason shows the arithmetic. Its memory is what \
             was measured, and there is no evidence of it."
                .to_owned(),
        );
    }
    out
}

/// A warning names no more cells: a list of all says less than their number.
const MOST_NAMED: usize = 12;

/// How far a sample may begin before the one before it in its cell has ended: times of day are recorded to the millisecond, and may be set.
const OVERLAP_S: f64 = 0.05;

/// Cells whose samples overlap: the phases of a cell come one after the other, so that clocks were wrong or two runs were mixed.
fn overlaps(run: &Run) -> Option<String> {
    let mut ends = BTreeMap::<(&str, &str), f64>::new();
    let mut cells = Vec::new();
    for sample in run.samples.iter().filter(|s| s.stage.is_none()) {
        let Ok(started) = sample.started_at.parse::<jiff::Timestamp>() else { continue };
        let started_s = started.as_duration().as_secs_f64();
        let name = (sample.workload.as_str(), sample.backend.as_str());
        if ends.get(&name).is_some_and(|end| started_s < end - OVERLAP_S) && !cells.contains(&name) {
            cells.push(name);
        }
        if let Some(wall_s) = sample.runner_wall_s {
            ends.insert(name, started_s + wall_s);
        }
    }
    let names: Vec<String> = cells.into_iter().map(|(workload, backend)| format!("{workload}@{backend}")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Phases that do not follow each other: a sample of {} begins before the one before it has ended by the runner's clock. The \
             machine's time was set, or samples of two runs were mixed.",
            names.join(", ")
        )
    })
}

/// What a reader has to know before trusting the numbers.
pub(crate) fn warnings(run: &Run, cells: &[Cell]) -> Vec<String> {
    let mut out: Vec<String> = run.warnings.iter().map(ToString::to_string).collect();
    let mut by_flag = BTreeMap::<&str, Vec<String>>::new();
    for cell in cells {
        for flag in cell.flags.as_deref().unwrap_or_default().split(';').filter(|f| !f.is_empty()) {
            by_flag.entry(flag).or_default().push(cell.id().to_string());
        }
    }
    for (flag, cells) in by_flag {
        let meaning = match flag {
            "few-samples" => "fewer samples of a phase than asked for at least; their intervals mean little",
            "few-setup-samples" => "the same of the setup, which is in no total",
            "extrapolated" => "times of a few calls or of a part of the work, multiplied",
            "random-weights" => "a language model that has learnt nothing: its speed is what its shape takes",
            "unverified" => "evidence was timed whose verification says neither yes nor no",
            "clock-mismatch" => {
                "the worker's clocks do not add up to the runner's; look at untimed_s and runner_wall_s in samples.csv"
            }
            "cpu-mismatch" => "the worker claims more CPU time than there was",
            "stage-mismatch" => "the stages of a phase take longer than the phase",
            _ => "see docs/results.md",
        };
        let named = match cells.get(MOST_NAMED..).filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                format!("{} and {} more (column flags of cells.csv)", cells[..MOST_NAMED].join(", "), rest.len())
            }
            None => cells.join(", "),
        };
        out.push(format!("{flag} ({meaning}): {named}"));
    }
    out.extend(overlaps(run));
    let cores = run.environment.as_ref().map(|e| e.cores as f64);
    let busiest = run.samples.iter().filter_map(|s| s.load_1m).max_by(f64::total_cmp);
    let start = run.environment.as_ref().and_then(|e| e.load_1m);
    if let Some(load) = start.filter(|l| cores.is_some_and(|c| *l > 0.5 * c)) {
        out.push(format!("The machine was busy before the run: load {load:.2}. Others' work slows all that is timed."));
    }
    if let (Some(load), Some(cores)) = (busiest, cores)
        && load > 1.5 * cores.max(run.record.settings.threads as f64)
    {
        out.push(format!(
            "The load rose to {load:.2} on {cores:.0} cores during the run: something else ran beside it."
        ));
    }
    out
}
