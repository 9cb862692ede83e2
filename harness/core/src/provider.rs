//! How the runner gets at a family of backend profiles: is it there, can it be set up, which program is its worker?

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The program that speaks the worker protocol for one backend profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables beside the inherited ones.
    pub env: Vec<(OsString, OsString)>,
}

/// A named setting of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The backend with its profile, e.g. `ezkl/tuned`, or `native` where there is only one.
    pub backend: String,
    /// One line for lists.
    pub summary: String,
}

/// Why a backend cannot be had, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unavailable {
    /// Why.
    pub reason: String,
    /// What mends it: a command where there is one.
    pub fix: String,
}

/// Whether a backend can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// At once.
    Ready,
    /// After a setup that the runner can do itself.
    NeedsSetup {
        /// What will be done.
        what: String,
        /// How long it may take.
        estimate: Duration,
    },
    /// Not on this machine.
    Unavailable(Unavailable),
}

/// A family of backend profiles.
pub trait Provider {
    /// Its profiles, in the order of the tables.
    fn profiles(&self) -> Vec<Profile>;

    /// Whether it can be had; changes nothing.
    fn availability(&self) -> Availability;

    /// Sets up what is missing; `say` is told what happens.
    ///
    /// # Errors
    /// Why it could not be set up.
    fn provision(&self, say: &mut dyn FnMut(&str)) -> Result<(), Unavailable>;

    /// The worker of one of its profiles.
    ///
    /// # Errors
    /// When it is not set up.
    fn command(&self, backend: &str) -> Result<WorkerCommand, Unavailable>;

    /// Whether it runs language models beside tensors.
    fn answers_language_models(&self) -> bool {
        false
    }

    /// The worker of one of its profiles for language models.
    ///
    /// # Errors
    /// When it is not set up.
    fn language_command(&self, backend: &str) -> Result<WorkerCommand, Unavailable> {
        self.command(backend)
    }

    /// Whether it is taken only where a user writes its name out: no part of a table that is asked for as a whole.
    fn only_by_name(&self) -> bool {
        false
    }

    /// Whether its setup is too dear for a run that did not ask for it by name.
    fn only_on_request(&self) -> bool {
        false
    }

    /// What a user must know of its licence, where it is not this project's own.
    fn licence_notice(&self) -> Option<&str> {
        None
    }
}
