//! Rows of dots on one logarithmic axis: names on the left, values beside the dots, gaps in words. No value can overlap another,
//! since each has a row of its own.

use super::axis::LogAxis;
use super::palette::Ink;
use super::scene::{Anchor, Mark, NAME, SMALL, Scene, TITLE, fitted, width_of, wrapped};
use crate::units;

/// What is drawn.
pub(crate) struct Chart<'a> {
    pub(crate) title: String,
    /// The axis with its unit.
    pub(crate) axis_title: &'a str,
    /// How a value of the axis reads.
    pub(crate) unit: fn(f64) -> String,
    /// Values that the axis must hold beside those shown, so that several charts can share one.
    pub(crate) also: Vec<f64>,
    pub(crate) legend: Vec<Key>,
    pub(crate) groups: Vec<Group>,
}

/// An entry of the legend.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) look: Option<Look>,
    pub(crate) text: String,
}

/// How a dot looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) mark: Mark,
    pub(crate) ink: Ink,
    pub(crate) filled: bool,
}

/// Rows that belong together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// A line of its own above the rows.
    pub(crate) heading: Option<String>,
    /// The name at the first row.
    pub(crate) name: String,
    /// What must be known of the name, at the second row or after the name.
    pub(crate) tag: Option<String>,
    pub(crate) rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) value: Value,
}

/// What stands in a row.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A dot.
    Dot {
        at: f64,
        /// The ends of its interval.
        interval: Option<(f64, f64)>,
        /// The value in words.
        text: String,
        look: Look,
        /// The value is a lower bound.
        open: bool,
    },
    /// Why there is none.
    Gap(String),
}

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 14.0;
const ROW: f64 = 19.0;
const HEADING: f64 = 30.0;
/// Room on the right for the value of a dot at the end of the axis.
const VALUES: f64 = 120.0;
/// A taller chart is read from its middle: its axis stands at both ends.
const TALL: f64 = 500.0;
/// No column of names is wider.
const NAMES: f64 = 250.0;

/// Lays a chart out.
pub(crate) fn lay_out(chart: &Chart) -> Scene {
    let mut scene = Scene { width: WIDTH, ..Scene::default() };
    scene.text((MARGIN, 20.0), Anchor::Left, TITLE, Ink::Text, fitted(&chart.title, TITLE, WIDTH - 2.0 * MARGIN));
    let tall = chart.groups.iter().map(height_of).sum::<f64>() > TALL;
    let top = legend(&mut scene, &chart.legend, 44.0) + if tall { 42.0 } else { 22.0 };

    let columns = Columns::of(chart);
    let axis = LogAxis::around(values(chart), columns.plot, WIDTH - MARGIN - VALUES);
    let height: f64 = chart.groups.iter().map(height_of).sum();
    let bottom = top + height;
    // Bands first, then the grid, then what stands on them.
    let mut y = top;
    for (i, group) in chart.groups.iter().enumerate() {
        let below_heading = y + group.heading.as_ref().map_or(0.0, |_| HEADING);
        y += height_of(group);
        if i % 2 == 0 {
            scene.band((MARGIN, below_heading), (WIDTH - MARGIN, y));
        }
    }
    grid(&mut scene, chart, &axis, (top, bottom));
    let mut y = top;
    for group in &chart.groups {
        lay_out_group(&mut scene, group, &columns, &axis, y);
        y += height_of(group);
    }
    let middle = f64::midpoint(columns.plot, WIDTH - MARGIN - VALUES);
    scene.text((middle, bottom + 38.0), Anchor::Middle, SMALL, Ink::Muted, chart.axis_title);
    scene.height = bottom + 54.0;
    scene
}

/// Where the columns begin.
struct Columns {
    label: f64,
    plot: f64,
    name_width: f64,
}

impl Columns {
    fn of(chart: &Chart) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max).min(NAMES);
        let name_width = widest(&mut chart.groups.iter().flat_map(|g| {
            let tag = g.tag.iter().map(|t| width_of(t, SMALL));
            std::iter::once(width_of(&g.name, NAME)).chain(tag).collect::<Vec<_>>()
        }));
        let labels = &mut chart.groups.iter().flat_map(|g| &g.rows).map(|r| width_of(&r.label, SMALL));
        let label_width = widest(labels);
        let label = MARGIN + 8.0 + name_width + if label_width > 0.0 { 16.0 } else { 0.0 };
        Self { label, plot: label + label_width + 18.0, name_width }
    }
}

fn height_of(group: &Group) -> f64 {
    let rows = group.rows.len().max(1).max(if group.tag.is_some() { 2 } else { 1 });
    group.heading.as_ref().map_or(0.0, |_| HEADING) + rows as f64 * ROW + 6.0
}

fn values(chart: &Chart) -> Vec<f64> {
    let rows = chart.groups.iter().flat_map(|g| &g.rows);
    let shown = rows.filter_map(|r| match &r.value {
        Value::Dot { at, interval, .. } => {
            let (low, high) = interval.unwrap_or((*at, *at));
            Some([*at, low, high])
        }
        Value::Gap(_) => None,
    });
    shown.flatten().chain(chart.also.iter().copied()).collect()
}

