//! The worker protocol, version 1: `docs/worker-protocol.md` is its reference.

mod generation;
pub mod instructions;
mod message;
mod meter;
mod serve;

pub use generation::{
    Completion, Finish, Generated, Generation, GenerationTimes, MAX_PROMPT_BYTES, MAX_RESPONSE_TOKENS,
};
pub use message::{
    Description, ErrorKind, File, FileRole, Job, MAX_LINE_BYTES, Operation, PhaseReport, Reply, Request, Response,
    Stage, StagePart, VERSION, WorkerError,
};
pub use meter::{Meter, Reading, cpu_s};
pub use serve::{Timed, Worker, serve};
