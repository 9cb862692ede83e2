//! Writes a file in one step.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use tempfile::TempDir;

use super::FetchError;

/// A folder inside `folder` for files in the making, gone when dropped. Inside, so that a full disk shows at once and a
/// rename stays on one file system.
pub(super) fn scratch(folder: &Path) -> Result<TempDir, FetchError> {
    fs::create_dir_all(folder)
        .and_then(|()| tempfile::Builder::new().prefix(".fetch-").tempdir_in(folder))
        .map_err(|source| FetchError::Write { path: folder.into(), source })
}

/// Puts `bytes` at `folder`/`name`: there is the old file or the whole new one at any time, also after a crash.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), FetchError> {
    let path = folder.join(name);
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // Temporary files are private to their owner; data is not.
        #[cfg(unix)]
        fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|source| FetchError::Write { path, source })
}
