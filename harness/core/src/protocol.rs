//! The worker protocol, version 1: `docs/worker-protocol.md` is its reference.

pub mod instructions;
mod message;
mod meter;
mod serve;

pub use message::{
    Description, ErrorKind, File, FileRole, Job, MAX_LINE_BYTES, Operation, PhaseReport, Reply, Request, Response,
    Stage, StagePart, VERSION, WorkerError,
};
pub use meter::{Meter, Reading};
pub use serve::{Timed, Worker, serve};
