//! Totals: claimed and measured, a group a row of the article.

use zktee_core::vocabulary::Outcome;

use super::Plot;
use super::dots::{self, Chart, Group, Key, Look, Row, Value};
use super::palette::Ink;
use super::scene::Mark;
use super::time::{CLAIM, gap};
use crate::article;
use crate::cell::{Cell, Kind};
use crate::claims::{Bound, Claims};
use crate::{show, units};

/// Shape and colour by the sort of evidence; hollow when simulated or extrapolated.
pub(super) fn look_of(cell: &Cell) -> Look {
    let (mark, ink) = match cell.kind() {
        Kind::Plain => (Mark::Triangle, Ink::Data(1)),
        Kind::Zk => (Mark::Circle, Ink::Data(2)),
        Kind::Tee => (Mark::Square, Ink::Data(3)),
    };
    Look { mark, ink, filled: cell.outcome == Outcome::Measured && show::tag(cell).is_none() }
}

/// The legend of the looks that some cells have.
pub(super) fn legend<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<Key> {
    let cells: Vec<&Cell> = cells.collect();
    let looks: Vec<Look> = cells.iter().map(|c| look_of(c)).collect();
    let names = [
        (Mark::Triangle, Ink::Data(1), "plain answer"),
        (Mark::Circle, Ink::Data(2), "proof"),
        (Mark::Square, Ink::Data(3), "enclave"),
    ];
    let mut keys: Vec<Key> = names
        .into_iter()
        .filter(|(mark, ..)| looks.iter().any(|l| l.mark == *mark))
        .map(|(mark, ink, text)| Key { look: Some(Look { mark, ink, filled: true }), text: text.to_owned() })
        .collect();
    if looks.iter().any(|l| !l.filled) {
        let failed = cells.iter().any(|c| !c.outcome.has_times());
        let text =
            if failed { "hollow: simulated, extrapolated or failed" } else { "hollow: simulated or extrapolated" };
        keys.extend(dots::notes(text));
    }
    keys
}

/// The plot; none when no cell belongs to a row of the article.
pub(super) fn plot(cells: &[Cell], claims: &Claims) -> Option<Plot> {
    let mut groups: Vec<Group> = Vec::new();
    let mut shown: Vec<&Cell> = Vec::new();
    let mut last = "";
    for group in article::groups(claims, cells) {
        // Rows of which the run holds nothing are in the table alone.
        if !cells.iter().any(|c| claims.row_of(&c.workload).is_some_and(|r| r.id == group.row.id)) {
            continue;
        }
        let heading =
            (group.row.id != last).then(|| format!("{} ({}, {})", group.row.id, group.row.model, group.row.data));
        last = &group.row.id;
        let mut of_it: Vec<Group> = Vec::new();
        if let Some((who, stated)) = &group.claim {
            let value = Value::Dot {
                at: stated.value,
                interval: None,
                text: format!("{} claimed", stated.text(units::seconds)),
                look: CLAIM,
                open: stated.bound == Bound::MoreThan,
            };
            of_it.push(Group {
                name: who.clone(),
                rows: vec![Row { label: String::new(), value }],
                ..Group::default()
            });
        }
        for cell in &group.cells {
            shown.push(cell);
            of_it.push(cell_group(&group, cell));
        }
        if let Some(first) = of_it.first_mut() {
            first.heading = heading;
        }
        groups.extend(of_it);
    }
    if shown.is_empty() {
        return None;
    }
    let mut keys = legend(shown.iter().copied().filter(|c| c.total().is_some()));
    keys.push(Key { look: Some(CLAIM), text: "claimed by the article, not measured".to_owned() });
    let chart = Chart {
        title: "Totals: the article's claims and our cells".to_owned(),
        axis_title: "total wall-clock time without setup, logarithmic",
        unit: units::seconds,
        also: Vec::new(),
        legend: keys,
        groups,
    };
    Some(Plot {
        name: "total".to_owned(),
        title: chart.title.clone(),
        caption: "In brackets: the claim over our total. An arrow marks a claim that is a lower bound. Bars are 95 % bootstrap \
                  intervals of our totals."
            .to_owned(),
        scene: dots::lay_out(&chart),
    })
}

fn cell_group(group: &article::Group, cell: &Cell) -> Group {
    let value = match cell.total() {
        Some(at) => {
            let ratio =
                group.claim_beside(cell).map(|(_, stated)| format!(" ({})", stated.over(at))).unwrap_or_default();
            let interval = cell.total_wall_s_ci_low.zip(cell.total_wall_s_ci_high);
            Value::Dot { at, interval, text: format!("{}{ratio}", show::total(cell)), look: look_of(cell), open: false }
        }
        None => gap(cell),
    };
    let name = show::cell_name_in(&group.row.id, cell);
    Group { name, rows: vec![Row { label: show::tag(cell).unwrap_or_default().to_owned(), value }], ..Group::default() }
}
