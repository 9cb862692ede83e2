//! Error against time: a panel a workload, a point a cell, its name beside it.

use super::Plot;
use super::axis::LogAxis;
use super::palette::Ink;
use super::scene::{Anchor, NAME, SMALL, Scene, TITLE, fitted, width_of, wrapped};
use super::total::look_of;
use crate::cell::Cell;
use crate::{show, tables, units};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 86.0;
const RIGHT: f64 = 760.0;
/// No name beside a mark is wider.
const NAMES: f64 = 320.0;
const PANEL: f64 = 200.0;
/// The height that a name takes.
const STEP: f64 = 17.0;
/// Between a name and the next mark.
const APART: f64 = 12.0;
/// Below the error axis: where exact answers stand.
const EXACT: f64 = 30.0;

type Xy = (f64, f64);

/// A cell that has both coordinates.
struct Point<'a> {
    cell: &'a Cell,
    time: f64,
    error: f64,
}

/// The plot; none when no cell has both a total and an error.
pub(super) fn plot(cells: &[Cell]) -> Option<Plot> {
    let points: Vec<Point> =
        cells.iter().filter_map(|cell| Some(Point { cell, time: cell.total()?, error: cell.max_abs_error? })).collect();
    if points.is_empty() {
        return None;
    }
    let mut scene = Scene { width: WIDTH, ..Scene::default() };
    let title = "Largest error against total time";
    scene.text((14.0, 20.0), Anchor::Left, TITLE, Ink::Text, title);
    let mut x = 20.0;
    for key in super::total::legend(points.iter().map(|p| p.cell)) {
        if let Some(look) = key.look {
            scene.mark((x, 44.0), look.mark, look.ink, look.filled);
            x += 12.0;
        }
        scene.text((x, 44.0), Anchor::Left, SMALL, Ink::Muted, key.text.clone());
        x += width_of(&key.text, SMALL) + 20.0;
    }
    let mut y = 64.0;
    for workload in tables::workloads(cells) {
        let of_it: Vec<&Point> = points.iter().filter(|p| p.cell.workload == workload).collect();
        let missing: Vec<&Cell> = cells
            .iter()
            .filter(|c| c.workload == workload && (c.total().is_none() || c.max_abs_error.is_none()))
            .collect();
        y = panel(&mut scene, workload, &of_it, &missing, y);
    }
    scene.height = y + 6.0;
    Some(Plot {
        name: "accuracy".to_owned(),
        title: title.to_owned(),
        caption: "Down and to the left is better. The error is the largest absolute difference to the float reference; beside the \
                  names, the share of classes that are the reference's."
            .to_owned(),
        scene,
    })
}

/// Draws a panel below `top` and returns where it ends.
fn panel(scene: &mut Scene, workload: &str, points: &[&Point], missing: &[&Cell], top: f64) -> f64 {
    let heading = fitted(workload, NAME, WIDTH - 28.0);
    scene.text((14.0, top + 12.0), Anchor::Left, NAME, Ink::Text, heading);
    let mut y = top + 28.0;
    if !points.is_empty() {
        let height = PANEL.max(points.len() as f64 * STEP + 8.0);
        let frame = Frame { top: y, bottom: y + height };
        frame.draw(scene, points);
        y = frame.bottom + EXACT + 52.0;
    }
    if !missing.is_empty() {
        let names: Vec<String> = missing
            .iter()
            .map(|c| {
                let why = if c.outcome.has_times() { "no error recorded" } else { c.outcome.as_str() };
                format!("{} ({why})", c.backend)
            })
            .collect();
        for line in wrapped(&format!("Not in the plot: {}", names.join(", ")), SMALL, WIDTH - 40.0) {
            scene.text((20.0, y), Anchor::Left, SMALL, Ink::Muted, line);
            y += 16.0;
        }
        y += 4.0;
    }
    y
}

struct Frame {
    top: f64,
    bottom: f64,
}

impl Frame {
    fn draw(&self, scene: &mut Scene, points: &[&Point]) {
        let time = LogAxis::around(points.iter().map(|p| p.time), LEFT + 10.0, RIGHT - 10.0);
        let error = LogAxis::around(points.iter().map(|p| p.error), self.bottom, self.top + 8.0);
        self.grid(scene, &time, &error);
        let floor = self.bottom + EXACT / 2.0;
        let at = |p: &Point| (time.pixel(p.time), if p.error > 0.0 { error.pixel(p.error) } else { floor });

        let mut taken: Vec<Box> = points.iter().map(|p| Box::around(at(p), 6.0)).collect();
        let bounds = Box { left: LEFT + 2.0, top: self.top - 4.0, right: WIDTH - 10.0, bottom: self.bottom + EXACT };
        let mut placed: Vec<&Point> = points.to_vec();
        placed.sort_by(|a, b| b.time.total_cmp(&a.time));
        for point in placed {
            let agreement = point.cell.class_agreement.map(|a| format!(", {}", units::percent(a))).unwrap_or_default();
            let text = fitted(&format!("{}{agreement}", show::name_with_outcome(point.cell)), SMALL, NAMES);
            let width = width_of(&text, SMALL);
            let (mark, place) = (at(point), place(at(point), width, &taken, &bounds));
            if place.far {
                scene.line(mark, place.at, Ink::Line, 1.0);
            }
            taken.push(place.holds(width));
            let look = look_of(point.cell);
            scene.mark(mark, look.mark, look.ink, look.filled);
            scene.text(place.at, place.anchor, SMALL, Ink::Text, text);
        }
    }

