//! What a circuit will cost to prove, before it is proven: a model of the prover's work in counted operations.
//!
//! Four numbers were measured (one core of an AMD EPYC at 2.45 GHz, `cargo bench --bench msm --bench fft --bench prover`) and stand below; all else is counted.
//! The model is there to choose between layouts, so what matters is that it ranks them as the clock does.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, Expression, Gate};

/// One multiplication of field elements, seconds.
const MULTIPLY_S: f64 = 20e-9;

/// One addition of points with a shared inversion, seconds.
const ADD_POINTS_S: f64 = 115e-9;

/// One addition of points in projective coordinates, seconds.
const ADD_PROJECTIVE_S: f64 = 300e-9;

/// Bits of a scalar.
const SCALAR_BITS: f64 = 255.0;

/// Bits of an activation or a remainder.
const SMALL_BITS: f64 = 11.0;

/// Work by kind, CPU seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Cost {
    /// Commitments to columns of small integers.
    pub small_commitments_s: f64,
    /// Commitments to columns of full-size scalars, the quotient and the opening among them.
    pub full_commitments_s: f64,
    /// Fourier transforms.
    pub transforms_s: f64,
    /// Gates on the cosets of the quotient.
    pub gates_s: f64,
    /// Evaluations and the opening's linear combinations.
    pub opening_s: f64,
}

impl Cost {
    /// CPU seconds of one proof.
    pub fn total_s(&self) -> f64 {
        self.small_commitments_s + self.full_commitments_s + self.transforms_s + self.gates_s + self.opening_s
    }

    /// The cost of a circuit of 2^`k` rows whose rows are used to this share.
    pub(crate) fn of(cs: &ConstraintSystem<Fr>, k: u32, degree: usize, used_rows: usize) -> Self {
        let rows = f64::from(1_u32 << k);
        let first = cs.advice_column_phase().into_iter().map(|phase| usize::from(phase == 0)).sum::<usize>() as f64;
        let second = cs.num_advice_columns() as f64 - first;
        let fixed = cs.num_fixed_columns() as f64;
        let instances = cs.num_instance_columns() as f64;
        let cosets = degree.saturating_sub(1).max(1) as f64;
        let transform = rows * f64::from(k) / 2.0 * MULTIPLY_S;
        // The operand column is mostly small; it is counted as full, so that the model errs on the safe side.
        let full_columns = second + 1.0 + cosets + 2.0;
        let operations: f64 = cs.gates().iter().flat_map(Gate::polynomials).map(multiplications).sum::<usize>() as f64;
        let columns = first + second + fixed;
        Self {
            small_commitments_s: first * multi_scalar(used_rows as f64, SMALL_BITS),
            full_commitments_s: full_columns * multi_scalar(rows, SCALAR_BITS),
            transforms_s: (first + second + instances) * (1.0 + cosets) * transform,
            gates_s: cosets * rows * operations * MULTIPLY_S,
            opening_s: 3.0 * columns * rows * MULTIPLY_S,
        }
    }
}

/// A multi-scalar multiplication over a fixed base, by the best window.
fn multi_scalar(points: f64, bits: f64) -> f64 {
    let with_window = |window: u32| {
        let digits = (bits / f64::from(window)).ceil();
        let buckets = f64::from(1_u32 << (window - 1));
        points * digits * ADD_POINTS_S + 2.0 * buckets.min(points * digits) * ADD_PROJECTIVE_S
    };
    (4..=15).map(with_window).fold(f64::INFINITY, f64::min)
}

/// Multiplications that an expression takes on each row; those by challenges alone are done once.
fn multiplications(expression: &Expression<Fr>) -> usize {
    // How many, and whether anything but constants and challenges is in it.
    expression
        .evaluate(
            &|_| (0, false),
            &|_| (0, true),
            &|_| (0, true),
            &|_| (0, true),
            &|_| (0, true),
            &|_| (0, false),
            &|a| a,
            &|a, b| (a.0 + b.0, a.1 || b.1),
            &|a, b| (a.0 + b.0 + usize::from(a.1 || b.1), a.1 || b.1),
            &|a, _| (a.0 + usize::from(a.1), a.1),
        )
        .0
}
