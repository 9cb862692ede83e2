//! Frames: four bytes of length, big-endian, then that many bytes.
//!
//! The head's top bit says that more of the same message follows; a frame of length 0 acknowledges one such part. On a Unix socket a
//! message is one frame whatever its length. Where the transport asks for parts, no frame is longer than [`PART_BYTES`], and the next
//! part waits for the acknowledgement of the one before: vsock under QEMU stalls on more.

use std::io::{self, Read};

use thiserror::Error;

/// Bytes of a frame's head.
pub(crate) const HEAD_BYTES: usize = 4;
/// The longest frame, head included, where messages go in parts.
pub const PART_BYTES: usize = 16 * 1024;
/// An acknowledgement of one part.
pub(crate) const ACK: [u8; HEAD_BYTES] = [0; HEAD_BYTES];

const MORE: u32 = 1 << 31;
/// What a reader's buffer has at the least, and what it falls back to after a long message.
const BUFFER_BYTES: usize = 16 * 1024;
/// What a reader's buffer may keep between messages.
const KEPT_BYTES: usize = 1024 * 1024;

/// How a transport wants messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One message, one frame.
    Whole,
    /// Frames of at most [`PART_BYTES`], each but the last acknowledged before the next.
    Parts,
}

/// Bytes that are no frames.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// More than the limit, by what the heads claim.
    #[error("a message of at least {claimed} bytes, above the limit of {limit}")]
    TooLong {
        /// Bytes claimed so far.
        claimed: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A frame without content that says that more follows.
    #[error("an empty part")]
    EmptyPart,
}

/// Puts a message into frames. `message` begins with four bytes of any content, which become the first head.
///
/// # Panics
///
/// On a message shorter than those four bytes or beyond 2 GiB.
pub fn frames(mut message: Vec<u8>, framing: Framing) -> Vec<Vec<u8>> {
    if framing == Framing::Whole || message.len() <= PART_BYTES {
        let head = head(message.len() - HEAD_BYTES, false);
        message[..HEAD_BYTES].copy_from_slice(&head);
        return vec![message];
    }
    let mut parts = message[HEAD_BYTES..].chunks(PART_BYTES - HEAD_BYTES).peekable();
    let mut frames = Vec::new();
    while let Some(part) = parts.next() {
        let mut frame = Vec::with_capacity(HEAD_BYTES + part.len());
        frame.extend(head(part.len(), parts.peek().is_some()));
        frame.extend(part);
        frames.push(frame);
    }
    frames
}

fn head(length: usize, more: bool) -> [u8; HEAD_BYTES] {
    let length = u32::try_from(length).ok().filter(|length| length & MORE == 0).expect("a message below 2 GiB");
    (length | if more { MORE } else { 0 }).to_be_bytes()
}

/// What a reader came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// A part, of which more is to come once it has been acknowledged.
    Part,
    /// The other end has a part of ours.
    Ack,
}

/// Takes bytes as they come and gives frames. It may stop anywhere and go on later: nothing is lost by a timeout.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Parts of a message so far.
    parts: Vec<u8>,
    /// `parts` was handed out.
    handed: bool,
    limit: usize,
}

impl Reader {
    /// A reader of messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Reader { buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, parts: Vec::new(), handed: false, limit }
    }

    /// The next event from the bytes at hand; `None` when they do not suffice.
    ///
    /// # Errors
    ///
    /// Bytes that are no frames; there is no going on after that.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, FrameError> {
        if std::mem::take(&mut self.handed) {
            self.parts = Vec::new();
        }
        let bytes = &self.buffer[self.start..self.end];
        let Some((length, more)) = self.head()? else { return Ok(None) };
        let Some(content) = bytes.get(HEAD_BYTES..HEAD_BYTES + length) else { return Ok(None) };
        self.start += HEAD_BYTES + length;
        if length == 0 {
            return Ok(Some(Event::Ack));
        }
        if !more && self.parts.is_empty() {
            return Ok(Some(Event::Message(content)));
        }
        self.parts.extend_from_slice(content);
        if more {
            return Ok(Some(Event::Part));
        }
        self.handed = true;
        Ok(Some(Event::Message(&self.parts)))
    }

    /// The head at the front, held against the limit before anything is made of it.
    fn head(&self) -> Result<Option<(usize, bool)>, FrameError> {
        let Some(head) = self.buffer[self.start..self.end].first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let head = u32::from_be_bytes(*head);
        let (length, more) = ((head & !MORE) as usize, head & MORE != 0);
        if more && length == 0 {
            return Err(FrameError::EmptyPart);
        }
        let claimed = self.parts.len() + length;
        if claimed > self.limit {
            return Err(FrameError::TooLong { claimed, limit: self.limit });
        }
        Ok(Some((length, more)))
    }

    /// Reads once from `source`: 0 bytes is its end. The buffer grows with what has arrived, never with what is claimed.
    ///
    /// # Errors
    ///
    /// The source's.
    pub fn fill(&mut self, source: &mut impl Read) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT_BYTES {
                self.buffer = vec![0; BUFFER_BYTES];
            }
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        let count = source.read(&mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// Whether bytes wait here that no event has been made of.
    pub fn holds_bytes(&self) -> bool {
        self.start != self.end
    }

    /// Whether a message has begun and not ended.
    pub fn amid_message(&self) -> bool {
        self.holds_bytes() || (!self.handed && !self.parts.is_empty())
    }
}
