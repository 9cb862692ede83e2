//! How cost grows: cells of one architecture in many sizes, a power law a backend and metric.
//!
//! A family is what a run holds of workloads named `NAME-scale-SIZE`, two sizes at least, of one call each, whose multiplications
//! the record has. It is recognised by the names, so that a user's own models can be one.

use std::collections::BTreeSet;

use zktee_core::vocabulary::Phase;

use crate::cell::{Cell, Kind};
use crate::fit::PowerLaw;
use crate::table::{Column, Field, NOTHING, Style, Table};
use crate::{show, tables, units};

/// Between the family and the size in a workload's name.
const SCALE: &str = "-scale-";

/// The size whose fitted cost is told.
const TOLD: f64 = 1e6;

/// Members of a family, and what became of them on each backend.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    /// Such as `mlp-scale`.
    pub(crate) name: &'a str,
    /// Its cells, by size, then in the plan's order.
    pub(crate) cells: Vec<Placed<'a>>,
}

/// A cell with its place on the axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    /// The end of the workload's name, such as `64k`.
    pub(crate) size: &'a str,
    /// Multiplications of one call.
    pub(crate) multiplications: u64,
    pub(crate) cell: &'a Cell,
}

/// The families of a run.
#[derive(Debug)]
pub(crate) struct Families<'a> {
    /// In the plan's order.
    pub(crate) list: Vec<Family<'a>>,
}

impl<'a> Families<'a> {
    pub(crate) fn of(cells: &'a [Cell]) -> Self {
        let mut list: Vec<Family> = Vec::new();
        for cell in cells {
            let Some((name, placed)) = member(cell) else { continue };
            match list.iter_mut().find(|family| family.name == name) {
                Some(family) => family.cells.push(placed),
                None => list.push(Family { name, cells: vec![placed] }),
            }
        }
        list.retain(|family| family.cells.iter().map(|it| it.multiplications).collect::<BTreeSet<_>>().len() > 1);
        for family in &mut list {
            family.cells.sort_by_key(|it| it.multiplications);
        }
        Self { list }
    }

    /// The cells that belong to no family, in the plan's order.
    pub(crate) fn others(&self, cells: &[Cell]) -> Vec<Cell> {
        let taken: BTreeSet<&str> =
            self.list.iter().flat_map(|family| &family.cells).map(|it| it.cell.workload.as_str()).collect();
        cells.iter().filter(|cell| !taken.contains(cell.workload.as_str())).cloned().collect()
    }
}

fn member(cell: &Cell) -> Option<(&str, Placed<'_>)> {
    let at = cell.workload.rfind(SCALE).filter(|&at| at > 0)?;
    let (name, size) = (&cell.workload[..at + SCALE.len() - 1], &cell.workload[at + SCALE.len()..]);
    let multiplications = cell.multiplications?.checked_mul(cell.batch as u64)?;
    let usable = !size.is_empty() && cell.calls == 1 && multiplications > 0;
    usable.then_some((name, Placed { size, multiplications, cell }))
}

impl<'a> Family<'a> {
    /// Its backends, each once, in the order in which they come.
    pub(crate) fn backends(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for it in &self.cells {
            if !names.contains(&it.cell.backend.as_str()) {
                names.push(&it.cell.backend);
            }
        }
        names
    }

    /// The cells of one backend, smallest first.
    pub(crate) fn of(&self, backend: &str) -> impl Iterator<Item = &Placed<'a>> {
        self.cells.iter().filter(move |it| it.cell.backend == backend)
    }

    /// Size and value of each cell of a backend that went well.
    pub(crate) fn points(&self, backend: &str, metric: Metric) -> Vec<(&Placed<'a>, f64)> {
        self.of(backend).filter_map(|it| Some((it, metric.of(it.cell)?))).collect()
    }
}

/// What is plotted and fitted against the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Infer,
    Prove,
    ProveCpu,
    Verify,
    VerifyCpu,
    Evidence,
    Memory,
}

impl Metric {
    const ALL: [Self; 7] =
        [Self::Infer, Self::Prove, Self::ProveCpu, Self::Verify, Self::VerifyCpu, Self::Evidence, Self::Memory];

