//! How the runner gets at this backend: it is built in.

use std::path::PathBuf;

use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};

/// What a proof says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    /// Model, input and output.
    PublicInput,
    /// Model and output; the input is committed to.
    PrivateInput,
}

impl Statement {
    /// All statements, in the order of the tables.
    pub const ALL: [Self; 2] = [Self::PublicInput, Self::PrivateInput];

    /// The backend with its profile.
    pub const fn backend(self) -> &'static str {
        match self {
            Self::PublicInput => "halo2/public-input",
            Self::PrivateInput => "halo2/private-input",
        }
    }

    /// The statement of a backend's name.
    pub fn of(backend: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|statement| statement.backend() == backend)
    }

    pub(crate) const fn private_input(self) -> bool {
        matches!(self, Self::PrivateInput)
    }
}

/// The backend's family. The worker of a profile is `PROGRAM worker PROFILE`.
#[derive(Debug, Clone)]
pub struct Halo2 {
    program: PathBuf,
    srs: Option<PathBuf>,
}

/// The environment variable by which a worker is told of a reference string of the user's.
pub(crate) const SRS_VARIABLE: &str = "ZKTEE_SRS";

impl Halo2 {
    /// With the program that serves [`crate::Halo2Worker`] when it is called that way.
    pub const fn new(program: PathBuf) -> Self {
        Self { program, srs: None }
    }

    /// Has circuits use this reference string (halo2's `ParamsKZG` format, large enough) instead of one made here.
    #[must_use]
    pub fn srs(mut self, file: Option<PathBuf>) -> Self {
        self.srs = file;
        self
    }
}

impl Provider for Halo2 {
    fn profiles(&self) -> Vec<Profile> {
        let summary = |statement| match statement {
            Statement::PublicInput => "our circuits, halo2 with KZG on BN254: input and output public",
            Statement::PrivateInput => "the same with the input committed to and not revealed",
        };
        let profile = |statement: Statement| Profile {
            backend: statement.backend().to_owned(),
            summary: summary(statement).to_owned(),
        };
        Statement::ALL.map(profile).to_vec()
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
