//! How scalars are cut into digits.

/// Bits of a scalar's absolute value, and one for the sign of its highest digit.
const BITS: u32 = 254;

/// The widest digits. There are 2^(width − 1) buckets.
const MAX_WIDTH: u32 = 16;

/// Digits of `width` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) width: u32,
}

impl Shape {
    /// The shape that makes a sum over `points` scalars of full size cheapest.
    pub(super) fn best(points: usize) -> Self {
        (4..=MAX_WIDTH).map(|width| Self { width }).min_by_key(|shape| shape.cost(points)).unwrap_or(Self { width: 8 })
    }

    /// Digits of a scalar: the rows of the table.
    pub(super) fn windows(self) -> usize {
        BITS.div_ceil(self.width) as usize
    }

    /// Field multiplications of a call: six for each digit and each bucket, and about 27 for each row and column of the
    /// buckets, which are summed with complete formulas.
    fn cost(self, points: usize) -> usize {
        let buckets = 1_usize << (self.width - 1);
        6 * (points * self.windows() + buckets) + 27 * (2 << (self.width / 2))
    }

    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (2..=MAX_WIDTH).map(|width| Self { width })
    }
}
