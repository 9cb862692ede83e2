//! What can go wrong with an image.

use std::path::PathBuf;

use thiserror::Error;

/// Why there is no image.
#[derive(Debug, Error)]
pub enum EifError {
    /// A file or a folder.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Neither a file nor a folder, or a name that is no text: a ramdisk of such things would not be the same everywhere.
    #[error("{0}: only files and folders with names in UTF-8 go into a ramdisk")]
    Kind(PathBuf),
    /// More than an image may have of something.
    #[error("{what}: {found}, at most {most} are taken")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        most: u64,
    },
    /// A part that every image has is missing, or empty.
    #[error("an image without {0}")]
    Missing(&'static str),
    /// A second part where one is allowed.
    #[error("an image with two of: {0}")]
    Twice(&'static str),
    /// Bytes that are no image.
    #[error("no EIF of version 4: {0}")]
    Form(&'static str),
    /// The bytes were changed.
    #[error("the checksum is {found:08x}, that of the bytes {computed:08x}")]
    Checksum {
        /// What the head says.
        found: u32,
        /// What the bytes give.
        computed: u32,
    },
}
