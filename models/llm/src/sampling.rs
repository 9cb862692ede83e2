//! Which token comes next: from logits to one of the vocabulary.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Chooses the tokens of one response.
pub(crate) struct Sampler {
    temperature: f64,
    random: ChaCha8Rng,
}

impl Sampler {
    /// Temperature 0 takes the likeliest token; above, tokens are drawn by a generator of this seed.
    pub(crate) fn new(temperature: f32, seed: u64) -> Self {
        Self { temperature: temperature.into(), random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The next token. Logits that are no number are never chosen, unless there are no others: then it is token 0.
    pub(crate) fn choose(&mut self, logits: &[f32]) -> u32 {
        let (best, largest) = likeliest(logits);
        if self.temperature == 0.0 || !largest.is_finite() {
            return best;
        }
        // A draw for each token, whatever the logits are.
        let draw = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let weight = |logit: f32| {
            let weight = ((f64::from(logit) - f64::from(largest)) / self.temperature).exp();
            if weight.is_nan() { 0.0 } else { weight }
        };
        let total: f64 = logits.iter().copied().map(weight).sum();
        let mut left = draw * total;
        for (token, &logit) in logits.iter().enumerate() {
            left -= weight(logit);
            if left < 0.0 {
                return token as u32;
            }
        }
        // Rounding has eaten the last of it.
        best
    }
}

/// The largest logit and its token: the first of equals.
fn likeliest(logits: &[f32]) -> (u32, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (token, &logit) in logits.iter().enumerate() {
        if logit > best.1 {
            best = (token as u32, logit);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_temperature_nought_the_first_of_the_likeliest_is_taken() {
        let mut sampler = Sampler::new(0.0, 7);
        assert_eq!(sampler.choose(&[0.0, 3.0, 3.0, -1.0]), 1);
        assert_eq!(sampler.choose(&[f32::NAN, 1.0, f32::NAN]), 1);
        assert_eq!(sampler.choose(&[f32::NAN; 3]), 0);
    }

    #[test]
    fn draws_follow_the_softmax_at_that_temperature() {
        let logits = [0.0, 1.0, 2.0, f32::NEG_INFINITY, f32::NAN];
        for temperature in [0.5, 1.0, 2.0] {
            let mut sampler = Sampler::new(temperature, 1);
            let mut counts = [0_u32; 5];
            let draws = 40_000;
            for _ in 0..draws {
                counts[sampler.choose(&logits) as usize] += 1;
            }
            let weights: Vec<f64> = logits[..3].iter().map(|l| f64::from(l / temperature).exp()).collect();
            let total: f64 = weights.iter().sum();
            for (count, weight) in counts.iter().zip(&weights) {
                // Five standard deviations of 40000 draws are less than 0.0125.
                assert!((f64::from(*count) / f64::from(draws) - weight / total).abs() < 0.0125);
            }
            assert_eq!(counts[3..], [0, 0]);
        }
    }

    #[test]
    fn a_seed_decides_the_draws() {
        let draw = |seed| {
            let mut sampler = Sampler::new(1.0, seed);
            (0..32).map(|_| sampler.choose(&[0.0; 100])).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_smallest_temperature_takes_the_likeliest() {
        let mut sampler = Sampler::new(f32::MIN_POSITIVE, 1);
        assert_eq!(sampler.choose(&[1.0, 1.5, -2.0]), 1);
    }
}
