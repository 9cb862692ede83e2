//! Stands in for the crate `risc0-circuit-keccak-sys`: its types and functions, without the C++ kernels behind them.
//!
//! The keccak circuit proves what a guest hashed with the accelerated Keccak. The guests here hash with SHA-256; one that called
//! Keccak would get an error that says what is missing, through the same channel by which the kernels report theirs.

// The names are those of the C interface.
#![expect(clippy::missing_safety_doc, reason = "nothing is read or written through the pointers")]

use std::ffi::c_char;

use risc0_core::field::baby_bear::{BabyBearElem, BabyBearExtElem};

/// Where a row's bits go.
#[derive(Debug)]
#[repr(C)]
pub struct ScatterInfo {
    /// First bit.
    pub offset: u32,
    /// Row.
    pub row: u32,
    /// Column.
    pub col: u16,
    /// How many.
    pub count: u16,
    /// Bits of each.
    pub bits: u32,
}

/// What preflight saw.
#[repr(C)]
pub struct RawPreflightTrace {
    /// States before the permutation.
    pub preimages: *const [u64; 25],
    /// How many.
    pub preimages_count: u32,
    /// Which cycle works on which.
    pub preimage_idxs: *const u32,
    /// Order of the cycles.
    pub run_order: *const u32,
}

/// The columns that witness generation fills.
#[repr(C)]
pub struct RawExecBuffers {
    /// Values of the whole table.
    pub global: RawBuffer,
    /// Data columns.
    pub data: RawBuffer,
}

/// A matrix.
#[repr(C)]
pub struct RawBuffer {
    /// Its elements.
    pub buf: *const BabyBearElem,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Whether reads are checked.
    pub checked_reads: bool,
}

/// Always an error.
pub unsafe fn risc0_circuit_keccak_cpu_witgen(
    _mode: u32,
    _buffers: *const RawExecBuffers,
    _preflight: *const RawPreflightTrace,
    _cycles: u32,
) -> *const c_char {
    missing()
}

/// Always an error.
pub unsafe fn risc0_circuit_keccak_cpu_poly_fp(
    _cycle: usize,
    _steps: usize,
    _poly_mixs: *const BabyBearExtElem,
    _args_ptr: *const *const BabyBearElem,
    _result: *mut BabyBearExtElem,
) -> *const c_char {
    missing()
}

/// The message, on C's heap: the caller frees it.
fn missing() -> *const c_char {
    // SAFETY: `strdup` copies a C string that lives for ever.
    unsafe { libc::strdup(c"the kernels of the keccak circuit are not built here".as_ptr()) }
}
