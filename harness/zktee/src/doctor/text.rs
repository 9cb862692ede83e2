//! The findings for a reader: aligned, with reason and fix where something is amiss.

use std::fmt;
use std::io::IsTerminal as _;

use super::{Check, Findings, Status};

impl Status {
    /// The word, and its colour on a terminal.
    const fn mark(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("ok", "\x1b[32m"),
            Self::Warn => ("warn", "\x1b[33m"),
            Self::Fail => ("FAIL", "\x1b[31m"),
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render(self, wants_colour(), f)
    }
}

/// Only a terminal shows colours, and only where nobody asked for none (<https://no-color.org>).
fn wants_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn render(findings: &Findings, colour: bool, to: &mut impl fmt::Write) -> fmt::Result {
    let width = findings.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    for check in &findings.checks {
        lines(check, width, colour, to)?;
    }
    for notice in &findings.licences {
        writeln!(to, "\nLicence of {}: {}", notice.backends.join(", "), notice.text)?;
    }
    let count = |status| findings.checks.iter().filter(|check| check.status == status).count();
    match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => writeln!(to, "\nall is as it should be"),
        (0, warnings) => {
            writeln!(to, "\na run will go through; {warnings} of {} could be better", findings.checks.len())
        }
        (failures, _) => writeln!(to, "\na run would fail: mend the {failures} marked FAIL first"),
    }
}

fn lines(check: &Check, width: usize, colour: bool, to: &mut impl fmt::Write) -> fmt::Result {
    let (word, on) = check.status.mark();
    let (on, off) = if colour { (on, "\x1b[0m") } else { ("", "") };
    writeln!(to, "{on}{word:<4}{off}  {:<width$}  {}", check.name, check.found)?;
    if check.status != Status::Ok {
        let indent = width + 8;
        writeln!(to, "{:indent$}why: {}", "", check.why)?;
        if let Some(fix) = &check.fix {
            writeln!(to, "{:indent$}fix: {fix}", "")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Notice;
    use super::*;

    #[test]
    fn text_is_aligned_and_explains_only_what_is_amiss() {
        let findings = Findings {
            checks: vec![
                Check::new("cores", "2 logical", "more is faster"),
                Check::new("load", "1.50", "noise").with(Status::Warn, "wait"),
            ],
            licences: vec![Notice { backends: vec!["x".into()], text: "not free".into() }],
        };
        let expected = "\
ok    cores  2 logical
warn  load   1.50
             why: noise
             fix: wait

Licence of x: not free

a run will go through; 1 of 2 could be better
";
        let text = |colour| {
            let mut text = String::new();
            render(&findings, colour, &mut text).map(|()| text)
        };
        assert_eq!(text(false).unwrap(), expected);
        assert!(text(true).unwrap().contains("\x1b[33mwarn\x1b[0m  load"));
    }
}