    const fn name(self) -> &'static str {
        match self {
            Self::Infer => "infer, wall-clock",
            Self::Prove => "prove or attest, wall-clock",
            Self::ProveCpu => "prove or attest, CPU",
            Self::Verify => "verify, wall-clock",
            Self::VerifyCpu => "verify, CPU",
            Self::Evidence => "proof or attestation",
            Self::Memory => "peak memory",
        }
    }

    const fn phase(self) -> Option<Phase> {
        match self {
            Self::Infer => Some(Phase::Infer),
            Self::Prove | Self::ProveCpu => Some(Phase::Prove),
            Self::Verify | Self::VerifyCpu => Some(Phase::Verify),
            Self::Evidence | Self::Memory => None,
        }
    }

    /// The value of a cell; none of one that failed, and of one that has it not, or at nothing, which has no logarithm.
    pub(crate) fn of(self, cell: &Cell) -> Option<f64> {
        if !cell.outcome.has_times() {
            return None;
        }
        let value = match (self, self.phase()) {
            (Self::ProveCpu | Self::VerifyCpu, Some(phase)) => cell.phase(phase).cpu_s_median,
            (_, Some(phase)) => cell.phase(phase).wall_s_median,
            (Self::Memory, _) => cell.peak_rss_bytes.map(|bytes| bytes as f64),
            _ => cell.proof_bytes.map(|bytes| bytes as f64),
        };
        value.filter(|v| v.is_finite() && *v > 0.0)
    }

    /// The 95 % interval of a wall-clock median.
    pub(crate) fn interval(self, cell: &Cell) -> Option<(f64, f64)> {
        let columns = match self {
            Self::Infer | Self::Prove | Self::Verify => cell.phase(self.phase()?),
            _ => return None,
        };
        columns.wall_s_ci_low.zip(columns.wall_s_ci_high)
    }

    /// How a value reads.
    pub(crate) fn text(self, value: f64) -> String {
        if self.phase().is_some() { units::seconds(value) } else { units::bytes_f64(value) }
    }
}

/// The fitted powers of a family, a row a backend and metric.
pub(crate) fn powers(family: &Family) -> Table {
    let mut table = Table::new(
        format!("{}: cost as a power of the multiplications", family.name),
        &[
            Column::text("Backend"),
            Column::text("Cost"),
            Column::text("Sizes"),
            Column::number("Points"),
            Column::number("Exponent"),
            Column::number("95 % interval"),
            Column::number("Exponent of the larger half"),
            Column::number("Fitted at 1 000 000"),
        ],
    );
    for backend in family.backends() {
        let mut begins = true;
        for metric in Metric::ALL {
            let points = family.points(backend, metric);
            if !points.is_empty() {
                let mut fields = vec![Field::new(Style::Strong, backend), metric.name().into()];
                fields.extend(power_fields(&points, metric).map(Field::from));
                table.push(fields).begins_group = std::mem::take(&mut begins);
            }
        }
        if begins {
            let failed = Field::new(Style::Outcome, failures(family, backend).unwrap_or_default());
            table.push(vec![Field::new(Style::Strong, backend), failed]).begins_group = true;
        }
    }
    table
}

fn power_fields(points: &[(&Placed, f64)], metric: Metric) -> [String; 6] {
    let ends = (points.first().map_or("", |p| p.0.size), points.last().map_or("", |p| p.0.size));
    let sizes = if ends.0 == ends.1 { ends.0.to_owned() } else { format!("{} to {}", ends.0, ends.1) };
    let xy: Vec<(f64, f64)> = points.iter().map(|(it, value)| (it.multiplications as f64, *value)).collect();
    let law = PowerLaw::fit(&xy);
    let number = |law: Option<PowerLaw>| law.map_or_else(|| NOTHING.to_owned(), |law| two_digits(law.exponent));
    let interval = law.and_then(|law| law.interval);
    // Three points at least, or the upper half says nothing that two points do not.
    let upper = if xy.len() >= 5 { PowerLaw::fit(&xy[xy.len() / 2..]) } else { None };
    let told = law.map_or_else(
        || NOTHING.to_owned(),
        |law| {
            let inside = xy[0].0 <= TOLD && TOLD <= xy[xy.len() - 1].0;
            let caveat = if inside { "" } else { " (extrapolated)" };
            format!("{}{caveat}", metric.text(law.at(TOLD)))
        },
    );
    [
        sizes,
        points.len().to_string(),
        number(law),
        interval.map_or_else(|| NOTHING.to_owned(), |i| format!("{} to {}", two_digits(i.low), two_digits(i.high))),
        number(upper),
        told,
    ]
}

