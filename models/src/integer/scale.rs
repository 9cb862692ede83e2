//! Scales as exact numbers, so that a digest or a JSON file says precisely what they are.

use serde::{Deserialize, Serialize};

/// A positive scale `mantissa * 2^exponent`: integer units of one float unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Odd, below `2^53`.
    pub mantissa: u64,
    /// Power of two.
    pub exponent: i32,
}

impl Scale {
    /// The exact scale of a positive normal number, or `None` for any other.
    pub fn from_f64(value: f64) -> Option<Self> {
        if !(value.is_normal() && value > 0.0) {
            return None;
        }
        let bits = value.to_bits();
        let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
        let zeros = mantissa.trailing_zeros();
        let exponent = (bits >> 52) as i32 - 1075 + zeros as i32;
        Some(Self { mantissa: mantissa >> zeros, exponent })
    }

    /// The scale as a float, without rounding.
    pub fn value(self) -> f64 {
        self.mantissa as f64 * power_of_two(self.exponent)
    }

    /// Whether the fields are what [`Scale::from_f64`] gives for some number.
    pub(super) fn is_canonical(self) -> bool {
        Self::from_f64(self.value()) == Some(self)
    }
}

/// `2^exponent`, exactly; 0 or infinity beyond the range of doubles. (`exp2` promises no precision.)
pub(super) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(match exponent {
        1024.. => f64::INFINITY.to_bits(),
        -1022..=1023 => u64::from((exponent + 1023).unsigned_abs()) << 52,
        -1074..=-1023 => 1 << (exponent + 1074),
        _ => 0,
    })
}

/// The largest power of two that is not above a positive normal `value`.
pub(super) fn power_below(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & f64::INFINITY.to_bits())
}

/// The largest number of 16 significant bits that is not above a positive `value`.
///
/// Scales need no more precision, and short ones keep files and digests readable.
pub(super) fn short(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & !((1 << 37) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_exact() {
        for value in [1.0, 10.0, 255.0, 0.1, 529.375, 1e-300, 1e300, f64::MIN_POSITIVE] {
            let scale = Scale::from_f64(value).unwrap();
            assert_eq!(scale.value().to_bits(), value.to_bits(), "{value}");
            assert!(scale.is_canonical());
        }
        assert_eq!(Scale::from_f64(10.0), Some(Scale { mantissa: 5, exponent: 1 }));
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Scale::from_f64(value), None);
        }
    }

    #[test]
    fn powers_of_two_are_exact() {
        for (exponent, value) in [(0, 1.0), (10, 1024.0), (-2, 0.25), (-1022, f64::MIN_POSITIVE)] {
            assert_eq!(power_of_two(exponent).to_bits(), f64::to_bits(value));
        }
        assert_eq!(power_of_two(-1074).to_bits(), 1);
        assert_eq!(power_of_two(-1023).to_bits(), (f64::MIN_POSITIVE / 2.0).to_bits());
        assert_eq!(power_of_two(1024).to_bits(), f64::INFINITY.to_bits());
        assert_eq!(power_of_two(-1075).to_bits(), 0);
        for (value, below) in [(1.0, 1.0), (1.9, 1.0), (2.0, 2.0), (0.3, 0.25)] {
            assert_eq!(power_below(value).to_bits(), f64::to_bits(below));
        }
    }

    #[test]
    fn shortening_rounds_down_by_less_than_two_to_minus_fifteen() {
        for value in [1.0, 255.0, 1.0 / 3.0, 1_234.5] {
            let short = short(value);
            assert!(short <= value && short > value * (1.0 - 1.0 / 32768.0));
        }
    }
}
