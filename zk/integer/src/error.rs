//! Which kind an error is of: that decides the cell's outcome.

use zktee_core::protocol::{ErrorKind, WorkerError};
use zktee_models::integer::InferError;

/// A damaged file or a shape that does not fit.
pub fn invalid(error: impl std::fmt::Display) -> WorkerError {
    WorkerError::new(ErrorKind::InvalidInput, error.to_string())
}

/// The backend's own failure.
pub fn failed(error: impl std::fmt::Display) -> WorkerError {
    WorkerError::new(ErrorKind::Failed, error.to_string())
}

/// What the twin said to an input: a wrong shape is the caller's, a value that it does not take is the backend's limit.
pub fn refusal(error: &InferError) -> WorkerError {
    let kind = match error {
        InferError::Length { .. } | InferError::NotFinite { .. } => ErrorKind::InvalidInput,
        InferError::InputRange { .. } | InferError::Activation { .. } => ErrorKind::Refused,
    };
    WorkerError::new(kind, error.to_string())
}
