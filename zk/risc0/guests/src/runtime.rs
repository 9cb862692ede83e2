//! Entry, input, output: the machine's system calls.

use alloc::vec;
use alloc::vec::Vec;

use risc0_zkvm_platform::syscall::{sys_halt, sys_read_words, sys_write};
use risc0_zkvm_platform::{fileno, heap, memory};

use crate::hash::{Digest, sha256};

static STACK_TOP: u32 = memory::STACK_TOP;

// Sets the global pointer and the stack pointer.
core::arch::global_asm!(
    ".section .text._start",
    ".globl _start",
    "_start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    ".option pop",
    "la sp, {top}",
    "lw sp, 0(sp)",
    "call {start}",
    top = sym STACK_TOP,
    start = sym start,
);

unsafe extern "C" fn start() -> ! {
    unsafe extern "Rust" {
        fn zktee_main() -> Vec<u32>;
    }
    // SAFETY: called once, before anything is allocated; each program defines `zktee_main` by `program!`.
    let journal = unsafe {
        heap::init();
        zktee_main()
    };
    finish(&journal)
}

/// The program's function: from what it reads to the journal.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn zktee_main() -> $crate::Words {
            $main()
        }
    };
}

/// The next sequence of words: its length, then as many.
pub fn read() -> Vec<i32> {
    let mut length = 0_u32;
    read_words(&raw mut length, 1);
    let mut words = vec![0_i32; length as usize];
    read_words(words.as_mut_ptr().cast(), words.len());
    words
}

fn read_words(to: *mut u32, count: usize) {
    // SAFETY: `to` points to `count` words.
    let bytes = unsafe { sys_read_words(fileno::STDIN, to, count) };
    assert!(bytes == 4 * count, "the input ends early");
}

/// Writes the journal and stops; the claim's output is a digest over the journal's, as `risc0_zkvm::Output` has it.
fn finish(journal: &[u32]) -> ! {
    // SAFETY: bytes of words that stay where they are.
    let bytes = unsafe { core::slice::from_raw_parts(journal.as_ptr().cast::<u8>(), 4 * journal.len()) };
    // SAFETY: as many bytes as are told.
    unsafe { sys_write(fileno::JOURNAL, bytes.as_ptr(), bytes.len()) };
    let mut output = Vec::new();
    push(&mut output, sha256(b"risc0.Output"));
    push(&mut output, sha256(bytes));
    // No assumptions; two digests are below.
    push(&mut output, [0; 8]);
    output.extend(2_u16.to_le_bytes());
    sys_halt(0, &sha256(&output))
}

fn push(output: &mut Vec<u8>, digest: Digest) {
    output.extend(digest.iter().flat_map(|word| word.to_le_bytes()));
}
