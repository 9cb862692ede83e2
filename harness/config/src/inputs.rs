//! Readers of a user's inputs and labels: CSV, NPY and IDX files to finite tensors, each bounded in size.
//!
//! ```text
//!   file ── bounded bytes ──┬─ csv ─┐
//!                           ├─ npy ─┼─> shape and finite numbers ──> [count, ...shape of one input]
//!                           └─ idx ─┘                          └────> class numbers
//! ```

mod csv;
mod error;
mod idx;
mod npy;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zktee_core::tensor::{Tensor, TensorError};

pub use error::InputError;

/// The most that one file may hold, in bytes, and the most memory that its numbers may take as `f32`.
pub const MAX_BYTES: u64 = 1 << 30;

/// As many `f32` as [`MAX_BYTES`] holds.
const MAX_NUMBERS: usize = (MAX_BYTES / 4) as usize;

/// Reads a CSV, NPY or IDX file (IDX also gzipped), told apart by name and, where that says nothing, by the first bytes.
///
/// The tensor has the file's own shape; a CSV file's is `[rows, columns]`. See [`fit`] for the shape that a model takes.
///
/// # Errors
/// [`InputError`], which names the file and what is wrong where.
pub fn read(path: &Path) -> Result<Tensor, InputError> {
    parse(path, &read_bytes(path)?)
}

/// Reads a CSV file of numbers to `[rows, columns]`. A first row in which no cell is a number is a header.
///
/// # Errors
/// [`InputError::Cell`] with line and column for a ragged row and for an empty, non-numeric or non-finite cell.
pub fn csv(path: &Path) -> Result<Tensor, InputError> {
    csv::parse(path, &read_bytes(path)?)
}

/// Reads an NPY file of `float32`, `float64`, `uint8` or `int64` in either byte order and layout.
///
/// # Errors
/// [`InputError::Damaged`] for another type and a damaged file, [`InputError::NotFinite`] for a NaN or an infinity.
pub fn npy(path: &Path) -> Result<Tensor, InputError> {
    npy::parse(path, &read_bytes(path)?)
}

/// Reads an IDX file, raw or gzipped, of any of the format's element types.
///
/// # Errors
/// [`InputError::Idx`] for a damaged file, [`InputError::NotFinite`] for a NaN or an infinity.
pub fn idx(path: &Path) -> Result<Tensor, InputError> {
    idx::parse(path, &read_bytes(path)?)
}

/// Reads one class number for each input from a file of one column or dimension.
///
/// # Errors
/// As [`read`]; [`InputError::Label`] for a number that is no class, [`InputError::LabelShape`] for several a row.
pub fn labels(path: &Path) -> Result<Vec<usize>, InputError> {
    let tensor = read(path)?;
    if tensor.data.len() != tensor.rows() {
        return Err(InputError::LabelShape { path: path.into(), got: tensor.shape });
    }
    // From 2^24 on an f32 no longer holds every whole number.
    let class = |(index, value): (usize, &f32)| match *value {
        v if (0.0..16_777_216.0).contains(&v) && v.fract() == 0.0 => Ok(v as usize),
        value => Err(InputError::Label { path: path.into(), index, value }),
    };
    tensor.data.iter().enumerate().map(class).collect()
}

/// Gives a tensor as read from `path` the shape `[count, ...input]` that a model takes; the first dimension stays.
///
/// # Errors
/// [`InputError::Shape`] when one row does not hold as many numbers as one input.
pub fn fit(path: &Path, tensor: Tensor, input: &[usize]) -> Result<Tensor, InputError> {
    let rows = tensor.rows();
    let width = input.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    if width.and_then(|width| width.checked_mul(rows)) != Some(tensor.data.len()) {
        return Err(InputError::Shape { path: path.into(), expected: input.to_vec(), got: tensor.shape });
    }
    let shape = std::iter::once(rows).chain(input.iter().copied()).collect();
    Ok(Tensor { shape, data: tensor.data })
}

pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Tensor, InputError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    if ends(".csv.gz") || ends(".npy.gz") {
        return Err(InputError::Compressed { path: path.into() });
    }
    if ends(".csv") {
        csv::parse(path, bytes)
    } else if ends(".npy") || bytes.starts_with(npy::MAGIC) {
        npy::parse(path, bytes)
    } else if ends(".gz") || ends(".idx") || ends("-ubyte") || bytes.starts_with(&[0, 0]) {
        idx::parse(path, bytes)
    } else {
        Err(InputError::Format { path: path.into() })
    }
}

/// The whole of a plain file of at most [`MAX_BYTES`].
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let io = |source| InputError::Io { path: path.into(), source };
    let file = File::open(path).map_err(io)?;
    // A folder or a pipe would fail obscurely or wait for ever.
    if !file.metadata().map_err(io)?.is_file() {
        return Err(InputError::NotAFile { path: path.into() });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(InputError::TooLarge { path: path.into() });
    }
    Ok(bytes)
}

/// A tensor of finite numbers, at least one.
fn tensor(path: &Path, shape: Vec<usize>, data: Vec<f32>) -> Result<Tensor, InputError> {
    if data.is_empty() {
        return Err(InputError::Empty { path: path.into() });
    }
    let got = shape.clone();
    Tensor::new(shape, data).map_err(|error| match error {
        TensorError::NotFinite { index, value } => {
            InputError::NotFinite { path: path.into(), index, value, shape: got }
        }
        // The readers count before they hand over; this keeps the message should one ever not.
        error => InputError::Damaged { path: path.into(), problem: error.to_string() },
    })
}

#[cfg(test)]
mod tests;
