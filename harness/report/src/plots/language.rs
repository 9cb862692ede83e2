//! Language models: the latency of each token against its position, a panel a backend; and tokens a second beside the article's.

use zktee_core::vocabulary::Outcome;

use super::axis::{LinearAxis, LogAxis};
use super::dots::{self, Chart, Group, Key, Row, Value};
use super::palette::Ink;
use super::scene::{Anchor, Item, NAME, Point, SMALL, Scene, TITLE, fitted};
use super::time::{CLAIM, gap};
use super::{Plot, file_part, total};
use crate::cell::Cell;
use crate::claims::{Bound, Claims, Figure};
use crate::language::{LanguageCell, Latencies};
use crate::language_tables::model_name;
use crate::{show, stats, units};

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 14.0;
/// Between the edge of a panel's column and its axis.
const LABELS: f64 = 64.0;
const GUTTER: f64 = 8.0;
const AFTER: f64 = 16.0;
const PANEL: f64 = 220.0;
/// Above a panel's frame: its heading. Below it: ticks and the name of the axis.
const ABOVE: f64 = 28.0;
const BELOW: f64 = 50.0;
/// The most answers that have a line of their own; the median is that of all.
const LINES: usize = 24;
/// The most points of a line: where a response is longer, neighbours are one point, their median.
const POINTS: usize = 400;
/// From such a quotient of the longest to the shortest on, the axis is logarithmic: on a linear one the median would be a flat line.
const WIDE: f64 = 20.0;

/// A figure for each workload of which tokens were timed.
pub(super) fn latencies(all: &[Latencies]) -> Vec<Plot> {
    let mut used = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for it in all {
        if !seen.contains(&it.workload) {
            seen.push(it.workload);
        }
    }
    seen.into_iter()
        .map(|workload| {
            let of_it: Vec<&Latencies> = all.iter().filter(|it| it.workload == workload).collect();
            latency(workload, &of_it, &mut used)
        })
        .collect()
}

/// One backend's lines: seconds by position, from position 1 on.
struct Series<'a> {
    of: &'a Latencies<'a>,
    answers: Vec<Vec<(f64, f64)>>,
    median: Vec<(f64, f64)>,
}

impl<'a> Series<'a> {
    fn new(of: &'a Latencies<'a>) -> Self {
        let longest = of.answers.iter().map(Vec::len).max().unwrap_or(0);
        let width = longest.div_ceil(POINTS).max(1);
        let every = of.answers.len().div_ceil(LINES).max(1);
        let answers = of.answers.iter().step_by(every).map(|it| points(std::slice::from_ref(it), width)).collect();
        Self { of, answers, median: points(&of.answers, width) }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.answers.iter().flatten().chain(&self.median).map(|(_, seconds)| *seconds)
    }
}

/// The median of some answers at each position, or over so many neighbours. Position 0 is left out: no evaluation of the model is in it.
fn points(answers: &[Vec<u64>], width: usize) -> Vec<(f64, f64)> {
    let longest = answers.iter().map(Vec::len).max().unwrap_or(0);
    let bin = |from: usize| {
        let to = (from + width).min(longest);
        let values: Vec<f64> = answers
            .iter()
            .flat_map(|it| it.get(from..to.min(it.len())).unwrap_or_default())
            .map(|ns| *ns as f64 * 1e-9)
            .collect();
        Some((f64::midpoint(from as f64, (to - 1) as f64), stats::median(&values)?))
    };
    (1..longest).step_by(width).filter_map(bin).collect()
}

