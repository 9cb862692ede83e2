//! Tensors as they cross the seam: a shape and row-major numbers, as JSON.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The largest tensor file that is read, bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Row-major numbers with a shape; the first dimension counts inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// The shape.
    pub shape: Vec<usize>,
    /// As many numbers as the shape says, row-major.
    pub data: Vec<f32>,
}

/// A tensor that could not be read, written or does not hold together.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no tensor.
    #[error("{path}: not a tensor file: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The shape and the data do not fit.
    #[error("shape {shape:?} asks for {expected} numbers, got {got}")]
    Shape {
        /// The shape.
        shape: Vec<usize>,
        /// What it asks for; `usize::MAX` when it overflows.
        expected: usize,
        /// What there is.
        got: usize,
    },
    /// A number is NaN or infinite.
    #[error("number {index} is {value}, not finite")]
    NotFinite {
        /// Where.
        index: usize,
        /// What.
        value: f32,
    },
}

impl Tensor {
    /// A tensor of finite numbers.
    ///
    /// # Errors
    /// When the shape does not fit the data or a number is not finite.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, TensorError> {
        let tensor = Self { shape, data };
        tensor.check()?;
        Ok(tensor)
    }

    /// Checks what deserialising does not: that shape and data fit and every number is finite.
    ///
    /// # Errors
    /// When either does not hold.
    pub fn check(&self) -> Result<(), TensorError> {
        let expected = self.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).unwrap_or(usize::MAX);
        if expected != self.data.len() {
            return Err(TensorError::Shape { shape: self.shape.clone(), expected, got: self.data.len() });
        }
        match self.data.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(TensorError::NotFinite { index, value: self.data[index] }),
            None => Ok(()),
        }
    }

    /// How many inputs or outputs it holds: the first dimension.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// The rows `start..start + count` as a tensor of their own.
    ///
    /// # Panics
    /// When the tensor has fewer rows.
    #[must_use]
    pub fn slice(&self, start: usize, count: usize) -> Self {
        let width = self.data.len() / self.rows().max(1);
        let mut shape = self.shape.clone();
        shape[0] = count;
        Self { shape, data: self.data[start * width..(start + count) * width].to_vec() }
    }

    /// Reads a tensor file.
    ///
    /// # Errors
    /// When it is missing, too large, not JSON of this form, or does not hold together.
    pub fn read(path: &Path) -> Result<Self, TensorError> {
        let io = |source| TensorError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let reader = BufReader::new(file.take(MAX_FILE_BYTES));
        let tensor: Self =
            serde_json::from_reader(reader).map_err(|source| TensorError::Json { path: path.to_owned(), source })?;
        tensor.check()?;
        Ok(tensor)
    }

    /// Writes a tensor file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TensorError> {
        let io = |source| TensorError::Io { path: path.to_owned(), source };
        let mut writer = BufWriter::new(File::create(path).map_err(io)?);
        serde_json::to_writer(&mut writer, self).map_err(|e| io(e.into()))?;
        writer.flush().map_err(io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_slice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.json");
        let t = Tensor::new(vec![3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.5, 6.25]).unwrap();
        t.write(&path).unwrap();
        assert_eq!(Tensor::read(&path).unwrap(), t);
        assert_eq!(t.slice(1, 2).data, [3.0, 4.0, 5.5, 6.25]);
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        assert!(matches!(Tensor::new(vec![2, 2], vec![1.0]), Err(TensorError::Shape { expected: 4, got: 1, .. })));
        assert!(matches!(Tensor::new(vec![usize::MAX, 2], vec![]), Err(TensorError::Shape { .. })));
        assert!(matches!(Tensor::new(vec![1], vec![f32::NAN]), Err(TensorError::NotFinite { index: 0, .. })));
    }
}
