//! The heartbeat: the byte by which the parent learns that its enclave has booted.
//!
//! AWS's own init sends 0xB7 to port 9000 of the parent and reads the same byte back; `nitro-cli run-enclave` waits for it. The parent is
//! context 3 on AWS and context 2 behind QEMU, so both are tried at once, and the one that answers is the parent.

use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;
use vsock::VsockStream;

/// The byte.
pub const HEARTBEAT: u8 = 0xb7;
/// The parent's port.
pub const HEARTBEAT_PORT: u32 = 9000;
/// Contexts that a parent may have.
pub const PARENTS: [u32; 2] = [3, 2];

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// For the parent's byte, once connected.
const ANSWER: Duration = Duration::from_secs(5);

/// Why no parent was found.
#[derive(Debug, Error)]
pub enum HeartbeatError {
    /// Nobody answered.
    #[error("no parent answered the heartbeat within {0:?}")]
    Nobody(Duration),
    /// The answer is another byte.
    #[error("the heartbeat was answered by {0:#04x}")]
    Wrong(u8),
    /// The stream.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Sends the heartbeat until a parent answers; returns its context. Attempts that are still under way go on in threads of their own.
///
/// # Errors
///
/// [`HeartbeatError::Nobody`] once `patience` is over.
pub fn beat(patience: Duration) -> Result<u32, HeartbeatError> {
    let (send, receive) = mpsc::channel();
    let deadline = Instant::now() + patience;
    for parent in PARENTS {
        let send = send.clone();
        thread::Builder::new().name(format!("heartbeat-{parent}")).spawn(move || {
            while Instant::now() < deadline {
                if attempt(parent).is_ok() {
                    // The other may have been faster.
                    let _ = send.send(parent);
                    return;
                }
                thread::sleep(PAUSE);
            }
        })?;
    }
    receive.recv_timeout(patience).map_err(|_| HeartbeatError::Nobody(patience))
}

fn attempt(parent: u32) -> Result<(), HeartbeatError> {
    let stream = VsockStream::connect_with_cid_port(parent, HEARTBEAT_PORT)?;
    stream.set_read_timeout(Some(ANSWER))?;
    exchange(stream)
}

/// Sends the byte and reads it back.
///
/// # Errors
///
/// [`HeartbeatError::Wrong`] and [`HeartbeatError::Io`].
pub fn exchange(mut stream: impl Read + Write) -> Result<(), HeartbeatError> {
    stream.write_all(&[HEARTBEAT])?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    if answer == [HEARTBEAT] { Ok(()) } else { Err(HeartbeatError::Wrong(answer[0])) }
}
