//! A child process that shuts itself in.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use zktee_enclave_protocol::Address;

use super::{BootError, Enclave, Machine, first_line, io, registers};
use crate::confine::Layer;
use crate::inside::Ready;

/// The longest that a boot may take: reading, measuring and optimising a large model.
const BOOT: Duration = Duration::from_mins(2);

/// How an enclave is started on the process platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program that calls [`crate::serve`] when it is started so.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Enclave {
    /// Starts the program and waits until it answers.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn boot(launch: &Launch) -> Result<Self, BootError> {
        // Nobody else may look into the folder, and its path is short enough for a socket's.
        let folder = tempfile::Builder::new().prefix("zktee-").tempdir();
        let folder = folder.map_err(io("a folder for the enclave's socket"))?;
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).map_err(io("the enclave's socket"))?;
        let mut child = Command::new(&launch.program)
            .args(&launch.arguments)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(io("starting the enclave's program"))?;
        let line = first_line(&mut child, BOOT);
        let machine = Machine::Process(child, folder);
        let ready: Ready = serde_json::from_str(&line?).map_err(|error| BootError::Unclear(error.to_string()))?;
        let pcrs = registers::of_hex(ready.pcrs.iter().map(|(index, value)| (*index, value.as_str())))?;
        Self::greet(machine, Address::Unix(path), pcrs, with_escapes(ready.layers, &ready.escapes))
    }
}

/// What the enclave can still do is a layer that does not hold.
fn with_escapes(mut layers: Vec<Layer>, escapes: &[String]) -> Vec<Layer> {
    if !escapes.is_empty() {
        let missing = Some(format!("it can {}", escapes.join(", ")));
        layers.push(Layer { name: "confinement".to_owned(), missing });
    }
    layers
}
