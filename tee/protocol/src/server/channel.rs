//! One channel of a server: reads requests, hands them on, sends answers.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Caller, Options, Partial, Shared};
use crate::error::MessageError;
use crate::frame::{Event, FrameError, HEAD_BYTES, Reader};
use crate::message::{Answer, Ask, ErrorKind, Request, Response};
use crate::outbox::Outbox;
use crate::transport::Stream;

/// Requests that go to the pool once a channel was seen to send before it had its answer.
const PIPELINED: u32 = 64;
/// A handler that took longer than this is worth a look at whether the next request came meanwhile.
const LONG: Duration = Duration::from_micros(200);
/// How long the last words on a channel may take to go out.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Channel {
    shared: Arc<Shared>,
    number: u64,
    stream: Arc<Stream>,
    outbox: Arc<Outbox>,
    /// Requests in work or waiting.
    open: AtomicUsize,
    /// Long requests in work or waiting, by number, each with whether it was given up.
    long: Mutex<HashMap<u64, Arc<AtomicBool>>>,
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.outbox.close();
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        // This may be one of the pool's threads, which a panic must not take away.
        let _ = catch_unwind(AssertUnwindSafe(|| self.shared.service.closed(self.number)));
    }
}

/// Why a channel is closed.
enum End {
    /// The other end has gone, or said nothing for too long.
    Gone,
    /// The other end is told.
    Fault(u64, Answer),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        End::Gone
    }
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        let kind = match error {
            FrameError::TooLong { .. } => ErrorKind::TooLarge,
            FrameError::EmptyPart => ErrorKind::Malformed,
        };
        End::Fault(0, Answer::error(kind, error.to_string()))
    }
}

impl From<MessageError> for End {
    fn from(error: MessageError) -> Self {
        let kind = match error {
            MessageError::Version { .. } => ErrorKind::Version,
            MessageError::Malformed { .. } => ErrorKind::Malformed,
        };
        End::Fault(error.id(), Answer::error(kind, error.to_string()))
    }
}

impl Channel {
    pub(super) fn open(shared: &Arc<Shared>, stream: Stream) -> io::Result<Arc<Self>> {
        let stream = Arc::new(stream);
        let options = &shared.options;
        if shared.open.fetch_add(1, Ordering::Relaxed) >= options.channels {
            shared.open.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many channels"));
        }
        let outbox = Outbox::new(Arc::clone(&stream), options.write_timeout, options.message_limit.saturating_mul(2));
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let (shared_too, open) = (Arc::clone(shared), AtomicUsize::new(0));
        let channel = Arc::new(Channel { shared: shared_too, number, stream, outbox, open, long: Mutex::default() });
        let mut outboxes = shared.outboxes();
        if shared.is_ending() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server is ending"));
        }
        outboxes.retain(|outbox| outbox.strong_count() > 0);
        outboxes.push(Arc::downgrade(&channel.outbox));
        drop(outboxes);
        Ok(channel)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Reads and serves until the channel ends.
    pub(super) fn serve(self: &Arc<Self>) {
        if let Err(End::Fault(id, answer)) = self.read_on() {
            self.answer(id, answer);
            self.outbox.finish(Instant::now() + LAST_WORDS);
        }
        self.outbox.close();
    }

