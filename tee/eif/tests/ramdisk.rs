//! Ramdisks: what is in them, and that nothing else is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zktee_eif::{EifError, Ramdisk};

fn fill(folder: &Path, names: &[&str]) {
    for name in names {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, name.repeat(3)).unwrap();
    }
}

fn bytes(folder: &Path) -> Vec<u8> {
    Ramdisk::from_folder(folder).unwrap().to_bytes().unwrap()
}

fn entries(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let mut rest = std::io::Cursor::new(bytes);
    let mut entries = Vec::new();
    loop {
        let mut reader = cpio::newc::Reader::new(rest).unwrap();
        if reader.entry().is_trailer() {
            return entries;
        }
        let (name, mode) = (reader.entry().name().to_owned(), reader.entry().mode());
        assert_eq!((reader.entry().mtime(), reader.entry().uid(), reader.entry().gid()), (0, 0, 0));
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut content).unwrap();
        entries.push((name, mode, content));
        rest = reader.finish().unwrap();
    }
}

#[test]
fn folders_files_and_programs_are_in_it() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &["b/c", "a", "b/a/d"]);
    std::fs::set_permissions(folder.path().join("a"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let expected = [
        ("a", 0o100_755, "aaa"),
        ("b", 0o040_755, ""),
        ("b/a", 0o040_755, ""),
        ("b/a/d", 0o100_644, "b/a/db/a/db/a/d"),
        ("b/c", 0o100_644, "b/cb/cb/c"),
    ];
    let expected = expected.map(|(name, mode, content)| (name.to_owned(), mode, content.as_bytes().to_vec()));
    assert_eq!(entries(&bytes(folder.path())), expected);
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(one.path(), &["x", "y/z", "a"]);
    fill(other.path(), &["a", "y/z", "x"]);
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    std::fs::File::options().write(true).open(other.path().join("a")).unwrap().set_modified(past).unwrap();
    std::fs::set_permissions(other.path().join("x"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(bytes(one.path()), bytes(other.path()));
    std::fs::write(other.path().join("a"), "changed").unwrap();
    assert_ne!(bytes(one.path()), bytes(other.path()));
}

#[test]
fn devices_come_with_their_folders() {
    let archive = Ramdisk::default().with_device("dev/console", 5, 1).to_bytes().unwrap();
    assert_eq!(archive.len() % 512, 0);
    let names: Vec<_> = entries(&archive).into_iter().map(|(name, mode, _)| (name, mode)).collect();
    assert_eq!(names, [("dev".to_owned(), 0o040_755), ("dev/console".to_owned(), 0o020_600)]);
}

#[test]
fn links_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    assert!(matches!(Ramdisk::from_folder(folder.path()), Err(EifError::Kind(_))));
    assert!(matches!(Ramdisk::from_folder(Path::new("/nowhere")), Err(EifError::Io { .. })));
}
