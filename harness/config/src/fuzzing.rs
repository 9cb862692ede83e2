//! What a fuzzer throws bytes at; the property tests do the same with fewer of them.

use std::path::Path;

/// Reads bytes as `zktee.toml`, without what it names.
pub fn config(bytes: &[u8]) {
    let _ = crate::config::has_form(bytes);
}

/// Reads bytes as each format of inputs.
///
/// # Panics
/// If a tensor is accepted that does not hold together.
pub fn inputs(bytes: &[u8]) {
    for name in ["x.csv", "x.npy", "x.idx", "x.idx.gz", "x"] {
        if let Ok(tensor) = crate::inputs::parse(Path::new(name), bytes) {
            assert!(tensor.check().is_ok() && !tensor.data.is_empty(), "{name}");
        }
    }
}
