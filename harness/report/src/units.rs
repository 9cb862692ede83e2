//! Numbers for people: the one place where a value gets its unit.

/// Significant digits of a shown value; the CSV files hold them all.
const DIGITS: i32 = 3;

/// Seconds as ns, µs, ms or s.
///
/// ```
/// assert_eq!(zktee_report::units::seconds(0.0456), "45.6 ms");
/// ```
pub fn seconds(s: f64) -> String {
    scaled(s, &[(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")])
}

/// A value with its unit, without decimals that are zero: `10 ms`, not `10.0 ms`. For axes, and for figures that somebody else gave.
pub(crate) fn trimmed(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

/// Two times with their units, or with one where it is the same.
pub fn seconds_range(low: f64, high: f64) -> String {
    let (low, high) = (seconds(low), seconds(high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} to {high}"),
        _ => format!("{low} to {high}"),
    }
}

/// Bytes as B, kB, MB or GB, in steps of a thousand.
pub fn bytes(b: u64) -> String {
    bytes_f64(b as f64)
}

/// The same of a number that is not whole, such as an axis tick.
pub(crate) fn bytes_f64(b: f64) -> String {
    scaled(b, &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")])
}

/// A count in groups of three digits.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            // A thin space would be finer, but not every font has one.
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A share of 1 in percent.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    // 99.96 % must not be rounded up to a perfect score.
    let shown = if share < 1.0 { (percent * 100.0 + 1e-6).floor() / 100.0 } else { percent };
    let text = format!("{shown:.2}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// An absolute error, which spans many decades.
pub fn error(e: f64) -> String {
    if e == 0.0 { "0".to_owned() } else { format!("{e:.1e}") }
}

/// An amount of money, which spans many decades: three digits.
pub fn money(amount: f64) -> String {
    if !amount.is_finite() || amount <= 0.0 {
        return "-".to_owned();
    }
    if amount < 0.000_1 {
        return format!("{amount:.2e}");
    }
    let decimals = (2 - exponent(amount)).max(0) as usize;
    format!("{amount:.decimals$}")
}

/// So many a second, to three digits, without a unit.
///
/// ```
/// assert_eq!(zktee_report::units::rate(1.629_562), "1.63");
/// ```
pub fn rate(per_s: f64) -> String {
    if !per_s.is_finite() {
        return "-".to_owned();
    }
    let decimals = if per_s > 0.0 { (DIGITS - 1 - exponent(round(per_s))).clamp(0, 9) as usize } else { 0 };
    format!("{per_s:.decimals$}")
}

/// How many times: two digits below 10, whole numbers from 10 on.
pub fn ratio(r: f64) -> String {
    if !r.is_finite() {
        return "-".to_owned();
    }
    if r > 0.0 && r < 0.000_95 {
        return format!("{r:.1e}x");
    }
    if r > 0.0 && r < 0.995 {
        // Two digits below 1 too, where the first decimal alone would say little.
        let decimals = (1 - exponent(r)).max(0) as usize;
        return format!("{r:.decimals$}x");
    }
    if r < 9.95 { format!("{r:.1}x") } else { format!("{r:.0}x") }
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let rounded = round(value);
    let (factor, unit) = units.iter().rev().find(|(f, _)| rounded >= *f).unwrap_or(&units[0]);
    // Zero, and what rounds to nothing even in the smallest unit, takes the plainest form.
    if rounded == 0.0 {
        let plain = units.iter().find(|(f, _)| (f - 1.0).abs() < f64::EPSILON).map_or(units[0].1, |u| u.1);
        return format!("0 {plain}");
    }
    let shown = rounded / factor;
    let whole_only = *factor >= 1.0 && unit == &"B";
    let decimals = if whole_only { 0 } else { (DIGITS - 1 - exponent(shown)).max(0) as usize };
    format!("{shown:.decimals$} {unit}")
}

/// Rounds to the shown digits first, so that 0.9999 ms becomes 1.00 ms and not 1000 µs.
fn round(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let step = 10f64.powi(exponent(value) - DIGITS + 1);
    let rounded = (value / step).round() * step;
    if value.abs() >= 1000.0 { value.round() } else { rounded }
}

fn exponent(value: f64) -> i32 {
    // A hair is added against 0.001 -> -3.0000000000000004.
    (value.abs().log10() + 1e-12).floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_take_the_unit_that_reads_well() {
        for (s, text) in [
            (0.0, "0 s"),
            (1e-9, "1.00 ns"),
            (24.4e-6, "24.4 µs"),
            (0.000_999_9, "1.00 ms"),
            (0.001, "1.00 ms"),
            (0.047, "47.0 ms"),
            (0.9996, "1.00 s"),
            (3.33, "3.33 s"),
            (59.96, "60.0 s"),
            (212.0, "212 s"),
            (1234.4, "1234 s"),
            (86_400.0, "86400 s"),
        ] {
            assert_eq!(seconds(s), text, "{s}");
        }
    }

    #[test]
    fn bytes_are_whole_until_a_thousand() {
        for (b, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (960, "960 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (19_400_000, "19.4 MB"),
            (1_320_000_000, "1.32 GB"),
        ] {
            assert_eq!(bytes(b), text);
        }
    }

    #[test]
    fn percent_never_rounds_up_to_perfect() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.999_99), "99.99 %");
        assert_eq!(percent(0.98), "98 %");
        assert_eq!(percent(0.57), "57 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn counts_ratios_and_errors() {
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(count(12), "12");
        assert_eq!(ratio(6.23), "6.2x");
        assert_eq!(ratio(9.96), "10x");
        assert_eq!(ratio(4711.1), "4711x");
        assert_eq!(ratio(0.0551), "0.055x");
        assert_eq!(ratio(0.83), "0.83x");
        assert_eq!(ratio(0.996), "1.0x");
        assert_eq!(ratio(0.000_012), "1.2e-5x");
        for (per_s, text) in
            [(0.0, "0"), (1.629, "1.63"), (9.999, "10.0"), (99.96, "100"), (1234.4, "1234"), (0.0123, "0.0123")]
        {
            assert_eq!(rate(per_s), text, "{per_s}");
        }
        assert_eq!(error(0.0), "0");
        assert_eq!(error(0.000_012), "1.2e-5");
    }

    proptest! {
        #[test]
        fn a_shown_time_is_the_time_to_three_digits(s in 1e-9f64..1e5) {
            let text = seconds(s);
            let (number, unit) = text.split_once(' ').unwrap();
            let factor = match unit { "ns" => 1e-9, "µs" => 1e-6, "ms" => 1e-3, _ => 1.0 };
            let back = number.parse::<f64>().unwrap() * factor;
            prop_assert!((back / s - 1.0).abs() < 0.006, "{s} as {text}");
        }
    }
}
