//! The folders that a run writes to: is there room, and may it write?

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::{Check, Status};

const GB: u64 = 1_000_000_000;

/// EZKL's Python environment and the reference strings of all circuit sizes.
const CACHE_BYTES: u64 = GB;

/// The keys of the largest circuits, while they are in use, with the evidence of every sample.
const OUT_BYTES: u64 = 5 * GB;

pub(super) fn checks(cache: &Path, out: &Path) -> [Check; 2] {
    [
        folder(
            "cache folder",
            cache,
            CACHE_BYTES,
            "--cache",
            "it keeps EZKL's Python environment and reference strings",
        ),
        folder("output folder", out, OUT_BYTES, "--out", "a run keeps samples, keys and evidence there"),
    ]
}

fn folder(name: &str, path: &Path, needed: u64, flag: &str, why: &str) -> Check {
    let base = existing(path);
    let other = format!("name another folder with {flag}");
    if let Err(error) = probe(&base) {
        let found = format!("{}: cannot be written: {error}", base.display());
        return Check::new(name, found, why).with(Status::Fail, other);
    }
    let Some(free) = free_bytes(&base) else {
        return Check::new(name, format!("{}, free room not known", path.display()), why);
    };
    let found = format!("{}, {:.1} GB free", path.display(), free as f64 / GB as f64);
    let fix = format!("free {:.0} GB there, or {other}", needed as f64 / GB as f64);
    Check::new(name, found, why).warn_if(free < needed, fix)
}

/// The folder itself, or the nearest one above it that is there: a run will make those between.
fn existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).into()
}

/// Writes a file and removes it: permissions alone do not tell of read-only and full file systems.
fn probe(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".zktee-doctor-{}", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
        use std::io::Write as _;
        file.write_all(b"zktee doctor")
    });
    match fs::remove_file(&path) {
        Err(error) if written.is_ok() => Err(error),
        _ => written,
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = statvfs(folder).ok()?;
    // The types are narrower on some systems.
    #[allow(clippy::useless_conversion)]
    u64::from(stat.blocks_available()).checked_mul(u64::from(stat.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above_and_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let check = folder("cache folder", &path, 0, "--cache", "why");
        assert!(check.status == Status::Ok && check.found.contains("GB free"), "{check:?}");
        assert!(!dir.path().join("a").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the probe is removed");
    }

    #[test]
    fn too_little_room_is_a_warning_and_no_folder_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let check = folder("output folder", dir.path(), u64::MAX, "--out", "why");
        assert!(check.status == Status::Warn && check.fix.unwrap().contains("--out"));
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let check = folder("output folder", &file.join("x"), 0, "--out", "why");
        assert_eq!(check.status, Status::Fail, "{check:?}");
    }
}
