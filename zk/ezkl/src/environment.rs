//! The virtual environment: a folder of the cache that holds one pinned version of EZKL and the worker.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use zktee_python::{PIP_OPTIONS, PipFailure, run, said};

use crate::EZKL_VERSION;
use crate::error::EzklError;
use crate::python::Python;

const REQUIREMENTS: &str = include_str!("../requirements.txt");
/// The worker's files: its main program first.
const WORKER: [(&str, &str); 4] = [
    ("worker.py", include_str!("../worker/worker.py")),
    ("base.py", include_str!("../worker/base.py")),
    ("srs.py", include_str!("../worker/srs.py")),
    ("profiles.json", include_str!("../profiles.json")),
];

/// Written last. A virtual environment cannot be built aside and renamed, for it knows its own path; so one without this file
/// is half done and is made anew.
const MARKER: &str = "ready";

const CHECK: &str = "import ezkl, importlib.metadata; ezkl.PyRunArgs(); print(importlib.metadata.version('ezkl'))";

/// The environment's place; its name holds what is installed, so that another version gets another folder.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    root: PathBuf,
}

impl Environment {
    pub(crate) fn below(cache: &Path) -> Self {
        Self { root: cache.join(format!("ezkl-{EZKL_VERSION}-{}", digest(&[REQUIREMENTS]))) }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The environment's interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        if cfg!(windows) {
            self.root.join("venv").join("Scripts").join("python.exe")
        } else {
            self.root.join("venv").join("bin").join("python")
        }
    }

    /// Whether it was finished and its interpreter is still there: the link dangles after the system's Python was removed.
    pub(crate) fn is_ready(&self) -> bool {
        self.root.join(MARKER).is_file() && self.python().exists()
    }

    /// Makes it. A second process that wants the same waits for the first and then finds it done.
    pub(crate) fn build(&self, python: &Python, say: &mut dyn FnMut(&str)) -> Result<(), EzklError> {
        fs::create_dir_all(&self.root).map_err(at(&self.root))?;
        let lock_path = self.root.join("lock");
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        if lock.try_lock().is_err() {
            say("another run is setting EZKL up; waiting for it");
            lock.lock().map_err(at(&lock_path))?;
        }
        if self.is_ready() {
            return Ok(());
        }
        say(&format!("setting up ezkl {EZKL_VERSION} in {} (once; 40 MB download)", self.root.display()));
        say(crate::LICENCE_NOTICE);
        self.install(python)?;
        self.check()?;
        write_whole(&self.root.join(MARKER), &format!("ezkl {EZKL_VERSION}\n"))?;
        say(&format!("ezkl {EZKL_VERSION} is ready; it runs offline from now on"));
        Ok(())
    }

    fn install(&self, python: &Python) -> Result<(), EzklError> {
        let venv = self.root.join("venv");
        if venv.exists() {
            fs::remove_dir_all(&venv).map_err(at(&venv))?;
        }
        let requirements = self.root.join("requirements.txt");
        write_whole(&requirements, REQUIREMENTS)?;
        let made = run(Command::new(&python.program).args(["-I", "-m", "venv"]).arg(&venv));
        match made {
            Ok(output) if output.status.success() && self.python().exists() => {}
            Ok(output) => return Err(EzklError::VenvFails { said: said(&output) }),
            Err(error) => return Err(EzklError::VenvFails { said: error.to_string() }),
        }
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install"]).args(PIP_OPTIONS).arg("-r").arg(&requirements);
        match run(&mut pip) {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(pip_error(said(&output), &String::from_utf8_lossy(&output.stderr))),
            Err(error) => Err(EzklError::PipFails { said: error.to_string() }),
        }
    }

    fn check(&self) -> Result<(), EzklError> {
        let output = run(Command::new(self.python()).args(["-I", "-c", CHECK]).env("EZKL_REPO_PATH", &self.root))
            .map_err(|error| EzklError::ImportFails { said: error.to_string() })?;
        let version = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(EzklError::ImportFails { said: said(&output) });
        }
        if version.trim() != EZKL_VERSION {
            return Err(EzklError::ImportFails { said: format!("its version is `{}`", version.trim()) });
        }
        Ok(())
    }

    /// Writes the worker beside its settings, in a folder named by its contents, and returns the worker's path. Two builds of this
    /// program with different workers can share the cache.
    pub(crate) fn write_worker(&self) -> Result<PathBuf, EzklError> {
        let folder = self.root.join(format!("worker-{}", digest(&WORKER.map(|(_, text)| text))));
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        for (name, text) in WORKER {
            let path = folder.join(name);
            // Compared, not only looked for: a file that was edited in the cache must not be what is measured.
            if fs::read(&path).map_or(true, |found| found != text.as_bytes()) {
                write_whole(&path, text)?;
            }
        }
        Ok(folder.join(WORKER[0].0))
    }
}

fn pip_error(said: String, complaint: &str) -> EzklError {
    match PipFailure::of(complaint) {
        PipFailure::WrongHash => EzklError::WrongHash { said },
        PipFailure::Offline => EzklError::Offline { said },
        PipFailure::NoMatch => EzklError::NoWheel { platform: format!("this Python ({said})") },
        PipFailure::Other => EzklError::PipFails { said },
    }
}

