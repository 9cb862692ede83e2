//! How the runner gets at this backend: it is built in.

use std::path::PathBuf;

use zktee_core::provider::{Availability, Profile as Listed, Provider, Unavailable, WorkerCommand};

use crate::parameters::Profile;

/// The backend's family. The worker of a profile is `PROGRAM worker PROFILE`.
#[derive(Debug, Clone)]
pub struct Stark {
    program: PathBuf,
}

impl Stark {
    /// With the program that serves [`crate::StarkWorker`] when it is called that way.
    pub const fn new(program: PathBuf) -> Self {
        Self { program }
    }
}

impl Provider for Stark {
    fn profiles(&self) -> Vec<Listed> {
        let summary = |profile| match profile {
            Profile::Fast => "our STARK on Plonky3's building blocks, no trusted setup: the fastest prover",
            Profile::Small => "the same with the smaller proof",
            Profile::Zk => "the same with the input hidden: zero-knowledge",
        };
        let listed =
            |profile: Profile| Listed { backend: profile.backend().to_owned(), summary: summary(profile).to_owned() };
        Profile::ALL.map(listed).to_vec()
    }

    fn availability(&self) -> Availability {
        Availability::Ready
    }

    fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        Ok(())
    }

    fn command(&self, backend: &str) -> Result<WorkerCommand, Unavailable> {
        Ok(WorkerCommand {
            program: self.program.clone(),
            args: vec!["worker".into(), backend.into()],
            env: Vec::new(),
        })
    }
}
