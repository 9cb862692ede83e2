//! A ramdisk: a cpio archive ("newc") that depends on nothing but names, contents and which files are programs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use cpio::newc::{Builder, ModeFileType, trailer};

use crate::image::limit;
use crate::{EifError, MAX_IMAGE};

/// The most files and folders of a ramdisk.
pub const MAX_ENTRIES: usize = 10_000;

/// The kernel unpacks what follows at a multiple of this many bytes.
const ALIGNMENT: usize = 512;

/// One ramdisk. Entries are in the order of their paths, belong to root and bear no time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ramdisk {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Folder,
    File { program: bool, content: Vec<u8> },
    Device { major: u32, minor: u32 },
}

impl Ramdisk {
    /// All that is in a folder. A file is a program if its owner may run it; owners, times and other rights do not count.
    ///
    /// # Errors
    ///
    /// [`EifError::Io`]; [`EifError::Kind`] for links and the like; [`EifError::TooMuch`] for more than [`MAX_ENTRIES`] or [`MAX_IMAGE`] bytes.
    pub fn from_folder(folder: &Path) -> Result<Self, EifError> {
        let mut ramdisk = Self::default();
        ramdisk.add_folder(folder, "")?;
        limit("entries of a ramdisk", ramdisk.entries.len() as u64, MAX_ENTRIES as u64)?;
        Ok(ramdisk)
    }

    /// Adds a character device, which no ordinary user can put into a folder. Folders above it are added too.
    #[must_use]
    pub fn with_device(mut self, path: &str, major: u32, minor: u32) -> Self {
        for (at, _) in path.match_indices('/') {
            self.entries.insert(path[..at].to_owned(), Entry::Folder);
        }
        self.entries.insert(path.to_owned(), Entry::Device { major, minor });
        self
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), EifError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| EifError::Io { path, source }
        };
        for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
            let path = entry.map_err(failed(folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| EifError::Kind(path.clone()))?;
            let inside = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let facts = path.symlink_metadata().map_err(failed(&path))?;
            if facts.is_dir() {
                self.entries.insert(inside.clone(), Entry::Folder);
                limit("entries of a ramdisk", self.entries.len() as u64, MAX_ENTRIES as u64)?;
                self.add_folder(&path, &inside)?;
            } else if facts.is_file() {
                limit("bytes of a file", facts.len(), MAX_IMAGE)?;
                let content = std::fs::read(&path).map_err(failed(&path))?;
                self.entries.insert(inside, Entry::File { program: is_program(&facts), content });
            } else {
                return Err(EifError::Kind(path));
            }
        }
        Ok(())
    }

    /// The archive, padded so that another may follow it.
    ///
    /// # Errors
    ///
    /// [`EifError::TooMuch`] for more than [`MAX_IMAGE`] bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EifError> {
        let total = self
            .entries
            .values()
            .map(|entry| if let Entry::File { content, .. } = entry { content.len() } else { 0 })
            .sum::<usize>();
        limit("bytes of a ramdisk", total as u64, MAX_IMAGE)?;
        self.write().map_err(|source| EifError::Io { path: "ramdisk".into(), source })
    }

    fn write(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for (number, (path, entry)) in (1..).zip(&self.entries) {
            let builder = Builder::new(path).ino(number).uid(0).gid(0).mtime(0);
            let (builder, content): (_, &[u8]) = match entry {
                Entry::Folder => (builder.nlink(2).mode(0o755).set_mode_file_type(ModeFileType::Directory), &[]),
                Entry::File { program, content } => {
                    let mode = if *program { 0o755 } else { 0o644 };
                    (builder.nlink(1).mode(mode).set_mode_file_type(ModeFileType::Regular), content)
                }
                Entry::Device { major, minor } => {
                    let builder = builder.nlink(1).mode(0o600).set_mode_file_type(ModeFileType::Char);
                    (builder.rdev_major(*major).rdev_minor(*minor), &[])
                }
            };
            let mut writer = builder.write(&mut bytes, content.len() as u32);
            io::Write::write_all(&mut writer, content)?;
            writer.finish()?;
        }
        trailer(&mut bytes)?;
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        Ok(bytes)
    }
}

#[cfg(unix)]
fn is_program(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    facts.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_program(_facts: &std::fs::Metadata) -> bool {
    true
}
