//! The host's side: boot an enclave, hold its channel, end it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use zktee_attestation::Pcr;
use zktee_enclave_protocol::{Address, Client, ClientError, ClientOptions, Stream};

use crate::confine::Layer;
use crate::inside::Ready;

/// The longest that a boot may take: reading, measuring and optimising a large model.
const BOOT: Duration = Duration::from_secs(120);

/// More than the line that an enclave is ready with.
const MOST_LINE: u64 = 64 << 10;

/// How an enclave is started on the process platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program that calls [`crate::serve`] when it is started so.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// Why there is no enclave.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The program could not be started, or its socket not be made.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// It ended before it was ready; its words are in the log.
    #[error("the enclave ended before it was ready: {0}")]
    Ended(String),
    /// It did not become ready.
    #[error("the enclave was not ready after {} s", BOOT.as_secs())]
    Late,
    /// It said something else.
    #[error("the enclave's first line is not understood: {0}")]
    Unclear(String),
    /// It does not greet.
    #[error(transparent)]
    Channel(#[from] ClientError),
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> BootError {
    move |source| BootError::Io { what, source }
}

/// A running enclave with one channel. It ends when this is dropped.
#[derive(Debug)]
pub struct Enclave {
    child: Child,
    client: Client,
    pcrs: BTreeMap<u8, Pcr>,
    layers: Vec<Layer>,
    address: Address,
    /// The folder of the socket, which goes with it.
    _folder: tempfile::TempDir,
}

impl Enclave {
    /// Starts the program and waits until it answers.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn boot(launch: &Launch) -> Result<Self, BootError> {
        // Nobody else may look into the folder, and its path is short enough for a socket's.
        let folder = tempfile::Builder::new().prefix("zktee-").tempdir().map_err(io("a folder for the enclave's socket"))?;
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).map_err(io("the enclave's socket"))?;
        let mut child = Command::new(&launch.program)
            .args(&launch.arguments)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(io("starting the enclave's program"))?;
        let started = ready(&mut child).and_then(|ready| {
            let address = Address::Unix(path);
            let stream = Stream::connect(&address, BOOT).map_err(io("connecting to the enclave"))?;
            let client = Client::new(stream, &ClientOptions::default());
            client.hello(BOOT)?;
            let pcrs = ready.pcrs.iter().map(|(index, value)| Some((*index, crate::binding::unhex(value)?)));
            let pcrs = pcrs.collect::<Option<BTreeMap<u8, Pcr>>>();
            let pcrs = pcrs.ok_or_else(|| BootError::Unclear("its registers are no digests".to_owned()))?;
            Ok((client, address, pcrs, ready.layers))
        });
        match started {
            Ok((client, address, pcrs, layers)) => Ok(Self { child, client, pcrs, layers, address, _folder: folder }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// The channel.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Where further channels can be opened.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The registers as the program measured itself: what a verifier of the process platform is told to expect.
    pub const fn pcrs(&self) -> &BTreeMap<u8, Pcr> {
        &self.pcrs
    }

    /// How far it is shut in.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Enclave {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// The program's first line. It is read by another thread, since a pipe has no time limit of its own.
fn ready(child: &mut Child) -> Result<Ready, BootError> {
    let Some(output) = child.stdout.take() else { return Err(BootError::Ended("it has no output".to_owned())) };
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).take(MOST_LINE).read_line(&mut line);
        // Nobody may be waiting any more.
        let _ = send.send(read.map(|_| line));
    });
    let line = receive.recv_timeout(BOOT).map_err(|_| BootError::Late)?.map_err(io("the enclave's first line"))?;
    if line.is_empty() {
        let status = child.wait().map_err(io("waiting for the enclave's program"))?;
        return Err(BootError::Ended(status.to_string()));
    }
    let ready: Ready = serde_json::from_str(&line).map_err(|error| BootError::Unclear(error.to_string()))?;
    if ready.escapes.is_empty() { Ok(ready) } else { Ok(with_escapes(ready)) }
}

/// What the enclave can still do is a layer that does not hold.
fn with_escapes(mut ready: Ready) -> Ready {
    let missing = Some(format!("it can {}", ready.escapes.join(", ")));
    ready.layers.push(Layer { name: "confinement".to_owned(), missing });
    ready
}
