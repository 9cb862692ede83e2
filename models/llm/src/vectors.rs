//! What is done to vectors between products: written so that a compiler makes vector instructions of it.

/// Numbers that are worked on side by side.
const LANES: usize = 16;

/// Adds one vector to another.
pub(crate) fn add(to: &mut [f32], what: &[f32]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += what;
    }
}

/// The sum of some function of numbers.
fn sum_of(numbers: &[f32], function: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += function(*number);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|number| function(*number)).sum::<f32>()
}

/// Each vector over its numbers' root mean square, and times `weight`, number by number.
pub(crate) fn rms_norm(vectors: &[f32], weight: &[f32], epsilon: f32, normed: &mut [f32]) {
    let width = weight.len();
    for (vector, out) in vectors.chunks_exact(width).zip(normed.chunks_exact_mut(width)) {
        let mean = sum_of(vector, |number| number * number) / width as f32;
        let scale = 1.0 / (mean + epsilon).sqrt();
        for ((out, number), weight) in out.iter_mut().zip(vector).zip(weight) {
            *out = number * scale * weight;
        }
    }
}

/// `gates * sigmoid(gates) * up`, number by number, in the place of the gates.
pub(crate) fn gate(gates: &mut [f32], up: &[f32]) {
    for (gate, up) in gates.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp(-*gate)) * up;
    }
}

/// Each vector less its mean, over its numbers' standard deviation, times `weight` and plus `bias`, number by number.
pub(crate) fn layer_norm(vectors: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, normed: &mut [f32]) {
    let width = weight.len();
    for (vector, out) in vectors.chunks_exact(width).zip(normed.chunks_exact_mut(width)) {
        let mean = sum_of(vector, |number| number) / width as f32;
        let variance = sum_of(vector, |number| (number - mean) * (number - mean)) / width as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for (((out, number), weight), bias) in out.iter_mut().zip(vector).zip(weight).zip(bias) {
            *out = (number - mean) * scale * weight + bias;
        }
    }
}

/// The Gaussian error linear unit in its approximation by tanh, with which GPT-2 was trained (`gelu_new`):
/// `x / 2 * (1 + tanh(y))` is `x * sigmoid(2 y)`.
pub(crate) fn gelu(numbers: &mut [f32]) {
    /// `2 sqrt(2 / pi)`, to the nearest float.
    const SCALE: f32 = 1.595_769_2;
    for number in numbers {
        let x = *number;
        *number = x / (1.0 + exp(-SCALE * (x + 0.044_715 * x * x * x)));
    }
}

/// Scores to shares of one.
pub(crate) fn softmax(scores: &mut [f32]) {
    let (chunks, rest) = scores.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (largest, score) in largest.iter_mut().zip(chunk) {
            *largest = largest.max(*score);
        }
    }
    let largest = largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    for score in &mut *scores {
        *score = exp(*score - largest);
    }
    let scale = 1.0 / sum_of(scores, |share| share);
    for share in scores {
        *share *= scale;
    }
}

/// `e` to the power of a number, to within two units in the last place between -87 and 88, and that of the nearer of both outside.
///
/// The whole part of the power of two goes into the exponent, the rest is Taylor's polynomial of degree 7 on an interval of half of `ln 2` to
/// either side.
#[inline]
pub(crate) fn exp(number: f32) -> f32 {
    /// Adding it leaves the nearest whole number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    /// `ln 2` in two parts, of which products of the first with small whole numbers are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let number = number.clamp(-87.0, 88.0);
    let shifted = number * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = (number - whole * LN_2[0]) - whole * LN_2[1];
    let mut power = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        power = power * rest + coefficient;
    }
    let exponent = (shifted.to_bits() << 23).wrapping_add(127 << 23);
    power * f32::from_bits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_near_the_exact_one() {
        for step in -8_700..=8_800 {
            let number = step as f32 * 0.01;
            let exact = f64::from(number).exp();
            assert!((f64::from(exp(number)) / exact - 1.0).abs() < 2.5e-7, "{number}: {} {exact}", exp(number));
        }
        let bits = |number| exp(number).to_bits();
        assert_eq!(bits(f32::NEG_INFINITY), bits(-87.0));
        assert_eq!(bits(1e30), bits(88.0));
        assert_eq!(exp(0.0).to_bits(), 1.0_f32.to_bits());
    }

    #[test]
    fn shares_are_of_one() {
        let mut scores: Vec<f32> = (0..37).map(|index| index as f32 * 0.1).collect();
        softmax(&mut scores);
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((scores[36] / scores[26] - std::f32::consts::E).abs() < 1e-5);
    }

    #[test]
    fn a_normed_vector_has_a_root_mean_square_of_its_weights() {
        let mut normed = [0.0; 40];
        let vector: Vec<f32> = (0..40).map(|index| index as f32 - 3.0).collect();
        rms_norm(&vector, &[2.0; 40], 0.0, &mut normed);
        let mean = normed.iter().map(|number| number * number).sum::<f32>() / 40.0;
        assert!((mean - 4.0).abs() < 1e-5);
    }

    #[test]
    fn gates_are_silu() {
        let mut gates = [0.0, 1.0, -1.0, 20.0];
        gate(&mut gates, &[1.0, 2.0, 2.0, 1.0]);
        let expected = [0.0, 2.0 / (1.0 + (-1.0_f32).exp()), -2.0 / (1.0 + 1.0_f32.exp()), 20.0];
        for (gate, expected) in gates.iter().zip(expected) {
            assert!((gate - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_normed_vector_has_its_bias_as_mean() {
        let mut normed = [0.0; 37];
        let vector: Vec<f32> = (0..37).map(|index| (index * index) as f32).collect();
        layer_norm(&vector, &[2.0; 37], &[3.0; 37], 0.0, &mut normed);
        let mean = normed.iter().sum::<f32>() / 37.0;
        let variance = normed.iter().map(|number| (number - mean) * (number - mean)).sum::<f32>() / 37.0;
        assert!((mean - 3.0).abs() < 1e-5 && (variance - 4.0).abs() < 1e-4);
    }

    #[test]
    fn gelu_is_the_approximation_by_tanh() {
        for step in -1000..=1000 {
            let x = f64::from(step) * 0.01;
            let exact = 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh());
            let mut number = [x as f32];
            gelu(&mut number);
            assert!((f64::from(number[0]) - exact).abs() < 1e-6 * exact.abs().max(1.0), "{x}: {} {exact}", number[0]);
        }
    }
}
