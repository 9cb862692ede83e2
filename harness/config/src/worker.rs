//! A backend of the user's own: a program that speaks the worker protocol.

use std::path::PathBuf;

use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};

/// A `[[worker]]` of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalWorker {
    /// The backend with its profile.
    pub backend: String,
    /// One line for lists.
    pub summary: String,
    /// The configuration file, for messages.
    pub origin: PathBuf,
    /// The program (an absolute path, or a bare name that is looked up in `PATH`), its arguments and variables.
    pub command: WorkerCommand,
}

impl ExternalWorker {
    fn find(&self) -> Result<PathBuf, Unavailable> {
        let program = &self.command.program;
        which::which(program).map_err(|error| {
            let origin = self.origin.display();
            let fix = if program.is_absolute() && program.is_file() {
                format!("chmod +x {}", program.display())
            } else if program.is_absolute() {
                format!("put the program there, or change `program` of worker `{}` in {origin}", self.backend)
            } else {
                format!("install it, or give a path in `program` of worker `{}` in {origin}", self.backend)
            };
            Unavailable { reason: format!("{}: {error}", program.display()), fix }
        })
    }
}

impl Provider for ExternalWorker {
    fn profiles(&self) -> Vec<Profile> {
        vec![Profile { backend: self.backend.clone(), summary: self.summary.clone() }]
    }

    fn availability(&self) -> Availability {
        self.find().map_or_else(Availability::Unavailable, |_| Availability::Ready)
    }

    fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        self.find().map(|_| ())
    }

    fn command(&self, backend: &str) -> Result<WorkerCommand, Unavailable> {
        if backend != self.backend {
            let reason = format!("`{backend}` is not `{}`", self.backend);
            return Err(Unavailable { reason, fix: "zktee list".into() });
        }
        // Looked up here once: the worker starts in another folder.
        Ok(WorkerCommand { program: self.find()?, ..self.command.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(program: impl Into<PathBuf>) -> ExternalWorker {
        ExternalWorker {
            backend: "mine/fast".into(),
            summary: "mine".into(),
            origin: "zktee.toml".into(),
            command: WorkerCommand { program: program.into(), args: vec!["-x".into()], env: Vec::new() },
        }
    }

    #[test]
    fn a_program_of_the_path_is_found() {
        let worker = worker("sh");
        assert_eq!(worker.availability(), Availability::Ready);
        let command = worker.command("mine/fast").unwrap();
        assert!(command.program.is_absolute() && command.args == ["-x"], "{command:?}");
        assert!(worker.command("mine/slow").is_err());
    }

    #[test]
    fn one_that_is_missing_or_not_executable_says_what_mends_it() {
        let Availability::Unavailable(why) = worker("zktee-no-such-program").availability() else { panic!() };
        assert!(why.reason.starts_with("zktee-no-such-program: ") && why.fix.contains("`mine/fast`"), "{why:?}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker");
        assert!(worker(&path).provision(&mut |_| ()).unwrap_err().fix.starts_with("put the program there"));
        std::fs::write(&path, "").unwrap();
        assert!(worker(&path).command("mine/fast").unwrap_err().fix.starts_with("chmod +x"));
    }
}
