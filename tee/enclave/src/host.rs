//! The host's side: boot an enclave, hold its channel, end it.

mod nitro;
mod process;
mod qemu;
mod registers;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdin};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zktee_attestation::Pcr;
use zktee_enclave_protocol::{Address, Client, ClientError, ClientOptions, Stream};

use crate::confine::Layer;

pub use nitro::NitroImage;
pub(crate) use nitro::{DEVICE as NITRO_DEVICE, NITRO_CLI};
pub use process::Launch;
pub use qemu::QemuImage;

/// The longest that an enclave may take to greet once its socket is there.
const GREETING: Duration = Duration::from_mins(1);

/// How long a machine that is to end is waited for.
const ENDING: Duration = Duration::from_secs(1);

/// More than the line that an enclave is ready with.
const MOST_LINE: u64 = 64 << 10;

/// Why there is no enclave.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A program could not be started, a file not be read, a socket not be made.
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
    #[error("the enclave was not ready after {} s", .0.as_secs())]
    Late(Duration),
    /// What starts it said something else than expected.
    #[error("what the enclave was started with is not understood: {0}")]
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
    client: Client,
    pcrs: BTreeMap<u8, Pcr>,
    layers: Vec<Layer>,
    address: Address,
    // Dropped last: the channel closes before the machine ends.
    machine: Machine,
}

/// What runs. It ends when this is dropped.
#[derive(Debug)]
enum Machine {
    /// A child process, with the folder of its socket.
    Process(Child, #[expect(dead_code, reason = "it goes with the process")] tempfile::TempDir),
    /// A script that ends its machine when its input ends.
    Script(Child, Option<ChildStdin>, #[expect(dead_code, reason = "it goes with the machine")] tempfile::TempDir),
    /// An enclave by its name for `nitro-cli`.
    Nitro(String),
}

impl Enclave {
    /// Connects to a machine that is ready, and greets.
    fn greet(
        machine: Machine,
        address: Address,
        pcrs: BTreeMap<u8, Pcr>,
        layers: Vec<Layer>,
    ) -> Result<Self, BootError> {
        let stream = Stream::connect_patiently(&address, GREETING).map_err(io("connecting to the enclave"))?;
        let client = Client::new(stream, &ClientOptions::default());
        client.hello(GREETING)?;
        Ok(Self { client, pcrs, layers, address, machine })
    }

    /// The channel.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Where further channels can be opened.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The registers that a verifier is told to expect: on the process platform as the program measured itself, else as the image was
    /// measured when it was built.
    pub const fn pcrs(&self) -> &BTreeMap<u8, Pcr> {
        &self.pcrs
    }

    /// How far it is shut in; nothing is said of machines of their own.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Its process, where it is one whose time and memory are those of the enclave.
    pub fn pid(&self) -> Option<u32> {
        match &self.machine {
            Machine::Process(child, _) => Some(child.id()),
            Machine::Script(..) | Machine::Nitro(_) => None,
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        match self {
            Self::Process(child, _) => {
                // It may have ended by itself.
                let _ = child.kill();
                wait(child, ENDING);
            }
            Self::Script(child, input, _) => {
                drop(input.take());
                if !wait(child, qemu::ENDING) {
                    let _ = child.kill();
                    wait(child, ENDING);
                }
            }
            Self::Nitro(id) => nitro::terminate(id),
        }
    }
}

/// Waits a while, and says whether it has ended: taking namespaces down can take the kernel long, and nobody needs to wait for that.
fn wait(child: &mut Child, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            Ok(None) => return false,
            _ => return true,
        }
    }
}

/// A program's first line. It is read by another thread, since a pipe has no time limit of its own.
fn first_line(child: &mut Child, patience: Duration) -> Result<String, BootError> {
    let Some(output) = child.stdout.take() else { return Err(BootError::Ended("it has no output".to_owned())) };
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).take(MOST_LINE).read_line(&mut line);
        // Nobody may be waiting any more.
        let _ = send.send(read.map(|_| line));
    });
    let line = receive.recv_timeout(patience).map_err(|_| BootError::Late(patience))?;
    let line = line.map_err(io("the enclave's first line"))?;
    if line.is_empty() {
        let status = child.wait().map_err(io("waiting for what started the enclave"))?;
        return Err(BootError::Ended(status.to_string()));
    }
    Ok(line)
}
