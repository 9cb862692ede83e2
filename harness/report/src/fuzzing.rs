//! What a fuzzer throws bytes at; the property tests do the same with fewer of them.

use std::path::Path;

use zktee_core::record::{LoadRow, ProbeRow};

use crate::{generations, load, rows, samples, strict};

/// Reads bytes as `samples.csv`.
///
/// # Panics
/// If a row is accepted with a number that no clock has.
pub fn samples(bytes: &[u8]) {
    for sample in samples::parse_whole(bytes) {
        assert!(samples::bad_number(&sample).is_none(), "{sample:?}");
    }
}

/// Reads bytes as `generations.csv` and as `tokens.csv`.
///
/// # Panics
/// If an answer is accepted whose tokens have no speed.
pub fn generations(bytes: &[u8]) {
    let whole = &bytes[..strict::whole_rows(bytes)];
    for row in generations::answers(Path::new("generations.csv"), whole).unwrap_or_default() {
        assert!(row.eval_count == 0 || row.tokens_per_s().is_finite(), "{row:?}");
    }
    let _ = generations::tokens(Path::new("tokens.csv"), whole);
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
    below(&samples::columns(), rows)
}

/// Bytes as rows below the headers of `generations.csv` and `tokens.csv`.
pub fn with_headers_of_generations(rows: &[u8]) -> [Vec<u8>; 2] {
    [below(&generations::generation_columns(), rows), below(&generations::token_columns(), rows)]
}

fn below(columns: &[String], rows: &[u8]) -> Vec<u8> {
    [columns.join(",").as_bytes(), b"\n", rows, b"\n"].concat()
}
