//! Stands in for the crate `downloader`, with as much of its surface as the build script of `risc0-circuit-recursion` asks for.
//!
//! That script fetches an archive of recursion programs from a storage server each time it runs without the file in place. A
//! composite receipt is made without them: the archive is only compiled in. This crate writes an empty file instead, as often as it
//! is asked, so that the build needs nothing but the crate registry and a second build does what the first one did. Whoever asks the
//! prover for a `succinct` or `groth16` receipt is told that the archive is no archive.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes the files.
pub struct Downloader {
    folder: PathBuf,
}

impl Downloader {
    /// A builder without a folder: files land in the working folder.
    pub fn builder() -> Builder {
        Builder { folder: PathBuf::new() }
    }

    /// Writes an empty file for each of the downloads.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn download(&mut self, downloads: &[Download]) -> io::Result<Vec<Result<DownloadSummary, Infallible>>> {
        let write = |download: &Download| {
            let path = self.folder.join(&download.file_name);
            fs::write(&path, b"").map(|()| Ok(DownloadSummary { path }))
        };
        downloads.iter().map(write).collect()
    }
}

/// Settings of a [`Downloader`].
pub struct Builder {
    folder: PathBuf,
}

impl Builder {
    /// Where the files are to be.
    pub fn download_folder(&mut self, folder: &Path) -> &mut Self {
        self.folder = folder.to_owned();
        self
    }

    /// The downloader.
    ///
    /// # Errors
    /// None.
    pub fn build(&mut self) -> Result<Downloader, Infallible> {
        Ok(Downloader { folder: self.folder.clone() })
    }
}

/// One file that is asked for.
pub struct Download {
    file_name: PathBuf,
}

impl Download {
    /// A file, to be named by [`Download::file_name`]; the address is not looked at.
    pub fn new(_address: &str) -> Self {
        Self { file_name: PathBuf::new() }
    }

    /// Its name in the folder.
    #[must_use]
    pub fn file_name(mut self, name: &Path) -> Self {
        self.file_name = name.to_owned();
        self
    }

    /// Nothing is fetched, so that there is nothing to hold against a digest.
    #[must_use]
    pub fn verify(self, _digest: verify::Digest) -> Self {
        self
    }
}

/// What was written.
#[derive(Debug)]
pub struct DownloadSummary {
    path: PathBuf,
}

impl fmt::Display for DownloadSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing fetched: {} is left empty", self.path.display())
    }
}

/// Digests of files.
pub mod verify {
    /// The digest that a file is to have.
    pub struct Digest;

    /// A digest by the function `D`.
    pub fn with_digest<D>(_digest: Vec<u8>) -> Digest {
        Digest
    }
}
