//! What both programs do: start, read words, hash, commit to what they found, stop.

#![no_std]

extern crate alloc;

mod hash;
mod runtime;

pub use runtime::read;

/// What a program commits to.
pub type Words = alloc::vec::Vec<u32>;

/// The journal of a program, in the order of `zktee_risc0_program::Statement`.
pub fn journal(model: &[i32], inputs: &[i32], fitted: Option<&[i32]>, batch: usize, outputs: &[i32]) -> Words {
    let mut journal = Words::with_capacity(25 + outputs.len());
    journal.extend(hash::sha256_words(model));
    journal.extend(hash::sha256_words(inputs));
    journal.extend(fitted.map_or([0; 8], hash::sha256_words));
    journal.push(batch as u32);
    journal.extend(outputs.iter().map(|output| output.cast_unsigned()));
    journal
}
