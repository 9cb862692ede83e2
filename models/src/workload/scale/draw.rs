//! Numbers from a name: the same bits on every machine, whatever its floating-point library.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a draw is for; each has a stream of its own, so that more of one moves nothing of the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Weights and biases.
    Model = 1,
    /// Inputs.
    Inputs = 2,
}

/// Integer units of one float unit of input: inputs are whole numbers from -127 to 127 over this, exact in `f32`.
pub(super) const INPUT_UNITS: u8 = 128;

/// Random numbers of one member of a family.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The generator of `ChaCha` with eight rounds whose key is the name itself, padded by zeros.
    pub(super) fn new(name: &str, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        for (byte, letter) in key.iter_mut().zip(name.bytes()) {
            *byte = letter;
        }
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(purpose as u64);
        Self(generator)
    }

    /// Numbers spread evenly over `-limit..limit`: odd multiples of `limit / 2^24`, each rounded once to `f32`.
    ///
    /// Products and conversions are correctly rounded by IEEE 754, unlike the logarithms and cosines of a normal distribution.
    pub(super) fn even(&mut self, limit: f64, count: usize) -> Vec<f32> {
        let one = |_| {
            let whole = i64::from(self.0.next_u32() >> 8);
            let odd = 2 * whole + 1 - (1 << 24);
            (odd as f64 * (limit / f64::from(1 << 24))) as f32
        };
        (0..count).map(one).collect()
    }

    /// Inputs: whole numbers from -127 to 127, each as likely to within 2^-24, over [`INPUT_UNITS`].
    pub(super) fn inputs(&mut self, count: usize) -> Vec<f32> {
        let one = |_| {
            let whole = (u64::from(self.0.next_u32()) * 255) >> 32;
            (whole as f32 - 127.0) / f32::from(INPUT_UNITS)
        };
        (0..count).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_purpose_decide_everything() {
        let draw = |name, purpose| Draw::new(name, purpose).even(1.0, 8);
        assert_eq!(draw("a", Purpose::Model), draw("a", Purpose::Model));
        assert_ne!(draw("a", Purpose::Model), draw("a", Purpose::Inputs));
        assert_ne!(draw("a", Purpose::Model), draw("b", Purpose::Model));
    }

    #[test]
    fn draws_fill_their_range_and_no_more() {
        let mut draw = Draw::new("a", Purpose::Inputs);
        let even = draw.even(0.25, 100_000);
        let (sum, square) =
            even.iter().fold((0.0, 0.0), |(s, q), &x| (s + f64::from(x), q + f64::from(x) * f64::from(x)));
        assert!(even.iter().all(|x| x.abs() <= 0.25) && even.iter().any(|x| x.abs() > 0.2499));
        assert!((sum / 1e5).abs() < 2e-3);
        // The variance of an even spread over -a..a is a^2 / 3.
        assert!((square / 1e5 / (0.0625 / 3.0) - 1.0).abs() < 0.02);
        let inputs = draw.inputs(100_000);
        assert!(inputs.iter().all(|x| (x * 128.0).fract() == 0.0 && x.abs() * 128.0 <= 127.0));
        assert!(inputs.contains(&(-127.0 / 128.0)) && inputs.contains(&(127.0 / 128.0)));
    }
}
