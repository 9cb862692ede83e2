//! Stands in for the crate `risc0-circuit-recursion-sys`: its types and functions, without the 41 MB of generated C++ behind them.
//!
//! The recursion circuit turns a composite receipt into a succinct one. Nothing here asks for that; whoever does gets an error that
//! says what is missing, through the same channel by which the kernels report theirs.

// The names are those of the C interface.
#![expect(clippy::missing_safety_doc, reason = "nothing is read or written through the pointers")]

use std::ffi::c_char;

use risc0_core::field::baby_bear::{BabyBearElem, BabyBearExtElem};

/// The columns that witness generation fills.
#[repr(C)]
pub struct RawExecBuffers {
    /// Control columns.
    pub ctrl: *const BabyBearElem,
    /// Data columns.
    pub data: *const BabyBearElem,
    /// Values of the whole table.
    pub global: *const BabyBearElem,
}

/// The columns of the accumulation phase.
#[repr(C)]
pub struct RawAccumBuffers {
    /// Control columns.
    pub ctrl: *const BabyBearElem,
    /// Values of the whole table.
    pub global: *const BabyBearElem,
    /// Data columns.
    pub data: *const BabyBearElem,
    /// Challenges.
    pub mix: *const BabyBearElem,
    /// Accumulator columns.
    pub accum: *const BabyBearElem,
}

/// One cycle as preflight saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RawPreflightCycle {
    /// Index of the cycle's input.
    pub iop_idx: u32,
    /// Whether it may run beside others.
    pub is_par_safe: u32,
}

/// What preflight saw.
#[repr(C)]
pub struct RawPreflightTrace {
    /// Write-once memory.
    pub wom: *const BabyBearExtElem,
    /// Cycles.
    pub cycles: *const RawPreflightCycle,
    /// Inputs.
    pub iops: *const BabyBearExtElem,
    /// How many words of write-once memory.
    pub num_woms: u32,
    /// How many cycles.
    pub num_cycles: u32,
    /// How many inputs.
    pub num_iops: u32,
}

/// Order of the cycles.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum StepMode {
    /// Any.
    Parallel,
    /// First to last.
    SeqForward,
    /// Last to first.
    SeqReverse,
}

/// Always an error.
pub unsafe fn risc0_circuit_recursion_cpu_witgen(
    _mode: StepMode,
    _buffers: *const RawExecBuffers,
    _preflight: *const RawPreflightTrace,
    _total_cycles: u32,
) -> *const c_char {
    missing()
}

/// Always an error.
pub unsafe fn risc0_circuit_recursion_cpu_accum(
    _buffers: *const RawAccumBuffers,
    _work_cycles: u32,
    _total_cycles: u32,
) -> *const c_char {
    missing()
}

/// Always an error.
pub unsafe fn risc0_circuit_recursion_cpu_eval_check(
    _buffers: *const RawAccumBuffers,
    _poly_mix: *const BabyBearExtElem,
    _check: *const BabyBearElem,
    _rou: BabyBearElem,
    _po2: u32,
    _steps: u32,
) -> *const c_char {
    missing()
}

/// The message, on C's heap: the caller frees it.
fn missing() -> *const c_char {
    // SAFETY: `strdup` copies a C string that lives for ever.
    unsafe {
        libc::strdup(c"the kernels of the recursion circuit are not built here: composite receipts only".as_ptr())
    }
}