/// An exponent; what rounds to nothing has no sign.
fn two_digits(exponent: f64) -> String {
    let text = format!("{exponent:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text }
}

/// What is missing of a backend and why, such as `4m (timeout), 8m (out-of-memory)`.
pub(crate) fn failures(family: &Family, backend: &str) -> Option<String> {
    let failed = family.of(backend).filter(|it| !it.cell.outcome.has_times());
    let words: Vec<String> = failed.map(|it| format!("{} ({})", it.size, it.cell.outcome)).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Every cell of a family, by size.
pub(crate) fn cells(family: &Family, min_samples: u32) -> Table {
    let mut table = Table::new(
        format!("{}: every cell, medians of wall-clock times", family.name),
        &[
            Column::text("Workload"),
            Column::number("Multiplications"),
            Column::text("Backend"),
            Column::text("Outcome"),
            Column::number("Setup, once"),
            Column::number("Infer"),
            Column::number("Prove or attest"),
            Column::number("Verify"),
            Column::number("CPU time of prove"),
            Column::number("Proof or attestation"),
            Column::number("Peak memory"),
            Column::number("Largest error"),
        ],
    );
    let mut last = "";
    for it in &family.cells {
        let cell = it.cell;
        let mut fields = vec![
            Field::new(Style::Strong, cell.workload.clone()),
            units::count(it.multiplications).into(),
            cell.backend.clone().into(),
            show::outcome(cell),
        ];
        match tables::phase_fields(cell, min_samples) {
            Some(phases) => {
                fields.extend(phases);
                let cpu = cell.prove_cpu_s_median.map_or_else(|| NOTHING.to_owned(), units::seconds);
                let rest = [
                    cpu,
                    show::bytes(cell.proof_bytes),
                    show::bytes(cell.peak_rss_bytes),
                    show::error(cell.max_abs_error),
                ];
                fields.extend(rest.map(Field::from));
            }
            None => fields.push(Field::new(Style::Muted, show::reason(cell))),
        }
        table.push(fields).begins_group = cell.workload != last;
        last = &cell.workload;
    }
    table
}

/// What has to be known to read figures and powers.
pub(crate) fn notes() -> Vec<String> {
    vec![
        "The exponent is the slope of the least-squares line through the logarithms of size and median: 1 is a cost that doubles \
         with the multiplications, 0 one that does not grow. Its interval is that of Student's t over the points' distances from \
         the line."
            .to_owned(),
        "Small models cost what a backend costs at all, so a power over all sizes is less than that of large ones; the exponent of \
         the larger half is fitted to the upper half of the points, where there are five or more. What is extrapolated rests on \
         the power alone."
            .to_owned(),
        "Cells that failed or were refused are in no fit; they stand in the table of cells with their outcome.".to_owned(),
    ]
}

/// How the dearest phase grows, in one sentence.
pub(crate) fn sentence(family: &Family) -> Option<String> {
    let grown = |metric: Metric, kind: fn(Kind) -> bool| {
        let of_backend = |backend: &&str| {
            family.of(backend).any(|it| kind(it.cell.kind())).then_some(())?;
            let points = family.points(backend, metric);
            let xy: Vec<(f64, f64)> = points.iter().map(|(it, value)| (it.multiplications as f64, *value)).collect();
            let (law, first, last) = (PowerLaw::fit(&xy)?, points.first()?.0.size, points.last()?.0.size);
            Some(format!("{} on {backend} ({first} to {last})", two_digits(law.exponent)))
        };
        family.backends().iter().filter_map(of_backend).collect::<Vec<_>>()
    };
    let proofs = grown(Metric::Prove, |kind| kind != Kind::Plain);
    let (what, powers) =
        if proofs.is_empty() { ("infer", grown(Metric::Infer, |_| true)) } else { ("prove or attest", proofs) };
    let name = family.name;
    (!powers.is_empty()).then(|| {
        format!("On {name} the time to {what} grows with the multiplications to the power of {}.", powers.join(", "))
    })
}
