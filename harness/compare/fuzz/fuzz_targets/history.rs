//! A history of any bytes: never a panic, and no time that no clock has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_compare::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::history(data));