fn latency(workload: &str, all: &[&Latencies], used: &mut Vec<String>) -> Plot {
    let title = format!("{workload}: latency of each token of the response");
    let mut scene = Scene { width: WIDTH, ..Scene::default() };
    scene.text((MARGIN, 20.0), Anchor::Left, TITLE, Ink::Text, fitted(&title, TITLE, WIDTH - 2.0 * MARGIN));
    let series: Vec<Series> = all.iter().map(|it| Series::new(it)).collect();
    let top = legend(&mut scene, 44.0) + 14.0;
    let columns = if series.len() == 1 { 1 } else { 2 };
    let column = (WIDTH - 2.0 * MARGIN - (columns - 1) as f64 * GUTTER) / columns as f64;
    for (i, one) in series.iter().enumerate() {
        let left = MARGIN + (i % columns) as f64 * (column + GUTTER);
        let y = top + (i / columns) as f64 * (ABOVE + PANEL + BELOW);
        let frame =
            Frame { left: left + LABELS, right: left + column - AFTER, top: y + ABOVE, bottom: y + ABOVE + PANEL };
        let heading = match one.of.tag {
            Some(tag) => format!("{} ({tag})", one.of.backend),
            None => one.of.backend.to_owned(),
        };
        let heading = fitted(&heading, NAME, column - LABELS - AFTER);
        scene.text((frame.left, y + 14.0), Anchor::Left, NAME, Ink::Text, heading);
        frame.draw(&mut scene, one, &series);
    }
    scene.height = top + series.len().div_ceil(columns) as f64 * (ABOVE + PANEL + BELOW) + 6.0;
    Plot {
        name: format!("language-latency-{}", file_part(workload, used)),
        title,
        caption: format!(
            "From the token before until it was known, by the engine's clock. Thin: single answers, {LINES} at most; thick: the median of all at \
             that position. Position 0 is left out: its token is drawn from the prompt's logits, without an evaluation. All panels share their \
             axes, which are logarithmic where the slowest took more than {WIDE} times the fastest."
        ),
        scene,
    }
}

fn legend(scene: &mut Scene, y: f64) -> f64 {
    scene.line((MARGIN + 6.0, y), (MARGIN + 26.0, y), Ink::Line, 1.0);
    scene.text((MARGIN + 32.0, y), Anchor::Left, SMALL, Ink::Muted, "one answer");
    scene.line((MARGIN + 126.0, y), (MARGIN + 146.0, y), Ink::Muted, 3.0);
    scene.text((MARGIN + 152.0, y), Anchor::Left, SMALL, Ink::Muted, "median of all answers at that position");
    y
}

/// The axis of latencies.
enum Scale {
    Linear(LinearAxis),
    Log(LogAxis),
}

impl Scale {
    fn around(values: &[f64], from: f64, to: f64) -> Self {
        let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(*v), h.max(*v)));
        if low > 0.0 && high / low > WIDE {
            Self::Log(LogAxis::around(values.iter().copied(), from, to))
        } else {
            Self::Linear(LinearAxis::around(values.iter().copied(), from, to))
        }
    }

    fn pixel(&self, value: f64) -> f64 {
        match self {
            Self::Linear(axis) => axis.pixel(value),
            Self::Log(axis) => axis.pixel(value),
        }
    }

    fn ticks(&self) -> Vec<(f64, f64)> {
        match self {
            Self::Linear(axis) => axis.ticks(),
            Self::Log(axis) => axis.decades(),
        }
    }
}

struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn draw(&self, scene: &mut Scene, one: &Series, all: &[Series]) {
        let values: Vec<f64> = all.iter().flat_map(Series::values).collect();
        let last = all.iter().flat_map(|it| &it.median).map(|(position, _)| *position).fold(2.0, f64::max);
        let x = LinearAxis::around([0.0, last], self.left + 6.0, self.right - 6.0);
        let y = Scale::around(&values, self.bottom - 8.0, self.top + 8.0);
        for (position, at) in x.ticks() {
            scene.line((at, self.top), (at, self.bottom), Ink::Grid, 1.0);
            if position.fract() == 0.0 {
                let text = units::count(position as u64);
                scene.text((at, self.bottom + 13.0), Anchor::Middle, SMALL, Ink::Muted, text);
            }
        }
        for (value, at) in y.ticks() {
            scene.line((self.left, at), (self.right, at), Ink::Grid, 1.0);
            let text = units::trimmed(&units::seconds(value));
            scene.text((self.left - 6.0, at), Anchor::Right, SMALL, Ink::Muted, text);
        }
        let corner = (self.left, self.bottom);
        scene.line((self.left, self.top), corner, Ink::Line, 1.0);
        scene.line(corner, (self.right, self.bottom), Ink::Line, 1.0);
        let middle = f64::midpoint(self.left, self.right);
        scene.text((middle, self.bottom + 31.0), Anchor::Middle, SMALL, Ink::Muted, "position in the response");
        let line = |points: &[(f64, f64)]| -> Vec<Point> {
            points.iter().map(|(position, seconds)| (x.pixel(*position), y.pixel(*seconds))).collect()
        };
        for answer in &one.answers {
            scene.items.push(Item::Path { points: line(answer), ink: Ink::Line, width: 0.75 });
        }
        // As in the other plots: the plain answer, the enclave.
        let ink = if one.of.backend == "native" { Ink::Data(1) } else { Ink::Data(3) };
        scene.items.push(Item::Path { points: line(&one.median), ink, width: 2.5 });
    }
}

/// Tokens a second of each model and backend, and the article's; none where no cell has a speed or a gap to show.
pub(super) fn speed(cells: &[Cell], language: &[LanguageCell], claims: &Claims) -> Option<Plot> {
    let mut groups: Vec<Group> = Vec::new();
    let mut shown: Vec<&Cell> = Vec::new();
    let mut last = "";
    for of in language.iter().filter(|of| of.outcome != Outcome::Unavailable) {
        let Some(cell) = cells.iter().find(|c| c.workload == of.workload && c.backend == of.backend) else { continue };
        let heading = (of.workload != last).then(|| model_name(of));
        last = &of.workload;
        let value = match of.tokens_per_s_median.filter(|_| of.outcome.has_times()) {
            Some(at) => {
                shown.push(cell);
                Value::Dot {
                    at,
                    interval: of.tokens_per_s_ci_low.zip(of.tokens_per_s_ci_high),
                    text: tokens(at),
                    look: total::look_of(cell),
                    open: false,
                }
            }
            None => gap(cell),
        };
        let rows = vec![Row { label: show::tag(cell).unwrap_or_default().to_owned(), value }];
        groups.push(Group { heading, name: of.backend.clone(), rows, ..Group::default() });
    }
    if groups.is_empty() {
        return None;
    }
    let mut keys = total::legend(shown.iter().copied());
    for row in &claims.rows {
        let Some(stated) = row.tokens_per_s.as_ref().and_then(Figure::stated) else { continue };
        let value = Value::Dot {
            at: stated.value,
            interval: None,
            text: format!("{} claimed", stated.text(tokens)),
            look: CLAIM,
            open: stated.bound == Bound::MoreThan,
        };
        groups.push(Group {
            heading: Some(format!("{} (article)", row.model)),
            name: "Oyster".to_owned(),
            rows: vec![Row { label: String::new(), value }],
            ..Group::default()
        });
        keys.push(Key { look: Some(CLAIM), text: "claimed by the article, not measured".to_owned() });
    }
    let chart = Chart {
        title: "Language models: tokens a second".to_owned(),
        axis_title: "tokens of the response a second, logarithmic",
        unit: tokens,
        also: Vec::new(),
        legend: keys,
        groups,
    };
    Some(Plot {
        name: "language-speed".to_owned(),
        title: chart.title.clone(),
        caption: "Evaluation count over evaluation duration: median and the 95 % bootstrap interval of the median. Models differ in size; only rows \
                  of one model compare backends."
            .to_owned(),
        scene: dots::lay_out(&chart),
    })
}

fn tokens(per_s: f64) -> String {
    format!("{} tokens/s", units::rate(per_s))
}
