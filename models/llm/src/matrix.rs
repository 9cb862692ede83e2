//! Matrices of weights, in the form in which they stand in the file.

use crate::pool::Pool;

/// A matrix of weights: `outputs` rows of `inputs` weights each.
#[derive(Debug)]
pub(crate) struct Matrix {
    outputs: usize,
    inputs: usize,
    weights: Vec<f32>,
}

impl Matrix {
    /// A matrix of floats, row-major `[outputs, inputs]`.
    ///
    /// # Panics
    /// Where there are more or fewer weights.
    pub(crate) fn of_floats(outputs: usize, inputs: usize, weights: Vec<f32>) -> Self {
        assert_eq!(weights.len(), outputs * inputs);
        Self { outputs, inputs, weights }
    }

    /// Rows: how many numbers a product has.
    pub(crate) const fn outputs(&self) -> usize {
        self.outputs
    }

    /// Columns: how many numbers a row is multiplied with.
    pub(crate) const fn inputs(&self) -> usize {
        self.inputs
    }

    /// `product[n] = self · vectors[n]` for each of the vectors: `[n, inputs]` to `[n, outputs]`, row-major.
    pub(crate) fn multiply(&self, _pool: &Pool, vectors: &[f32], product: &mut [f32]) {
        for (vector, out) in vectors.chunks(self.inputs).zip(product.chunks_mut(self.outputs)) {
            for (row, out) in self.weights.chunks(self.inputs).zip(out) {
                *out = row.iter().zip(vector).map(|(a, b)| a * b).sum();
            }
        }
    }

    /// One row as floats: an embedding.
    pub(crate) fn row(&self, index: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.weights[index * self.inputs..(index + 1) * self.inputs]);
    }
}
