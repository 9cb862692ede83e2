//! How a cost grows: a power of the size, fitted by least squares to the logarithms.
//!
//! `ln y = a + b ln x` with the ordinary formulas of simple linear regression; the interval of `b` is the one of Student's t with
//! two degrees of freedom fewer than points. It takes the points' distances from the line for independent and of one spread, so it
//! tells how well one power describes the points, and nothing of sizes beyond them.

use crate::stats::Interval;

/// A power law through some points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// The power: 1 is a cost that doubles with the size.
    pub exponent: f64,
    /// The 95 % interval of the power; none of fewer than three points, through which a line has no error.
    pub interval: Option<Interval>,
    /// Points that it was fitted to.
    pub points: usize,
    /// Mean logarithm of the sizes and of the costs: the line goes through it.
    centre: (f64, f64),
}

impl PowerLaw {
    /// Fits sizes and costs. Points that are not positive and finite are left out; none of fewer than two different sizes.
    ///
    /// ```
    /// use zktee_report::fit::PowerLaw;
    /// let law = PowerLaw::fit(&[(1.0, 3.0), (2.0, 12.0), (4.0, 48.0)]).unwrap();
    /// assert!((law.exponent - 2.0).abs() < 1e-12 && (law.at(8.0) - 192.0).abs() < 1e-9);
    /// ```
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let usable = |v: f64| v.is_finite() && v > 0.0;
        let logs: Vec<(f64, f64)> =
            points.iter().filter(|(x, y)| usable(*x) && usable(*y)).map(|(x, y)| (x.ln(), y.ln())).collect();
        let n = logs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / n;
        let centre = (mean(|p| p.0), mean(|p| p.1));
        let sum = |of: &dyn Fn(f64, f64) -> f64| logs.iter().map(|p| of(p.0 - centre.0, p.1 - centre.1)).sum::<f64>();
        let spread = sum(&|x, _| x * x);
        // Equal sizes have no slope; what rounding leaves of their spread is none either.
        if logs.len() < 2 || spread < 1e-12 {
            return None;
        }
        let exponent = sum(&|x, y| x * y) / spread;
        let interval = (logs.len() > 2).then(|| {
            let free = logs.len() - 2;
            let rest = sum(&|x, y| (y - exponent * x).powi(2));
            let half = t_quantile(free) * (rest / free as f64 / spread).sqrt();
            Interval { low: exponent - half, high: exponent + half }
        });
        Some(Self { exponent, interval, points: logs.len(), centre })
    }

    /// The fitted cost of a size.
    pub fn at(&self, size: f64) -> f64 {
        (self.centre.1 + self.exponent * (size.ln() - self.centre.0)).exp()
    }
}

/// The 97.5 % quantile of Student's t.
fn t_quantile(degrees: usize) -> f64 {
    const TABLE: [f64; 12] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179];
    if let Some(known) = degrees.checked_sub(1).and_then(|i| TABLE.get(i)) {
        return *known;
    }
    // The expansion around the normal quantile, in the inverse of the degrees of freedom: Abramowitz and Stegun, "Handbook of
    // Mathematical Functions", 26.7.5. Right to three digits from here on.
    let (z, n) = (1.959_964_f64, degrees as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    z + first / n + second / (n * n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_worked_example() {
        // In logarithms x = 0 1 2 3 and y = 1 2 2 4: slope 4.5 / 5, squared residuals that sum to 0.7, t of two degrees 4.303.
        let points: Vec<(f64, f64)> =
            [(0.0f64, 1.0f64), (1.0, 2.0), (2.0, 2.0), (3.0, 4.0)].map(|(x, y)| (x.exp(), y.exp())).into();
        let law = PowerLaw::fit(&points).unwrap();
        assert!((law.exponent - 0.9).abs() < 1e-12 && law.points == 4);
        let half = 4.303 * (0.7f64 / 2.0 / 5.0).sqrt();
        let interval = law.interval.unwrap();
        assert!((interval.low - (0.9 - half)).abs() < 1e-9 && (interval.high - (0.9 + half)).abs() < 1e-9);
        // The line goes through the means, 1.5 and 2.25.
        assert!((law.at(1.5f64.exp()).ln() - 2.25).abs() < 1e-12);
    }

    #[test]
    fn too_little_is_no_law() {
        assert_eq!(PowerLaw::fit(&[]), None);
        assert_eq!(PowerLaw::fit(&[(1.0, 1.0)]), None);
        assert_eq!(PowerLaw::fit(&[(5.0, 1.0), (5.0, 2.0), (5.0, 3.0)]), None);
        assert_eq!(PowerLaw::fit(&[(1.0, 1.0), (2.0, 0.0), (4.0, f64::NAN), (-1.0, 3.0)]), None);
        let two = PowerLaw::fit(&[(1.0, 1.0), (4.0, 2.0)]).unwrap();
        assert!((two.exponent - 0.5).abs() < 1e-12 && two.interval.is_none());
    }

    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        for (degrees, quantile) in [(1, 12.706), (12, 2.179), (13, 2.160), (20, 2.086), (60, 2.000), (100_000, 1.960)] {
            assert!((t_quantile(degrees) - quantile).abs() < 2e-3, "{degrees}");
        }
    }

    proptest! {
        #[test]
        fn a_law_is_found_whatever_its_scale(b in -1.0f64..3.0, a in -12.0f64..3.0, n in 2usize..15) {
            let points: Vec<(f64, f64)> = (0..n).map(|i| {
                let x = 1000.0 * 2f64.powi(i as i32);
                (x, a.exp() * x.powf(b))
            }).collect();
            let law = PowerLaw::fit(&points).unwrap();
            prop_assert!((law.exponent - b).abs() < 1e-9);
            prop_assert!((law.at(1e6) / (a.exp() * 1e6f64.powf(b)) - 1.0).abs() < 1e-6);
            prop_assert!(law.interval.is_none_or(|i| i.low <= law.exponent && law.exponent <= i.high && i.high - i.low < 1e-6));
        }
    }
}
