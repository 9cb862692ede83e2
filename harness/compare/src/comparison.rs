//! Two sides, compared: the data that text, Markdown and JSON show.

use std::collections::BTreeSet;

use serde::Serialize;
use zktee_core::vocabulary::{CellId, Outcome, Phase};
use zktee_report::stats;

use crate::differences::{Difference, differences};
use crate::error::CompareError;
use crate::judge::{Judgement, Pair, Settings, Verdict, judge};
use crate::metric::Metric;
use crate::side::{Kind, Side, SideCell, State, other_thing};

/// The version of the JSON form.
const SCHEMA: u32 = 1;

/// What counts as one observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A sample, where a side is one run.
    Sample,
    /// A run, with the median of its samples, where both sides have several.
    Run,
}

/// A side in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideInfo {
    /// The folder.
    pub path: String,
    /// How many runs it holds.
    pub runs: usize,
    /// When the first of them began, RFC 3339, UTC.
    pub started_at: String,
    /// The commit of the runner.
    pub commit: Option<String>,
    /// The processor.
    pub cpu: Option<String>,
}

/// Times, or instructions, of one side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Observations.
    pub n: usize,
    /// Their median, seconds (or instructions) of one call.
    pub median_s: f64,
    /// Their median absolute deviation, raw, likewise.
    pub mad_s: f64,
}

/// One time of one phase of one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The cell.
    pub cell: CellId,
    /// The phase.
    pub phase: Phase,
    /// The kind of time.
    pub metric: Metric,
    /// Before.
    pub base: Summary,
    /// After.
    pub new: Summary,
    /// Median after over median before.
    pub ratio: Option<f64>,
    /// The two ends of the ratio's bootstrap interval, by itself (not corrected for the number of rows).
    pub interval: Option<[f64; 2]>,
    /// Value of the test of no difference by itself; none where the samples are too few to be tested.
    pub p: Option<f64>,
    /// The same, corrected for all tests.
    pub p_adjusted: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// The smallest slow-down, as a ratio, that this data would have shown; none if none would, however large.
    pub could_show: Option<f64>,
    /// So many samples a side would be enough for a change that is large enough.
    pub samples_needed: usize,
    /// What became of the verdict afterwards.
    pub note: Option<String>,
}

/// What can be said of a cell beside its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemarkKind {
    /// It worked before and fails now. That is a regression.
    Broke,
    /// It failed before and works now.
    Mended,
    /// It failed before and fails now.
    StillFails,
    /// It is another thing under the same name, so its times are not compared.
    OtherThing,
    /// A count changed, such as the bytes of a proof.
    Count,
    /// It has no times in the base.
    OnlyInNew,
    /// It has no times in the new runs.
    OnlyInBase,
    /// It has times on neither side.
    Nowhere,
}

/// A remark on a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remark {
    /// The cell.
    pub cell: CellId,
    /// What kind of remark it is.
    pub kind: RemarkKind,
    /// The rest of it.
    pub text: String,
}

/// Everything that is said of two sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The version of this form: 1.
    pub schema: u32,
    /// The chance that is allowed for one or more false alarms in all rows together.
    pub level: f64,
    /// The change from which on one is called, a share of 1.
    pub min_effect: f64,
    /// What counts as one observation.
    pub unit: Unit,
    /// How many tests the correction is for.
    pub tests: usize,
    /// Before.
    pub base: SideInfo,
    /// After.
    pub new: SideInfo,
    /// What else differs.
    pub differences: Vec<Difference>,
    /// What has to be known of the folders.
    pub warnings: Vec<String>,
    /// Cell by cell, phase by phase, time by time.
    pub rows: Vec<Row>,
    /// What is to be said of cells beside that.
    pub remarks: Vec<Remark>,
}

