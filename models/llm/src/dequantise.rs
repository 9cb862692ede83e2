//! ggml's blocks of weights, taken apart.
//!
//! A block is integers with one scale for some of them. All kinds come down to one form here: parts of 32 weights, each `scale * (code -
//! offset) + minimum`, with a code of 8 bits or less and an offset that is the kind's. Layouts: `ggml-common.h` and `ggml-quants.c` of
//! <https://github.com/ggml-org/ggml>.

use half::f16;

use crate::kind::Kind;

/// Weights of a part.
pub(crate) const PART: usize = 32;

/// 32 weights that stand one after the other in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    /// One a weight.
    pub(crate) codes: [u8; PART],
    /// Scale of each half's codes: the block's own scale times this, which is 1 where blocks have one scale only.
    pub(crate) scales: [i8; 2],
    /// Likewise of what is added: 1, or a number that the block's own minimum is multiplied with.
    pub(crate) minimum: u8,
}

/// A block's own scale and minimum, which its parts share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shared {
    pub(crate) scale: f16,
    /// What is added to each weight, or taken from it where blocks have several scales; 0 where there is no such number.
    pub(crate) minimum: f16,
}

/// What is taken from codes of a kind before they are scaled.
pub(crate) const fn offset(kind: Kind) -> i32 {
    match kind {
        Kind::Q4_0 => 8,
        Kind::Q5_0 => 16,
        Kind::Q8_0 => 128,
        Kind::Q6K => 32,
        _ => 0,
    }
}

/// Whether blocks of a kind have several scales.
pub(crate) const fn has_several_scales(kind: Kind) -> bool {
    matches!(kind, Kind::Q4K | Kind::Q5K | Kind::Q6K)
}

/// Whether something is added to the scaled codes of a kind.
pub(crate) const fn has_minimum(kind: Kind) -> bool {
    matches!(kind, Kind::Q4_1 | Kind::Q5_1 | Kind::Q4K | Kind::Q5K)
}

/// Whether codes of a kind have four bits.
pub(crate) const fn has_four_bits(kind: Kind) -> bool {
    matches!(kind, Kind::Q4_0 | Kind::Q4_1 | Kind::Q4K)
}

/// Takes a block apart.
///
/// # Panics
/// Where the bytes are not those of one block, or the kind has none.
pub(crate) fn take_apart(kind: Kind, block: &[u8], mut each: impl FnMut(Part)) -> Shared {
    assert_eq!(block.len(), kind.bytes(), "bytes of a block of {kind}");
    let number = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]);
    let one = |codes| Part { codes, scales: [1; 2], minimum: 1 };
    match kind {
        Kind::Q4_0 => {
            each(one(nibbles(&block[2..], [0; 4])));
            Shared { scale: number(0), minimum: f16::ZERO }
        }
        Kind::Q4_1 => {
            each(one(nibbles(&block[4..], [0; 4])));
            Shared { scale: number(0), minimum: number(2) }
        }
        Kind::Q5_0 => {
            each(one(nibbles(&block[6..], [block[2], block[3], block[4], block[5]])));
            Shared { scale: number(0), minimum: f16::ZERO }
        }
        Kind::Q5_1 => {
            each(one(nibbles(&block[8..], [block[4], block[5], block[6], block[7]])));
            Shared { scale: number(0), minimum: number(2) }
        }
        Kind::Q8_0 => {
            // Signed, and so 128 more.
            each(one(std::array::from_fn(|index| block[2 + index] ^ 0x80)));
            Shared { scale: number(0), minimum: f16::ZERO }
        }
        Kind::Q4K | Kind::Q5K => {
            let codes = &block[kind.bytes() - 128..];
            for part in 0..8 {
                let codes = std::array::from_fn(|index| {
                    let low = (codes[part / 2 * PART + index] >> (part % 2 * 4)) & 0xf;
                    if kind == Kind::Q4K { low } else { low | (((block[16 + index] >> part) & 1) << 4) }
                });
                let (scale, minimum) = scale_and_minimum(&block[4..16], part);
                each(Part { codes, scales: [scale as i8; 2], minimum });
            }
            Shared { scale: number(0), minimum: number(2) }
        }
        Kind::Q6K => {
            let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
            for part in 0..8 {
                let (half, quarter) = (part / 4, part % 4);
                let codes = std::array::from_fn(|index| {
                    let low = (low[half * 64 + quarter % 2 * PART + index] >> (quarter / 2 * 4)) & 0xf;
                    low | (((high[half * PART + index] >> (2 * quarter)) & 3) << 4)
                });
                each(Part { codes, scales: [scales[2 * part] as i8, scales[2 * part + 1] as i8], minimum: 0 });
            }
            Shared { scale: number(208), minimum: f16::ZERO }
        }
        Kind::F32 | Kind::F16 | Kind::Bf16 => panic!("{kind} has no blocks"),
    }
}

