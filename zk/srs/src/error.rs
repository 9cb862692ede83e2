//! What can be wrong with a reference string or with making one.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::format::{MAX_K, MIN_K, Position};

/// Why a reference string could not be made or is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum SrsError {
    /// The size asked for is outside what this crate makes and reads.
    #[error("k is {k}, expected {MIN_K} to {MAX_K}")]
    SizeOutOfRange {
        /// What was asked for.
        k: u32,
    },
    /// The worker threads could not be started.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why.
        source: rayon::ThreadPoolBuildError,
    },
    /// The source of randomness failed.
    #[error("no randomness for the secret: {said}")]
    Randomness {
        /// What it said.
        said: String,
    },
    /// The sink that the string was to be written to failed.
    #[error("cannot write the reference string: {source}")]
    Sink {
        /// Why.
        source: io::Error,
    },
    /// A file could not be opened, read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What was being done to it, a verb.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is not of the length that its size demands.
    #[error("{} has {got} bytes, expected {expected}", path.display())]
    Length {
        /// Which file.
        path: PathBuf,
        /// Bytes that it should have.
        expected: u64,
        /// Bytes that it has.
        got: u64,
    },
    /// The file says that it is of another size.
    #[error("{} is for k = {got}, expected k = {expected}", path.display())]
    Size {
        /// Which file.
        path: PathBuf,
        /// The size wanted.
        expected: u32,
        /// The size in the file's first four bytes.
        got: u32,
    },
    /// The file says that it is of a size that this crate does not read.
    #[error("{} is for k = {got}, expected {MIN_K} to {MAX_K}", path.display())]
    FileSizeOutOfRange {
        /// Which file.
        path: PathBuf,
        /// The size in the file's first four bytes.
        got: u32,
    },
    /// The bytes of a point are no finite point of its group.
    #[error("{}: {position} is {got}, expected a finite point of its group", path.display())]
    NotAPoint {
        /// Which file.
        path: PathBuf,
        /// Which point.
        position: Position,
        /// The bytes there, hexadecimal, shortened.
        got: String,
    },
    /// The file starts from another generator.
    #[error("{}: {position} is {got}, expected the generator {expected}", path.display())]
    Generator {
        /// Which file.
        path: PathBuf,
        /// Which point.
        position: Position,
        /// The generator's bytes, hexadecimal, shortened.
        expected: String,
        /// The bytes there, hexadecimal, shortened.
        got: String,
    },
    /// All points are valid, but they do not belong together.
    #[error("{}: {relation}, as expected of one secret, does not hold", path.display())]
    Inconsistent {
        /// Which file.
        path: PathBuf,
        /// What does not hold.
        relation: Relation,
    },
}

/// What must hold between the points of a reference string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// e(\[s\]G, G2) = e(G, \[s\]G2).
    Secret,
    /// Each power is s times the one before it.
    Powers,
    /// The Lagrange basis and the powers commit to the same polynomials.
    Lagrange,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "e([s]G, G2) = e(G, [s]G2)",
            Self::Powers => "[s^(i+1)]G = s [s^i]G",
            Self::Lagrange => "the equality of the Lagrange basis and the powers",
        })
    }
}
