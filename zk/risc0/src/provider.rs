//! How the runner gets at this backend: the prover is compiled once, from the checkout that zktee was built in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};

use crate::build::{Build, BuildError};
use crate::program::Program;

/// What the build takes on two cores: docs/risc0.md has the figures.
const BUILD_ESTIMATE: Duration = Duration::from_mins(6);

/// Tells a worker where the prover is.
pub const PROVER_VARIABLE: &str = "ZKTEE_RISC0_PROVER";

/// What a user must know before it is compiled.
pub(crate) const LICENCE_NOTICE: &str = "RISC Zero is Apache-2.0; of the crates it stands on, malachite is LGPL-3.0-only and option-ext MPL-2.0. \
    They are fetched from the crate registry and compiled on this machine; this project ships none of them.";

const fn summary(program: Program) -> &'static str {
    match program {
        Program::Predict => "RISC Zero 3.0.6 on the CPU: the integer model's answers, proven in its virtual machine",
        Program::Fit => "the same with the exact least-squares fit of the model proven as well (ols-iris alone)",
    }
}

/// The backend's family, its prover compiled below a cache folder. The worker of a profile is `PROGRAM worker PROFILE`.
#[derive(Clone, Debug)]
pub struct Risc0 {
    program: PathBuf,
    build: Build,
}

impl Risc0 {
    /// With the program that serves [`crate::Risc0Worker`] when it is called that way, and the prover below a folder that is made when
    /// needed.
    pub fn new(program: PathBuf, cache: &Path) -> Self {
        Self { program, build: Build::new(cache) }
    }
}

impl Provider for Risc0 {
    fn profiles(&self) -> Vec<Profile> {
        let profile =
            |program: Program| Profile { backend: program.backend().to_owned(), summary: summary(program).to_owned() };
        Program::ALL.map(profile).to_vec()
    }

    fn availability(&self) -> Availability {
        if self.build.is_ready() {
            return Availability::Ready;
        }
        match self.build.wanting() {
            Some(error) => Availability::Unavailable(self.unavailable(&error)),
            None => Availability::NeedsSetup {
                what: format!(
                    "RISC Zero's prover, compiled from crates into {} (about 6 minutes on 2 cores, 1 GB on disk)",
                    self.build.target().display()
                ),
                estimate: BUILD_ESTIMATE,
            },
        }
    }

    fn provision(&self, say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        self.build.run(say).map_err(|error| self.unavailable(&error))
    }

    fn command(&self, backend: &str) -> Result<WorkerCommand, Unavailable> {
        let program = Program::of(backend).ok_or_else(|| Unavailable {
            reason: format!("RISC Zero has no profile `{backend}`"),
            fix: "zktee list".to_owned(),
        })?;
        if !self.build.is_ready() {
            return Err(self.unavailable(&BuildError::NotBuilt));
        }
        Ok(WorkerCommand {
            program: self.program.clone(),
            args: vec!["worker".into(), program.backend().into()],
            // A log level meant for the runner is none for the prover.
            env: vec![(PROVER_VARIABLE.into(), self.build.program().into()), ("RUST_LOG".into(), "error".into())],
        })
    }

    fn licence_notice(&self) -> Option<&str> {
        Some(LICENCE_NOTICE)
    }

    fn only_on_request(&self) -> bool {
        true
    }
}

impl Risc0 {
    fn unavailable(&self, error: &BuildError) -> Unavailable {
        Unavailable { reason: error.to_string(), fix: error.fix(&self.build) }
    }
}

#[cfg(all(test, unix))]
#[path = "provider_tests.rs"]
mod tests;
