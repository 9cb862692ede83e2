//! From the lines of a history to series of one cell on one machine, and what is shown of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use zktee_core::vocabulary::{CellId, Phase};
use zktee_report::{timeline, units};

use super::change::{Change, Detection, FEWEST_RUNS, changes};
use super::entry::{Entry, EntryCell};
use crate::metric::Metric;
use crate::text::short;
use crate::words;

/// All runs of one cell on one machine, with one number of threads, of one model and set of inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct CellHistory {
    /// The cell.
    pub cell: CellId,
    /// The machine, and the threads of a worker.
    pub machine: String,
    /// When each run began, and its commit in short.
    pub runs: Vec<(String, String)>,
    /// A phase's times.
    pub phases: Vec<PhaseHistory>,
}

/// One time of one phase, run by run.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseHistory {
    /// The phase.
    pub phase: Phase,
    /// The kind of time.
    pub metric: Metric,
    /// Median seconds of one call by run; none where the cell had no time in the run.
    pub values: Vec<Option<f64>>,
    /// The changes, by run.
    pub changes: Vec<Change>,
}

/// What makes runs comparable without another thought.
type Key = (CellId, String, String, String, usize);

/// All series of a history, in the order of the cells' names.
pub fn cell_histories(entries: &[Entry], detection: &Detection) -> Vec<CellHistory> {
    let mut groups: BTreeMap<Key, Vec<(&Entry, &EntryCell)>> = BTreeMap::new();
    for entry in entries {
        let machine = format!("{}, {} threads", entry.machine, entry.threads);
        for cell in &entry.cells {
            let key =
                (cell.id.clone(), machine.clone(), cell.model_sha256.clone(), cell.inputs_sha256.clone(), cell.batch);
            groups.entry(key).or_default().push((entry, cell));
        }
    }
    groups
        .into_iter()
        .map(|((cell, machine, ..), runs)| CellHistory {
            cell,
            machine,
            phases: phases(&runs, detection),
            runs: runs.iter().map(|(entry, _)| name_of(entry)).collect(),
        })
        // A cell that has never had a time has no history.
        .filter(|it| !it.phases.is_empty())
        .collect()
}

/// When a run began, to the minute, and its commit.
fn name_of(entry: &Entry) -> (String, String) {
    let time: String = words::plain(&entry.started_at).chars().take(16).collect();
    let commit = entry.commit.as_deref().map_or_else(|| "no commit".to_owned(), short);
    (time.replace('T', " "), words::plain(&commit))
}

fn phases(runs: &[(&Entry, &EntryCell)], detection: &Detection) -> Vec<PhaseHistory> {
    let mut all = Vec::new();
    for phase in Phase::ALL {
        for metric in Metric::TIMES {
            let value = |(_, cell): &(&Entry, &EntryCell)| {
                let time = cell.times.iter().find(|time| time.phase == phase)?;
                if metric == Metric::Wall { Some(time.wall_s) } else { time.cpu_s }
            };
            let values: Vec<Option<f64>> = runs.iter().map(value).collect();
            let (places, present): (Vec<usize>, Vec<f64>) =
                values.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?))).unzip();
            if present.is_empty() {
                continue;
            }
            let found = changes(&present, detection).into_iter().map(|it| Change { at: places[it.at], ..it }).collect();
            all.push(PhaseHistory { phase, metric, values, changes: found });
        }
    }
    all
}

/// The changes in words.
pub fn text(histories: &[CellHistory], detection: &Detection) -> String {
    let series: Vec<&PhaseHistory> = histories.iter().flat_map(|it| &it.phases).collect();
    let mut out = String::new();
    for history in histories {
        for of in &history.phases {
            for change in &of.changes {
                let (time, commit) = &history.runs[change.at];
                let line = format!(
                    "{} {} {}: {} ({} to {}) from the run of {time} on, {commit}; {}; p {}",
                    history.cell,
                    of.phase,
                    of.metric,
                    words::change(change.after / change.before),
                    units::seconds(change.before),
                    units::seconds(change.after),
                    history.machine,
                    words::p(Some(change.p)),
                );
                let _ = writeln!(out, "{}", words::plain(&line));
            }
        }
    }
    let found: usize = series.iter().map(|it| it.changes.len()).sum();
    let long = series.iter().filter(|it| it.values.iter().flatten().count() >= 2 * FEWEST_RUNS).count();
    let _ = writeln!(
        out,
        "{found} change(s) in {} series of {} cell(s) on their machine; {} of the series have fewer than {} runs and cannot show one. \
         By chance alone {} of the others in a hundred would show one before changes under {} are left out.",
        series.len(),
        histories.len(),
        series.len() - long,
        2 * FEWEST_RUNS,
        units::percent(detection.level()).trim_end_matches(" %"),
        units::percent(detection.min_effect()),
    );
    out
}

