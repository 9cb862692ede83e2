//! A comparison as a comment on a pull request.

use std::fmt::Write as _;

use zktee_report::units;

use crate::comparison::{Comparison, Row, SideInfo};
use crate::judge::Verdict;
use crate::text::short;
use crate::words;

/// The comparison as Markdown: what changed in a table that is open, the rest folded away.
pub fn markdown(it: &Comparison) -> String {
    let mut out = String::new();
    let heading = if it.has_regressed() { "slower" } else { "no regression shown" };
    let _ = writeln!(out, "### zktee compare: {heading}\n");
    let _ = writeln!(out, "**{}** {} against {}\n", words::summary(it), side(&it.new), side(&it.base));
    let alarms = words::alarms(it);
    for text in alarms.iter().chain(&it.warnings) {
        let _ = writeln!(out, "> [!WARNING]\n> {}\n", escaped(text));
    }
    let (changed, rest): (Vec<&Row>, Vec<&Row>) = words::by_verdict(it)
        .into_iter()
        .partition(|row| matches!(row.verdict, Verdict::Regressed | Verdict::Improved) || row.note.is_some());
    if !changed.is_empty() {
        table(&mut out, it, &changed);
    }
    if !it.remarks.is_empty() {
        for one in &it.remarks {
            let _ =
                writeln!(out, "* {}: {}: {}", words::remark(one.kind), code(&one.cell.to_string()), escaped(&one.text));
        }
        out.push('\n');
    }
    if !rest.is_empty() {
        let _ = writeln!(out, "<details><summary>{} rows without a change that was shown</summary>\n", rest.len());
        table(&mut out, it, &rest);
        out.push_str("</details>\n\n");
    }
    if !it.differences.is_empty() {
        let _ = writeln!(out, "<details><summary>What differs beside the times</summary>\n");
        let _ = writeln!(out, "| about | what | base | new |\n|---|---|---|---|");
        for one in &it.differences {
            let fields = [words::about(one.about), &one.what, &one.base, &one.new].map(escaped);
            let _ = writeln!(out, "| {} |", fields.join(" | "));
        }
        out.push_str("\n</details>\n\n");
    }
    let _ = writeln!(out, "{}", words::method(it));
    out
}

fn table(out: &mut String, it: &Comparison, rows: &[&Row]) {
    let confidence = units::percent(1.0 - it.level);
    let _ = writeln!(out, "| cell | phase | time | base | new | change | {confidence} interval | p | verdict |");
    let _ = writeln!(out, "|---|---|---|--:|--:|--:|---|--:|---|");
    for row in rows {
        let verdict = escaped(&words::verdict(row));
        let strong = matches!(row.verdict, Verdict::Regressed | Verdict::Improved);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            code(&row.cell.to_string()),
            row.phase,
            row.metric,
            row.metric.show(row.base.median_s),
            row.metric.show(row.new.median_s),
            row.ratio.map_or_else(|| words::NOTHING.to_owned(), words::change),
            words::interval(row),
            escaped(&words::p(row.p_adjusted)),
            if strong { format!("**{verdict}**") } else { verdict },
        );
    }
    out.push('\n');
}

fn side(it: &SideInfo) -> String {
    it.commit.as_deref().map_or_else(|| code(&it.path), |commit| code(&short(commit)))
}

/// A name as code: nothing in it is read as markup or as the end of a field.
fn code(name: &str) -> String {
    format!("`{}`", words::plain(name).replace('`', "'").replace('|', "\\|"))
}

/// A text in which nothing is read as markup: reasons come from workers.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in words::plain(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Nobody is to be called into a pull request by a worker's words.
            '@' => out.push_str("&#64;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
