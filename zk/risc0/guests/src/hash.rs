//! SHA-256 by the machine's own instruction, which compresses blocks where they lie in memory.

use risc0_zkvm_platform::syscall::sys_sha_buffer;

/// Eight words whose bytes in memory are those of the digest.
pub(crate) type Digest = [u32; 8];

/// FIPS 180-4, 5.3.3, as the machine keeps a state: most significant byte first.
const INITIAL: Digest = [
    0x6a09_e667_u32.to_be(),
    0xbb67_ae85_u32.to_be(),
    0x3c6e_f372_u32.to_be(),
    0xa54f_f53a_u32.to_be(),
    0x510e_527f_u32.to_be(),
    0x9b05_688c_u32.to_be(),
    0x1f83_d9ab_u32.to_be(),
    0x5be0_cd19_u32.to_be(),
];

/// Words and bytes of a block.
const WORDS: usize = 16;
const BYTES: usize = 64;

/// The digest of some words' bytes in memory.
pub(crate) fn sha256_words(words: &[i32]) -> Digest {
    let (blocks, rest) = words.as_chunks::<WORDS>();
    let mut state = INITIAL;
    compress(&mut state, blocks.as_ptr().cast(), blocks.len());
    let mut last = [0_u8; BYTES];
    for (bytes, word) in last.chunks_exact_mut(4).zip(rest) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    finish(state, &last[..4 * rest.len()], 4 * words.len())
}

/// The digest of a few bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let (blocks, rest) = bytes.as_chunks::<BYTES>();
    let mut state = INITIAL;
    for block in blocks {
        let aligned = Aligned(*block);
        compress(&mut state, aligned.0.as_ptr(), 1);
    }
    finish(state, rest, bytes.len())
}

/// The instruction reads words.
#[repr(C, align(4))]
struct Aligned([u8; BYTES]);

/// The last block or two: less than a block of bytes, a one bit, zeros, the length in bits.
fn finish(mut state: Digest, rest: &[u8], length: usize) -> Digest {
    let mut block = Aligned([0; BYTES]);
    block.0[..rest.len()].copy_from_slice(rest);
    block.0[rest.len()] = 0x80;
    if rest.len() >= BYTES - 8 {
        compress(&mut state, block.0.as_ptr(), 1);
        block.0 = [0; BYTES];
    }
    block.0[BYTES - 8..].copy_from_slice(&(8 * length as u64).to_be_bytes());
    compress(&mut state, block.0.as_ptr(), 1);
    state
}

fn compress(state: &mut Digest, blocks: *const u8, count: usize) {
    let from = *state;
    if count > 0 {
        // SAFETY: `blocks` points to `count` blocks, aligned to words; `state` is not read after it is written.
        unsafe { sys_sha_buffer(state, &from, blocks, count as u32) }
    }
}
