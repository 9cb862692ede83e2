//! Builds the prover: cargo on a workspace of its own, into the cache folder.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::RISC0_VERSION;
use crate::provider::LICENCE_NOTICE;

/// Written last, so that a build that was broken off is none.
const MARKER: &str = "ready";

/// How often the build says how far it is.
const EVERY: Duration = Duration::from_secs(20);

/// What the prover is made from, in the checkout.
pub(crate) const SOURCES: [&str; 6] = [
    "zk/risc0/elf",
    "zk/risc0/guests/program/src",
    "zk/risc0/prover/Cargo.lock",
    "zk/risc0/prover/src",
    "zk/risc0/prover/stand-ins",
    "zk/risc0/verifier/src",
];

/// Why the prover could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The checkout is gone.
    #[error("the checkout that this program was built in is gone, and with it {}", .0.display())]
    NoCheckout(PathBuf),
    /// There is no cargo.
    #[error("RISC Zero's prover has to be compiled, and there is no cargo on the search path")]
    NoCargo,
    /// There is no C++ compiler.
    #[error(
        "RISC Zero's prover has to be compiled, and there is no C++ compiler (c++, g++ or clang++) on the search path"
    )]
    NoCompiler,
    /// It has not been built.
    #[error("RISC Zero's prover is not built")]
    NotBuilt,
    /// A file or folder in the cache.
    #[error("{}: {source}", path.display())]
    Cache {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// cargo failed.
    #[error("building RISC Zero's prover failed: {said}")]
    Cargo {
        /// Its last lines.
        said: String,
    },
}

impl BuildError {
    /// What mends it.
    pub(crate) fn fix(&self, build: &Build) -> String {
        match self {
            Self::NoCheckout(_) => "build and run zktee in a checkout".to_owned(),
            Self::NoCargo => "install Rust (https://rustup.rs) and run again".to_owned(),
            Self::NoCompiler => "install a C++ compiler, e.g. apt install g++, and run again".to_owned(),
            Self::NotBuilt => "zktee run --backend risc0".to_owned(),
            Self::Cache { .. } => "free the space or name another folder with --cache".to_owned(),
            Self::Cargo { .. } => format!("{} says why", build.command_line()),
        }
    }
}

/// The prover's build.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    checkout: PathBuf,
    target: PathBuf,
    /// Stands in for cargo in tests.
    cargo: PathBuf,
}

impl Build {
    pub(crate) fn new(cache: &Path) -> Self {
        Self::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), cache, Path::new("cargo"))
    }

    /// Of a checkout, below a cache folder, with this cargo.
    pub(crate) fn of(checkout: &Path, cache: &Path, cargo: &Path) -> Self {
        let target = cache.join(format!("risc0-{RISC0_VERSION}"));
        Self { checkout: checkout.to_owned(), target, cargo: cargo.to_owned() }
    }

    /// Where cargo puts what it makes.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The prover.
    pub(crate) fn program(&self) -> PathBuf {
        self.target.join("release").join(format!("zktee-risc0-prover{}", std::env::consts::EXE_SUFFIX))
    }

    /// Whether the prover is there and no source of it is newer.
    pub(crate) fn is_ready(&self) -> bool {
        let built = fs::metadata(self.target.join(MARKER)).and_then(|marker| marker.modified());
        self.program().is_file()
            && built.is_ok_and(|built| SOURCES.iter().all(|it| !newer(&self.checkout.join(it), built)))
    }

    /// What is missing for a build.
    pub(crate) fn wanting(&self) -> Option<BuildError> {
        let manifest = self.manifest();
        if !manifest.is_file() {
            return Some(BuildError::NoCheckout(manifest));
        }
        if which::which(&self.cargo).is_err() {
            return Some(BuildError::NoCargo);
        }
        let compilers = ["c++", "g++", "clang++"];
        let named = std::env::var_os("CXX").is_some();
        (!named && compilers.iter().all(|name| which::which(name).is_err())).then_some(BuildError::NoCompiler)
    }

    /// The command, as a user would type it.
    pub(crate) fn command_line(&self) -> String {
        format!(
            "cargo build --release --locked --manifest-path {} --target-dir {}",
            self.manifest().display(),
            self.target.display()
        )
    }

    /// Builds. A second process that wants the same waits for the first and then finds it done.
    pub(crate) fn run(&self, say: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
        if let Some(error) = self.wanting() {
            return Err(error);
        }
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| BuildError::Cache { path, source }
        };
        fs::create_dir_all(&self.target).map_err(at(&self.target))?;
        let lock_path = self.target.join("zktee-lock");
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        if lock.try_lock().is_err() {
            say("another run is building RISC Zero's prover; waiting for it");
            lock.lock().map_err(at(&lock_path))?;
        }
        if self.is_ready() {
            return Ok(());
        }
        say(&format!("building RISC Zero's prover (once): {}", self.command_line()));
        say(LICENCE_NOTICE);
        let marker = self.target.join(MARKER);
        // Sources that change while they are compiled are newer than this.
        let begun = SystemTime::now();
        self.cargo(say)?;
        let written = File::create(&marker).and_then(|file| file.set_modified(begun));
        written.map_err(at(&marker))?;
        say("RISC Zero's prover is built; it runs without the network");
        Ok(())
    }

    fn cargo(&self, say: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
        let fails = |error: std::io::Error| BuildError::Cargo { said: error.to_string() };
        let mut child = Command::new(&self.cargo)
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(self.manifest())
            .arg("--target-dir")
            .arg(&self.target)
            // From the checkout, whose configuration has the machine's own instructions used.
            .current_dir(&self.checkout)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fails)?;
        let (mut compiled, mut said, mut last) = (0_u32, Instant::now(), Vec::new());
        for line in
            child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok)
        {
            compiled += u32::from(line.trim_start().starts_with("Compiling"));
            if said.elapsed() >= EVERY {
                say(&format!("building RISC Zero's prover: {compiled} crates begun, now {}", line.trim()));
                said = Instant::now();
            }
            last.push(line);
            if last.len() > 5 {
                last.remove(0);
            }
        }
        if child.wait().map_err(fails)?.success() { Ok(()) } else { Err(BuildError::Cargo { said: last.join(" / ") }) }
    }

    fn manifest(&self) -> PathBuf {
        self.checkout.join("zk/risc0/prover/Cargo.toml")
    }
}

/// Whether a file, or one in a folder, was changed after a time. What cannot be read counts as changed.
fn newer(path: &Path, than: SystemTime) -> bool {
    let Ok(about) = fs::metadata(path) else { return true };
    if !about.is_dir() {
        return about.modified().map_or(true, |changed| changed > than);
    }
    let Ok(entries) = fs::read_dir(path) else { return true };
    entries.flatten().any(|entry| newer(&entry.path(), than))
}
