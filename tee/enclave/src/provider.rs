//! How the runner gets at enclaves: on the process platform they are built in; images are built by scripts/enclave.

use std::path::{Path, PathBuf};

use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};

use crate::host::{NITRO_CLI, NITRO_DEVICE, NitroImage, QemuImage};
use crate::worker::{EnclaveWorker, Platform};

/// The process platform, talked to in the open.
pub const PROCESS: &str = "enclave/process";
/// The process platform, talked to in encrypted sessions.
pub const PROCESS_SEALED: &str = "enclave/process-sealed";
/// An image in QEMU's emulation.
pub const QEMU: &str = "enclave/qemu";
/// An image on Nitro hardware.
pub const NITRO: &str = "enclave/nitro";

/// What an enclave on hardware is given of the instance.
const PROCESSORS: u32 = 2;
/// What a machine of its own is given, unless a language model takes more.
const MEMORY_MIB: u32 = 1024;

/// The worker of a profile; none if it is no enclave's. `program` calls [`crate::serve`] when it is started as `PROGRAM enclave …`.
pub fn worker(backend: &str, program: PathBuf) -> Option<EnclaveWorker> {
    Some(match backend {
        PROCESS => EnclaveWorker::new(Platform::Process(program)),
        PROCESS_SEALED => EnclaveWorker::sealed(Platform::Process(program)),
        QEMU => EnclaveWorker::new(Platform::Qemu(QemuImage {
            scripts: scripts(),
            image: image_of_worker(),
            memory_mib: MEMORY_MIB,
        })),
        NITRO => EnclaveWorker::new(Platform::Nitro(NitroImage {
            image: image_of_worker(),
            processors: PROCESSORS,
            memory_mib: MEMORY_MIB,
        })),
        _ => return None,
    })
}

/// The families, in the order of the tables. `program` serves [`worker`]; `cache` is the folder kept between runs.
pub fn providers(program: &Path, cache: &Path) -> [Box<dyn Provider>; 3] {
    let image = image_in(cache);
    let family =
        |kind| Box::new(Family { kind, program: program.to_owned(), image: image.clone() }) as Box<dyn Provider>;
    [family(Kind::Process), family(Kind::Qemu), family(Kind::Nitro)]
}

/// Where `scripts/enclave/build-eif` leaves the image.
fn image_in(cache: &Path) -> PathBuf {
    cache.join("enclave").join("zktee.eif")
}

/// Tells a worker where the image is.
const IMAGE_VARIABLE: &str = "ZKTEE_ENCLAVE_IMAGE";

fn image_of_worker() -> PathBuf {
    std::env::var_os(IMAGE_VARIABLE).map(PathBuf::from).unwrap_or_default()
}

/// The scripts of the checkout that this was built in.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/enclave")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Process,
    Qemu,
    Nitro,
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    program: PathBuf,
    image: PathBuf,
}

fn unavailable(reason: impl Into<String>, fix: impl Into<String>) -> Unavailable {
    Unavailable { reason: reason.into(), fix: fix.into() }
}

impl Family {
    fn missing(&self) -> Option<Unavailable> {
        let image = || {
            let reason = format!("there is no enclave image at {}", self.image.display());
            (!self.image.is_file()).then(|| unavailable(reason, "scripts/enclave/build-eif"))
        };
        match self.kind {
            Kind::Process => (!cfg!(target_os = "linux"))
                .then(|| unavailable("a process is shut in by means of Linux", "run zktee on Linux")),
            Kind::Qemu if !scripts().join("run-qemu").is_file() => Some(unavailable(
                "the checkout that this program was built in is gone, and with it scripts/enclave",
                "build and run it in a checkout",
            )),
            Kind::Qemu => image().map(|missing| Unavailable {
                fix: "scripts/enclave/build-qemu && scripts/enclave/build-eif (docs/enclave-qemu.md)".to_owned(),
                ..missing
            }),
            Kind::Nitro if !Path::new(NITRO_DEVICE).exists() => Some(unavailable(
                format!("{NITRO_DEVICE} is not there: this is no AWS instance that may start enclaves"),
                "docs/nitro.md takes you there from a bare c6a.4xlarge",
            )),
            Kind::Nitro if which(NITRO_CLI).is_none() => Some(unavailable(
                format!("{NITRO_CLI} is not installed"),
                "sudo dnf install aws-nitro-enclaves-cli aws-nitro-enclaves-cli-devel (docs/nitro.md)",
            )),
            Kind::Nitro => image(),
        }
    }
}

/// A program on the path.
fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

impl Provider for Family {
    fn profiles(&self) -> Vec<Profile> {
        let profile =
            |backend: &str, summary: &str| Profile { backend: backend.to_owned(), summary: summary.to_owned() };
        match self.kind {
            Kind::Process => vec![
                profile(
                    PROCESS,
                    "the model in a process that is shut in, answers attested under a test root: simulated, no isolation",
                ),
                profile(PROCESS_SEALED, "the same through an encrypted session, whose key is attested"),
            ],
            Kind::Qemu => vec![profile(QEMU, "an enclave image in QEMU's emulation: simulated, its times meaningless")],
            Kind::Nitro => vec![profile(NITRO, "the same image on AWS Nitro hardware")],
        }
    }

    fn availability(&self) -> Availability {
        self.missing().map_or(Availability::Ready, Availability::Unavailable)
    }

    fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        Ok(())
    }

    fn answers_language_models(&self) -> bool {
        true
    }

    fn command(&self, backend: &str) -> Result<WorkerCommand, Unavailable> {
        if let Some(missing) = self.missing() {
            return Err(missing);
        }
        Ok(WorkerCommand {
            program: self.program.clone(),
            args: vec!["worker".into(), backend.into()],
            env: vec![(IMAGE_VARIABLE.into(), self.image.clone().into())],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_fix() {
        let dir = tempfile::tempdir().unwrap();
        let [_, qemu, nitro] = providers(Path::new("zktee"), dir.path());
        let Availability::Unavailable(why) = qemu.availability() else { panic!("there is no image") };
        assert!(why.fix.contains("build-"), "{why:?}");
        if !Path::new(NITRO_DEVICE).exists() {
            let Availability::Unavailable(why) = nitro.availability() else { panic!("this is no parent instance") };
            assert!(why.reason.contains(NITRO_DEVICE) && why.fix.contains("docs/nitro.md"), "{why:?}");
            assert!(nitro.command(NITRO).is_err());
        }
    }

    #[test]
    fn every_profile_has_a_worker() {
        let dir = tempfile::tempdir().unwrap();
        for family in providers(Path::new("zktee"), dir.path()) {
            for profile in family.profiles() {
                assert!(worker(&profile.backend, "zktee".into()).is_some(), "{}", profile.backend);
            }
        }
        assert!(worker("native", "zktee".into()).is_none());
    }
}
