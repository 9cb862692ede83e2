//! Samples, generations, tokens and the small tables beside them, of any bytes, with and without a proper header: never a panic, and no number
//! that no clock has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_report::fuzzing;

fuzz_target!(|data: &[u8]| {
    fuzzing::samples(data);
    fuzzing::samples(&fuzzing::with_header(data));
    fuzzing::tables(data);
    fuzzing::generations(data);
    for bytes in fuzzing::with_headers_of_generations(data) {
        fuzzing::generations(&bytes);
    }
});
