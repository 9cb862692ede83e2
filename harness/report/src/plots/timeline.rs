//! Times run by run: a panel a phase, wall time filled and joined, CPU time hollow, levels and changes as lines.

use super::axis::LinearAxis;
use super::palette::Ink;
use super::scene::{Anchor, Item, Mark, NAME, SMALL, Scene, TITLE, fitted, width_of};
use super::{Plot, file_part};
use crate::timeline::{Kind, Panel, Series, Timeline};
use crate::units;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 14.0;
/// Between the edge and the axis.
const LABELS: f64 = 76.0;
const HEADING: f64 = 26.0;
/// Room for the words of changes above the values.
const WORDS: f64 = 36.0;
const PANEL: f64 = 126.0;
/// Between two panels.
const GAP: f64 = 14.0;
/// The least room for a run's name, which is turned.
const NAMED_EVERY: f64 = 16.0;

/// The figure of one timeline.
pub(super) fn plot(it: &Timeline, used: &mut Vec<String>) -> Plot {
    let mut scene = Scene { width: WIDTH, ..Scene::default() };
    let room = WIDTH - 2.0 * MARGIN;
    scene.text((MARGIN, 20.0), Anchor::Left, TITLE, Ink::Text, fitted(&it.title, TITLE, room));
    scene.text((MARGIN, 42.0), Anchor::Left, SMALL, Ink::Muted, fitted(&it.subtitle, SMALL, room));
    legend(&mut scene, 64.0);
    let across = Across::of(it.runs.len());
    let mut y = 78.0;
    for panel in &it.panels {
        scene.text((MARGIN + LABELS, y + 14.0), Anchor::Left, NAME, Ink::Text, fitted(&panel.heading, NAME, 300.0));
        draw_panel(&mut scene, panel, &across, y + HEADING);
        y += HEADING + WORDS + PANEL + GAP;
    }
    let names = across.named().map(|run| fitted(&it.runs[run], SMALL, 150.0)).collect::<Vec<_>>();
    let longest = names.iter().map(|name| width_of(name, SMALL)).fold(0.0, f64::max);
    for (run, name) in across.named().zip(&names) {
        // Turned text is centred on its point; its end is to stand below the axis.
        scene.turned((across.pixel(run), y - 4.0 + width_of(name, SMALL) / 2.0), SMALL, Ink::Muted, name.clone());
    }
    scene.height = y + longest + 10.0;
    Plot {
        name: format!("history-{}", file_part(&it.title, used)),
        title: it.title.clone(),
        caption: "Medians of one call by run, from the oldest to the newest. The axis does not begin at zero. A vertical line is a \
                  change that was found; between changes stands the median of the runs."
            .to_owned(),
        scene,
    }
}

fn legend(scene: &mut Scene, y: f64) {
    let entries = [
        (Some((Mark::Circle, Ink::Data(2), true)), "wall time"),
        (Some((Mark::Square, Ink::Data(3), false)), "CPU time"),
        (Some((Mark::Cross, Ink::Muted, true)), "no time in this run"),
        (None, "vertical: a change that was found; horizontal: the median between changes; no axis begins at zero"),
    ];
    let mut x = MARGIN + 6.0;
    for (look, text) in entries {
        if let Some((mark, ink, filled)) = look {
            scene.mark((x, y), mark, ink, filled);
            x += 12.0;
        }
        scene.text((x, y), Anchor::Left, SMALL, Ink::Muted, text);
        x += width_of(text, SMALL) + 20.0;
    }
}

/// Where the runs stand.
struct Across {
    runs: usize,
    step: f64,
}

impl Across {
    fn of(runs: usize) -> Self {
        let room = WIDTH - 2.0 * MARGIN - LABELS - 2.0 * NAMED_EVERY;
        Self { runs, step: (room / runs.saturating_sub(1).max(1) as f64).min(60.0) }
    }

    const fn left() -> f64 {
        MARGIN + LABELS
    }

    fn pixel(&self, run: usize) -> f64 {
        Self::left() + NAMED_EVERY + run as f64 * self.step
    }

    /// The runs whose names have room; the newest among them.
    fn named(&self) -> impl Iterator<Item = usize> + use<> {
        let every = (NAMED_EVERY / self.step).ceil().max(1.0) as usize;
        let last = self.runs.saturating_sub(1);
        (0..self.runs).filter(move |run| (last - run).is_multiple_of(every))
    }
}

fn look(kind: Kind) -> (Mark, Ink, bool) {
    match kind {
        Kind::Wall => (Mark::Circle, Ink::Data(2), true),
        Kind::Cpu => (Mark::Square, Ink::Data(3), false),
    }
}

