//! The host's end: a blocking client that many threads may use at once.
//!
//! No thread of its own reads. Of the threads that wait for an answer one reads the channel for all, hands each what is his, and passes
//! the duty on when it has its own: a single caller thus reads his answer himself, and nothing is between him and the worker.

mod generate;
mod pending;
mod state;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::error::{Malformed, MessageError};
use crate::frame::{Event, FrameError, HEAD_BYTES, Reader};
use crate::message::{Answer, Ask, ErrorKind, Request, Response, VERSION};
use crate::outbox::Outbox;
use crate::transcript::Disagreement;
use crate::transport::Stream;
pub use generate::Patience;
pub use pending::{Next, Pending};
use state::State;

/// Why there is no answer.
#[derive(Clone, Debug, Error)]
pub enum ClientError {
    /// The request is beyond a limit and was not sent.
    #[error("the request cannot be sent: {0}")]
    Request(#[from] Malformed),
    /// The request is longer than the limit and was not sent.
    #[error("a request of {bytes} bytes, above the limit of {limit}")]
    TooLong {
        /// The request's bytes.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No answer in time. The channel goes on; a late answer is dropped.
    #[error("no answer in time")]
    Deadline,
    /// The channel has ended, e.g. because the worker has.
    #[error("the channel is closed")]
    Closed,
    /// The channel has failed.
    #[error("the channel failed: {0}")]
    Channel(Arc<io::Error>),
    /// The worker sent what is no frame; the channel was closed.
    #[error("the worker sent no frame: {0}")]
    Frame(#[from] FrameError),
    /// The worker sent what is no message; the channel was closed.
    #[error("the worker sent no message: {0}")]
    Message(#[from] MessageError),
    /// The worker answered with an error.
    #[error("the worker reports {kind:?}: {message}")]
    Worker {
        /// What sort.
        kind: ErrorKind,
        /// The worker's words.
        message: String,
    },
    /// The worker's answer is none to what was asked.
    #[error("the worker answered something else")]
    Mismatch,
    /// What was streamed of a response is not the response.
    #[error("the worker contradicts itself: {0}")]
    Disagreement(#[from] Disagreement),
    /// The caller gave the request up.
    #[error("the request was given up")]
    Abandoned,
}

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The longest message, sent or received, in bytes.
    pub message_limit: usize,
    /// How long the worker may take nothing of what is sent before the channel is given up.
    pub write_timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions { message_limit: crate::DEFAULT_MESSAGE_LIMIT, write_timeout: Duration::from_secs(10) }
    }
}

/// One channel to a worker. Clones share it; it closes with the last of them and of the pending answers.
#[derive(Clone)]
pub struct Client {
    channel: Arc<Channel>,
}

struct Channel {
    stream: Arc<Stream>,
    outbox: Arc<Outbox>,
    reader: Mutex<Reader>,
    state: Mutex<State>,
    next: AtomicU64,
    limit: usize,
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("stream", &self.channel.stream).finish_non_exhaustive()
    }
}

impl Client {
    /// A client on a connected stream.
    pub fn new(stream: Stream, options: &ClientOptions) -> Self {
        let stream = Arc::new(stream);
        // Requests of several threads may wait, each as long as the limit.
        let outbox = Outbox::new(Arc::clone(&stream), options.write_timeout, options.message_limit.saturating_mul(4));
        let limit = options.message_limit;
        let reader = Mutex::new(Reader::new(limit));
        Client {
            channel: Arc::new(Channel {
                stream,
                outbox,
                reader,
                state: Mutex::default(),
                next: AtomicU64::new(1),
                limit,
            }),
        }
    }

    /// Sends a request; its answer is waited for later, so that several are under way at once.
    ///
    /// # Errors
    ///
    /// When the request cannot be sent.
    pub fn start(&self, ask: Ask) -> Result<Pending, ClientError> {
        let (partials, long) = match &ask {
            Ask::Generate(generate) => (if generate.stream { generate.max_tokens } else { 0 }, true),
            _ => (0, false),
        };
        self.begin(ask, partials, long)
    }

    /// The same with a request that may take long, and that at most so many partial answers may come to: what [`Client::start`] cannot see
    /// in a sealed one.
    ///
    /// # Errors
    ///
    /// As [`Client::start`].
    pub fn start_streaming(&self, ask: Ask, partials: u32) -> Result<Pending, ClientError> {
        self.begin(ask, partials, true)
    }

    fn begin(&self, ask: Ask, partials: u32, long: bool) -> Result<Pending, ClientError> {
        let id = self.channel.next.fetch_add(1, Ordering::Relaxed);
        let mut message = vec![0; HEAD_BYTES];
        Request { id, ask }.encode(&mut message)?;
        let bytes = message.len() - HEAD_BYTES;
        if bytes > self.channel.limit {
            return Err(ClientError::TooLong { bytes, limit: self.channel.limit });
        }
        self.channel.state().open(id, partials)?;
        let pending = Pending::new(Arc::clone(&self.channel), id, long);
        match self.channel.outbox.send(message) {
            Ok(()) => Ok(pending),
            Err(error) => {
                let error = self.channel.last_words().unwrap_or_else(|| channel_error(error));
                self.channel.fail(error.clone());
                Err(error)
            }
        }
    }

    /// Asks and waits for the answer. An answer that is an error comes as [`ClientError::Worker`].
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer away.
    pub fn call(&self, ask: Ask, timeout: Duration) -> Result<Answer, ClientError> {
        let deadline = Instant::now() + timeout;
        self.start(ask)?.wait_until(deadline)
    }

    /// Greets the worker and checks that it speaks this version.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]; [`ClientError::Mismatch`] on another version.
    pub fn hello(&self, timeout: Duration) -> Result<Answer, ClientError> {
        match self.call(Ask::Hello { newest: VERSION }, timeout)? {
            answer @ Answer::Hello { version: VERSION, .. } => Ok(answer),
            _ => Err(ClientError::Mismatch),
        }
    }

    /// Sends a model's file, in as many requests as it takes.
    ///
    /// # Errors
    ///
    /// As [`Client::call`], with `timeout` for each part.
    pub fn load_model(&self, model: &crate::Model, file: &[u8], timeout: Duration) -> Result<(), ClientError> {
        let mut done = false;
        for ask in crate::parts(model, file) {
            match self.call(ask, timeout)? {
                Answer::Loaded { received, total } => done = received == total,
                _ => return Err(ClientError::Mismatch),
            }
            if done {
                // Also where the worker had it already.
                break;
            }
        }
        if done { Ok(()) } else { Err(ClientError::Mismatch) }
    }

    /// Why the channel no longer works, if so.
    pub fn failure(&self) -> Option<ClientError> {
        self.channel.state().failure()
    }
}

fn channel_error(error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected => ClientError::Closed,
        _ => ClientError::Channel(Arc::new(error)),
    }
}

impl Channel {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: ClientError) {
        self.outbox.close();
        self.state().fail(error);
    }