/// A figure a cell, with a panel a phase.
pub fn timelines(histories: &[CellHistory]) -> Vec<timeline::Timeline> {
    let of_cell = |it: &CellHistory| {
        let panel = |phase: Phase| {
            let series: Vec<timeline::Series> =
                it.phases.iter().filter(|of| of.phase == phase).map(series_of).collect();
            (!series.is_empty()).then(|| timeline::Panel { heading: phase.to_string(), series })
        };
        timeline::Timeline {
            title: it.cell.to_string(),
            subtitle: it.machine.clone(),
            runs: it
                .runs
                .iter()
                .map(|(time, commit)| format!("{} {commit}", time.get(5..10).unwrap_or(time)))
                .collect(),
            panels: Phase::ALL.into_iter().filter_map(panel).collect(),
        }
    };
    histories.iter().map(of_cell).collect()
}

fn series_of(it: &PhaseHistory) -> timeline::Series {
    let last = it.values.len();
    let ends: Vec<usize> = it.changes.iter().skip(1).map(|change| change.at).chain([last]).collect();
    let mut levels = Vec::new();
    if let Some(first) = it.changes.first() {
        levels.push(timeline::Level { from: 0, to: first.at, value: first.before });
    }
    levels.extend(it.changes.iter().zip(ends).map(|(change, to)| timeline::Level {
        from: change.at,
        to,
        value: change.after,
    }));
    timeline::Series {
        kind: if it.metric == Metric::Wall { timeline::Kind::Wall } else { timeline::Kind::Cpu },
        values: it.values.clone(),
        levels,
        changes: it.changes.iter().map(|it| (it.at, words::change(it.after / it.before))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EntryTime;
    use zktee_core::vocabulary::Outcome;

    fn entry(i: usize, machine: &str, wall_s: Option<f64>) -> Entry {
        let times = wall_s
            .map(|wall_s| EntryTime { phase: Phase::Prove, n: 5, wall_s, cpu_s: Some(1.0) })
            .into_iter()
            .collect();
        let id = CellId::new("ols-iris", "halo2");
        let (model_sha256, inputs_sha256) = ("a".to_owned(), "b".to_owned());
        let outcome = Outcome::Measured;
        Entry {
            schema: 1,
            started_at: format!("2031-05-{:02}T10:00:00Z", i + 1),
            zktee_version: "0.1.0".to_owned(),
            commit: Some(format!("{i:040x}")),
            machine: machine.to_owned(),
            threads: 2,
            cells: vec![EntryCell { id, outcome, model_sha256, inputs_sha256, batch: 1, times }],
        }
    }

    #[test]
    fn machines_are_apart_gaps_stay_and_a_change_is_at_its_run() {
        let detection = Detection::new(0.01, 0.05).unwrap();
        let mut entries: Vec<Entry> =
            (0..20).map(|i| entry(i, "one", Some(1.0 + 0.001 * i as f64 + if i < 11 { 0.0 } else { 0.2 }))).collect();
        entries[4].cells[0].times.clear();
        entries.extend((0..5).map(|i| entry(i, "other", Some(9.0))));
        let all = cell_histories(&entries, &detection);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].runs.len(), all[0].phases[0].values[4]), (20, None));
        assert_eq!(all[0].phases[0].changes.iter().map(|it| it.at).collect::<Vec<_>>(), [11]);
        assert!(all[0].phases[1].changes.is_empty() && all[1].phases.iter().all(|it| it.changes.is_empty()));
        let said = text(&all, &detection);
        assert!(said.contains("ols-iris@halo2 prove wall: +20.8 %") && said.contains("2031-05-12"), "{said}");
        let figures = timelines(&all);
        assert_eq!(figures[0].panels[0].series[0].levels.len(), 2);
        assert!(figures[1].panels[0].series[0].levels.is_empty());
        assert!(text(&[], &detection).starts_with("0 change(s)"));
    }
}
