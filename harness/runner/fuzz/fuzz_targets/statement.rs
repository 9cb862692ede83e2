//! The statement beside kept evidence, of any bytes: never a panic, and no path that leads out of its folder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_runner::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::statement(data));
