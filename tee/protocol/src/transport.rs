//! Byte streams between host and worker: Unix sockets, vsock, and the Unix socket behind which QEMU's vsock backend has a guest.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};
use vsock::{VsockListener, VsockStream};

use crate::frame::Framing;

/// The port that a worker listens on unless told otherwise.
pub const DEFAULT_PORT: u32 = 5005;
/// What a vsock listener takes for "any context".
const ANY_CID: u32 = u32::MAX;
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(20);
/// The shortest timeout that a socket is given: 0 would mean none.
const SHORTEST: Duration = Duration::from_millis(1);

/// Where a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// A port of a virtual machine: 3 is the parent on AWS, an enclave has its own.
    Vsock {
        /// The machine's context.
        cid: u32,
        /// Its port.
        port: u32,
    },
    /// A port of the guest behind `vhost-device-vsock`, which asks for it on its Unix socket with `CONNECT port`.
    VhostUnix {
        /// The backend's Unix socket.
        path: PathBuf,
        /// The guest's port.
        port: u32,
    },
}

/// One connected stream, with the way in which messages go over it.
///
/// Any socket of the kernel can be read, written, shut and timed alike, so vsock is held as the standard library's Unix stream too.
#[derive(Debug)]
pub struct Stream {
    socket: UnixStream,
    framing: Framing,
}

impl Stream {
    /// Connects once. `timeout` bounds the handshake with `vhost-device-vsock`; connecting itself is bounded by the kernel (2 s on vsock,
    /// at once on a Unix socket with room in its backlog).
    ///
    /// # Errors
    ///
    /// The socket's, and [`io::ErrorKind::ConnectionRefused`] when the backend answers anything but `OK`.
    pub fn connect(address: &Address, timeout: Duration) -> io::Result<Self> {
        match address {
            Address::Unix(path) => Ok(UnixStream::connect(path)?.into()),
            Address::Vsock { cid, port } => Ok(VsockStream::connect_with_cid_port(*cid, *port)?.into()),
            Address::VhostUnix { path, port } => {
                let mut socket = UnixStream::connect(path)?;
                handshake(&mut socket, *port, timeout)?;
                Ok(Stream { socket, framing: Framing::Parts })
            }
        }
    }

    /// Connects, again and again for up to `patience`: a worker that boots is not there yet.
    ///
    /// # Errors
    ///
    /// The last attempt's.
    pub fn connect_patiently(address: &Address, patience: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(SHORTEST);
            match Self::connect(address, left) {
                Err(_) if Instant::now() + RETRY < deadline => thread::sleep(RETRY),
                result => return result,
            }
        }
    }

    /// Two ends of one channel. A child is given one as its standard input, where [`Stream::inherited`] finds it:
    /// `command.stdin(OwnedFd::from(end))`.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = UnixStream::pair()?;
        Ok((one.into(), other.into()))
    }

    /// The Unix socket that a parent left as this process's standard input.
    ///
    /// # Errors
    ///
    /// When standard input is no Unix socket.
    pub fn inherited() -> io::Result<Self> {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.local_addr()?;
        Ok(socket.into())
    }

    /// The same stream with messages sent in another way, e.g. in parts over a Unix socket that leads to vsock. What arrives is read
    /// either way.
    #[must_use]
    pub fn with_framing(self, framing: Framing) -> Self {
        Stream { framing, ..self }
    }

    /// How messages go over it.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Ends both directions; whoever reads or writes here returns.
    pub(crate) fn shut(&self) {
        // An error means that the other end was faster.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Lets reads end after `timeout`.
    pub(crate) fn read_within(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout.map(|timeout| timeout.max(SHORTEST)))
    }

    /// Lets writes end after `timeout`.
    pub(crate) fn write_within(&self, timeout: Duration) -> io::Result<()> {
        self.socket.set_write_timeout(Some(timeout.max(SHORTEST)))
    }

    /// Sends what fits into the socket's buffer now: how many bytes that were.
    pub(crate) fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match send(self.fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
                Ok(count) => return Ok(count),
                Err(nix::Error::EAGAIN) => return Ok(0),
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether bytes have arrived that nobody has read.
    pub(crate) fn has_arrivals(&self) -> bool {
        matches!(recv(self.fd(), &mut [0], MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK), Ok(1..))
    }

    fn fd(&self) -> i32 {
        use std::os::fd::AsRawFd;
        self.socket.as_raw_fd()
    }
}

impl From<UnixStream> for Stream {
    fn from(socket: UnixStream) -> Self {
        Stream { socket, framing: Framing::Whole }
    }
}

impl From<VsockStream> for Stream {
    fn from(socket: VsockStream) -> Self {
        Stream { socket: OwnedFd::from(socket).into(), framing: Framing::Parts }
    }
}

impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> Self {
        stream.socket.into()
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.socket).read(buffer)
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Asks `vhost-device-vsock` for a port of its guest: `CONNECT port`, answered by `OK` and the host's port.
fn handshake(socket: &mut UnixStream, port: u32, timeout: Duration) -> io::Result<()> {
    /// Longer than any answer that there is.
    const MOST: usize = 64;
    let deadline = Instant::now() + timeout;
    socket.set_write_timeout(Some(timeout.max(SHORTEST)))?;
    socket.write_all(format!("CONNECT {port}\n").as_bytes())?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the line is already the worker's.
    while answer.last() != Some(&b'\n') && answer.len() < MOST {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left.max(SHORTEST)))?;
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    if answer.starts_with(b"OK ") && answer.ends_with(b"\n") {
        socket.set_read_timeout(None)
    } else {
        let answer = String::from_utf8_lossy(&answer).trim_end().to_owned();
        Err(io::Error::new(io::ErrorKind::ConnectionRefused, format!("the vsock backend answered {answer:?}")))
    }
}

/// Where a worker waits for hosts.
#[derive(Debug)]
pub enum Listener {
    /// On a Unix socket.
    Unix(UnixListener),
    /// On a port of this machine's vsock.
    Vsock(VsockListener),
}

impl Listener {
    /// Listens on a Unix socket at a path that does not exist yet.
    ///
    /// # Errors
    ///
    /// The socket's.
    pub fn unix(path: impl AsRef<std::path::Path>) -> io::Result<Self> {
        UnixListener::bind(path).map(Listener::Unix)
    }

    /// Listens on a vsock port, for whichever machine connects.
    ///
    /// # Errors
    ///
    /// The socket's, e.g. where there is no vsock.
    pub fn vsock(port: u32) -> io::Result<Self> {
        VsockListener::bind_with_cid_port(ANY_CID, port).map(Listener::Vsock)
    }

    /// Lets [`Listener::accept`] return although whoever wanted to connect has gone meanwhile.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match self {
            Listener::Unix(listener) => listener.set_nonblocking(true),
            Listener::Vsock(listener) => listener.set_nonblocking(true),
        }
    }

    /// The next channel, or `None` after `timeout`.
    pub(crate) fn accept(&self, timeout: Duration) -> io::Result<Option<Stream>> {
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(nix::Error::EINTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let accepted = match self {
            Listener::Unix(listener) => listener.accept().map(|(socket, _)| Stream::from(socket)),
            Listener::Vsock(listener) => listener.accept().map(|(socket, _)| Stream::from(socket)),
        };
        match accepted {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            accepted => accepted.map(Some),
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Unix(listener) => listener.as_fd(),
            Listener::Vsock(listener) => listener.as_fd(),
        }
    }
}
