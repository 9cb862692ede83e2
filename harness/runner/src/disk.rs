//! How much a worker has written to its folder, as the runner sees it, and how much room there is.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// More files than any backend leaves; looking at more of them would itself become work.
const MOST_FILES: usize = 100_000;

/// Bytes that a folder and all below it take on the disk; `u64::MAX` when it holds more files than any backend leaves. Links are not
/// followed, and holes in files take nothing.
pub(crate) fn used_bytes(folder: &Path) -> u64 {
    let (mut total, mut seen) = (0_u64, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What is removed while it is looked at takes no room.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MOST_FILES {
                return u64::MAX;
            }
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            total = total.saturating_add(meta.blocks().saturating_mul(512));
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    total
}

/// Removes what is in a folder; the folder stays.
pub(crate) fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_dir = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        // Whatever cannot be removed now is removed with the scratch space, or named then.
        let _ = if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// Room for this user on the file system of a folder, bytes; none where it cannot be asked.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let room = nix::sys::statvfs::statvfs(folder).ok()?;
    #[expect(clippy::useless_conversion, reason = "these are of another width elsewhere")]
    Some(u64::from(room.blocks_available()).saturating_mul(u64::from(room.fragment_size())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_counts_and_links_and_holes_do_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        fs::write(dir.path().join("below/file"), vec![1; 3 << 20]).unwrap();
        let used = used_bytes(dir.path());
        assert!((3 << 20..4 << 20).contains(&used), "{used}");
        std::os::unix::fs::symlink("/", dir.path().join("everything")).unwrap();
        fs::File::create(dir.path().join("hole")).unwrap().set_len(1 << 40).unwrap();
        assert!(used_bytes(dir.path()) < used + (1 << 20));
        empty(dir.path());
        assert!(dir.path().is_dir() && used_bytes(dir.path()) == 0);
        assert_eq!(used_bytes(&dir.path().join("missing")), 0);
        assert!(free_bytes(dir.path()).unwrap() > 0);
    }
}
