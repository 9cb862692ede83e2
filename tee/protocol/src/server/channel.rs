//! One channel of a server: reads requests, hands them on, sends answers.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Caller, Options, Shared};
use crate::error::MessageError;
use crate::frame::{Event, FrameError, HEAD_BYTES, Reader};
use crate::message::{Answer, ErrorKind, Request, Response};
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
        let channel =
            Arc::new(Channel { shared: Arc::clone(shared), number, stream, outbox, open: AtomicUsize::new(0) });
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

    fn take(self: &Arc<Self>, request: Request, arrived: Instant, more: bool, pace: &mut Pace) {
        let shared = &self.shared;
        if shared.is_ending() {
            return self.answer(request.id, Answer::error(ErrorKind::Ending, "the worker is ending"));
        }
        let Request { id, ask } = request;
        let caller = Caller { channel: self.number, request: id, arrived };
        let alone = !more && self.open.load(Ordering::Acquire) == 0;
        if pace.inline(alone)
            && let Some((open, running)) = shared.pool.try_run()
        {
            let answer = shared.handle(caller, ask, running);
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
        let put = shared.pool.put(Box::new(move |running| {
            let answer = channel.shared.handle(caller, ask, running);
            channel.open.fetch_sub(1, Ordering::AcqRel);
            channel.answer(id, answer);
        }));
        if !put {
            self.open.fetch_sub(1, Ordering::AcqRel);
            self.answer(id, Answer::error(ErrorKind::Busy, "too many requests are waiting"));
        }
    }

    /// Sends an answer. When it cannot be sent the channel is dead, which its reader finds out.
    fn answer(&self, id: u64, answer: Answer) {
        let mut message = vec![0; HEAD_BYTES];
        let encoded = Response { id, answer }.encode(&mut message);
        let bytes = message.len() - HEAD_BYTES;
        let fault = match encoded {
            Err(why) => Some(Answer::error(ErrorKind::Failed, format!("the answer cannot be sent: {why}"))),
            Ok(()) if bytes > self.shared.options.message_limit => {
                Some(Answer::error(ErrorKind::TooLarge, format!("the answer has {bytes} bytes, above the limit")))
            }
            Ok(()) => None,
        };
        if let Some(answer) = fault {
            message.truncate(HEAD_BYTES);
            if (Response { id, answer }).encode(&mut message).is_err() {
                return self.outbox.close();
            }
        }
        let _ = self.outbox.send(message);
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
