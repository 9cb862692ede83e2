//! How a comparison's values read, in text and in Markdown alike.

use zktee_report::units;

use crate::comparison::{Comparison, RemarkKind, Row, Unit};
use crate::differences::About;
use crate::judge::Verdict;

/// What stands where there is nothing.
pub(crate) const NOTHING: &str = "-";

/// A ratio as a change: in percent while that reads well, else as a factor.
pub(crate) fn change(ratio: f64) -> String {
    if !ratio.is_finite() {
        return NOTHING.to_owned();
    }
    if (0.5..2.0).contains(&ratio) {
        let percent = (ratio - 1.0) * 100.0;
        // Minus nothing is nothing.
        let percent = if percent.abs() < 0.05 { 0.0 } else { percent };
        return format!("{percent:+.1} %");
    }
    units::ratio(ratio)
}

/// Both ends of an interval.
pub(crate) fn interval(row: &Row) -> String {
    row.interval.map_or_else(|| NOTHING.to_owned(), |[low, high]| format!("{} to {}", change(low), change(high)))
}

/// A chance.
pub(crate) fn p(value: Option<f64>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(p) if p < 0.001 => "<0.001".to_owned(),
        Some(p) => format!("{p:.3}"),
    }
}

/// The verdict with what has to be known of it.
pub(crate) fn verdict(row: &Row) -> String {
    let mut text = row.verdict.to_string();
    if row.verdict == Verdict::CannotTell && row.note.is_none() {
        text += &match (row.ratio, row.could_show) {
            (None, _) => "; a time of zero gives no ratio".to_owned(),
            (_, Some(least)) => format!("; {} or more would have been shown", change(least)),
            (_, None) => format!(
                "; no change, however large: {} and {} observations, it takes {} a side",
                row.base.n, row.new.n, row.samples_needed
            ),
        };
    }
    if let Some(note) = &row.note {
        text += &format!("; {note}");
    }
    text
}

/// What was found, in one sentence.
pub(crate) fn summary(it: &Comparison) -> String {
    let mut parts: Vec<String> = [Verdict::Regressed, Verdict::Improved, Verdict::Same, Verdict::CannotTell]
        .into_iter()
        .map(|verdict| format!("{} {verdict}", it.count(verdict)))
        .collect();
    for (kind, text) in [(RemarkKind::Broke, "broke"), (RemarkKind::Mended, "mended")] {
        let cells = it.remarks.iter().filter(|remark| remark.kind == kind).count();
        if cells > 0 {
            parts.push(format!("{cells} cell(s) {text}"));
        }
    }
    format!("{}.", parts.join(", "))
}

/// What the verdicts rest on, in two sentences.
pub(crate) fn method(it: &Comparison) -> String {
    let unit = match it.unit {
        Unit::Sample => "sample",
        Unit::Run => "run (by the median of its samples)",
    };
    format!(
        "Exact rank tests, one observation a {unit}; the chance of one or more false alarms in all {} tests together is at most {}, \
         as far as chance alone is at work, and changes under {} are not called. Intervals are {} bootstrap intervals of the ratio of \
         medians, each by itself.",
        it.tests,
        units::percent(it.level),
        units::percent(it.min_effect),
        units::percent(1.0 - it.level)
    )
}

/// What must be read before any number; empty where there is nothing of that sort.
pub(crate) fn alarms(it: &Comparison) -> Vec<String> {
    let mut alarms = Vec::new();
    if it.differences.iter().any(|difference| difference.about == About::Machine) {
        alarms.push(
            "THE MACHINE IS NOT THE SAME: what differs below may be the machine's doing and says nothing about the code. Measure \
             both on one machine: zktee compare --ab."
                .to_owned(),
        );
    }
    if it.differences.iter().any(|difference| difference.about == About::Settings) {
        alarms.push(
            "THE SETTINGS ARE NOT THE SAME: times taken with other settings are times of other things.".to_owned(),
        );
    }
    if !it.could_tell() && !it.rows.is_empty() {
        let needed = it.rows.iter().map(|row| row.samples_needed).max().unwrap_or_default();
        alarms.push(format!(
            "NOTHING COULD HAVE BEEN SHOWN: with so few observations no change, however large, can be told from chance. It takes at \
             least {needed} a side: zktee run --samples {needed}."
        ));
    }
    let same_commit = it.base.commit.is_some() && it.base.commit == it.new.commit;
    if same_commit && !it.differences.iter().any(|difference| difference.about == About::Code) {
        alarms.push("Both sides are the same code: whatever is found here is no change of the code.".to_owned());
    }
    alarms
}

/// The name of a kind of remark.
pub(crate) const fn remark(kind: RemarkKind) -> &'static str {
    match kind {
        RemarkKind::Broke => "BROKE",
        RemarkKind::Mended => "mended",
        RemarkKind::StillFails => "fails",
        RemarkKind::OtherThing => "other thing",
        RemarkKind::Count => "count changed",
        RemarkKind::OnlyInNew => "only in new",
        RemarkKind::OnlyInBase => "only in base",
        RemarkKind::Nowhere => "nowhere",
    }
}

/// The name of what a difference is about.
pub(crate) const fn about(about: About) -> &'static str {
    match about {
        About::Machine => "machine",
        About::Settings => "settings",
        About::Code => "code",
    }
}

/// The rows, what changed first; within a verdict in the tables' order.
pub(crate) fn by_verdict(it: &Comparison) -> Vec<&Row> {
    let mut rows: Vec<&Row> = it.rows.iter().collect();
    rows.sort_by_key(|row| row.verdict);
    rows
}

/// A text on one line and without control characters: names and reasons come from files.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_chances_read_well() {
        assert_eq!(change(1.1), "+10.0 %");
        assert_eq!(change(0.9), "-10.0 %");
        assert_eq!(change(0.999_99), "+0.0 %");
        assert_eq!(change(12.0), "12x");
        assert_eq!(change(0.1), "0.10x");
        assert_eq!(change(f64::NAN), "-");
        assert_eq!((p(None), p(Some(0.000_2)), p(Some(0.04))), ("-".into(), "<0.001".into(), "0.040".into()));
        assert_eq!(plain("a\u{1b}[31m\nb"), "a [31m b");
    }
}
