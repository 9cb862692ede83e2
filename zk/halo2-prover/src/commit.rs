//! Commitments to polynomials given by their values on the domain.

use halo2_proofs::SerdeFormat;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1, G1Affine};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;

use crate::error::Unsupported;
use crate::msm::FixedBase;

/// More points than these have no tables, and sums of them are on all threads anyway.
const TABLES: usize = 1 << 15;

/// Bytes of a point in the raw format.
const POINT: usize = 64;

/// The reference string's Lagrange points.
#[derive(Debug)]
pub(crate) struct Key {
    all: FixedBase,
    /// The points of the first and of the second half, where commitments are taken one by one and there is more than one thread.
    halves: Option<[FixedBase; 2]>,
    /// The points of the rows that are filled at random.
    blinded: FixedBase,
}

impl Key {
    /// Upstream gives no access to these points but in writing.
    ///
    /// # Errors
    /// If what it writes is not what it wrote in the version that this was made for.
    pub(crate) fn new(params: &ParamsKZG<Bn256>, usable: usize) -> Result<Self, Unsupported> {
        let n = params.n() as usize;
        let mut written = Vec::with_capacity(2 * n * POINT + 4 * POINT + 4);
        params.write_custom(&mut written, SerdeFormat::RawBytesUnchecked).map_err(|_| Unsupported::Params)?;
        // The logarithm of the size, the powers, the Lagrange points.
        let points = written.get(4 + n * POINT..4 + 2 * n * POINT).ok_or(Unsupported::Params)?;
        let points: Vec<G1Affine> = points.chunks_exact(POINT).map(G1Affine::from_raw_bytes_unchecked).collect();
        // The Lagrange polynomials' sum is 1.
        let sum: G1 = points.iter().fold(G1::default(), |sum, point| sum + point);
        if sum.to_affine() != G1Affine::generator() {
            return Err(Unsupported::Params);
        }
        let halves = (rayon::current_num_threads() > 1 && n <= TABLES).then(|| {
            let (first, second) = points.split_at(n / 2);
            [first, second].map(FixedBase::new)
        });
        Ok(Self { all: FixedBase::new(&points), halves, blinded: FixedBase::new(&points[usable..]) })
    }

    /// A column that nothing else can be done beside: on two threads, for a little more time in all.
    pub(crate) fn commit_alone(&self, values: &[Fr]) -> G1 {
        let Some([first, second]) = &self.halves else { return self.commit(values) };
        let (left, right) = values.split_at(values.len() / 2);
        let (left, right) = rayon::join(|| first.msm(left), || second.msm(right));
        left + right
    }

    /// A column that is given in full.
    pub(crate) fn commit(&self, values: &[Fr]) -> G1 {
        self.all.msm(values)
    }

    /// A column of small integers and random last rows.
    pub(crate) fn commit_small(&self, values: &[i32], blinding: &[Fr]) -> G1 {
        self.all.msm_small(values) + self.blinded.msm(blinding)
    }
}

/// Affine coordinates, with one inversion for all.
pub(crate) fn normalise(points: &[G1]) -> Vec<G1Affine> {
    let mut affine = vec![G1Affine::identity(); points.len()];
    G1::batch_normalize(points, &mut affine);
    affine
}
