//! What can be wrong with a file of inputs or labels.

use std::path::PathBuf;

use zktee_datasets::DataError;

/// Why a file was not accepted. Every message names the file; where something mends it, that too.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The operating system could not read the file.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{}: not a plain file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// More than [`super::MAX_BYTES`].
    #[error("{}: more than 1 GiB; give fewer inputs in the file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Neither name nor content says what it is.
    #[error("{}: neither CSV (.csv) nor NPY (.npy) nor IDX (.idx, -ubyte, .gz); rename it or convert it", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// A gzipped file of a format that is read uncompressed alone.
    #[error("{}: only IDX files are read compressed; run `gunzip --keep` on it and name the result", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// No number in it.
    #[error("{}: holds no numbers", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A cell or row of a CSV file.
    #[error("{}: line {line}, column {column}: {problem}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// Column, from 1, with its name where there is a header.
        column: String,
        /// What is wrong, and what mends it.
        problem: String,
    },
    /// A damaged NPY file, or one of a type that is not read.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what mends it.
        problem: String,
    },
    /// A damaged IDX file; the message names it.
    #[error(transparent)]
    Idx(#[from] DataError),
    /// A NaN or an infinity, or a number too large for an `f32`.
    #[error("{}: number {index} of shape {shape:?} (row-major, from 0) is {value}, not finite as an f32", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Which, row-major, from 0.
        index: usize,
        /// What.
        value: f32,
        /// The file's shape.
        shape: Vec<usize>,
    },
    /// A row of another size than the model's input.
    #[error("{}: shape {got:?} does not hold inputs of shape {expected:?} (the first dimension counts inputs)", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The shape of one input.
        expected: Vec<usize>,
        /// The file's shape.
        got: Vec<usize>,
    },
    /// A label that is no class number.
    #[error("{}: label {index} (from 0) is {value}; labels are class numbers 0, 1, 2, …", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// Which, from 0.
        index: usize,
        /// What.
        value: f32,
    },
    /// Several numbers for each input where one class is wanted.
    #[error("{}: shape {got:?}; labels are one column of class numbers", path.display())]
    LabelShape {
        /// The file.
        path: PathBuf,
        /// The file's shape.
        got: Vec<usize>,
    },
}
