//! A family's costs against its size: four panels of two logarithmic axes, a series a backend.

use super::axis::LogAxis;
use super::palette::Ink;
use super::scene::{Anchor, Item, Mark, NAME, Point, SMALL, Scene, TITLE, fitted, width_of, wrapped};
use super::{Plot, file_part};
use crate::cell::Kind;
use crate::scaling::{Family, Metric, failures};
use crate::units;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 14.0;
/// Between the edge of a panel's column and its axis.
const LABELS: f64 = 72.0;
const GUTTER: f64 = 8.0;
/// Between an axis and the edge of its column: half of the widest label of a size stands there.
const AFTER: f64 = 36.0;
const PANEL: f64 = 230.0;
/// Above a panel's frame: its heading. Below it: ticks and the name of the axis.
const ABOVE: f64 = 28.0;
const BELOW: f64 = 52.0;

/// One panel: what is joined by lines with intervals, and what is hollow beside it.
struct Panel {
    heading: &'static str,
    solid: Metric,
    hollow: Option<Metric>,
    /// What stands for a backend that gives no evidence.
    plain: Option<Metric>,
}

const PANELS: [Panel; 4] = [
    Panel {
        heading: "Time to prove or attest",
        solid: Metric::Prove,
        hollow: Some(Metric::ProveCpu),
        plain: Some(Metric::Infer),
    },
    Panel { heading: "Time to verify", solid: Metric::Verify, hollow: Some(Metric::VerifyCpu), plain: None },
    Panel { heading: "Size of proof or attestation", solid: Metric::Evidence, hollow: None, plain: None },
    Panel { heading: "Peak memory of any phase", solid: Metric::Memory, hollow: None, plain: Some(Metric::Memory) },
];

/// How a backend looks: colours and marks go round at different paces, so that the first twenty differ.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) mark: Mark,
    pub(super) ink: Ink,
}

pub(super) fn look(index: usize) -> Look {
    const MARKS: [Mark; 4] = [Mark::Circle, Mark::Square, Mark::Triangle, Mark::Diamond];
    // Blue first: it is the colour of proofs in the other plots.
    Look { mark: MARKS[index % MARKS.len()], ink: Ink::Data(index + 2) }
}

/// A backend and how it looks.
pub(super) struct Series<'a> {
    pub(super) backend: &'a str,
    pub(super) kind: Kind,
    pub(super) look: Look,
}

/// The figure of one family.
pub(super) fn plot(family: &Family, used: &mut Vec<String>) -> Plot {
    let title = format!("{}: cost against multiplications", family.name);
    let mut scene = Scene { width: WIDTH, ..Scene::default() };
    scene.text((MARGIN, 20.0), Anchor::Left, TITLE, Ink::Text, fitted(&title, TITLE, WIDTH - 2.0 * MARGIN));
    let series: Vec<Series> = family
        .backends()
        .into_iter()
        .enumerate()
        .filter_map(|(i, backend)| {
            Some(Series { backend, kind: family.of(backend).next()?.cell.kind(), look: look(i) })
        })
        .collect();
    let top = legend(&mut scene, &series, 46.0, true) + 16.0;
    let column = (WIDTH - 2.0 * MARGIN - GUTTER) / 2.0;
    for (i, panel) in PANELS.iter().enumerate() {
        let left = MARGIN + (i % 2) as f64 * (column + GUTTER);
        let y = top + (i / 2) as f64 * (ABOVE + PANEL + BELOW);
        let frame =
            Frame { left: left + LABELS, right: left + column - AFTER, top: y + ABOVE, bottom: y + ABOVE + PANEL };
        scene.text((left + LABELS, y + 14.0), Anchor::Left, NAME, Ink::Text, panel.heading);
        frame.draw(&mut scene, family, &series, panel);
    }
    let mut y = top + 2.0 * (ABOVE + PANEL + BELOW) + 6.0;
    for one in &series {
        let Some(failed) = failures(family, one.backend) else { continue };
        for line in wrapped(&format!("Not in the plot: {} at {failed}", one.backend), SMALL, WIDTH - 2.0 * MARGIN) {
            scene.text((MARGIN, y), Anchor::Left, SMALL, Ink::Muted, line);
            y += 16.0;
        }
    }
    scene.height = y + 6.0;
    Plot {
        name: format!("scaling-{}", file_part(family.name, used)),
        title,
        caption: "Both axes are logarithmic, so that a power is a straight line and its exponent the slope. Filled and joined: \
                  medians of wall-clock time with the 95 % bootstrap interval, sizes, memory. Hollow: median CPU time of all \
                  threads. A backend without evidence stands in the first panel by its inference alone, the floor."
            .to_owned(),
        scene,
    }
}

