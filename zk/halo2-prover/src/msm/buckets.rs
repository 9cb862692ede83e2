//! The sum Σ d `B_d` over buckets of points.

use super::field::Point;
use super::sums::{Summer, Sums, Terms};
use halo2curves_axiom::bn256::G1;
use halo2curves_axiom::group::Group;

/// Points of a table by the digits that they are multiplied by, with the memory to sum them: 16 bytes a digit and 136 a bucket,
/// 13 MB for 2¹⁵ scalars of full size.
#[derive(Default)]
pub(super) struct Buckets {
    /// Each digit's absolute value, and its entry as in [`Terms`].
    digits: Vec<(u32, u32)>,
    terms: Terms,
    counts: Vec<u32>,
    summer: Summer,
    buckets: Sums,
    lines: Sums,
}

impl Buckets {
    pub(super) fn clear(&mut self) {
        self.digits.clear();
    }

    /// Puts point `index` of the table into the bucket of a digit that is not zero.
    pub(super) fn put(&mut self, digit: i32, index: u32) {
        self.put_at(digit.unsigned_abs(), digit < 0, index);
    }

    /// Puts point `index` of the table, or its negative, into any bucket.
    pub(super) fn put_at(&mut self, bucket: u32, negative: bool, index: u32) {
        self.digits.push((bucket, index << 1 | u32::from(negative)));
    }

    /// The sum of the digits' multiples of their points.
    pub(super) fn sum(&mut self, table: &[Point]) -> G1 {
        self.sums(table);
        self.weigh()
    }

    /// The sum of each bucket that has points.
    pub(super) fn sums(&mut self, table: &[Point]) -> &Sums {
        self.sort();
        self.buckets.clear();
        self.summer.sum(&self.terms.keys, &self.terms.entries, table, &mut self.buckets);
        &self.buckets
    }

    /// Makes terms of the digits.
    fn sort(&mut self) {
        let Self { digits, terms, counts, .. } = self;
        let order = counting_sort(digits.iter().map(|d| d.0), counts);
        terms.reset(digits.len());
        for &(key, entry) in digits.iter() {
            terms.put(order, key, entry);
        }
    }

    /// `Σ d B_d` over the buckets: with `d = u 2^k + v` it is `2^k Σ u Σ_v B + Σ v Σ_u B`.
    fn weigh(&mut self) -> G1 {
        let Self { summer, terms, counts, buckets, lines, .. } = self;
        let Some(&last) = buckets.keys.last() else { return G1::identity() };
        let k = (u32::BITS - last.leading_zeros()) / 2;
        let mask = (1 << k) - 1;
        // Buckets are in ascending order, so those of a row lie together. What counts zero times is left out.
        let first = buckets.keys.partition_point(|&key| key >> k == 0);
        terms.keys.clear();
        terms.keys.extend(buckets.keys[first..].iter().map(|key| key >> k));
        terms.entries.clear();
        terms.entries.extend((first as u32..buckets.keys.len() as u32).map(|i| i << 1));
        lines.clear();
        summer.sum(&terms.keys, &terms.entries, &buckets.points, lines);
        let mut total = weighted(lines);
        for _ in 0..k {
            total = total.double();
        }
        let order = counting_sort(buckets.keys.iter().map(|key| key & mask), counts);
        let first = order.get(1).copied().unwrap_or(0) as usize;
        terms.reset(buckets.keys.len());
        for (i, key) in buckets.keys.iter().enumerate() {
            terms.put(order, key & mask, (i as u32) << 1);
        }
        lines.clear();
        summer.sum(&terms.keys[first..], &terms.entries[first..], &buckets.points, lines);
        total + weighted(lines)
    }
}

impl Terms {
    fn reset(&mut self, count: usize) {
        self.keys.clear();
        self.keys.resize(count, 0);
        self.entries.clear();
        self.entries.resize(count, 0);
    }

    /// Puts a term at the next place of its key.
    fn put(&mut self, places: &mut [u32], key: u32, entry: u32) {
        let place = places[key as usize] as usize;
        places[key as usize] += 1;
        self.keys[place] = key;
        self.entries[place] = entry;
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

/// Σ key · point over all.
fn weighted(sums: &Sums) -> G1 {
    sums.weighted(0..sums.keys.len(), 0)
}
