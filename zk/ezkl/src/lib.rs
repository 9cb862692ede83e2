//! EZKL as a worker: its private Python environment and the program that speaks the worker protocol.
//!
//! ```text
//!   Ezkl ── availability, provision, command ──▶ runner
//!    │
//!    ├── python       which Python 3, and can it hold EZKL?
//!    ├── environment  the virtual environment in the cache folder: made once, under a lock, from hash-pinned wheels
//!    └── worker/worker.py, profiles.json, requirements.txt   built into this crate, written to the cache folder when needed
//! ```
//!
//! EZKL is not in the Rust package registry, and its prover holds the process for minutes and can take it down with it: so it
//! runs as a Python child. See [`LICENCE_NOTICE`] for why nothing of it is shipped here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use error::EzklError;
pub use zktee_core::provider::{Availability, Unavailable, WorkerCommand};

mod environment;
mod error;
mod python;
#[cfg(all(test, unix))]
mod testing;

/// The version that is measured.
pub const EZKL_VERSION: &str = "23.0.5";

/// What a user must know before it is installed.
pub const LICENCE_NOTICE: &str = "EZKL 23.0.5 is not free software by any licence that can be found: its source grants none \
    since 2024-01-07 and the wheel names none. It is installed from the package index by your own pip into a folder of its own; \
    this project neither ships nor redistributes it.";

/// worker.py needs `math.prod` and `:=`; EZKL itself would run on 3.7.
pub(crate) const OLDEST_PYTHON: (u32, u32) = (3, 8);

/// How long the setup takes where the network is slow: 40 MB of download.
const SETUP_ESTIMATE: Duration = Duration::from_mins(1);

/// A named way to use EZKL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The part after `ezkl/`.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
}

const PROFILES: [Profile; 2] = [
    Profile { name: "default", summary: "EZKL 23.0.5 as its documentation has it: calibrated, every argument its own" },
    Profile {
        name: "tuned",
        summary: "EZKL 23.0.5 with the fastest settings found that keep the accuracy floor (profiles.json)",
    },
];

/// The profiles, in the order of the tables.
pub const fn profiles() -> &'static [Profile] {
    &PROFILES
}

/// EZKL in a cache folder.
#[derive(Clone, Debug)]
pub struct Ezkl {
    cache: PathBuf,
    may_set_up: bool,
    /// Makes reference strings faster than EZKL does.
    srs_maker: Option<PathBuf>,
    /// Stands in for `PATH` in tests.
    search_path: Option<OsString>,
}

impl Ezkl {
    /// EZKL with its environment below this folder, which is made when needed.
    pub const fn new(cache: PathBuf) -> Self {
        Self { cache, may_set_up: true, srs_maker: None, search_path: None }
    }

    /// Whether [`Ezkl::provision`] may install something (`--no-setup` says no). It may by default.
    #[must_use]
    pub const fn allow_setup(mut self, allowed: bool) -> Self {
        self.may_set_up = allowed;
        self
    }

    /// Has reference strings made by `PROGRAM srs LOGROWS FILE` instead of EZKL's own `gen_srs`, which multiplies each of its 2^k
    /// points by itself and takes minutes for what no phase measures.
    #[must_use]
    pub fn srs_maker(mut self, program: PathBuf) -> Self {
        self.srs_maker = Some(program);
        self
    }

    /// Whether EZKL can be had. Changes nothing.
    pub fn availability(&self) -> Availability {
        if self.environment().is_ready() {
            return Availability::Ready;
        }
        let wanting = if self.may_set_up {
            python::find(self.search_path.as_deref()).err()
        } else {
            Some(EzklError::SetupForbidden)
        };
        match wanting {
            Some(error) => Availability::Unavailable(error.into()),
            None => Availability::NeedsSetup {
                what: format!(
                    "a private Python environment with ezkl {EZKL_VERSION} (40 MB download, 110 MB on disk) in {}",
                    self.environment().root().display()
                ),
                estimate: SETUP_ESTIMATE,
            },
        }
    }

    /// Installs EZKL unless that has been done. `say` is told what happens.
    ///
    /// # Errors
    /// What is missing and what mends it.
    pub fn provision(&self, say: &mut dyn FnMut(&str)) -> Result<(), EzklError> {
        let environment = self.environment();
        if environment.is_ready() {
            return Ok(());
        }
        if !self.may_set_up {
            return Err(EzklError::SetupForbidden);
        }
        let python = python::find(self.search_path.as_deref())?;
        environment.build(&python, say)
    }

