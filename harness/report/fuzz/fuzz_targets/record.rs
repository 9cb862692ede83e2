//! The plan of a run and its machine, of any bytes: never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_report::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::record(data));
