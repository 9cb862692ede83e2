//! The small part of CBOR that messages are made of: unsigned numbers, byte strings, texts and arrays, each in its shortest form and
//! with its length up front, so that a message has one encoding only.

use ciborium_io::Write as _;
use ciborium_ll::{Decoder, Encoder, Header};

use crate::error::Malformed;

/// Reads items off the front of a message.
pub(crate) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Items { rest: bytes }
    }

    fn header(&mut self, field: &'static str) -> Result<Header, Malformed> {
        let mut decoder = Decoder::from(self.rest);
        let header = decoder.pull().map_err(|error| match error {
            ciborium_ll::Error::Io(_) => Malformed::Truncated,
            ciborium_ll::Error::Syntax(_) => Malformed::Item(field),
        })?;
        let taken = decoder.offset();
        let value = match header {
            Header::Positive(value) => value,
            Header::Bytes(Some(length)) | Header::Text(Some(length)) | Header::Array(Some(length)) => length as u64,
            _ => return Err(Malformed::Item(field)),
        };
        if taken != header_bytes(value) {
            return Err(Malformed::Item(field));
        }
        self.rest = &self.rest[taken..];
        Ok(header)
    }

    /// An unsigned number.
    pub(crate) fn number(&mut self, field: &'static str) -> Result<u64, Malformed> {
        match self.header(field)? {
            Header::Positive(value) => Ok(value),
            _ => Err(Malformed::Item(field)),
        }
    }

    /// How many items the array has that begins here.
    pub(crate) fn array(&mut self, field: &'static str, most: usize) -> Result<usize, Malformed> {
        match self.header(field)? {
            Header::Array(Some(length)) if length <= most => Ok(length),
            Header::Array(Some(_)) => Err(Malformed::Bounds(field)),
            _ => Err(Malformed::Item(field)),
        }
    }

    /// An array of at most `most` items. Nothing is allocated for items that the bytes at hand cannot hold.
    pub(crate) fn list<T>(
        &mut self,
        field: &'static str,
        most: usize,
        item: impl Fn(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.array(field, most)?;
        if count > self.rest.len() {
            return Err(Malformed::Truncated);
        }
        (0..count).map(|_| item(self)).collect()
    }

    /// A byte string of at most `most` bytes. The length is held against the bytes at hand, so a claim alone allocates nothing.
    pub(crate) fn bytes(&mut self, field: &'static str, most: usize) -> Result<&'a [u8], Malformed> {
        match self.header(field)? {
            Header::Bytes(Some(length)) => self.take(field, length, most),
            _ => Err(Malformed::Item(field)),
        }
    }

    /// A text of at most `most` bytes.
    pub(crate) fn text(&mut self, field: &'static str, most: usize) -> Result<&'a str, Malformed> {
        match self.header(field)? {
            Header::Text(Some(length)) => {
                std::str::from_utf8(self.take(field, length, most)?).map_err(|_| Malformed::Item(field))
            }
            _ => Err(Malformed::Item(field)),
        }
    }

    /// Whether the next item is an array. Nothing is taken.
    pub(crate) fn at_array(&self) -> bool {
        self.rest.first().is_some_and(|first| first >> 5 == 4)
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing(self.rest.len())) }
    }

    fn take(&mut self, field: &'static str, length: usize, most: usize) -> Result<&'a [u8], Malformed> {
        if length > most {
            return Err(Malformed::Bounds(field));
        }
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Bytes of the shortest header that carries `value`.
fn header_bytes(value: u64) -> usize {
    match value {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}

/// Writes items to the end of a buffer.
pub(crate) struct Sink<'a> {
    encoder: Encoder<&'a mut Vec<u8>>,
}

/// Writing to memory does not fail.
const MEMORY: &str = "a vector takes every byte";

impl<'a> Sink<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>) -> Self {
        Sink { encoder: Encoder::from(buffer) }
    }

    fn push(&mut self, header: Header) {
        self.encoder.push(header).expect(MEMORY);
    }

    pub(crate) fn number(&mut self, value: u64) {
        self.push(Header::Positive(value));
    }

    pub(crate) fn array(&mut self, length: usize) {
        self.push(Header::Array(Some(length)));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.push(Header::Bytes(Some(bytes.len())));
        self.encoder.write_all(bytes).expect(MEMORY);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.push(Header::Text(Some(text.len())));
        self.encoder.write_all(text.as_bytes()).expect(MEMORY);
    }

    /// The values as one byte string, little-endian.
    pub(crate) fn floats(&mut self, values: &[f32]) {
        self.push(Header::Bytes(Some(values.len() * 4)));
        // By blocks: a call for each value costs more than the copy.
        let mut block = [0_u8; 1024];
        for values in values.chunks(block.len() / 4) {
            for (bytes, value) in block.chunks_exact_mut(4).zip(values) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
            self.encoder.write_all(&block[..values.len() * 4]).expect(MEMORY);
        }
    }
}
