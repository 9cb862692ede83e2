//! A logarithmic axis with an explicit floor, and a linear one that does not begin at zero.

/// Maps positive values to pixels, a decade at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LogAxis {
    /// The exponents of the first and the last tick.
    low: i32,
    high: i32,
    /// The pixels of the first and the last tick.
    from: f64,
    to: f64,
}

impl LogAxis {
    /// An axis of whole decades around some values, at least one decade long, between two pixels. Values that are not positive
    /// do not stretch it: they are drawn at its floor.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        let positive = values.into_iter().filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = positive.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Self { low: -3, high: 0, from, to };
        }
        let (low, mut high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        if high == low {
            high += 1;
        }
        Self { low, high, from, to }
    }

    /// The pixel of a value; one below the axis stands at its floor.
    pub(crate) fn pixel(&self, value: f64) -> f64 {
        let exponent = if value > 0.0 { value.log10() } else { f64::from(self.low) };
        let share = (exponent - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Value and pixel of each decade.
    pub(crate) fn decades(&self) -> Vec<(f64, f64)> {
        (self.low..=self.high).map(|e| 10f64.powi(e)).map(|v| (v, self.pixel(v))).collect()
    }

    /// Every how many decades a label fits, when each takes so many pixels.
    pub(crate) fn label_every(&self, pixels: f64) -> usize {
        let decade = (self.to - self.from).abs() / f64::from(self.high - self.low);
        (pixels / decade).ceil().max(1.0) as usize
    }
}

/// Maps values to pixels evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LinearAxis {
    low: f64,
    high: f64,
    /// The pixels of both ends.
    from: f64,
    to: f64,
}

impl LinearAxis {
    /// An axis just around some values, between two pixels. It spans a tenth of the largest value at least, so that noise of a
    /// percent does not look like a mountain range.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high || high <= 0.0 {
            return Self { low: 0.0, high: 1.0, from, to };
        }
        let lacking = (high * 0.1 - (high - low)).max(0.0) / 2.0;
        Self { low: (low - lacking).max(0.0), high: high + lacking, from, to }
    }

    /// The pixel of a value.
    pub(crate) fn pixel(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Three to seven round values, with their pixels.
    pub(crate) fn ticks(&self) -> Vec<(f64, f64)> {
        let rough = (self.high - self.low) / 5.0;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * decade).find(|s| *s >= rough).unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last.min(first + 10)).map(|i| i as f64 * step).map(|v| (v, self.pixel(v))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_between_their_decades() {
        let axis = LogAxis::around([0.002, 30.0], 0.0, 500.0);
        assert_eq!(axis.decades().len(), 6);
        assert!((axis.pixel(0.001) - 0.0).abs() < 1e-9);
        assert!((axis.pixel(100.0) - 500.0).abs() < 1e-9);
        assert!((axis.pixel(1.0) - 300.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_zero_and_one_value_have_an_axis_too() {
        assert_eq!(LogAxis::around([], 0.0, 10.0).decades().len(), 4);
        assert_eq!(LogAxis::around([0.0, f64::NAN], 0.0, 10.0).decades().len(), 4);
        let one = LogAxis::around([1.0], 0.0, 10.0);
        assert_eq!(one.decades().len(), 2);
        assert!((one.pixel(0.0) - 0.0).abs() < 1e-9);
    }

    #[test]
    fn a_linear_axis_is_close_to_its_values_and_has_round_ticks() {
        let axis = LinearAxis::around([8.0e-3, 9.1e-3], 100.0, 0.0);
        let ticks: Vec<f64> = axis.ticks().iter().map(|(value, _)| (value * 1e5).round()).collect();
        assert_eq!(ticks, [800.0, 850.0, 900.0]);
        assert!((axis.pixel(8.0e-3) - 100.0).abs() < 1e-9 && axis.pixel(9.1e-3).abs() < 1e-9);
        for values in [&[][..], &[0.0, 0.0], &[1.0], &[f64::NAN, 3.0, 3.0], &[1e-9, 1e9]] {
            let axis = LinearAxis::around(values.iter().copied(), 0.0, 100.0);
            assert!((2..=12).contains(&axis.ticks().len()), "{values:?}: {:?}", axis.ticks());
        }
    }
}
