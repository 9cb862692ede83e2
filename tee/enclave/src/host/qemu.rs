//! An enclave image in QEMU's `nitro-enclave` machine, through `scripts/enclave/run-qemu`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use zktee_enclave_protocol::Address;

use super::{BootError, Enclave, Machine, first_line, io, registers};

/// The longest that a boot may take: every instruction is translated, and KVM may be tried in vain before.
const BOOT: Duration = Duration::from_mins(5);

/// How long the script may take to end its machine.
pub(super) const ENDING: Duration = Duration::from_secs(10);

/// An image, and the folder of the script that boots it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuImage {
    /// `scripts/enclave`.
    pub scripts: PathBuf,
    /// The image; its registers are beside it.
    pub image: PathBuf,
    /// MiB of the machine's memory.
    pub memory_mib: u32,
}

/// What the script says once the worker can be connected to.
#[derive(Debug, Deserialize)]
struct Ready {
    socket: PathBuf,
    port: u32,
    pcrs: BTreeMap<String, String>,
}

impl Enclave {
    /// Boots an image in the emulator. The registers are those that the image was measured with when it was built.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn boot_qemu(image: &QemuImage) -> Result<Self, BootError> {
        let folder = tempfile::Builder::new().prefix("zktee-").tempdir();
        let folder = folder.map_err(io("a folder for the enclave's socket"))?;
        let mut child = Command::new(image.scripts.join("run-qemu"))
            .arg("--image")
            .arg(&image.image)
            .arg("--socket")
            .arg(folder.path().join("s"))
            .args(["--memory", &image.memory_mib.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(io("starting scripts/enclave/run-qemu"))?;
        let input = child.stdin.take();
        let line = first_line(&mut child, BOOT);
        let machine = Machine::Script(child, input, folder);
        let ready: Ready = serde_json::from_str(&line?).map_err(|error| BootError::Unclear(error.to_string()))?;
        let pcrs = registers::of_names(&ready.pcrs)?;
        Self::greet(machine, Address::VhostUnix { path: ready.socket, port: ready.port }, pcrs, Vec::new())
    }
}
