//! Run folders in which any piece of any file was replaced: an error that names the file, or a report; never a panic.

mod support;

use std::fs;

use proptest::prelude::*;
use support::Fixture;
use zktee_core::record::files;
use zktee_report::{cells, load, markdown_table};

proptest! {
    // Each case writes a folder and makes its tables.
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_piece_replaced_anywhere_makes_nothing_panic(
        name in prop::sample::select(vec![files::RUN, files::SAMPLES, files::ENVIRONMENT, files::GENERATIONS, files::TOKENS]),
        at in any::<prop::sample::Index>(),
        length in 0usize..10,
        piece in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..10),
            "[-0-9eE.,\"\\[\\]{}:a-z]{0,10}".prop_map(String::into_bytes),
            prop::sample::select(vec!["1e308", "-0", "18446744073709551615", "NaN", "null", "\u{0}"]).prop_map(|text| text.as_bytes().to_vec()),
        ],
    ) {
        let dir = tempfile::tempdir().unwrap();
        Fixture::full().write(dir.path());
        let path = dir.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, piece);
        fs::write(&path, &bytes).unwrap();
        match load(dir.path()) {
            Ok(run) => {
                let _ = markdown_table(&cells(&run));
            }
            Err(error) => prop_assert!(error.to_string().contains(name), "{error}"),
        }
    }
}
