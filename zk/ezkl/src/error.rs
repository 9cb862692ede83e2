//! Why EZKL cannot be had, and what mends it.

use std::path::PathBuf;

use crate::{EZKL_VERSION, OLDEST_PYTHON};

/// Why EZKL could not be set up or started.
#[derive(Debug, thiserror::Error)]
pub enum EzklError {
    /// There is no Python.
    #[error("no python3 on the search path")]
    NoPython,
    /// Something is called python3 that does not behave like one.
    #[error("{} does not run: {said}", python.display())]
    BrokenPython {
        /// What was run.
        python: PathBuf,
        /// What it said, or why it could not be started.
        said: String,
    },
    /// The Python is older than the worker needs.
    #[error("{} is Python {}.{}, older than {}.{}", python.display(), found.0, found.1, OLDEST_PYTHON.0, OLDEST_PYTHON.1)]
    OldPython {
        /// Which.
        python: PathBuf,
        /// Its version.
        found: (u32, u32),
    },
    /// The Python cannot make virtual environments (Debian packs `ensurepip` apart).
    #[error("{} has no module `{module}`", python.display())]
    NoVenvModule {
        /// Which Python.
        python: PathBuf,
        /// What it lacks.
        module: String,
    },
    /// No wheel of EZKL fits this platform.
    #[error("there is no wheel of ezkl {EZKL_VERSION} for {platform}")]
    NoWheel {
        /// As Python calls it.
        platform: String,
    },
    /// The user forbade the setup and it has not been done before.
    #[error("ezkl {EZKL_VERSION} is not set up and --no-setup forbids to")]
    SetupForbidden,
    /// The virtual environment could not be made.
    #[error("python -m venv failed: {said}")]
    VenvFails {
        /// Its last lines.
        said: String,
    },
    /// pip could not reach the package index.
    #[error("pip could not reach the package index: {said}")]
    Offline {
        /// Its last lines.
        said: String,
    },
    /// pip downloaded something else than what is pinned.
    #[error("the wheel that pip found is not the pinned one: {said}")]
    WrongHash {
        /// Its last lines.
        said: String,
    },
    /// pip failed otherwise.
    #[error("pip install failed: {said}")]
    PipFails {
        /// Its last lines.
        said: String,
    },
    /// The wheel is installed and does not work.
    #[error("ezkl {EZKL_VERSION} is installed but cannot be imported: {said}")]
    ImportFails {
        /// The last lines of Python's report.
        said: String,
    },
    /// It has not been set up.
    #[error("ezkl {EZKL_VERSION} is not set up")]
    NotSetUp,
    /// There is no such profile.
    #[error("ezkl has no profile `{name}`")]
    NoSuchProfile {
        /// What was asked for.
        name: String,
    },
    /// The cache folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl EzklError {
    /// Why, in a sentence.
    pub fn reason(&self) -> String {
        self.to_string()
    }

    /// What mends it.
    pub fn fix(&self) -> String {
        match self {
            Self::NoPython | Self::OldPython { .. } | Self::BrokenPython { .. } => format!(
                "install Python {}.{} or newer (Debian, Ubuntu: apt-get install python3 python3-venv) or name one in \
                 ZKTEE_PYTHON",
                OLDEST_PYTHON.0, OLDEST_PYTHON.1
            ),
            Self::NoVenvModule { .. } => {
                "install it (Debian, Ubuntu: apt-get install python3-venv) or name another Python in ZKTEE_PYTHON".into()
            }
            Self::NoWheel { .. } => "measure EZKL on Linux x86-64, macOS or Windows; leave it out here with --backend".into(),
            Self::SetupForbidden => "run once without --no-setup while the network is there".into(),
            Self::Offline { .. } => "connect once: after the setup EZKL runs offline. Behind a mirror, set pip's own \
                                     configuration (PIP_INDEX_URL, PIP_FIND_LINKS)"
                .into(),
            Self::WrongHash { .. } => "look at the package index or mirror that pip uses: it offers another file under this \
                                       name; nothing was installed"
                .into(),
            Self::VenvFails { .. } | Self::PipFails { .. } => {
                "see pip's message; free disk space (200 MB are needed) or set pip's configuration, then run again".into()
            }
            Self::ImportFails { .. } => {
                "the system's C library may be too old for the wheel (glibc 2.17 or newer is needed); name another Python in \
                 ZKTEE_PYTHON"
                    .into()
            }
            Self::NotSetUp => "run without --no-setup: it is set up on first need".into(),
            Self::NoSuchProfile { .. } => "choose ezkl/default or ezkl/tuned".into(),
            Self::Cache { .. } => "make the cache folder writable or name another".into(),
        }
    }
}
