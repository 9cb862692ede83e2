//! What a matrix is multiplied with: vectors of floats, and the same in 8 bits, as llama.cpp has it.

use half::f16;

use crate::dequantise::PART;

/// 32 numbers of a vector in 8 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Block {
    /// Four signed codes each, the first in the lowest bits.
    pub(crate) codes: [i32; PART / 4],
    /// What a code is worth; rounded to 16 bits, as llama.cpp rounds it.
    pub(crate) scale: f32,
    /// The sum of what the codes are worth; likewise.
    pub(crate) scaled_sum: f32,
    /// The sums of the codes of both halves.
    pub(crate) sums: [i32; 2],
}

/// Vectors of one length.
#[derive(Debug)]
pub(crate) struct Activations {
    length: usize,
    count: usize,
    floats: Vec<f32>,
    blocks: Vec<Block>,
}

impl Activations {
    /// Takes vectors of this length, `[n, length]`: as floats, in 8 bits, or both.
    ///
    /// # Panics
    /// Where they do not end in whole vectors, or of 8 bits not in whole blocks.
    pub(crate) fn new(length: usize, vectors: &[f32], as_floats: bool, in_8_bits: bool) -> Self {
        assert!(vectors.len().is_multiple_of(length));
        let floats = if as_floats { vectors.to_vec() } else { Vec::new() };
        let blocks = if in_8_bits {
            assert!(length.is_multiple_of(PART));
            vectors.as_chunks().0.iter().map(Block::of).collect()
        } else {
            Vec::new()
        };
        Self { length, count: vectors.len() / length, floats, blocks }
    }

    /// How many vectors.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The vectors as floats.
    pub(crate) fn floats(&self) -> std::slice::ChunksExact<'_, f32> {
        self.floats.chunks_exact(self.length)
    }

    /// The vectors in 8 bits.
    pub(crate) fn blocks(&self) -> std::slice::ChunksExact<'_, Block> {
        self.blocks.chunks_exact((self.length / PART).max(1))
    }
}

impl Block {
    /// The largest number becomes 127 or -127.
    fn of(numbers: &[f32; PART]) -> Self {
        let mut largest = [0.0_f32; 16];
        for (index, number) in numbers.iter().enumerate() {
            largest[index % 16] = largest[index % 16].max(number.abs());
        }
        let largest = largest.into_iter().fold(0.0, f32::max);
        let scale = largest / 127.0;
        let inverse = if largest == 0.0 { 0.0 } else { 127.0 / largest };
        // Adding 1.5 * 2^23 leaves the nearest whole number in the lowest bits, the even one of two that are as near.
        let codes = numbers.map(|number| (number * inverse + 12_582_912.0).to_bits() as u8);
        let mut sums = [0; 2];
        for (sum, half) in sums.iter_mut().zip(codes.as_chunks::<16>().0) {
            *sum = half.iter().map(|&code| i32::from(code as i8)).sum();
        }
        let mut packed = [0; PART / 4];
        for (packed, four) in packed.iter_mut().zip(codes.as_chunks::<4>().0) {
            *packed = i32::from_le_bytes(*four);
        }
        Self {
            codes: packed,
            scale: f16::from_f32(scale).to_f32(),
            scaled_sum: f16::from_f32(scale * (sums[0] + sums[1]) as f32).to_f32(),
            sums,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_within_half_a_step() {
        let numbers: [f32; PART] = std::array::from_fn(|index| (index as f32 * 1.3).sin() * 2.0);
        let block = Block::of(&numbers);
        let codes: Vec<i8> = block.codes.iter().flat_map(|four| four.to_le_bytes()).map(|code| code as i8).collect();
        assert_eq!(codes.iter().map(|code| code.unsigned_abs()).max(), Some(127));
        for (number, &code) in numbers.iter().zip(&codes) {
            assert!((number - block.scale * f32::from(code)).abs() < 2.0 / 127.0 * (0.5 + 127.0 / 2048.0));
        }
        let sum: i32 = codes.iter().map(|&code| i32::from(code)).sum();
        assert_eq!(block.sums[0] + block.sums[1], sum);
        assert!((block.scaled_sum - block.scale * sum as f32).abs() < 0.01);
    }

    #[test]
    fn nought_and_what_is_no_number_do_no_harm() {
        assert_eq!(Block::of(&[0.0; PART]), Block::default());
        let _ = Block::of(&[f32::NAN; PART]);
        let _ = Block::of(&[f32::INFINITY; PART]);
    }
}