/// Compares two sides.
///
/// # Errors
/// [`CompareError::NothingInCommon`] when no cell has times on both sides and none broke; [`CompareError::Kinds`] when one side is of
/// `cargo bench` and the other of `zktee run`.
pub fn compare(base: &Side, new: &Side, settings: &Settings) -> Result<Comparison, CompareError> {
    if base.kind() != new.kind() {
        let (bench, run) = if base.kind() == Kind::Benchmarks { (base, new) } else { (new, base) };
        return Err(CompareError::Kinds { bench: bench.path().to_owned(), run: run.path().to_owned() });
    }
    let by_run = base.count() > 1 && new.count() > 1;
    let (base_cells, new_cells) = (base.cells(), new.cells());
    let mut remarks = Vec::new();
    let mut keys: Vec<(CellId, Phase, Metric)> = Vec::new();
    let mut pairs = Vec::new();
    for id in names(&base_cells, &new_cells) {
        let find = |cells: &[SideCell]| cells.iter().find(|cell| cell.plan.id == id).cloned();
        let (before, after) = (find(&base_cells), find(&new_cells));
        remarks.extend(remarks_on(&id, before.as_ref(), after.as_ref()));
        let (Some(before), Some(after)) = (before, after) else { continue };
        if before.state != State::Timed || after.state != State::Timed || differs(&before, &after).is_some() {
            continue;
        }
        for phase in Phase::ALL {
            for &metric in settings.metrics() {
                let pair = Pair { base: before.times(phase, metric, by_run), new: after.times(phase, metric, by_run) };
                if !pair.base.is_empty() && !pair.new.is_empty() {
                    keys.push((id.clone(), phase, metric));
                    pairs.push(pair);
                }
            }
        }
    }
    if pairs.is_empty() && !remarks.iter().any(|it| it.kind == RemarkKind::Broke) {
        let why = remarks.iter().map(|it| format!("{}: {}", it.cell, it.text)).collect();
        return Err(CompareError::NothingInCommon { base: base.path().to_owned(), new: new.path().to_owned(), why });
    }
    remarks.sort_by_key(|it| it.kind);
    let judged = judge(&pairs, settings);
    let tests = judged.iter().filter(|it| it.p.is_some()).count();
    let rows =
        keys.into_iter().zip(&pairs).zip(judged).map(|((key, pair), it)| row(key, pair, &it, settings)).collect();
    Ok(Comparison {
        schema: SCHEMA,
        level: settings.level(),
        min_effect: settings.min_effect(),
        unit: if by_run { Unit::Run } else { Unit::Sample },
        tests,
        base: info(base),
        new: info(new),
        differences: differences(base, new),
        warnings: base.warnings().into_iter().chain(new.warnings()).collect(),
        rows,
        remarks,
    })
}

impl Comparison {
    /// How many rows have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// Whether something is slower, or worked before and fails now.
    pub fn has_regressed(&self) -> bool {
        self.count(Verdict::Regressed) > 0 || self.remarks.iter().any(|it| it.kind == RemarkKind::Broke)
    }

    /// Whether any row had samples enough to show a change, were it large enough. Where none had, nothing was tested.
    pub fn could_tell(&self) -> bool {
        self.rows.iter().any(|row| row.could_show.is_some())
    }

    /// The cells that are slower, each once.
    pub fn regressed_cells(&self) -> BTreeSet<CellId> {
        self.rows.iter().filter(|row| row.verdict == Verdict::Regressed).map(|row| row.cell.clone()).collect()
    }

    /// Takes back every `regressed` that a second, independent comparison of the same code does not find again. What broke stays
    /// broken: a crash that happens once is a crash.
    pub fn confirm_by(&mut self, again: &Self) {
        for row in self.rows.iter_mut().filter(|row| row.verdict == Verdict::Regressed) {
            let same = |it: &&Row| it.cell == row.cell && it.phase == row.phase && it.metric == row.metric;
            let second = again.rows.iter().find(same);
            let ratio = second.and_then(|it| it.ratio).map_or_else(|| "no times".to_owned(), crate::words::change);
            if second.is_some_and(|it| it.verdict == Verdict::Regressed) {
                row.note = Some(format!("confirmed by the re-run: {ratio}"));
            } else {
                row.verdict = Verdict::CannotTell;
                row.note = Some(format!("regressed at first, not confirmed by the re-run: {ratio}"));
            }
        }
    }
}

/// All cells' names: the base's order, then what only the new side has.
fn names(base: &[SideCell], new: &[SideCell]) -> Vec<CellId> {
    let mut seen = BTreeSet::new();
    base.iter().chain(new).map(|cell| cell.plan.id.clone()).filter(|id| seen.insert(id.clone())).collect()
}

