//! A user's inputs of any bytes, as each format: never a panic, and no tensor that does not hold together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_config::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::inputs(data));
