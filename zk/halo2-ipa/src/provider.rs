//! How the runner gets at this backend: it is built in.

use std::path::PathBuf;

use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};

use crate::NAME;

/// The backend as a family of one. Its worker is `PROGRAM worker halo2-ipa`.
#[derive(Debug, Clone)]
pub struct Halo2Ipa {
    program: PathBuf,
}

impl Halo2Ipa {
    /// With the program that serves [`crate::Halo2IpaWorker`] when it is called that way.
    pub const fn new(program: PathBuf) -> Self {
        Self { program }
    }
}

impl Provider for Halo2Ipa {
    fn profiles(&self) -> Vec<Profile> {
        let summary = "halo2 with the inner-product argument (zcash, Pasta): dot-product circuits, no trusted setup";
        vec![Profile { backend: NAME.to_owned(), summary: summary.to_owned() }]
    }

    fn availability(&self) -> Availability {
        Availability::Ready
    }

    fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        Ok(())
    }

    fn command(&self, _backend: &str) -> Result<WorkerCommand, Unavailable> {
        Ok(WorkerCommand { program: self.program.clone(), args: vec!["worker".into(), NAME.into()], env: Vec::new() })
    }
}
