//! Seconds for each input against the inputs in one call: two panels of two logarithmic axes, a series a backend.

use super::axis::LogAxis;
use super::palette::Ink;
use super::scaling::{Series, legend, look};
use super::scene::{Anchor, NAME, Point, SMALL, Scene, TITLE, fitted, wrapped};
use super::{Plot, file_part};
use crate::batch::{self, Group, Metric};
use crate::cell::Kind;
use crate::units;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 14.0;
/// Between the edge of a panel's column and its axis.
const LABELS: f64 = 72.0;
const GUTTER: f64 = 8.0;
const AFTER: f64 = 24.0;
const PANEL: f64 = 320.0;
const ABOVE: f64 = 28.0;
const BELOW: f64 = 52.0;

const PANELS: [(&str, Metric); 2] =
    [("To prove or attest, an input", Metric::Prove), ("To verify, an input", Metric::Verify)];

/// The figure of one group.
pub(super) fn plot(group: &Group, used: &mut Vec<String>) -> Plot {
    let title = format!("{}: seconds for each input, by the inputs in one call", group.name);
    let mut scene = Scene { width: WIDTH, ..Scene::default() };
    scene.text((MARGIN, 20.0), Anchor::Left, TITLE, Ink::Text, fitted(&title, TITLE, WIDTH - 2.0 * MARGIN));
    let measured = |backend: &&str| group.of(backend).any(|cell| cell.outcome.has_times());
    let series: Vec<Series> = group
        .backends()
        .into_iter()
        .filter(measured)
        .enumerate()
        .filter_map(|(i, backend)| Some(Series { backend, kind: group.of(backend).next()?.kind(), look: look(i) }))
        .collect();
    let top = legend(&mut scene, &series, 46.0, false) + 16.0;
    let column = (WIDTH - 2.0 * MARGIN - GUTTER) / 2.0;
    for (i, (heading, metric)) in PANELS.into_iter().enumerate() {
        let left = MARGIN + i as f64 * (column + GUTTER);
        let bottom = top + ABOVE + PANEL;
        let frame = Frame { left: left + LABELS, right: left + column - AFTER, top: top + ABOVE, bottom };
        scene.text((left + LABELS, top + 14.0), Anchor::Left, NAME, Ink::Text, heading);
        frame.draw(&mut scene, group, &series, metric);
    }
    let mut y = top + ABOVE + PANEL + BELOW + 6.0;
    for missing in batch::missing(group) {
        for line in wrapped(&format!("Not in the plot: {missing}"), SMALL, WIDTH - 2.0 * MARGIN) {
            scene.text((MARGIN, y), Anchor::Left, SMALL, Ink::Muted, line);
            y += 16.0;
        }
    }
    scene.height = y + 6.0;
    Plot {
        name: format!("batch-{}", file_part(group.name, used)),
        title,
        caption: "Both axes are logarithmic. Marks are medians of wall-clock time over the inputs of the call, with the 95 % bootstrap \
                  interval: a level line saves nothing, a line that falls by a decade a decade takes as long for all as for one. A \
                  backend without evidence stands in the first panel by its inference alone, the floor."
            .to_owned(),
        scene,
    }
}

struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn draw(&self, scene: &mut Scene, group: &Group, series: &[Series], metric: Metric) {
        let batches = group.cells.iter().map(|cell| cell.batch as f64);
        let x = LogAxis::around(batches, self.left + 8.0, self.right - 8.0);
        let values = series.iter().flat_map(|one| group.of(one.backend)).filter_map(|cell| metric.of(cell));
        let ends = values.flat_map(|(median, interval)| {
            let (low, high) = interval.unwrap_or((median, median));
            [low, high]
        });
        let y = LogAxis::around(ends, self.bottom - 8.0, self.top + 8.0);
        self.grid(scene, &x, &y);
        for one in series.iter().filter(|one| metric == Metric::Prove || one.kind != Kind::Plain) {
            let mut last: Option<Point> = None;
            for cell in group.of(one.backend) {
                let Some((median, interval)) = metric.of(cell) else { continue };
                let at = (x.pixel(cell.batch as f64), y.pixel(median));
                if let Some(last) = last {
                    scene.line(last, at, one.look.ink, 1.5);
                }
                if let Some((low, high)) = interval {
                    scene.line((at.0, y.pixel(low)), (at.0, y.pixel(high)), one.look.ink, 1.5);
                }
                scene.mark(at, one.look.mark, one.look.ink, true);
                last = Some(at);
            }
        }
    }

    fn grid(&self, scene: &mut Scene, x: &LogAxis, y: &LogAxis) {
        for (value, at) in x.decades() {
            scene.line((at, self.top), (at, self.bottom), Ink::Grid, 1.0);
            let text = units::count(value as u64);
            scene.text((at, self.bottom + 13.0), Anchor::Middle, SMALL, Ink::Muted, text);
        }
        for (value, at) in y.decades() {
            scene.line((self.left, at), (self.right, at), Ink::Grid, 1.0);
            let text = units::trimmed(&units::seconds(value));
            scene.text((self.left - 6.0, at), Anchor::Right, SMALL, Ink::Muted, text);
        }
        let corner = (self.left, self.bottom);
        scene.line((self.left, self.top), corner, Ink::Line, 1.0);
        scene.line(corner, (self.right, self.bottom), Ink::Line, 1.0);
        let middle = f64::midpoint(self.left, self.right);
        scene.text((middle, self.bottom + 31.0), Anchor::Middle, SMALL, Ink::Muted, "inputs in one call");
    }
}
