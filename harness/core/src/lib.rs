//! The vocabulary that every part of zktee shares: phases, outcomes and trust; the worker protocol with both of its ends' message
//! types and the worker's serving loop; and the record that a run leaves, from which every table and plot is made.
//!
//! ```text
//!   vocabulary <- protocol (messages, serve, meter) <- record (samples.csv, run.json, environment.json)
//!                    ^                                   ^
//!             workers (zk/*, tee/*)              runner and report
//! ```

pub mod protocol;
pub mod provider;
pub mod record;
pub mod tensor;
pub mod vocabulary;
