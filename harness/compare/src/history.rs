//! A history of runs: an append-only file, change points, and what is drawn of them.
//!
//! Each line of the file is one run in short, so a history of years is small, outlives the runs' folders, and merges in git line by
//! line.

mod change;
mod entry;
mod file;
mod series;

pub use change::{Change, Detection, changes};
pub use entry::{Entry, EntryCell, EntryTime};
pub(crate) use file::parse;
pub use file::{Added, DamagedLine, History, HistoryError, add, read};
pub use series::{CellHistory, PhaseHistory, cell_histories, text, timelines};
