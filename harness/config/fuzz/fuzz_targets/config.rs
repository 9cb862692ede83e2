//! A configuration of any bytes: never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_config::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::config(data));
