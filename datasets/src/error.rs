//! What can be wrong with a data file.

use std::path::PathBuf;

/// Why a data file was not accepted. Every variant names the file; embedded files go by their path in the repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Neither the raw file nor its `.gz` is in the folder.
    #[error(
        "{}: not found, nor with .gz; `zktee data fetch` gets the MNIST training set, --mnist-folder names a folder of your own",
        file.display()
    )]
    Missing {
        /// The raw file's path.
        file: PathBuf,
    },

    /// The operating system could not read the file.
    #[error("{}: cannot be read: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The gzip stream is damaged or breaks off.
    #[error("{}: damaged or truncated gzip stream: {source}", file.display())]
    Gzip {
        /// The compressed file.
        file: PathBuf,
        /// What the decompressor said.
        source: std::io::Error,
    },

    /// Fewer bytes than the header promises.
    #[error("{}: truncated: expected {expected} bytes, got {got}", file.display())]
    Truncated {
        /// The file.
        file: PathBuf,
        /// Bytes, header included, once decompressed.
        expected: u64,
        /// Bytes that are there.
        got: u64,
    },

    /// More bytes than the header or the limit allows.
    #[error("{}: too long: expected at most {expected} bytes, got at least {got}", file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
        /// Bytes, header included, once decompressed.
        expected: u64,
        /// Bytes that were seen before reading stopped.
        got: u64,
    },

    /// The four magic bytes are not those of the IDX format with the expected element type.
    #[error(
        "{}: wrong magic: expected 00 00 {:02x} and the number of dimensions, got {:02x} {:02x} {:02x} {:02x}",
        file.display(), expected_type, got[0], got[1], got[2], got[3]
    )]
    Magic {
        /// The file.
        file: PathBuf,
        /// The IDX code of the expected element type: the third byte.
        expected_type: u8,
        /// The bytes found.
        got: [u8; 4],
    },

    /// The dimensions multiply to more than the machine or the limit can hold.
    #[error("{}: dimensions {dims:?} are more than the limit of {limit} bytes", file.display())]
    Oversize {
        /// The file.
        file: PathBuf,
        /// The dimensions of the header.
        dims: Vec<usize>,
        /// The most bytes that are accepted.
        limit: u64,
    },

    /// A sound file of another shape.
    #[error("{}: wrong dimensions: expected {expected:?}, got {got:?}", file.display())]
    Dimensions {
        /// The file.
        file: PathBuf,
        /// The published data's dimensions.
        expected: Vec<usize>,
        /// Those of the header.
        got: Vec<usize>,
    },

    /// A sound file of the right shape with other content.
    #[error("{}: wrong SHA-256: expected {expected}, got {got}", file.display())]
    Digest {
        /// The file.
        file: PathBuf,
        /// The published data's digest, once decompressed.
        expected: &'static str,
        /// The file's own.
        got: String,
    },

    /// A line of a CSV file that cannot be understood.
    #[error("{}: line {line}: {problem}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Line number from 1, the header being line 1.
        line: usize,
        /// What was expected and what is there.
        problem: String,
    },
}
