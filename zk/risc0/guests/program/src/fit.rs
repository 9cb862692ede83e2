//! Ordinary least squares in exact arithmetic: are a model's integers the rounded solution of the normal equations?
//!
//! With whole numbers as data, the normal equations `A w = b` (`A` the Gram matrix of the features and a column of ones) have whole
//! numbers as entries. Bareiss' fraction-free elimination ("Sylvester's identity and multistep integer-preserving Gaussian
//! elimination", 1968) solves them as `w = n / d` with whole `n` and `d`: every division in it leaves no remainder, and `d` is the
//! determinant of `A`. Nothing is rounded until the coefficients become those of the integer model, and that rounding is checked by
//! multiplication.

use crate::model::{Linear, Model};

/// Features and the column of ones, at most.
const WIDEST: usize = 5;

/// Magnitudes of data are at most this: with it and at most [`MOST_ROWS`] rows, no minor of the normal equations leaves 128 bits.
const LARGEST: u32 = 1 << 10;

/// See [`LARGEST`].
const MOST_ROWS: usize = 1 << 12;

/// What a model was fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Features, row-major.
    pub features: &'a [i32],
    /// One target a row, a whole number.
    pub targets: &'a [i32],
    /// `log2` of the model's output units of one unit of the targets.
    pub exponent: u32,
}

/// Why a model is not the fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitError {
    /// The model is not one dense layer with one output, or the data do not fit it.
    Shape,
    /// A number is too large for exact arithmetic in 128 bits.
    Size,
    /// The data have no unique solution.
    Singular,
    /// A coefficient of the model is not the nearest integer to the solution's.
    Coefficient {
        /// Which one; the bias is the last.
        index: usize,
    },
}

impl Data<'_> {
    /// Whether a model's coefficients are the least-squares solution, each to the nearest integer.
    ///
    /// # Errors
    /// [`FitError`].
    pub fn check(&self, model: &Model<'_>) -> Result<(), FitError> {
        let [stage] = model.stages.as_slice() else { return Err(FitError::Shape) };
        let Linear::Dense { outputs: 1, inputs } = stage.linear else { return Err(FitError::Shape) };
        if stage.rescale.is_some() || stage.pool.is_some() {
            return Err(FitError::Shape);
        }
        let (numerators, denominator) = self.solve(inputs)?;
        let coefficients = stage.weights.iter().chain(stage.bias);
        for (index, (&coefficient, &numerator)) in coefficients.zip(&numerators).enumerate() {
            let exact = product(numerator, 1 << self.exponent)?;
            let whole = product(denominator, coefficient.into())?;
            let apart = exact.checked_sub(whole).and_then(|it| it.checked_mul(2)).ok_or(FitError::Size)?;
            // Halfway between two integers neither is the nearest.
            if apart.unsigned_abs() >= denominator.unsigned_abs() {
                return Err(FitError::Coefficient { index });
            }
        }
        Ok(())
    }

    /// Numerators of the weights and then of the bias, and their denominator.
    fn solve(&self, features: usize) -> Result<([i128; WIDEST], i128), FitError> {
        let size = features + 1;
        if features == 0 || size > WIDEST || self.features.len() != features * self.targets.len() {
            return Err(FitError::Shape);
        }
        let all = || self.features.iter().chain(self.targets);
        if self.targets.len() > MOST_ROWS || self.exponent > 16 || all().any(|value| value.unsigned_abs() > LARGEST) {
            return Err(FitError::Size);
        }
        let mut rows = self.normal_equations(features);
        eliminate(&mut rows[..size])?;
        let denominator = rows[size - 1][size - 1];
        let mut numerators = [0; WIDEST];
        for row in (0..size).rev() {
            let known = (row + 1..size).map(|column| product(rows[row][column], numerators[column]));
            let known = known.sum::<Result<i128, FitError>>()?;
            let total = product(rows[row][WIDEST], denominator)?.checked_sub(known).ok_or(FitError::Size)?;
            numerators[row] = quotient(total, rows[row][row]);
        }
        Ok((numerators, denominator))
    }

    /// `[A | b]`, `b` in the last column, the row and column of the ones after those of the features.
    fn normal_equations(&self, features: usize) -> [[i128; WIDEST + 1]; WIDEST] {
        let mut sums = [[0_i64; WIDEST + 1]; WIDEST];
        for (row, &target) in self.features.chunks_exact(features).zip(self.targets) {
            // At most 2^12 rows of products of at most 2^20: a product fits 32 bits, a sum 64.
            for (i, &left) in row.iter().enumerate() {
                for (sum, &right) in sums[i][i..].iter_mut().zip(&row[i..]) {
                    *sum += i64::from(left.wrapping_mul(right));
                }
                sums[i][features] += i64::from(left);
                sums[i][WIDEST] += i64::from(left.wrapping_mul(target));
            }
            sums[features][features] += 1;
            sums[features][WIDEST] += i64::from(target);
        }
        for i in 1..=features {
            for j in 0..i {
                sums[i][j] = sums[j][i];
            }
        }
        sums.map(|row| row.map(i128::from))
    }
}

/// Bareiss' elimination: below the diagonal nothing is looked at any more. A Gram matrix of full rank has no zero pivot.
fn eliminate(rows: &mut [[i128; WIDEST + 1]]) -> Result<(), FitError> {
    let mut previous = 1;
    let size = rows.len();
    for pivot in 0..size {
        let (above, below) = rows.split_at_mut(pivot + 1);
        let base = &above[pivot];
        if base[pivot] == 0 {
            return Err(FitError::Singular);
        }
        for row in below.iter_mut() {
            let first = row[pivot];
            for column in (pivot + 1..size).chain([WIDEST]) {
                let crossed = product(base[pivot], row[column])?.checked_sub(product(first, base[column])?);
                let crossed = crossed.ok_or(FitError::Size)?;
                row[column] = if previous == 1 { crossed } else { quotient(crossed, previous) };
            }
        }
        previous = base[pivot];
    }
    Ok(())
}

/// The product of two numbers whose lengths together leave it within 127 bits; `checked_mul` would cost the machine several times as much.
fn product(a: i128, b: i128) -> Result<i128, FitError> {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(0), _) | (_, Ok(0)) => Ok(0),
        (Ok(a), Ok(b)) => Ok(i128::from(a) * i128::from(b)),
        _ if a.unsigned_abs().leading_zeros() + b.unsigned_abs().leading_zeros() > 128 => Ok(a.wrapping_mul(b)),
        _ => Err(FitError::Size),
    }
}

/// A quotient without remainder.
fn quotient(a: i128, b: i128) -> i128 {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) => i128::from(a.wrapping_div(b)),
        _ => a.wrapping_div(b),
    }
}