    /// The worker of one profile, by its bare name (`tuned`) or its full one (`ezkl/tuned`).
    ///
    /// # Errors
    /// When there is no such profile or EZKL is not set up.
    pub fn command(&self, profile: &str) -> Result<WorkerCommand, EzklError> {
        let name = profile.strip_prefix("ezkl/").unwrap_or(profile);
        if !PROFILES.iter().any(|known| known.name == name) {
            return Err(EzklError::NoSuchProfile { name: name.into() });
        }
        let environment = self.environment();
        if !environment.is_ready() {
            return Err(EzklError::NotSetUp);
        }
        let worker = environment.write_worker()?;
        // A log level meant for the runner would have EZKL write megabytes.
        let mut env = vec![("RUST_LOG".into(), "error".into())];
        env.extend(self.srs_maker.iter().map(|program| ("ZKTEE_SRS_MAKER".into(), program.into())));
        Ok(WorkerCommand {
            program: environment.python(),
            // Isolated: no user site, no PYTHON* variables; and no byte code beside the worker.
            args: vec!["-I".into(), "-B".into(), worker.into(), "--profile".into(), name.into()],
            env,
        })
    }

    fn environment(&self) -> environment::Environment {
        environment::Environment::below(&self.cache)
    }

    #[cfg(all(test, unix))]
    fn searching(mut self, path: &std::path::Path) -> Self {
        self.search_path = Some(path.into());
        self
    }
}

impl From<EzklError> for Unavailable {
    fn from(error: EzklError) -> Self {
        Self { reason: error.reason(), fix: error.fix() }
    }
}

impl zktee_core::provider::Provider for Ezkl {
    fn profiles(&self) -> Vec<zktee_core::provider::Profile> {
        let named = |profile: &Profile| zktee_core::provider::Profile {
            backend: format!("ezkl/{}", profile.name),
            summary: profile.summary.into(),
        };
        PROFILES.iter().map(named).collect()
    }

    fn availability(&self) -> Availability {
        Self::availability(self)
    }

    fn provision(&self, say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        Ok(Self::provision(self, say)?)
    }

    fn command(&self, backend: &str) -> Result<WorkerCommand, Unavailable> {
        Ok(Self::command(self, backend)?)
    }

    fn licence_notice(&self) -> Option<&str> {
        Some(LICENCE_NOTICE)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::testing::{fake_python, healthy_python};
    use zktee_core::provider::Provider as _;

    fn reason(availability: Availability) -> String {
        match availability {
            Availability::Unavailable(why) => format!("{} / {}", why.reason, why.fix),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_python_it_is_unavailable_with_a_fix() {
        let folder = tempfile::tempdir().unwrap();
        let ezkl = Ezkl::new(folder.path().join("cache")).searching(folder.path());
        assert!(reason(ezkl.availability()).starts_with("no python3 on the search path / install Python 3.8"));
        assert!(!folder.path().join("cache").exists(), "asking changes nothing");
    }

    #[test]
    fn with_a_python_it_needs_setup_and_with_no_setup_it_is_unavailable() {
        let python = healthy_python("exit 1");
        let ezkl = Ezkl::new(python.path().join("cache")).searching(python.path());
        assert!(matches!(ezkl.availability(), Availability::NeedsSetup { .. }));
        let ezkl = ezkl.allow_setup(false);
        assert!(reason(ezkl.availability()).contains("--no-setup"));
        assert!(matches!(ezkl.provision(&mut |_| {}), Err(EzklError::SetupForbidden)));
    }

    #[test]
    fn a_command_needs_the_setup_and_a_known_profile() {
        let python = fake_python("exit 1");
        let ezkl = Ezkl::new(python.path().join("cache")).searching(python.path());
        assert!(matches!(ezkl.command("tuned"), Err(EzklError::NotSetUp)));
        assert!(matches!(ezkl.command("ezkl/fast"), Err(EzklError::NoSuchProfile { .. })));
    }

    #[test]
    fn the_provider_names_both_profiles_and_the_licence() {
        let ezkl = Ezkl::new("unused".into());
        let names: Vec<String> = ezkl.profiles().into_iter().map(|profile| profile.backend).collect();
        assert_eq!(names, ["ezkl/default", "ezkl/tuned"]);
        assert!(ezkl.licence_notice().is_some_and(|notice| notice.contains("neither ships nor redistributes")));
    }
}
