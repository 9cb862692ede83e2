//! Time by phase: a chart a workload, a row a phase, all charts on one axis.

use zktee_core::vocabulary::Phase;

use super::dots::{self, Chart, Group, Key, Look, Row, Value};
use super::palette::Ink;
use super::scene::Mark;
use super::{Plot, file_part};
use crate::article::{self, Role};
use crate::cell::Cell;
use crate::claims::{Bound, Claims};
use crate::{show, tables, units};

/// How a phase looks: the same in every plot.
pub(super) const fn look_of(phase: Phase) -> Look {
    let (mark, ink) = match phase {
        Phase::Setup => (Mark::Square, Ink::Data(0)),
        Phase::Infer => (Mark::Triangle, Ink::Data(1)),
        Phase::Prove => (Mark::Circle, Ink::Data(2)),
        Phase::Verify => (Mark::Diamond, Ink::Data(3)),
    };
    Look { mark, ink, filled: true }
}

const TOTAL: Look = Look { mark: Mark::Square, ink: Ink::Data(4), filled: true };
/// A claim is drawn hollow and in a colour of its own.
pub(super) const CLAIM: Look = Look { mark: Mark::Diamond, ink: Ink::Claim, filled: false };

/// A plot for each workload.
pub(super) fn plots(cells: &[Cell], claims: &Claims, min_samples: u32) -> Vec<Plot> {
    let mut used = Vec::new();
    let measured =
        cells.iter().flat_map(|c| Phase::ALL.map(|p| c.phase(p).wall_s_median).into_iter().flatten().chain(c.total()));
    let rows: Vec<&str> = cells.iter().filter_map(|c| claims.row_of(&c.workload)).map(|r| r.id.as_str()).collect();
    let claimed_values = article::groups(claims, cells)
        .into_iter()
        .filter(|g| rows.contains(&g.row.id.as_str()))
        .filter_map(|g| g.claim.map(|(_, stated)| stated.value));
    let everything: Vec<f64> = measured.chain(claimed_values).collect();
    let one = |workload: &str| {
        let of_it: Vec<&Cell> = cells.iter().filter(|c| c.workload == workload).collect();
        let mut groups: Vec<Group> = of_it.iter().map(|c| group(c, min_samples)).collect();
        groups.extend(claimed(workload, claims, cells));
        let chart = Chart {
            title: format!("{workload}: time by phase"),
            axis_title: "wall-clock time, logarithmic",
            unit: units::seconds,
            also: everything.clone(),
            legend: legend(&groups, of_it.iter().any(|c| c.calls > 1)),
            groups,
        };
        Plot {
            name: format!("time-{}", file_part(workload, &mut used)),
            title: chart.title.clone(),
            caption: "Median of each phase with the 95 % bootstrap interval of the median. The total leaves the setup out. A cross \
                      and an outcome stand where there is no time."
                .to_owned(),
            scene: dots::lay_out(&chart),
        }
    };
    tables::workloads(cells).into_iter().map(one).collect()
}

fn group(cell: &Cell, min_samples: u32) -> Group {
    let mut rows: Vec<Row> = Vec::new();
    for phase in Phase::ALL {
        let columns = cell.phase(phase);
        if let (Some(at), Some(text)) = (columns.wall_s_median, show::phase_time(cell, phase, min_samples)) {
            let interval = columns.wall_s_ci_low.zip(columns.wall_s_ci_high);
            let value = Value::Dot { at, interval, text, look: look_of(phase), open: false };
            rows.push(Row { label: phase.as_str().to_owned(), value });
        }
    }
    match cell.total() {
        // With one phase alone the total says the same again.
        Some(at) if rows.iter().filter(|r| r.label != Phase::Setup.as_str()).count() > 1 => {
            let interval = cell.total_wall_s_ci_low.zip(cell.total_wall_s_ci_high);
            let value = Value::Dot { at, interval, text: show::total(cell), look: TOTAL, open: false };
            rows.push(Row { label: "total".to_owned(), value });
        }
        Some(_) => {}
        None => rows.push(Row { label: String::new(), value: gap(cell) }),
    }
    Group { heading: None, name: cell.backend.clone(), tag: show::tag(cell).map(str::to_owned), rows }
}

/// The outcome and the reason, where a value would stand.
pub(super) fn gap(cell: &Cell) -> Value {
    Value::Gap(format!("{}: {}", cell.outcome, show::reason(cell)))
}

fn claimed(workload: &str, claims: &Claims, cells: &[Cell]) -> Vec<Group> {
    let Some(row) = claims.row_of(workload).filter(|row| row.apart(workload).is_none()) else { return Vec::new() };
    article::groups(claims, cells)
        .into_iter()
        .filter(|g| g.row.id == row.id && matches!(g.role, Role::Zk | Role::Tee))
        .filter_map(|g| g.claim)
        .map(|(who, stated)| {
            let name = who.split(',').next().unwrap_or_default();
            let value = Value::Dot {
                at: stated.value,
                interval: None,
                text: format!("{} claimed", stated.text(units::seconds)),
                look: CLAIM,
                open: stated.bound == Bound::MoreThan,
            };
            let rows = vec![Row { label: "total".to_owned(), value }];
            Group { heading: None, name: format!("{name} (article)"), tag: None, rows }
        })
        .collect()
}

fn legend(groups: &[Group], extrapolated: bool) -> Vec<Key> {
    let shows = |look: Look| {
        groups.iter().flat_map(|g| &g.rows).any(|r| matches!(&r.value, Value::Dot { look: l, .. } if *l == look))
    };
    let mut keys: Vec<Key> = Phase::ALL
        .into_iter()
        .map(|p| (look_of(p), if p == Phase::Prove { "prove or attest" } else { p.as_str() }))
        .chain([(TOTAL, "total"), (CLAIM, "claimed by the article, not measured")])
        .filter(|(look, _)| shows(*look))
        .map(|(look, text)| Key { look: Some(look), text: text.to_owned() })
        .collect();
    let daggers =
        groups.iter().flat_map(|g| &g.rows).any(|r| matches!(&r.value, Value::Dot { text, .. } if text.ends_with('†')));
    if daggers {
        keys.extend(dots::notes("† few samples"));
    }
    if extrapolated {
        keys.extend(dots::notes("extrapolated: a few calls or a part measured, times multiplied"));
    }
    keys
}
