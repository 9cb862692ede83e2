//! Reading `samples.csv`: a torn last line is skipped with a warning, any other damage is an error that names line and column.

use std::path::Path;

use zktee_core::record::Sample;

use super::columns;
pub use crate::strict::SamplesError;
use crate::strict::{self, Fault, Layout};

/// What was in `samples.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// The rows, in the file's order.
    pub rows: Vec<Sample>,
    /// The number of the torn last line that was skipped, where there was one.
    pub torn_line: Option<u64>,
}

/// Reads a `samples.csv`. An empty file holds no samples.
///
/// # Errors
/// See [`SamplesError`].
pub fn read(path: &Path) -> Result<Samples, SamplesError> {
    let bytes = strict::bytes_of(path)?;
    let whole = whole_lines(&bytes);
    let torn_line = (whole < bytes.len()).then(|| strict::line_count(&bytes[..whole]) + 1);
    Ok(Samples { rows: parse(path, &bytes[..whole])?, torn_line })
}

/// How many bytes belong to lines that were written to their end.
pub(super) fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&b| b == b'\n').map_or(0, |last| last + 1)
}

/// The rows of a file's bytes without a torn last line; none where any other is damaged.
pub(crate) fn parse_whole(bytes: &[u8]) -> Vec<Sample> {
    parse(Path::new("samples.csv"), &bytes[..whole_lines(bytes)]).unwrap_or_default()
}

/// Columns that runs of earlier versions lack.
const LATER: [&str; 2] = ["first_wall_s", "instructions"];

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Sample>, SamplesError> {
    Layout { path, columns: &columns(), later: &LATER, one_line: true }.rows(bytes, fault)
}

fn fault(sample: &Sample) -> Option<Fault> {
    if let Some(name) = bad_number(sample) {
        return Some((name, "not a finite number of at least 0".to_owned()));
    }
    let untimed = sample.is_whole_and_good() && sample.wall_s.is_none();
    untimed.then(|| ("wall_s", "a measured sample without a time".to_owned()))
}

/// The column of a number that no clock or counter has: `NaN` and `inf` parse as floats.
pub(crate) fn bad_number(sample: &Sample) -> Option<&'static str> {
    let bad = |value: Option<f64>| value.is_some_and(|v| !v.is_finite() || v < 0.0);
    numbers(sample).into_iter().find(|(_, value)| bad(*value)).map(|(name, _)| name)
}

fn numbers(s: &Sample) -> [(&'static str, Option<f64>); 11] {
    [
        ("wall_s", s.wall_s),
        ("first_wall_s", s.first_wall_s),
        ("user_s", s.user_s),
        ("system_s", s.system_s),
        ("untimed_s", s.untimed_s),
        ("runner_wall_s", s.runner_wall_s),
        ("max_abs_error", s.max_abs_error),
        ("mean_abs_error", s.mean_abs_error),
        ("class_agreement", s.class_agreement),
        ("accuracy", s.accuracy),
        ("load_1m", s.load_1m),
    ]
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
