//! Did it get slower? Two runs, or a history of runs, held against chance.
//!
//! ```text
//!   run folders, criterion's folder -> side -> (cells, series) -> judge (rank, holm) -> Comparison -> text | markdown | JSON
//!                                               differences ----------^
//!   run folder -> Entry -> history file -> series -> change points -> timelines (drawn by zktee-report)
//! ```
//!
//! Nothing is measured here: everything is read from what runs recorded, through `zktee-report`. Methods, levels, sources and limits
//! stand in `docs/compare.md`; each method is cited again where it is coded.

mod comparison;
mod criterion;
mod differences;
mod error;
mod holm;
mod judge;
mod markdown;
mod metric;
mod rank;
mod side;
mod text;
mod words;

#[doc(hidden)]
pub mod fuzzing;
pub mod history;

pub use comparison::{Comparison, Remark, RemarkKind, Row, SideInfo, Summary, Unit, compare};
pub use criterion::CriterionError;
pub use differences::{About, Difference};
pub use error::CompareError;
pub use judge::{Judgement, Pair, Settings, SettingsError, Verdict, judge};
pub use markdown::markdown;
pub use metric::Metric;
pub use side::Side;
pub use text::text;
