//! From recorded samples to tables, plots and reports.
//!
//! ```text
//!   run.json, samples.csv, environment.json -> load -> cells -> document -> cells.csv, report.md, report.html
//!                                                        |          ^
//!                                claims.toml -> article -+-> plots -+----> plots/*.svg, plots/*.png
//!                                          fit -> scaling -+
//! ```
//!
//! Everything that is written here can be written again from the recorded samples alone; `docs/results.md` defines every column.

mod append;
mod article;
mod batch;
pub mod cell;
mod cells;
pub mod claims;
mod document;
pub mod fit;
#[doc(hidden)]
pub mod fuzzing;
mod generations;
mod html;
mod language;
mod language_tables;
mod load;
mod load_table;
mod markdown;
mod plots;
mod prices;
mod published;
mod reckoned;
mod rows;
pub mod samples;
mod scaling;
mod show;
pub mod stats;
mod strict;
mod summary;
mod table;
mod tables;
mod tex;
pub mod timeline;
pub mod units;
mod write;

pub use append::Appender;
pub use cell::Cell;
pub use cells::cells;
pub use generations::{generation_columns, token_columns};
pub use language::{LanguageCell, language_cells};
pub use load::{LoadError, Run, Warning, load};
pub use load_table::load_text;
pub use prices::{Price, Prices, PricesError};
pub use rows::{RowsError, write_rows};
pub use tables::{markdown_table, not_here};
pub use write::{Format, ReportError, write, write_all};
