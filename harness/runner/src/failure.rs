//! What went wrong with a worker, as an outcome and a reason.

use zktee_core::protocol::{ErrorKind, WorkerError};
use zktee_core::provider::Unavailable;
use zktee_core::vocabulary::Outcome;

/// Why a phase has no sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The cell ends with this outcome; the run goes on.
    Cell {
        /// The outcome.
        outcome: Outcome,
        /// Why, in a sentence, with the fix where one is known.
        reason: String,
    },
    /// The user asked the run to stop.
    Interrupted,
}

impl Failure {
    /// The cell ends with this outcome.
    pub fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self::Cell { outcome, reason: reason.into() }
    }

    /// The worker died or broke the protocol.
    pub fn crashed(reason: impl Into<String>) -> Self {
        Self::new(Outcome::Crashed, reason)
    }

    /// The answer or its evidence does not hold.
    pub fn wrong(reason: impl Into<String>) -> Self {
        Self::new(Outcome::Wrong, reason)
    }
}

impl From<WorkerError> for Failure {
    fn from(error: WorkerError) -> Self {
        let outcome = match error.kind {
            ErrorKind::Refused | ErrorKind::InvalidInput => Outcome::Refused,
            ErrorKind::Unavailable => Outcome::Unavailable,
            ErrorKind::OutOfMemory => Outcome::OutOfMemory,
            ErrorKind::Failed => Outcome::Crashed,
        };
        Self::new(outcome, with_fix(&error.message, error.fix.as_deref()))
    }
}

impl From<Unavailable> for Failure {
    fn from(error: Unavailable) -> Self {
        Self::new(Outcome::Unavailable, with_fix(&error.reason, Some(&error.fix)))
    }
}

/// A reason and its fix as one text.
pub(crate) fn with_fix(reason: &str, fix: Option<&str>) -> String {
    match fix.filter(|fix| !fix.is_empty()) {
        Some(fix) => format!("{reason}; to mend it: {fix}"),
        None => reason.to_owned(),
    }
}
