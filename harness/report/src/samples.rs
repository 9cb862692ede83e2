//! `samples.csv`: reading it with every row checked, and appending to it so that a kill or a full disk costs one row at most.
//!
//! The file is plain CSV with one more promise: a row is exactly one line, since line breaks inside texts are replaced before they
//! are written. So a torn write can only be the last line, and is known by its missing line end.

mod journal;
mod read;

pub use journal::{Journal, JournalError};
pub use read::{Samples, SamplesError, read};
pub(crate) use read::{bad_number, parse_whole};

use zktee_core::record::Sample;
use zktee_core::vocabulary::{CellId, Phase};

/// The column names of `samples.csv`, in order.
///
/// They are the field names of [`Sample`], asked of its own serialiser, so that the two cannot drift apart.
pub fn columns() -> Vec<String> {
    header_of(&blank())
}

/// The header line that the `csv` crate writes for a row type.
pub(crate) fn header_of<T: serde::Serialize>(row: &T) -> Vec<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Rows are flat structs of scalars and texts, which the writer takes without fail.
    writer.serialize(row).expect("a flat row serialises");
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    reader.headers().expect("the header was just written").iter().map(str::to_owned).collect()
}

/// Replaces line breaks, so that a row stays a line.
pub(crate) fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim_end).filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" | ")
}

/// A row with no names and nothing measured.
fn blank() -> Sample {
    Sample::blank(&CellId::new("", ""), Phase::Setup)
}