/// Draws the legend, where there are hollow marks with their meaning, and returns where it ends.
pub(super) fn legend(scene: &mut Scene, series: &[Series], mut y: f64, hollow: bool) -> f64 {
    let mut x = MARGIN + 6.0;
    let mut entry = |scene: &mut Scene, look: Option<(Look, bool)>, text: &str| {
        let mark = if look.is_some() { 12.0 } else { 0.0 };
        let text = fitted(text, SMALL, 300.0);
        let width = mark + width_of(&text, SMALL);
        if x + width > WIDTH - MARGIN && x > MARGIN + 6.0 {
            x = MARGIN + 6.0;
            y += 19.0;
        }
        if let Some((look, filled)) = look {
            scene.mark((x, y), look.mark, look.ink, filled);
        }
        scene.text((x + mark, y), Anchor::Left, SMALL, Ink::Muted, text);
        x += width + 20.0;
    };
    for one in series {
        let text = match one.kind {
            Kind::Plain => format!("{} (inference alone)", one.backend),
            Kind::Zk | Kind::Tee => one.backend.to_owned(),
        };
        entry(scene, Some((one.look, true)), &text);
    }
    if hollow && series.iter().any(|one| one.kind != Kind::Plain) {
        entry(scene, Some((Look { mark: Mark::Circle, ink: Ink::Muted }, false)), "hollow: CPU time");
    }
    y
}

struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn draw(&self, scene: &mut Scene, family: &Family, series: &[Series], panel: &Panel) {
        // What failed has a place on the axis too, so that a series is seen to end before it.
        let sizes = family.cells.iter().map(|it| it.multiplications as f64);
        let x = LogAxis::around(sizes, self.left + 8.0, self.right - 8.0);
        let shown = |one: &Series| if one.kind == Kind::Plain { panel.plain } else { Some(panel.solid) };
        let metrics = |one: &Series| {
            let hollow = panel.hollow.filter(|_| one.kind != Kind::Plain);
            shown(one).into_iter().chain(hollow).collect::<Vec<_>>()
        };
        let mut values = Vec::new();
        for one in series {
            for metric in metrics(one) {
                for (it, value) in family.points(one.backend, metric) {
                    let (low, high) = metric.interval(it.cell).unwrap_or((value, value));
                    values.extend([value, low, high]);
                }
            }
        }
        let empty = values.is_empty();
        let y = LogAxis::around(values, self.bottom - 8.0, self.top + 8.0);
        self.grid(scene, &x, (!empty).then_some((&y, panel.solid)));
        if empty {
            let middle = (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom));
            scene.text(middle, Anchor::Middle, SMALL, Ink::Muted, "no backend of this run has it");
            return;
        }
        for one in series {
            if let Some(metric) = panel.hollow.filter(|_| one.kind != Kind::Plain) {
                for (it, value) in family.points(one.backend, metric) {
                    small(scene, (x.pixel(it.multiplications as f64), y.pixel(value)), one.look);
                }
            }
            let Some(metric) = shown(one) else { continue };
            let mut last: Option<Point> = None;
            for (it, value) in family.points(one.backend, metric) {
                let at = (x.pixel(it.multiplications as f64), y.pixel(value));
                if let Some(last) = last {
                    scene.line(last, at, one.look.ink, 1.5);
                }
                if let Some((low, high)) = metric.interval(it.cell).map(|(l, h)| (y.pixel(l), y.pixel(h))) {
                    scene.line((at.0, low), (at.0, high), one.look.ink, 1.5);
                    for cap in [low, high] {
                        scene.line((at.0 - 3.0, cap), (at.0 + 3.0, cap), one.look.ink, 1.5);
                    }
                }
                scene.mark(at, one.look.mark, one.look.ink, true);
                last = Some(at);
            }
        }
    }

    fn grid(&self, scene: &mut Scene, x: &LogAxis, y: Option<(&LogAxis, Metric)>) {
        let every = x.label_every(78.0);
        for (i, (value, at)) in x.decades().into_iter().enumerate() {
            scene.line((at, self.top), (at, self.bottom), Ink::Grid, 1.0);
            if i % every == 0 {
                let text = units::count(value as u64);
                scene.text((at, self.bottom + 13.0), Anchor::Middle, SMALL, Ink::Muted, text);
            }
        }
        if let Some((y, metric)) = y {
            let every = y.label_every(18.0);
            for (i, (value, at)) in y.decades().into_iter().enumerate() {
                scene.line((self.left, at), (self.right, at), Ink::Grid, 1.0);
                if i % every == 0 {
                    let text = units::trimmed(&metric.text(value));
                    scene.text((self.left - 6.0, at), Anchor::Right, SMALL, Ink::Muted, text);
                }
            }
        }
        let corner = (self.left, self.bottom);
        scene.line((self.left, self.top), corner, Ink::Line, 1.0);
        scene.line(corner, (self.right, self.bottom), Ink::Line, 1.0);
        let middle = f64::midpoint(self.left, self.right);
        scene.text((middle, self.bottom + 31.0), Anchor::Middle, SMALL, Ink::Muted, "multiplications of one call");
    }
}

/// A hollow mark that a filled one at the same place covers.
fn small(scene: &mut Scene, at: Point, look: Look) {
    scene.items.push(Item::Mark { at, mark: look.mark, radius: 3.5, ink: look.ink, filled: false });
}