    fn grid(&self, scene: &mut Scene, time: &LogAxis, error: &LogAxis) {
        let bottom = self.bottom + EXACT;
        scene.band((LEFT, self.bottom + 2.0), (RIGHT, bottom));
        let every = time.label_every(60.0);
        for (i, (value, x)) in time.decades().into_iter().enumerate() {
            scene.line((x, self.top), (x, bottom), Ink::Grid, 1.0);
            if i % every == 0 {
                let text = units::trimmed(&units::seconds(value));
                scene.text((x, bottom + 13.0), Anchor::Middle, SMALL, Ink::Muted, text);
            }
        }
        let every = error.label_every(18.0);
        for (i, (value, y)) in error.decades().into_iter().enumerate() {
            scene.line((LEFT, y), (RIGHT, y), Ink::Grid, 1.0);
            if i % every == 0 {
                scene.text((LEFT - 6.0, y), Anchor::Right, SMALL, Ink::Muted, format!("{value:.0e}"));
            }
        }
        scene.text((LEFT - 6.0, self.bottom + EXACT / 2.0 + 3.0), Anchor::Right, SMALL, Ink::Muted, "0 exact");
        for (from, to) in [((LEFT, self.top), (LEFT, bottom)), ((LEFT, bottom), (RIGHT, bottom))] {
            scene.line(from, to, Ink::Line, 1.0);
        }
        let middle = f64::midpoint(LEFT, RIGHT);
        scene.text((middle, bottom + 31.0), Anchor::Middle, SMALL, Ink::Muted, "total wall-clock time, logarithmic");
        scene.turned((18.0, f64::midpoint(self.top, bottom)), SMALL, Ink::Muted, "largest error, units of the output");
    }
}

/// Finds a place for a name beside its mark that is free: right of it, left of it, and ever farther
/// above and below.
fn place(at: Xy, width: f64, taken: &[Box], bounds: &Box) -> Place {
    let beside = |dy: f64| {
        let right = Place { at: (at.0 + 9.0, at.1 + dy), anchor: Anchor::Left, far: dy.abs() > STEP };
        let left = Place { at: (at.0 - 9.0, at.1 + dy), anchor: Anchor::Right, far: dy.abs() > STEP };
        let middle = Place { at: (at.0, at.1 + dy), anchor: Anchor::Middle, far: dy.abs() > STEP };
        // Above or below a mark its middle says most plainly whose name it is.
        if dy == 0.0 { [right, left] } else { [middle, right] }
    };
    let rungs = (0..40).flat_map(|i| if i == 0 { vec![0.0] } else { vec![-f64::from(i), f64::from(i)] });
    let mut tried = rungs.flat_map(|rung| beside(rung * STEP * 0.5));
    let free = tried.find(|p| {
        let held = p.holds(width);
        held.inside(bounds) && !taken.iter().any(|t| t.meets(&held))
    });
    // A panel is as high as its names need, so this is for names that are wider than all.
    free.unwrap_or(Place { at: (at.0 + 9.0, at.1), anchor: Anchor::Left, far: false })
}

/// Where a name stands.
struct Place {
    at: Xy,
    anchor: Anchor,
    /// So far from its mark that a line has to lead to it.
    far: bool,
}

impl Place {
    fn holds(&self, width: f64) -> Box {
        // A name keeps away from marks that are not its own.
        let (left, right) = match self.anchor {
            Anchor::Left => (self.at.0, self.at.0 + width + APART),
            Anchor::Right => (self.at.0 - width - APART, self.at.0),
            Anchor::Middle => (self.at.0 - width / 2.0 - APART / 2.0, self.at.0 + width / 2.0 + APART / 2.0),
        };
        Box { left, right, top: self.at.1 - STEP / 2.0 + 1.0, bottom: self.at.1 + STEP / 2.0 - 1.0 }
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug)]
struct Box {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Box {
    fn around(at: Xy, radius: f64) -> Self {
        Self { left: at.0 - radius, top: at.1 - radius, right: at.0 + radius, bottom: at.1 + radius }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn inside(&self, other: &Self) -> bool {
        self.left >= other.left && self.right <= other.right && self.top >= other.top && self.bottom <= other.bottom
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_never_overlap(points in proptest::collection::vec((100.0f64..700.0, 100.0f64..300.0), 1..14)) {
            let bounds = Box { left: 90.0, top: 60.0, right: 950.0, bottom: 340.0 };
            let mut taken: Vec<Box> = points.iter().map(|p| Box::around(*p, 6.0)).collect();
            let marks = taken.len();
            for point in &points {
                let held = place(*point, 120.0, &taken, &bounds).holds(120.0);
                taken.push(held);
            }
            for (i, a) in taken[marks..].iter().enumerate() {
                for b in &taken[marks + i + 1..] {
                    prop_assert!(!a.meets(b));
                }
            }
        }
    }
}