/// Why two cells of one name are not the same thing.
fn differs(before: &SideCell, after: &SideCell) -> Option<&'static str> {
    let hardware = before.hardware.is_some() && after.hardware.is_some() && before.hardware != after.hardware;
    other_thing(&before.plan, &after.plan).or_else(|| hardware.then_some("kind of hardware (real or simulated)"))
}

fn remarks_on(id: &CellId, before: Option<&SideCell>, after: Option<&SideCell>) -> Vec<Remark> {
    let absent = State::Absent(Outcome::Unfinished, "not planned".to_owned());
    let state = |cell: Option<&SideCell>| cell.map_or(absent.clone(), |cell| cell.state.clone());
    let remark = |kind, text: String| Remark { cell: id.clone(), kind, text };
    let why = |outcome: Outcome, reason: &str| format!("{outcome} ({reason})");
    if let (Some(before), Some(after)) = (before, after)
        && let Some(what) = differs(before, after)
    {
        return vec![remark(RemarkKind::OtherThing, format!("not compared: another {what} under the same name"))];
    }
    match (state(before), state(after)) {
        (State::Timed, State::Timed) => {
            let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
            counts(before, after).map(|text| remark(RemarkKind::Count, text)).collect()
        }
        (State::Timed, State::Failed(outcome, reason)) => {
            vec![remark(RemarkKind::Broke, format!("worked in the base, now {}", why(outcome, &reason)))]
        }
        (State::Failed(outcome, reason), State::Timed) => {
            vec![remark(RemarkKind::Mended, format!("works now; in the base {}", why(outcome, &reason)))]
        }
        (State::Failed(..) | State::Absent(..), State::Failed(outcome, reason)) => {
            vec![remark(RemarkKind::StillFails, format!("{}; no times in the base", why(outcome, &reason)))]
        }
        (State::Absent(outcome, reason), State::Timed) => {
            vec![remark(RemarkKind::OnlyInNew, format!("no times in the base: {}", why(outcome, &reason)))]
        }
        (State::Timed, State::Absent(outcome, reason)) => {
            vec![remark(RemarkKind::OnlyInBase, format!("no times now: {}", why(outcome, &reason)))]
        }
        (State::Failed(..) | State::Absent(..), State::Absent(outcome, reason)) => {
            vec![remark(RemarkKind::Nowhere, format!("no times on either side: now {}", why(outcome, &reason)))]
        }
    }
}

/// The counts that changed; they are exact, so any change is one.
fn counts(before: &SideCell, after: &SideCell) -> impl Iterator<Item = String> {
    before.counts.iter().filter_map(|(name, was)| {
        let is = after.counts.get(name)?;
        (is != was).then(|| {
            format!("{name}: {} before, {} now", zktee_report::units::count(*was), zktee_report::units::count(*is))
        })
    })
}

fn row((cell, phase, metric): (CellId, Phase, Metric), pair: &Pair, it: &Judgement, settings: &Settings) -> Row {
    let interval = stats::interval_of_ratio_of_medians(&pair.base, &pair.new, settings.level());
    Row {
        cell,
        phase,
        metric,
        base: summary(&pair.base),
        new: summary(&pair.new),
        ratio: it.ratio,
        interval: interval.map(|it| [it.low, it.high]),
        p: it.p,
        p_adjusted: it.p_adjusted,
        verdict: it.verdict,
        could_show: it.could_show,
        samples_needed: it.samples_needed,
        note: None,
    }
}

fn summary(values: &[f64]) -> Summary {
    Summary {
        n: values.len(),
        median_s: stats::median(values).unwrap_or_default(),
        mad_s: stats::mad(values).unwrap_or_default(),
    }
}

fn info(side: &Side) -> SideInfo {
    let first = side.first();
    SideInfo {
        path: side.path().display().to_string(),
        runs: side.count(),
        started_at: first.record.started_at.clone(),
        commit: first.environment.as_ref().and_then(|it| it.commit.clone()),
        cpu: first.environment.as_ref().map(|it| it.cpu.clone()),
    }
}