/// Codes of which the low nibbles of the bytes are the first half and the high ones the second, with a fifth bit each.
fn nibbles(bytes: &[u8], fifth: [u8; 4]) -> [u8; PART] {
    let fifth = u32::from_le_bytes(fifth);
    std::array::from_fn(|index| {
        let low = (bytes[index % 16] >> (index / 16 * 4)) & 0xf;
        low | (((fifth >> index) & 1) << 4) as u8
    })
}

/// A part's six bits of scale and of minimum, out of the twelve bytes that those of eight parts stand in.
fn scale_and_minimum(packed: &[u8], part: usize) -> (u8, u8) {
    if part < 4 {
        return (packed[part] & 63, packed[part + 4] & 63);
    }
    let (low, scale, minimum) = (packed[part + 4], packed[part - 4] >> 6, packed[part] >> 6);
    ((low & 0xf) | (scale << 4), (low >> 4) | (minimum << 4))
}

/// Weights as floats, row-major.
///
/// # Panics
/// Where there are more or fewer bytes than so many weights have.
#[cfg(test)]
pub(crate) fn floats(kind: Kind, bytes: &[u8], count: usize) -> Vec<f32> {
    assert_eq!(bytes.len(), count / kind.block() * kind.bytes());
    let mut floats = Vec::with_capacity(count);
    for block in bytes.chunks_exact(kind.bytes()) {
        if kind.block() == 1 {
            floats.push(single(kind, block));
            continue;
        }
        let mut parts = Vec::new();
        let Shared { scale, minimum } = take_apart(kind, block, |part| parts.push(part));
        let (scale, minimum) = (scale.to_f32(), minimum.to_f32());
        let added = if has_several_scales(kind) { -minimum } else { minimum };
        for part in parts {
            for (index, code) in part.codes.into_iter().enumerate() {
                let scale = scale * f32::from(part.scales[index / 16]);
                floats.push(scale * (i32::from(code) - offset(kind)) as f32 + added * f32::from(part.minimum));
            }
        }
    }
    floats
}

/// A weight of a kind that has no blocks.
///
/// # Panics
/// Where the bytes are not its own.
pub(crate) fn single(kind: Kind, bytes: &[u8]) -> f32 {
    match *bytes {
        [a, b, c, d] if kind == Kind::F32 => f32::from_le_bytes([a, b, c, d]),
        [a, b] if kind == Kind::F16 => f16::from_le_bytes([a, b]).to_f32(),
        [a, b] if kind == Kind::Bf16 => half::bf16::from_le_bytes([a, b]).to_f32(),
        _ => panic!("{} bytes for a weight of {kind}", bytes.len()),
    }
}

/// Blocks of [`Kind::Q8_0`] for floats, as ggml's reference makes them: the largest of 32 becomes 127 or -127.
///
/// # Panics
/// Where the floats do not fill the last block.
pub(crate) fn to_q8_0(floats: &[f32]) -> Vec<u8> {
    let (blocks, rest) = floats.as_chunks::<PART>();
    assert!(rest.is_empty(), "{} weights in the last block", rest.len());
    let mut bytes = Vec::with_capacity(blocks.len() * Kind::Q8_0.bytes());
    for block in blocks {
        let largest = block.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        let scale = largest / 127.0;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        bytes.extend(f16::from_f32(scale).to_le_bytes());
        bytes.extend(block.iter().map(|weight| (weight * inverse).round() as i8 as u8));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_come_back_from_q8_0_within_half_a_step() {
        let floats: Vec<f32> = (0..64).map(|index| (index as f32 * 0.7).sin() * 3.0).collect();
        let back = super::floats(Kind::Q8_0, &to_q8_0(&floats), 64);
        for (before, after) in floats.iter().zip(back) {
            // And the scale's own rounding to 11 bits, of up to 127 steps.
            assert!((before - after).abs() <= 3.0 / 127.0 * (0.5 + 127.0 / 2048.0), "{before} {after}");
        }
        assert_eq!(super::floats(Kind::Q8_0, &to_q8_0(&[0.0; 32]), 32), [0.0; 32]);
    }

    #[test]
    fn six_bits_of_scales_are_put_together() {
        // Scales 1..=8 plus 40, minima 11..=18 plus 30, packed as ggml packs them.
        let (scales, minima): (Vec<u8>, Vec<u8>) = (0..8).map(|part| (41 + part, 41 + 2 * part)).unzip();
        let mut packed = [0; 12];
        for part in 0..4 {
            packed[part] = scales[part] | ((scales[part + 4] >> 4) << 6);
            packed[part + 4] = minima[part] | ((minima[part + 4] >> 4) << 6);
            packed[part + 8] = (scales[part + 4] & 0xf) | ((minima[part + 4] & 0xf) << 4);
        }
        for part in 0..8 {
            assert_eq!(scale_and_minimum(&packed, part), (scales[part], minima[part]));
        }
    }
}
