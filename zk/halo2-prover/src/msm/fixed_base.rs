//! The table and the sums over it.

use super::digits::Signed;
use super::shape::Shape;
use super::sums::Summer;
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
        table: Vec<G1Affine>,
        /// The points that are the identity, in ascending order: they have no affine coordinates to add.
        identities: Vec<usize>,
    },
    Plain(Vec<G1Affine>),
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Memory of a call, kept for the next one on the same thread. It grows with the number of digits: 20 bytes each.
#[derive(Default)]
struct Scratch {
    summer: Summer,
    /// Each digit's bucket, and its entry of the table shifted left by one with its sign in the lowest bit.
    digits: Vec<(u32, u32)>,
    keys: Vec<u32>,
    entries: Vec<u32>,
    counts: Vec<u32>,
    buckets: Vec<(u32, G1Affine)>,
    sums: Vec<(u32, G1Affine)>,
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
        if bases.len() > MAX_POINTS || bases.len() * shape.positions() * size_of::<G1Affine>() > MAX_BYTES {
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
        let (Method::Table { table: points, .. } | Method::Plain(points)) = &self.method;
        size_of_val(points.as_slice())
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
            Method::Table { .. } => self.over(scalars.iter().map(Signed::new)),
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
            Method::Table { .. } => self.over(scalars.iter().map(|&s| Signed::small(s))),
        }
    }

    fn over(&self, scalars: impl Iterator<Item = Signed>) -> G1 {
        let Method::Table { shape, table, identities } = &self.method else { return G1::identity() };
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.digits.clear();
            let mut identities = identities.iter().copied().peekable();
            for (i, scalar) in scalars.enumerate() {
                if identities.next_if_eq(&i).is_some() {
                    continue;
                }
                scalar.digits(*shape, |position, digit| {
                    let entry = (position * self.points + i) as u32;
                    scratch.digits.push((digit.unsigned_abs(), entry << 1 | u32::from(digit < 0)));
                });
            }
            scratch.sort();
            let Scratch { summer, keys, entries, buckets, .. } = scratch;
            buckets.clear();
            let point = |i: usize| {
                let entry = entries[i];
                let point = table[(entry >> 1) as usize];
                if entry & 1 == 0 { point } else { -point }
            };
            summer.sum(keys, point, buckets);
            scratch.weigh()
        })
    }
}

impl Scratch {
    /// Counting sort of the digits by bucket.
    fn sort(&mut self) {
        let Self { digits, keys, entries, counts, .. } = self;
        let order = counting_sort(digits.iter().map(|d| d.0), counts);
        keys.clear();
        keys.resize(digits.len(), 0);
        entries.clear();
        entries.resize(digits.len(), 0);
        for &(key, entry) in digits.iter() {
            let place = &mut order[key as usize];
            keys[*place as usize] = key;
            entries[*place as usize] = entry;
            *place += 1;
        }
    }

    /// Σ d `B_d` over the buckets: with d = u 2^k + v it is 2^k Σ u Σ_v B + Σ v Σ_u B.
    fn weigh(&mut self) -> G1 {
        let Self { summer, keys, entries, counts, buckets, sums, .. } = self;
        let Some(&(last, _)) = buckets.last() else { return G1::identity() };
        let k = (u32::BITS - last.leading_zeros()) / 2;
        let mask = (1 << k) - 1;
        // Buckets are in ascending order, so those of a row lie together.
        keys.clear();
        keys.extend(buckets.iter().map(|bucket| bucket.0 >> k));
        let first = keys.iter().take_while(|&&u| u == 0).count();
        sums.clear();
        summer.sum(&keys[first..], |i| buckets[first + i].1, sums);
        let mut total = weighted(sums);
        for _ in 0..k {
            total = total.double();
        }
        let order = counting_sort(buckets.iter().map(|bucket| bucket.0 & mask), counts);
        let first = order.get(1).copied().unwrap_or(0) as usize;
        keys.resize(buckets.len(), 0);
        entries.clear();
        entries.resize(buckets.len(), 0);
        for (i, bucket) in buckets.iter().enumerate() {
            let key = bucket.0 & mask;
            let place = &mut order[key as usize];
            keys[*place as usize] = key;
            entries[*place as usize] = i as u32;
            *place += 1;
        }
        sums.clear();
        summer.sum(&keys[first..], |i| buckets[entries[first + i] as usize].1, sums);
        total + weighted(sums)
    }
}

/// Where each key's items begin in an order by key.
fn counting_sort(keys: impl Iterator<Item = u32>, counts: &mut Vec<u32>) -> &mut [u32] {
    counts.clear();
    for key in keys {
        if key as usize >= counts.len() {
            counts.resize(key as usize + 1, 0);
        }
        counts[key as usize] += 1;
    }
    let mut start = 0;
    for count in counts.iter_mut() {
        start += std::mem::replace(count, start);
    }
    counts
}

/// Σ key · point for points in ascending order of keys: each sum of the points from a key on is added once for that key.
fn weighted(points: &[(u32, G1Affine)]) -> G1 {
    let (mut running, mut total) = (G1::identity(), G1::identity());
    let mut points = points.iter().rev().peekable();
    let Some(&&(last, _)) = points.peek() else { return total };
    for key in (1..=last).rev() {
        while let Some((_, point)) = points.next_if(|point| point.0 == key) {
            running += point;
        }
        total += running;
    }
    total
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
