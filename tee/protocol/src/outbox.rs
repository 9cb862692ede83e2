//! The writing half of a channel, shared by all who have something to send.
//!
//! Whoever sends writes to the socket himself as long as it takes everything at once, which is the rule and costs no change of threads.
//! What it does not take, and messages in parts, are left to a thread of the channel's own, which begins when it is needed and ends when
//! it is not: a slow reader at the other end holds up nobody but himself.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::frame::{ACK, frames};
use crate::transport::Stream;

pub(crate) struct Outbox {
    stream: Arc<Stream>,
    /// For the other end to take some bytes, or to acknowledge a part.
    patience: Duration,
    /// Bytes that may wait here.
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What goes before anything else: the rest of a frame that has begun, acknowledgements.
    urgent: VecDeque<Vec<u8>>,
    /// Frames, each with whether it waits for an acknowledgement of the one before.
    frames: VecDeque<(Vec<u8>, bool)>,
    bytes: usize,
    acks: usize,
    writing: bool,
    dead: bool,
}

impl State {
    fn is_idle(&self) -> bool {
        !self.writing && self.urgent.is_empty() && self.frames.is_empty()
    }
}

impl Outbox {
    pub(crate) fn new(stream: Arc<Stream>, patience: Duration, most: usize) -> Arc<Self> {
        Arc::new(Outbox { stream, patience, most, state: Mutex::default(), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message that begins with room for a frame's head.
    ///
    /// # Errors
    ///
    /// When the channel is dead, or so much waits already that it now is.
    pub(crate) fn send(self: &Arc<Self>, message: Vec<u8>) -> io::Result<()> {
        // Cut before the lock is taken: it may be long.
        let frames = frames(message, self.stream.framing());
        let mut state = self.lock();
        if state.dead {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut frames = frames.into_iter();
        if frames.len() == 1 && state.is_idle() {
            let frame = frames.next().unwrap_or_default();
            return self.send_frame(state, frame);
        }
        for (index, frame) in frames.enumerate() {
            state.bytes += frame.len();
            state.frames.push_back((frame, index > 0));
        }
        if state.bytes > self.most {
            self.kill(&mut state);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.write_on(&mut state);
        Ok(())
    }

    /// Acknowledges a part, ahead of all that waits.
    pub(crate) fn acknowledge(self: &Arc<Self>) -> io::Result<()> {
        let mut state = self.lock();
        if state.dead {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if state.is_idle() {
            return self.send_frame(state, ACK.to_vec());
        }
        state.bytes += ACK.len();
        state.urgent.push_back(ACK.to_vec());
        self.write_on(&mut state);
        Ok(())
    }

    /// Writes a frame now, as much of it as the socket takes, and leaves the rest to the thread.
    fn send_frame(self: &Arc<Self>, mut state: MutexGuard<'_, State>, mut frame: Vec<u8>) -> io::Result<()> {
        match self.stream.send_now(&frame) {
            Ok(count) if count == frame.len() => Ok(()),
            Ok(count) => {
                frame.drain(..count);
                state.bytes += frame.len();
                state.urgent.push_front(frame);
                self.write_on(&mut state);
                Ok(())
            }
            Err(error) => {
                self.kill(&mut state);
                Err(error)
            }
        }
    }

    /// The other end has a part of ours.
    pub(crate) fn acknowledged(&self) {
        let mut state = self.lock();
        // One part at a time is under way, so more than one acknowledgement at hand is the other end's fault and worth nothing.
        state.acks = 1;
        self.changed.notify_all();
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// Ends the channel, at once and for all.
    pub(crate) fn close(&self) {
        self.kill(&mut self.lock());
    }

    /// Waits until all is sent or `deadline` has come, then ends the channel.
    pub(crate) fn finish(&self, deadline: Instant) {
        let mut state = self.lock();
        while !state.is_idle() && !state.dead {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.kill(&mut state);
    }

    fn kill(&self, state: &mut State) {
        state.dead = true;
        state.urgent.clear();
        state.frames.clear();
        state.bytes = 0;
        self.stream.shut();
        self.changed.notify_all();
    }

    /// Sees to it that somebody writes what waits.
    fn write_on(self: &Arc<Self>, state: &mut State) {
        self.changed.notify_all();
        if state.writing {
            return;
        }
        let outbox = Arc::clone(self);
        match thread::Builder::new().name("zktee-outbox".into()).spawn(move || outbox.write_all()) {
            Ok(_) => state.writing = true,
            // Without a thread there is no telling when the rest could be sent.
            Err(_) => self.kill(state),
        }
    }

    fn write_all(&self) {
        while let Some(frame) = self.next_frame() {
            if self.write_frame(&frame).is_err() {
                self.kill(&mut self.lock());
            }
        }
        self.changed.notify_all();
    }

    /// The next frame to write, once it may be written; `None` when there is none and this thread is to end.
    fn next_frame(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        let mut deadline = None;
        loop {
            if let Some(frame) = state.urgent.pop_front() {
                state.bytes -= frame.len();
                return Some(frame);
            }
            match state.frames.front() {
                None => {
                    state.writing = false;
                    return None;
                }
                Some((_, true)) if state.acks == 0 => {}
                Some(_) => {
                    let (frame, _) = state.frames.pop_front()?;
                    state.bytes -= frame.len();
                    state.acks = 0;
                    return Some(frame);
                }
            }
            let left = deadline
                .get_or_insert_with(|| Instant::now() + self.patience)
                .saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.kill(&mut state);
                continue;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes with the patience counted anew whenever the other end takes something.
    fn write_frame(&self, mut bytes: &[u8]) -> io::Result<()> {
        self.stream.write_within(self.patience)?;
        while !bytes.is_empty() {
            match (&*self.stream).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
