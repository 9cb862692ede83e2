//! How scalars are cut into digits.

/// Bits of a scalar's absolute value, and one for the sign of its highest digit.
const BITS: u32 = 254;

/// The widest digits. There are 2^(width − 1) buckets.
const MAX_WIDTH: u32 = 16;

/// Digits of `width` bits that start at multiples of `step` bits; `step` divides `width`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) width: u32,
    pub(super) step: u32,
}

impl Shape {
    /// The shape that makes a sum over `points` scalars of full size cheapest.
    pub(super) fn best(points: usize) -> Self {
        (4..=MAX_WIDTH)
            .map(|width| Self { width, step: width })
            .min_by_key(|shape| shape.cost(points))
            .unwrap_or(Self { width: 8, step: 8 })
    }

    /// Where digits can start: the rows of the table.
    pub(super) fn positions(self) -> usize {
        BITS.div_ceil(self.step) as usize
    }

    /// Field multiplications of a call: six for each digit's point and each bucket, and about 27 for each row and column of
    /// the buckets.
    fn cost(self, points: usize) -> usize {
        let buckets = 1_usize << (self.width - 1);
        6 * (points * self.positions() + buckets) + 27 * (2 << self.width.div_ceil(2))
    }

    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (2..=MAX_WIDTH)
            .flat_map(|width| (1..=width).filter(move |step| width % step == 0).map(move |step| Self { width, step }))
    }
}