/// Draws the legend and returns where it ends.
fn legend(scene: &mut Scene, keys: &[Key], mut y: f64) -> f64 {
    let mut x = MARGIN + 6.0;
    for key in keys {
        let mark = if key.look.is_some() { 14.0 } else { 0.0 };
        let text = fitted(&key.text, SMALL, WIDTH - 2.0 * MARGIN - mark);
        let width = mark + width_of(&text, SMALL);
        if x + width > WIDTH - MARGIN && x > MARGIN + 6.0 {
            x = MARGIN + 6.0;
            y += 19.0;
        }
        if let Some(look) = key.look {
            scene.mark((x, y), look.mark, look.ink, look.filled);
        }
        scene.text((x + mark - 2.0, y), Anchor::Left, SMALL, Ink::Muted, text);
        x += width + 20.0;
    }
    y
}

fn grid(scene: &mut Scene, chart: &Chart, axis: &LogAxis, (top, bottom): (f64, f64)) {
    let decades = axis.decades();
    let widest = decades.iter().map(|(v, _)| width_of(&tick(chart, *v), SMALL)).fold(0.0, f64::max);
    let every = axis.label_every(widest + 12.0);
    for (i, (value, x)) in decades.iter().enumerate() {
        scene.line((*x, top), (*x, bottom), Ink::Grid, 1.0);
        if i % every == 0 {
            scene.line((*x, bottom), (*x, bottom + 5.0), Ink::Line, 1.0);
            scene.text((*x, bottom + 15.0), Anchor::Middle, SMALL, Ink::Muted, tick(chart, *value));
            if bottom - top > TALL {
                scene.text((*x, top - 9.0), Anchor::Middle, SMALL, Ink::Muted, tick(chart, *value));
            }
        }
    }
    if let (Some(first), Some(last)) = (decades.first(), decades.last()) {
        scene.line((first.1, bottom), (last.1, bottom), Ink::Line, 1.0);
    }
}

fn tick(chart: &Chart, value: f64) -> String {
    units::trimmed(&(chart.unit)(value))
}

fn lay_out_group(scene: &mut Scene, group: &Group, columns: &Columns, axis: &LogAxis, mut y: f64) {
    if let Some(heading) = &group.heading {
        let text = fitted(heading, NAME, columns.plot - MARGIN - 6.0);
        scene.text((MARGIN, y + HEADING - 11.0), Anchor::Left, NAME, Ink::Text, text);
        y += HEADING;
    }
    y += 3.0;
    let claimed = group.rows.iter().any(|r| matches!(&r.value, Value::Dot { look, .. } if look.ink == Ink::Claim));
    let ink = if claimed { Ink::Claim } else { Ink::Text };
    let name = fitted(&group.name, NAME, columns.name_width + 0.5);
    scene.text((MARGIN + 8.0, y + ROW / 2.0), Anchor::Left, NAME, ink, name);
    if let Some(tag) = &group.tag {
        let tag = fitted(tag, SMALL, columns.name_width + 0.5);
        scene.text((MARGIN + 8.0, y + ROW * 1.5), Anchor::Left, SMALL, Ink::Muted, tag);
    }
    for row in &group.rows {
        let middle = y + ROW / 2.0;
        scene.text((columns.label, middle), Anchor::Left, SMALL, Ink::Muted, fitted(&row.label, SMALL, NAMES));
        lay_out_value(scene, &row.value, columns, axis, middle);
        y += ROW;
    }
}

fn lay_out_value(scene: &mut Scene, value: &Value, columns: &Columns, axis: &LogAxis, y: f64) {
    match value {
        Value::Gap(reason) => {
            let x = columns.plot + 8.0;
            scene.mark((x, y), Mark::Cross, Ink::Muted, false);
            let text = fitted(reason, SMALL, WIDTH - MARGIN - x - 18.0);
            scene.text((x + 12.0, y), Anchor::Left, SMALL, Ink::Muted, text);
        }
        Value::Dot { at, interval, text, look, open } => {
            let x = axis.pixel(*at);
            let mut end = x + 6.0;
            if let Some((low, high)) = interval.map(|(l, h)| (axis.pixel(l), axis.pixel(h))) {
                scene.line((low, y), (high, y), look.ink, 2.0);
                for cap in [low, high] {
                    scene.line((cap, y - 4.0), (cap, y + 4.0), look.ink, 2.0);
                }
                end = end.max(high);
            }
            if *open {
                scene.line((x, y), (x + 20.0, y), look.ink, 2.0);
                scene.line((x + 15.0, y - 4.0), (x + 20.0, y), look.ink, 2.0);
                scene.line((x + 15.0, y + 4.0), (x + 20.0, y), look.ink, 2.0);
                end = end.max(x + 20.0);
            }
            scene.mark((x, y), look.mark, look.ink, look.filled);
            let ink = if look.ink == Ink::Claim { Ink::Claim } else { Ink::Text };
            let room = WIDTH - MARGIN - end - 6.0;
            scene.text((end + 6.0, y), Anchor::Left, SMALL, ink, fitted(text, SMALL, room));
        }
    }
}

/// A legend's note without a mark, broken to the width of the chart.
pub(crate) fn notes(text: &str) -> Vec<Key> {
    wrapped(text, SMALL, WIDTH - 2.0 * MARGIN).into_iter().map(|text| Key { look: None, text }).collect()
}
