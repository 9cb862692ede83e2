//! The running program's own file, which backends are started from.

use std::path::PathBuf;

/// The running program's file.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    // On Linux this survives the file being replaced by a newer build while a run goes on.
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { std::fs::canonicalize(own) } else { std::env::current_exe() }
}