/// By way of a new file and a rename, so that nobody ever reads half of it.
fn write_whole(path: &Path, text: &str) -> Result<(), EzklError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let own = format!("part-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let half = path.with_extension(own);
    let written = File::create(&half).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&half, path)).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> EzklError + '_ {
    move |source| EzklError::Cache { path: path.to_owned(), source }
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(6).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::Ezkl;
    use crate::testing::healthy_python;

    fn provision(on_pip: &str) -> (tempfile::TempDir, Result<(), EzklError>, Vec<String>) {
        let python = healthy_python(on_pip);
        let mut messages = Vec::new();
        let ezkl = Ezkl::new(python.path().join("cache")).searching(python.path());
        let result = ezkl.provision(&mut |message| messages.push(message.to_owned()));
        (python, result, messages)
    }

    #[test]
    fn a_pip_that_is_offline_is_told_apart_from_one_without_a_wheel() {
        let offline = "echo 'WARNING: Retrying (Retry(total=1)) after connection broken: Failed to establish a new connection' >&2
            echo 'ERROR: No matching distribution found for ezkl==23.0.5' >&2; exit 1";
        let (_folder, result, messages) = provision(offline);
        let error = result.unwrap_err();
        assert!(matches!(error, EzklError::Offline { .. }), "{error}");
        assert!(error.fix().contains("connect once"));
        assert!(
            messages.iter().any(|message| message == crate::LICENCE_NOTICE),
            "the notice comes before the download"
        );
        let (_folder, result, _) =
            provision("echo 'ERROR: No matching distribution found for ezkl==23.0.5' >&2; exit 1");
        assert!(matches!(result.unwrap_err(), EzklError::NoWheel { .. }));
    }

    #[test]
    fn a_wheel_with_another_hash_is_refused() {
        let (_folder, result, _) = provision("echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES' >&2; exit 1");
        assert!(matches!(result.unwrap_err(), EzklError::WrongHash { .. }));
    }

    #[test]
    fn other_failures_of_pip_carry_its_words() {
        let (_folder, result, _) = provision("echo 'No space left on device' >&2; exit 1");
        assert!(result.unwrap_err().reason().contains("No space left on device"));
    }

    #[test]
    fn a_wheel_that_cannot_be_imported_is_no_success() {
        let (_folder, result, _) =
            provision("case \"$*\" in *pip*) ;; *) echo 'GLIBC_2.17 not found' >&2; exit 1 ;; esac");
        let error = result.unwrap_err();
        assert!(matches!(error, EzklError::ImportFails { .. }) && error.reason().contains("GLIBC_2.17"), "{error}");
        let (_folder, result, _) = provision("case \"$*\" in *pip*) ;; *) echo 9.9.9 ;; esac");
        assert!(result.unwrap_err().reason().contains("`9.9.9`"));
    }

    #[test]
    fn a_finished_environment_is_used_again_and_a_half_one_is_made_anew() {
        let python = healthy_python("case \"$*\" in *pip*) echo x >> \"$0.calls\" ;; *) echo 23.0.5 ;; esac");
        let ezkl = Ezkl::new(python.path().join("cache")).searching(python.path());
        ezkl.provision(&mut |_| {}).unwrap();
        assert_eq!(ezkl.availability(), crate::Availability::Ready);
        ezkl.provision(&mut |message| panic!("nothing to do, yet it says: {message}")).unwrap();
        let environment = ezkl.environment();
        fs::remove_file(environment.root().join(MARKER)).unwrap();
        assert!(!environment.is_ready());
        ezkl.provision(&mut |_| {}).unwrap();
        assert!(environment.is_ready());
    }

    #[test]
    fn two_at_once_build_once() {
        let script = "case \"$*\" in *pip*) sleep 0.3; echo x >> \"$HERE/calls\" ;; *) echo 23.0.5 ;; esac";
        let folder = tempfile::tempdir().unwrap();
        let python = healthy_python(&script.replace("$HERE", &folder.path().display().to_string()));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let ezkl = Ezkl::new(folder.path().join("cache")).searching(python.path());
                    ezkl.provision(&mut |_| {}).unwrap();
                });
            }
        });
        assert_eq!(fs::read_to_string(folder.path().join("calls")).unwrap().lines().count(), 1);
    }

    #[test]
    fn the_worker_is_written_and_a_changed_one_is_put_right() {
        let python = healthy_python("case \"$*\" in *pip*) ;; *) echo 23.0.5 ;; esac");
        let ezkl = Ezkl::new(python.path().join("cache")).searching(python.path());
        ezkl.provision(&mut |_| {}).unwrap();
        let command = ezkl.command("ezkl/tuned").unwrap();
        let worker = PathBuf::from(&command.args[2]);
        assert_eq!(fs::read_to_string(&worker).unwrap(), WORKER[0].1);
        assert!(worker.with_file_name("profiles.json").is_file());
        fs::write(&worker, "changed").unwrap();
        ezkl.command("tuned").unwrap();
        assert_eq!(fs::read_to_string(&worker).unwrap(), WORKER[0].1);
    }

    #[test]
    fn the_requirements_pin_every_line_by_hash() {
        let pins: Vec<&str> = REQUIREMENTS.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(pins[0].trim_end_matches(" \\"), format!("ezkl=={EZKL_VERSION}"));
        assert!(pins[1..].iter().all(|line| line.contains("--hash=sha256:")));
    }
}
