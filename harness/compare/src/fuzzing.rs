//! What a fuzzer throws bytes at; the property tests do the same with fewer of them.

/// Reads bytes as a history and looks for changes in it.
///
/// # Panics
/// If a time is accepted that no clock has.
pub fn history(bytes: &[u8]) {
    for entry in crate::history::parse(bytes).entries {
        assert!(entry.fault().is_none(), "{entry:?}");
    }
}