    fn read_on(self: &Arc<Self>) -> Result<(), End> {
        let options = &self.shared.options;
        let mut reader = Reader::new(options.message_limit);
        let mut pace = Pace::default();
        let mut timed = Timed { deadline: None, armed: false };
        self.stream.read_within(options.idle_timeout)?;
        loop {
            while let Some(event) = reader.next_event()? {
                match event {
                    Event::Ack => self.outbox.acknowledged(),
                    Event::Part => self.outbox.acknowledge()?,
                    Event::Message(bytes) => {
                        let arrived = Instant::now();
                        timed.deadline = None;
                        let request = Request::decode(bytes)?;
                        if request.id == 0 {
                            return Err(End::Fault(0, Answer::error(ErrorKind::Malformed, "a request with id 0")));
                        }
                        self.take(request, arrived, reader.holds_bytes(), &mut pace);
                    }
                }
            }
            let amid = reader.amid_message();
            timed.before_read(amid, &self.stream, options)?;
            match reader.fill(&mut &*self.stream) {
                Ok(0) => return Err(End::Gone),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && amid => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn long(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<AtomicBool>>> {
        self.long.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, request: Request, arrived: Instant, more: bool, pace: &mut Pace) {
        let shared = &self.shared;
        if request.ask == Ask::Cancel {
            // One that is done already, or was never asked, is nothing to give up.
            if let Some(given_up) = self.long().get(&request.id) {
                given_up.store(true, Ordering::Relaxed);
            }
            return;
        }
        if shared.is_ending() {
            return self.answer(request.id, Answer::error(ErrorKind::Ending, "the worker is ending"));
        }
        let Request { id, ask } = request;
        let caller = Caller { channel: self.number, request: id, arrived };
        let alone = !more && self.open.load(Ordering::Acquire) == 0;
        let long = shared.service.is_long(&ask);
        if !long
            && pace.inline(alone)
            && let Some((open, running)) = shared.pool.try_run()
        {
            let answer = shared.handle(caller, ask, &mut Sender { channel: self, id, given_up: None }, running);
            self.answer(id, answer);
            drop(open);
            if arrived.elapsed() > LONG && self.stream.has_arrivals() {
                pace.pipelined();
            }
            return;
        }
        if self.open.fetch_add(1, Ordering::AcqRel) >= shared.options.per_channel {
            self.open.fetch_sub(1, Ordering::AcqRel);
            return self.answer(id, Answer::error(ErrorKind::Busy, "too many requests on this channel"));
        }
        let channel = Arc::clone(self);
        let given_up = long.then(Arc::<AtomicBool>::default);
        if let Some(given_up) = &given_up {
            self.long().insert(id, Arc::clone(given_up));
        }
        let put = shared.pool.put(Box::new(move |running| {
            let answer = channel.shared.handle(caller, ask, &mut Sender { channel: &channel, id, given_up }, running);
            if long {
                channel.long().remove(&id);
            }
            channel.open.fetch_sub(1, Ordering::AcqRel);
            channel.answer(id, answer);
        }));
        if !put {
            if long {
                self.long().remove(&id);
            }
            self.open.fetch_sub(1, Ordering::AcqRel);
            self.answer(id, Answer::error(ErrorKind::Busy, "too many requests are waiting"));
        }
    }

    /// Sends an answer. When it cannot be sent the channel is dead, which its reader finds out.
    fn answer(&self, id: u64, answer: Answer) {
        match self.encode(id, answer).or_else(|fault| self.encode(id, fault)) {
            Ok(message) => drop(self.outbox.send(message)),
            Err(_) => self.outbox.close(),
        }
    }

    /// An answer as a message with room for a frame's head, or what is to be answered instead.
    fn encode(&self, id: u64, answer: Answer) -> Result<Vec<u8>, Answer> {
        let mut message = vec![0; HEAD_BYTES];
        let encoded = Response { id, answer }.encode(&mut message);
        encoded.map_err(|why| Answer::error(ErrorKind::Failed, format!("the answer cannot be sent: {why}")))?;
        let bytes = message.len() - HEAD_BYTES;
        if bytes > self.shared.options.message_limit {
            let text = format!("the answer has {bytes} bytes, above the limit");
            return Err(Answer::error(ErrorKind::TooLarge, text));
        }
        Ok(message)
    }
}

/// Sends partial answers of one request.
struct Sender<'a> {
    channel: &'a Channel,
    id: u64,
    given_up: Option<Arc<AtomicBool>>,
}

impl Partial for Sender<'_> {
    fn send(&mut self, answer: Answer) -> bool {
        // Whoever awaits the last answer must not be handed another that looks like it.
        if !answer.is_partial() || !self.is_wanted() {
            return false;
        }
        let message = self.channel.encode(self.id, answer);
        message.is_ok_and(|message| self.channel.outbox.send(message).is_ok())
    }

    fn is_wanted(&self) -> bool {
        !self.given_up.as_ref().is_some_and(|given_up| given_up.load(Ordering::Relaxed))
            && !self.channel.outbox.is_dead()
    }
}

/// By when the message that has begun must be here. The socket's timeout is touched only when a message is half here: the usual one
/// arrives in one piece.
struct Timed {
    deadline: Option<Instant>,
    /// The socket has another timeout than an idle channel's.
    armed: bool,
}

impl Timed {
    fn before_read(&mut self, amid: bool, stream: &Stream, options: &Options) -> Result<(), End> {
        if amid {
            let until = *self.deadline.get_or_insert_with(|| Instant::now() + options.frame_timeout);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(late());
            }
            stream.read_within(Some(left))?;
            self.armed = true;
        } else if std::mem::take(&mut self.armed) {
            stream.read_within(options.idle_timeout)?;
        }
        Ok(())
    }
}

fn late() -> End {
    End::Fault(0, Answer::error(ErrorKind::Late, "a message did not arrive in time"))
}

/// Whether a channel's requests come one at a time, in which case its own thread handles them, or several at once, in which case the pool
/// does and works on them side by side.
#[derive(Default)]
struct Pace {
    /// Requests that still go to the pool.
    pool: u32,
}

impl Pace {
    fn pipelined(&mut self) {
        self.pool = PIPELINED;
    }

    /// Whether the next request is for this thread. `alone`: none of the channel is in work, and none has followed it yet.
    fn inline(&mut self, alone: bool) -> bool {
        if !alone {
            self.pipelined();
            return false;
        }
        self.pool = self.pool.saturating_sub(1);
        self.pool == 0
    }
}
