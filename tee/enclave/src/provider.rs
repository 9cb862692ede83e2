//! How the runner gets at enclaves on the process platform: they are built in.

use std::path::PathBuf;

use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};

/// The profile that talks in the open.
pub const PROCESS: &str = "enclave/process";
/// The profile that talks in encrypted sessions.
pub const PROCESS_SEALED: &str = "enclave/process-sealed";

/// The two profiles. The worker is `PROGRAM worker enclave/…`, and the program inside `PROGRAM enclave …`.
#[derive(Debug, Clone)]
pub struct ProcessEnclave {
    program: PathBuf,
}

impl ProcessEnclave {
    /// With the program that serves [`crate::EnclaveWorker`] and calls [`crate::serve`] when it is started so.
    pub const fn new(program: PathBuf) -> Self {
        Self { program }
    }
}

impl Provider for ProcessEnclave {
    fn profiles(&self) -> Vec<Profile> {
        let profile = |backend: &str, summary: &str| Profile { backend: backend.to_owned(), summary: summary.to_owned() };
        vec![
            profile(PROCESS, "the model in a process that is shut in, answers attested under a test root: simulated, no isolation"),
            profile(PROCESS_SEALED, "the same through an encrypted session, whose key is attested"),
        ]
    }

    fn availability(&self) -> Availability {
        if cfg!(target_os = "linux") {
            return Availability::Ready;
        }
        Availability::Unavailable(Unavailable {
            reason: "a process is shut in by means of Linux".to_owned(),
            fix: "run zktee on Linux".to_owned(),
        })
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
