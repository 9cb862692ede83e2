//! The table and the sums over it.

use super::buckets::Buckets;
use super::digits::Signed;
use super::field::Point;
use super::shape::Shape;
use super::table;
use halo2curves_axiom::bn256::{Fr, G1, G1Affine};
use halo2curves_axiom::group::Group;
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::msm::msm_best;
use std::cell::RefCell;
use std::fmt;

/// The most points that a table is made for.
const MAX_POINTS: usize = 1 << 15;

/// The largest table, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// Points whose sums by scalars are taken often, with a table of their multiples by powers of two.
///
/// A table has 64 bytes for each point and window, 2.6 MB for 2¹¹ points and at most 256 MB. Above 2¹⁵ points there is no
/// table, and sums are those of halo2curves.
pub struct FixedBase {
    points: usize,
    method: Method,
}

enum Method {
    Table {
        shape: Shape,
        /// See [`table::build`].
        table: Vec<Point>,
        /// The points that are the identity, in ascending order: they have no affine coordinates to add.
        identities: Vec<usize>,
    },
    Plain(Vec<G1Affine>),
}

thread_local! {
    /// Kept between calls of a thread.
    static BUCKETS: RefCell<Buckets> = RefCell::default();
}

impl fmt::Debug for FixedBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedBase").field("points", &self.points).field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl FixedBase {
    /// The table for sums over `bases`. Uses the current rayon pool.
    pub fn new(bases: &[G1Affine]) -> Self {
        let shape = Shape::best(bases.len());
        if bases.len() > MAX_POINTS || bases.len() * shape.windows() * size_of::<G1Affine>() > MAX_BYTES {
            return Self::plain(bases);
        }
        Self::with_shape(bases, shape)
    }

    pub(super) fn plain(bases: &[G1Affine]) -> Self {
        Self { points: bases.len(), method: Method::Plain(bases.to_vec()) }
    }

    pub(super) fn with_shape(bases: &[G1Affine], shape: Shape) -> Self {
        let identities = (0..bases.len()).filter(|&i| bool::from(bases[i].is_identity())).collect();
        Self { points: bases.len(), method: Method::Table { shape, table: table::build(bases, shape), identities } }
    }

    /// Bytes of the table.
    pub fn bytes(&self) -> usize {
        match &self.method {
            Method::Table { table, .. } => size_of_val(table.as_slice()),
            Method::Plain(bases) => size_of_val(bases.as_slice()),
        }
    }

    /// Σ scalars\[i\] · bases\[i\] on the current thread. Scalars near zero or near the order of the field, as small integers of
    /// either sign are, cost less.
    ///
    /// # Panics
    ///
    /// If there are more scalars than points.
    pub fn msm(&self, scalars: &[Fr]) -> G1 {
        assert!(scalars.len() <= self.points, "{} scalars for {} points", scalars.len(), self.points);
        match &self.method {
            Method::Plain(bases) => plain(scalars, bases),
            Method::Table { .. } => self.over(0, scalars.iter().map(Signed::new)),
        }
    }

    /// The same as [`Self::msm`] by two tasks of the current rayon pool, for a sum that nothing else runs beside. Together they
    /// take more time than one, since each has buckets of its own.
    ///
    /// # Panics
    ///
    /// If there are more scalars than points.
    pub fn msm_parallel(&self, scalars: &[Fr]) -> G1 {
        assert!(scalars.len() <= self.points, "{} scalars for {} points", scalars.len(), self.points);
        match &self.method {
            Method::Plain(bases) => plain(scalars, bases),
            Method::Table { .. } => {
                let (low, high) = scalars.split_at(scalars.len() / 2);
                let (low, high) = rayon::join(
                    || self.over(0, low.iter().map(Signed::new)),
                    || self.over(low.len(), high.iter().map(Signed::new)),
                );
                low + high
            }
        }
    }

    /// Σ scalars\[i\] · bases\[i\] on the current thread.
    ///
    /// # Panics
    ///
    /// If there are more scalars than points.
    pub fn msm_small(&self, scalars: &[i32]) -> G1 {
        assert!(scalars.len() <= self.points, "{} scalars for {} points", scalars.len(), self.points);
        match &self.method {
            Method::Plain(bases) => {
                let scalars: Vec<Fr> = scalars.iter().map(|&s| from_i32(s)).collect();
                plain(&scalars, bases)
            }
            Method::Table { .. } => self.over(0, scalars.iter().map(|&s| Signed::small(s))),
        }
    }

    /// The sum over the points from `first` on.
    fn over(&self, first: usize, scalars: impl Iterator<Item = Signed>) -> G1 {
        let Method::Table { shape, table, identities } = &self.method else { return G1::identity() };
        BUCKETS.with_borrow_mut(|buckets| {
            buckets.clear();
            let mut identities = identities.iter().copied().skip_while(|&i| i < first).peekable();
            for (i, scalar) in scalars.enumerate().map(|(i, scalar)| (first + i, scalar)) {
                if identities.next_if_eq(&i).is_some() {
                    continue;
                }
                scalar.digits(*shape, |window, digit| {
                    let entry = (window * self.points + i) as u32;
                    buckets.put(digit, entry);
                });
            }
            buckets.sum(table)
        })
    }
}

/// halo2curves' sum. It takes no point for the identity.
fn plain(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    let pairs = scalars.iter().zip(bases).filter(|(_, base)| !bool::from(base.is_identity()));
    let (scalars, bases): (Vec<Fr>, Vec<G1Affine>) = pairs.unzip();
    msm_best(&scalars, &bases)
}

fn from_i32(value: i32) -> Fr {
    let size = Fr::from(u64::from(value.unsigned_abs()));
    if value < 0 { -size } else { size }
}
