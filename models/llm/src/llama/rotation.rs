//! Positions as rotations: Su et al., "`RoFormer`: Enhanced Transformer with Rotary Position Embedding" (2021).

/// How fast each pair of a head's numbers turns.
#[derive(Debug)]
pub(super) struct Rotation {
    /// Angle from one position to the next of the first pair, the second, …, and what it is divided by.
    base: f32,
    /// Numbers of a head that turn; the rest stay.
    turned: usize,
    /// What each pair's angle is divided by; empty for 1.
    factors: Vec<f32>,
}

/// Cosines and sines of some positions.
pub(super) struct Turns {
    /// Pairs of a head that turn.
    pairs: usize,
    /// `[positions, pairs]`.
    turns: Vec<(f32, f32)>,
}

impl Rotation {
    pub(super) const fn new(base: f32, turned: usize, factors: Vec<f32>) -> Self {
        Self { base, turned, factors }
    }

    /// Those of `count` positions from `first` on.
    pub(super) fn turns(&self, first: usize, count: usize) -> Turns {
        // As llama.cpp does it, in the same order, so that roundings are the same.
        let step = self.base.powf(-2.0 / self.turned as f32);
        let mut turns = Vec::with_capacity(count * self.turned / 2);
        for position in first..first + count {
            let mut angle = position as f32;
            for pair in 0..self.turned / 2 {
                let factor = self.factors.get(pair).copied().unwrap_or(1.0);
                let (sine, cosine) = (angle / factor).sin_cos();
                turns.push((cosine, sine));
                angle *= step;
            }
        }
        Turns { pairs: self.turned / 2, turns }
    }
}

impl Turns {
    /// Turns heads: `[positions, heads, head]`. Neighbours are a pair, as llama.cpp's files of this family have it.
    pub(super) fn apply(&self, head: usize, vectors: &mut [f32]) {
        let positions = self.turns.len() / self.pairs;
        let vector = vectors.len() / positions;
        for (vector, turns) in vectors.chunks_exact_mut(vector).zip(self.turns.chunks_exact(self.pairs)) {
            for head in vector.chunks_exact_mut(head) {
                for (pair, &(cosine, sine)) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                    let [a, b] = *pair;
                    *pair = [a * cosine - b * sine, a * sine + b * cosine];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_positions_have_in_common_is_their_distance() {
        let rotation = Rotation::new(10_000.0, 4, Vec::new());
        let at = |position| {
            let mut head = [0.3, -0.7, 1.1, 0.2, 5.0, 6.0];
            rotation.turns(position, 1).apply(6, &mut head);
            head
        };
        let product = |a: [f32; 6], b: [f32; 6]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let same =
            |a: &[f32], b: &[f32]| a.iter().map(|number| number.to_bits()).eq(b.iter().map(|number| number.to_bits()));
        assert!(same(&at(0), &[0.3, -0.7, 1.1, 0.2, 5.0, 6.0]));
        assert!(same(&at(9)[4..], &[5.0, 6.0]), "what does not turn");
        assert!((product(at(3), at(8)) - product(at(13), at(18))).abs() < 1e-4);
        assert!((product(at(3), at(8)) - product(at(3), at(9))).abs() > 1e-3);
        // The first pair turns by a radian a position.
        assert!((at(1)[0] - (0.3 * 1.0_f32.cos() + 0.7 * 1.0_f32.sin())).abs() < 1e-6);
        // The second by base^(-2/4).
        assert!((at(1)[2] - (1.1 * 0.01_f32.cos() - 0.2 * 0.01_f32.sin())).abs() < 1e-6);
    }

    #[test]
    fn factors_slow_it_down() {
        let (slow, fast) = (Rotation::new(100.0, 2, vec![4.0]), Rotation::new(100.0, 2, Vec::new()));
        let turn = |rotation: &Rotation, position| {
            let mut head = [1.0, 0.0];
            rotation.turns(position, 1).apply(2, &mut head);
            head.map(f32::to_bits)
        };
        assert_eq!(turn(&slow, 4), turn(&fast, 1));
    }
}