fn draw_panel(scene: &mut Scene, panel: &Panel, across: &Across, top: f64) {
    let (left, right, bottom) = (Across::left(), WIDTH - MARGIN, top + WORDS + PANEL);
    scene.band((left, top), (right, bottom));
    let values = panel.series.iter().flat_map(|series| series.values.iter().copied().flatten());
    let axis = LinearAxis::around(values, bottom - 10.0, top + WORDS + 6.0);
    for (value, y) in axis.ticks() {
        scene.line((left, y), (right, y), Ink::Grid, 1.0);
        scene.text((left - 6.0, y), Anchor::Right, SMALL, Ink::Muted, units::trimmed(&units::seconds(value)));
    }
    // What is drawn last lies on top: the marks.
    let mut rows = [left; 2];
    let mut changes: Vec<(usize, Ink, &str)> = Vec::new();
    for series in &panel.series {
        let ink = look(series.kind).1;
        changes.extend(series.changes.iter().map(|(at, text)| (*at, ink, text.as_str())));
    }
    changes.sort_by_key(|(at, ..)| *at);
    for (at, ink, text) in changes {
        // The change lies between the last run of the old level and the first of the new.
        let x = across.pixel(at) - across.step / 2.0;
        scene.line((x, top + WORDS), (x, bottom), ink, 1.5);
        let width = width_of(text, SMALL);
        let from = (x - width / 2.0).clamp(left + 2.0, right - width - 2.0);
        // Where many changes stand close together only some have room for their words; the list has them all.
        if let Some(row) = (0..rows.len()).find(|row| from >= rows[*row]) {
            rows[row] = from + width + 8.0;
            scene.text((from, top + 26.0 - 16.0 * row as f64), Anchor::Left, SMALL, ink, text);
        }
    }
    for series in &panel.series {
        draw_series(scene, series, across, &axis, bottom - 5.0);
    }
}

fn draw_series(scene: &mut Scene, series: &Series, across: &Across, axis: &LinearAxis, floor: f64) {
    let (mark, ink, filled) = look(series.kind);
    for level in &series.levels {
        let (from, to) = (across.pixel(level.from), across.pixel(level.to.saturating_sub(1)));
        let y = axis.pixel(level.value);
        scene.line((from - across.step * 0.4, y), (to + across.step * 0.4, y), ink, 2.5);
    }
    let points: Vec<Option<(f64, f64)>> =
        series.values.iter().enumerate().map(|(run, v)| v.map(|v| (across.pixel(run), axis.pixel(v)))).collect();
    // A run without a time breaks the line.
    for pair in points.windows(2) {
        if let [Some(from), Some(to)] = pair {
            scene.line(*from, *to, if filled { ink } else { Ink::Line }, 1.0);
        }
    }
    for (run, point) in points.iter().enumerate() {
        let (at, mark, ink, filled) = match point {
            Some(at) => (*at, mark, ink, filled),
            None => ((across.pixel(run), floor), Mark::Cross, Ink::Muted, true),
        };
        scene.items.push(Item::Mark { at, mark, radius: 3.5, ink, filled });
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Text;
    use super::*;
    use crate::timeline::Level;

    fn timeline(runs: usize) -> Timeline {
        let values = |by: f64| (0..runs).map(|i| (i % 7 != 3).then_some(by * (1.0 + i as f64 * 0.001))).collect();
        let changes: Vec<(usize, String)> = (1..runs).map(|at| (at, "+10.0 %".to_owned())).collect();
        let series = |kind, by| Series {
            kind,
            values: values(by),
            levels: vec![Level { from: 0, to: runs, value: by }],
            changes: changes.clone(),
        };
        let panel = |heading: &str| Panel {
            heading: heading.to_owned(),
            series: vec![series(Kind::Wall, 0.02), series(Kind::Cpu, 0.03)],
        };
        Timeline {
            title: "a-workload@backend/".repeat(9),
            subtitle: "<script>\u{1b}a machine ".repeat(30),
            runs: (0..runs).map(|i| format!("05-04 {i:010}+dirty{}", "x".repeat(i))).collect(),
            panels: vec![panel("setup"), panel("prove")],
        }
    }

    #[test]
    fn no_text_overlaps_another_or_leaves_the_figure() {
        super::super::draw::register_font();
        for runs in [0, 1, 2, 40, 900] {
            let plot = plot(&timeline(runs), &mut Vec::new());
            let texts: Vec<&Text> =
                plot.scene.items.iter().filter_map(|i| if let Item::Text(t) = i { Some(t) } else { None }).collect();
            for (i, a) in texts.iter().enumerate() {
                let (left, top, right, bottom) = a.corners();
                let inside = left >= 0.0 && top >= 0.0 && right <= plot.scene.width && bottom <= plot.scene.height;
                assert!(inside, "{runs} runs: {:?} leaves the figure: {:?}", a.words, a.corners());
                for b in &texts[i + 1..] {
                    let (l, t, r, d) = b.corners();
                    let apart = right <= l || r <= left || bottom <= t || d <= top;
                    assert!(apart, "{runs} runs: {:?} overlaps {:?}", a.words, b.words);
                }
            }
            assert!(!plot.svg(&super::super::palette::LIGHT).contains("<script"));
        }
    }
}
