//! The worker's end: any [`Service`] on any number of channels.
//!
//! One thread a channel reads; a fixed number of handlers runs at a time. A request that finds its channel otherwise idle and a handler's
//! place free is handled by the very thread that read it, so that one client with one request at a time meets no change of threads. All
//! others go through one bounded queue to a fixed pool, and their answers go out as they are done.

mod channel;
mod pool;

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::message::{Answer, Ask, ErrorKind};
use crate::outbox::Outbox;
use crate::transport::{Listener, Stream};
use channel::Channel;
use pool::{Pool, Running};

/// How often a listener looks whether the server ends.
const GLANCE: Duration = Duration::from_millis(50);
/// How long answers may take to go out once the server has ended.
const FLUSH: Duration = Duration::from_secs(1);

/// Whose request it is, and since when it waits.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The channel, unlike any other of this server.
    pub channel: u64,
    /// The request's id.
    pub request: u64,
    /// When the request had been read.
    pub arrived: Instant,
}

impl Caller {
    /// Since the request had been read; asked first thing in a handler, this is the time in the queue.
    pub fn queue_ns(&self) -> u64 {
        u64::try_from(self.arrived.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Where partial answers of a request in work go to.
pub trait Partial {
    /// Sends a partial answer. False where it was not sent: nobody waits for the last one any more, and the work can end; or it is no partial
    /// answer, or one beyond its limits.
    fn send(&mut self, answer: Answer) -> bool;

    /// Whether anybody waits for the last answer.
    fn is_wanted(&self) -> bool;
}

/// What a worker does with requests.
pub trait Service: Send + Sync + 'static {
    /// Answers a request. Called by several threads at once. A panic becomes an [`ErrorKind::Panicked`].
    fn handle(&self, caller: Caller, ask: Ask) -> Answer;

    /// The same, with partial answers ahead of the last where the request has any.
    fn handle_streaming(&self, caller: Caller, ask: Ask, partial: &mut dyn Partial) -> Answer {
        let _ = partial;
        self.handle(caller, ask)
    }

    /// Whether a request may take long enough to be given up meanwhile. Such a one is handled by the pool, so that its channel is read on,
    /// at the price of a change of threads.
    fn is_long(&self, ask: &Ask) -> bool {
        matches!(ask, Ask::Generate(_))
    }

    /// A channel has ended and none of its requests is in work: what is kept for it can go.
    fn closed(&self, channel: u64) {
        let _ = channel;
    }
}

impl<S: Service + ?Sized> Service for Arc<S> {
    fn handle(&self, caller: Caller, ask: Ask) -> Answer {
        (**self).handle(caller, ask)
    }

    fn handle_streaming(&self, caller: Caller, ask: Ask, partial: &mut dyn Partial) -> Answer {
        (**self).handle_streaming(caller, ask, partial)
    }

    fn is_long(&self, ask: &Ask) -> bool {
        (**self).is_long(ask)
    }

    fn closed(&self, channel: u64) {
        (**self).closed(channel);
    }
}

/// How a server behaves. Durations bound how long one end can keep the other waiting.
#[derive(Clone, Debug)]
pub struct Options {
    /// Handlers that run at a time.
    pub workers: usize,
    /// Requests that may wait for one, of all channels together; further ones are answered [`ErrorKind::Busy`].
    pub queue: usize,
    /// Requests in work or waiting for one channel; further ones are answered [`ErrorKind::Busy`].
    pub per_channel: usize,
    /// Channels at a time; further ones are closed at once.
    pub channels: usize,
    /// The longest message, read or sent, in bytes.
    pub message_limit: usize,
    /// From a message's first byte to its last.
    pub frame_timeout: Duration,
    /// For a client to take some bytes of an answer, or to acknowledge a part.
    pub write_timeout: Duration,
    /// How long a channel may be silent; `None` means for ever.
    pub idle_timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            workers: thread::available_parallelism().map_or(1, usize::from),
            queue: 1024,
            per_channel: 256,
            channels: 1024,
            message_limit: crate::DEFAULT_MESSAGE_LIMIT,
            frame_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            idle_timeout: None,
        }
    }
}

/// Whether a server's end was clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    All,
    /// Some handlers had not returned in time; their threads go on until they do, their answers are lost.
    Some,
}

