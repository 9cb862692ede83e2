//! A request under way.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::state::Turn;
use super::{Channel, ClientError};
use crate::frame::HEAD_BYTES;
use crate::message::{Answer, Ask, Request};

/// A request whose answer is still to come. Dropping it gives the answer up; the worker is told so where it may take long.
pub struct Pending {
    channel: Arc<Channel>,
    id: u64,
    /// Worth being cancelled: the last answer may be far.
    long: bool,
}

/// What comes next of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// A partial answer.
    Partial(Answer),
    /// The last answer: nothing follows.
    Last(Answer),
}

impl Pending {
    pub(super) fn new(channel: Arc<Channel>, id: u64, long: bool) -> Self {
        Self { channel, id, long }
    }

    /// The request's id: what a later [`Over::Request`](crate::Over::Request) names.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the answer. Partial ones are dropped.
    ///
    /// # Errors
    ///
    /// As [`Client::call`](super::Client::call).
    pub fn wait(self, timeout: Duration) -> Result<Answer, ClientError> {
        self.wait_until(Instant::now() + timeout)
    }

    pub(super) fn wait_until(mut self, deadline: Instant) -> Result<Answer, ClientError> {
        loop {
            if let Next::Last(answer) = self.next_until(deadline)? {
                return Ok(answer);
            }
        }
    }

    /// Waits for the next answer, partial or last. An error is the last, too, but for [`ClientError::Deadline`], after which it can be
    /// waited on.
    ///
    /// # Errors
    ///
    /// As [`Client::call`](super::Client::call).
    pub fn next(&mut self, timeout: Duration) -> Result<Next, ClientError> {
        self.next_until(Instant::now() + timeout)
    }

    pub(super) fn next_until(&mut self, deadline: Instant) -> Result<Next, ClientError> {
        loop {
            let turn = self.channel.state().turn(self.id, thread::current());
            let left = deadline.saturating_duration_since(Instant::now());
            match turn {
                Turn::Done(result) => {
                    self.long = false;
                    return match result {
                        Ok(Answer::Error { kind, message }) => Err(ClientError::Worker { kind, message }),
                        other => other.map(Next::Last),
                    };
                }
                Turn::Partial(answer) => {
                    // The caller may take its time with it.
                    self.channel.state().pass_on();
                    return Ok(Next::Partial(answer));
                }
                Turn::Read => {
                    let result = if left.is_zero() { Ok(()) } else { self.channel.read(left) };
                    self.channel.state().stop_reading();
                    if let Err(error) = result {
                        self.channel.fail(error);
                    } else if left.is_zero() {
                        return Err(ClientError::Deadline);
                    }
                }
                Turn::Wait if left.is_zero() => return Err(ClientError::Deadline),
                Turn::Wait => thread::park_timeout(left),
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.channel.state().leave(self.id);
        if self.long {
            let mut message = vec![0; HEAD_BYTES];
            // Where it cannot be sent the channel has ended, and the work with it.
            if (Request { id: self.id, ask: Ask::Cancel }).encode(&mut message).is_ok() {
                let _ = self.channel.outbox.send(message);
            }
        }
    }
}
