//! What a fuzzer throws bytes at; the property tests do the same with fewer of them.

use zktee_core::vocabulary::Phase;

use crate::estimate::estimate;
use crate::process::answer;
use crate::statement::names_of_statement;

/// Reads a worker's line as an answer to each kind of request.
///
/// # Panics
/// If something is accepted that does not hold together.
pub fn answer(line: &[u8]) {
    let Ok(value) = answer::value(line, 7, "w@b") else { return };
    let _ = answer::description(value.clone());
    if let Ok(report) = answer::report(value, Phase::Verify) {
        let times = [report.wall_s, report.user_s, report.system_s, report.untimed_s];
        assert!(times.into_iter().all(|seconds| (0.0..=1e9).contains(&seconds)) && report.iterations > 0, "{report:?}");
        let whole_s = estimate(&report).map_or(0.0, |whole| whole.wall_s + whole.user_s + whole.system_s);
        assert!(whole_s.is_finite() && whole_s >= 0.0, "{report:?}");
        for tensor in [&report.outputs, &report.inputs].into_iter().flatten() {
            assert!(tensor.check().is_ok() && tensor.data.iter().all(|x| x.is_finite()), "{tensor:?}");
        }
    }
}

/// Reads bytes as the statement beside kept evidence.
///
/// # Panics
/// If a statement is accepted that names a file outside of its folder.
pub fn statement(bytes: &[u8]) {
    for name in names_of_statement(bytes) {
        let path = std::path::Path::new("/folder").join(&name);
        assert_eq!(path.parent(), Some(std::path::Path::new("/folder")), "{name}");
    }
}
