//! What a fuzzer throws bytes at; the property tests do the same with fewer of them.

use std::path::Path;

use zktee_core::record::{LoadRow, ProbeRow};

use crate::{load, rows, samples};

/// Reads bytes as `samples.csv`.
///
/// # Panics
/// If a row is accepted with a number that no clock has.
pub fn samples(bytes: &[u8]) {
    for sample in samples::parse_whole(bytes) {
        assert!(samples::bad_number(&sample).is_none(), "{sample:?}");
    }
}

/// Reads bytes as the small tables beside it.
pub fn tables(bytes: &[u8]) {
    let _ = rows::parse::<LoadRow>(Path::new("load.csv"), bytes);
    let _ = rows::parse::<ProbeRow>(Path::new("probes.csv"), bytes);
}

/// Reads bytes as `run.json` and as `environment.json`.
pub fn record(bytes: &[u8]) {
    let _ = load::parse_record(Path::new("run.json"), bytes);
    let _ = load::parse::<zktee_core::record::Environment>(Path::new("environment.json"), bytes);
}

/// Bytes as rows below the header of `samples.csv`.
pub fn with_header(rows: &[u8]) -> Vec<u8> {
    [samples::columns().join(",").as_bytes(), b"\n", rows, b"\n"].concat()
}