    /// Reads once and hands out what came. Only whose turn it is to read comes here.
    fn read(&self, timeout: Duration) -> Result<(), ClientError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        self.stream.read_within(Some(timeout)).map_err(channel_error)?;
        match reader.fill(&mut &*self.stream) {
            Ok(0) => return Err(ClientError::Closed),
            Ok(_) => {}
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => return Ok(()),
                _ => return Err(channel_error(error)),
            },
        }
        self.hand_out(&mut reader)
    }

    fn hand_out(&self, reader: &mut Reader) -> Result<(), ClientError> {
        while let Some(event) = reader.next_event()? {
            match event {
                Event::Ack => self.outbox.acknowledged(),
                Event::Part => self.outbox.acknowledge().map_err(channel_error)?,
                Event::Message(bytes) => match Response::decode(bytes)? {
                    Response { id: 0, answer: Answer::Error { kind, message } } => {
                        return Err(ClientError::Worker { kind, message });
                    }
                    Response { id, answer } => self.state().deliver(id, answer),
                },
            }
        }
        Ok(())
    }

    /// What the worker said before it closed a channel that could no longer be written to, if nobody is reading it anyway.
    fn last_words(&self) -> Option<ClientError> {
        let mut reader = self.reader.try_lock().ok()?;
        while self.stream.has_arrivals() && reader.fill(&mut &*self.stream).is_ok_and(|count| count > 0) {
            if let Err(error) = self.hand_out(&mut reader) {
                return Some(error);
            }
        }
        None
    }
}
