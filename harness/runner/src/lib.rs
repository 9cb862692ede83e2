//! The run itself: plan, isolate, sample, check, record, resume.
//!
//! ```text
//!   plan ──> run ──> cell ──> process        what to do, in which order, one cell's phase, one worker process
//!              │       └────> check          is the answer right, is the evidence about it
//!              └────> folder                 samples.csv, run.json, the lock, the scratch space
//!   partition, merge                         a plan in parts, on several machines, and put together again
//! ```
//!
//! Everything that a backend can do wrong ends as a [`Failure`] with an outcome, never as the end of the run.

mod asked;
mod cell;
mod check;
mod clocks;
pub mod conformance;
mod disk;
mod estimate;
mod evidence;
mod failure;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod generations;
mod language;
mod memory;
pub mod merge;
mod orphans;
mod pace;
mod partition;
mod plan;
mod probe;
mod process;
mod progress;
mod publish;
mod reference;
mod run;
mod select;
mod statement;
mod workload;

pub use disk::free_bytes;
pub use evidence::{Reverified, Reverifier, Verdict};
pub use failure::Failure;
pub use folder::{FolderError, Log, RunFolder};
pub use memory::machine_memory_bytes;
pub use partition::{Partition, PartitionError};
pub use plan::{Costs, Plan, PlanError, PlannedCell, Providers, References, SetupPolicy};
pub use process::{Exchange, Interrupt, Limits, WorkerProcess};
pub use publish::{PublishError, Published, Publisher};
pub use run::{Event, Observer, RunEnd, RunError, run};
pub use select::{Apart, Selection, SelectionError};