/// A running server. Dropping it ends it without waiting for handlers.
pub struct Server {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    service: Box<dyn Service>,
    options: Options,
    pool: Pool,
    ending: AtomicBool,
    next: AtomicU64,
    open: AtomicUsize,
    outboxes: Mutex<Vec<Weak<Outbox>>>,
}

impl Server {
    /// Starts the pool; channels are attached later.
    ///
    /// # Errors
    ///
    /// When threads cannot be started.
    pub fn start(service: impl Service, options: Options) -> io::Result<Self> {
        let pool = Pool::new(options.workers.max(1), options.queue.max(1));
        let shared = Arc::new(Shared {
            service: Box::new(service),
            pool,
            ending: AtomicBool::new(false),
            next: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            outboxes: Mutex::default(),
            options,
        });
        let mut server = Server { shared, threads: Vec::new() };
        for _ in 0..server.shared.options.workers.max(1) {
            let shared = Arc::clone(&server.shared);
            server.spawn("zktee-handler", move || shared.pool.work())?;
        }
        Ok(server)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.into()).spawn(body)?);
        Ok(())
    }

    /// Serves every channel that comes to `listener`, on threads of the server's own.
    ///
    /// # Errors
    ///
    /// When the listener or the thread cannot be had.
    pub fn listen(&mut self, listener: Listener) -> io::Result<()> {
        listener.prepare()?;
        let shared = Arc::clone(&self.shared);
        self.spawn("zktee-listener", move || {
            while !shared.is_ending() {
                match listener.accept(GLANCE) {
                    Ok(Some(stream)) => {
                        // One that cannot be served is closed; the next may be.
                        let _ = attach(&shared, stream);
                    }
                    Ok(None) => {}
                    // E.g. no file descriptors left: some may be free again soon.
                    Err(_) => thread::sleep(GLANCE),
                }
            }
        })
    }

    /// Serves one connected stream on a thread of the server's own. Its number among the channels.
    ///
    /// # Errors
    ///
    /// When there are too many channels, the server ends or the thread cannot be started.
    pub fn attach(&self, stream: Stream) -> io::Result<u64> {
        attach(&self.shared, stream)
    }

    /// Serves one connected stream on this thread, until it ends: what a worker with a single channel does.
    ///
    /// # Errors
    ///
    /// When there are too many channels or the server ends.
    pub fn serve(&self, stream: Stream) -> io::Result<()> {
        Channel::open(&self.shared, stream)?.serve();
        Ok(())
    }

    /// How many channels are open.
    pub fn channels(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Ends the server: no new channels, new requests are answered [`ErrorKind::Ending`], those in work or waiting have until `patience`
    /// is over. Then all channels are closed.
    pub fn shut_down(mut self, patience: Duration) -> Drained {
        self.shared.ending.store(true, Ordering::SeqCst);
        let drained = self.shared.pool.drain(Instant::now() + patience);
        let deadline = Instant::now() + FLUSH;
        let outboxes = std::mem::take(&mut *self.shared.outboxes());
        outboxes.iter().filter_map(Weak::upgrade).for_each(|outbox| outbox.finish(deadline));
        self.shared.pool.close();
        if drained {
            for thread in self.threads.drain(..) {
                // Handlers' panics are caught; there is nothing to hear from a thread.
                let _ = thread.join();
            }
            return Drained::All;
        }
        Drained::Some
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        let outboxes = std::mem::take(&mut *self.shared.outboxes());
        outboxes.iter().filter_map(Weak::upgrade).for_each(|outbox| outbox.close());
        self.shared.pool.close();
    }
}

fn attach(shared: &Arc<Shared>, stream: Stream) -> io::Result<u64> {
    let channel = Channel::open(shared, stream)?;
    let number = channel.number();
    thread::Builder::new().name("zktee-channel".into()).spawn(move || channel.serve())?;
    Ok(number)
}

impl Shared {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    fn outboxes(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Outbox>>> {
        self.outboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the handler in the place that `running` stands for.
    fn handle(&self, caller: Caller, ask: Ask, partial: &mut dyn Partial, running: Running<'_>) -> Answer {
        let result = catch_unwind(AssertUnwindSafe(|| self.service.handle_streaming(caller, ask, partial)));
        drop(running);
        result.unwrap_or_else(|panic| Answer::error(ErrorKind::Panicked, panic_text(&*panic)))
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("without a word"))
}
