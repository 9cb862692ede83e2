//! A worker's line of any bytes, as the whole response and as the content of a proper one: never a panic, and no number that no clock has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_runner::fuzzing;

fuzz_target!(|data: &[u8]| {
    fuzzing::answer(data);
    fuzzing::answer(&[br#"{"v":1,"id":7,"cell":"w@b","ok":"#, data, b"}"].concat());
});
