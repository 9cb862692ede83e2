//! A reader for the CBOR that an attestation document is made of: definite lengths in their shortest form, nothing copied, nothing
//! allocated by what a length claims.
//!
//! It hands out one item at a time and never recurses, so nesting costs the sender bytes and the reader nothing: the first item
//! that is not the expected one ends it.

use ciborium_ll::{Decoder, Header};
use thiserror::Error;

/// What is wrong with CBOR, at which byte of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CborError {
    /// The bytes end within an item.
    #[error("the CBOR ends early, at byte {0}")]
    Truncated(usize),
    /// A head that CBOR does not know.
    #[error("no CBOR at byte {0}")]
    Syntax(usize),
    /// A string, array or map that does not say how long it is.
    #[error("an indefinite length at byte {0}")]
    Indefinite(usize),
    /// A number or length in more bytes than it needs.
    #[error("a number that is not in its shortest form at byte {0}")]
    NotShortest(usize),
    /// Another kind of item than the document has there.
    #[error("expected {expected} at byte {at}")]
    Unexpected {
        /// The kind that belongs there.
        expected: &'static str,
        /// Offset of the item.
        at: usize,
    },
    /// A text that is not UTF-8.
    #[error("a text that is not UTF-8 at byte {0}")]
    Utf8(usize),
    /// Bytes after the last item.
    #[error("bytes after the end, from byte {0}")]
    Trailing(usize),
}

/// Reads items from the front of a slice.
pub(crate) struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// The next item's head, which must be definite and as short as can be.
    fn head(&mut self) -> Result<Header, CborError> {
        let at = self.at;
        let mut decoder = Decoder::from(&self.all[at..]);
        let header = decoder.pull().map_err(|error| match error {
            ciborium_ll::Error::Io(_) => CborError::Truncated(at),
            ciborium_ll::Error::Syntax(_) => CborError::Syntax(at),
        })?;
        let argument = match header {
            Header::Positive(n) | Header::Negative(n) | Header::Tag(n) => n,
            Header::Bytes(Some(n)) | Header::Text(Some(n)) | Header::Array(Some(n)) | Header::Map(Some(n)) => n as u64,
            Header::Bytes(None) | Header::Text(None) | Header::Array(None) | Header::Map(None) | Header::Break => {
                return Err(CborError::Indefinite(at));
            }
            Header::Simple(n) => u64::from(n),
            // No document has one; the caller will say that it expects something else.
            Header::Float(_) => return Ok(header),
        };
        let shortest = match argument {
            0..=23 => 1,
            24..=0xff => 2,
            0x100..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        };
        if decoder.offset() != shortest {
            return Err(CborError::NotShortest(at));
        }
        self.at += shortest;
        Ok(header)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CborError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.all.len());
        let taken = &self.all[self.at..end.ok_or(CborError::Truncated(self.all.len()))?];
        self.at += length;
        Ok(taken)
    }

    /// Bytes of any length that the input has.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let at = self.at;
        match self.head()? {
            Header::Bytes(Some(length)) => self.take(length),
            _ => Err(CborError::Unexpected { expected: "bytes", at }),
        }
    }

    /// Bytes, or nothing where the document says null.
    pub(crate) fn optional_bytes(&mut self) -> Result<Option<&'a [u8]>, CborError> {
        let at = self.at;
        match self.head()? {
            Header::Bytes(Some(length)) => self.take(length).map(Some),
            Header::Simple(ciborium_ll::simple::NULL) => Ok(None),
            _ => Err(CborError::Unexpected { expected: "bytes or null", at }),
        }
    }

    /// A text of any length that the input has.
    pub(crate) fn text(&mut self) -> Result<&'a str, CborError> {
        let at = self.at;
        match self.head()? {
            Header::Text(Some(length)) => std::str::from_utf8(self.take(length)?).map_err(|_| CborError::Utf8(at)),
            _ => Err(CborError::Unexpected { expected: "text", at }),
        }
    }

    /// A number that is not negative.
    pub(crate) fn unsigned(&mut self) -> Result<u64, CborError> {
        let at = self.at;
        match self.head()? {
            Header::Positive(n) => Ok(n),
            _ => Err(CborError::Unexpected { expected: "an unsigned number", at }),
        }
    }

    /// A number of either sign.
    pub(crate) fn integer(&mut self) -> Result<i128, CborError> {
        let at = self.at;
        match self.head()? {
            Header::Positive(n) => Ok(i128::from(n)),
            Header::Negative(n) => Ok(-1 - i128::from(n)),
            _ => Err(CborError::Unexpected { expected: "a number", at }),
        }
    }

    /// How many items the array has that begins here.
    pub(crate) fn array(&mut self) -> Result<usize, CborError> {
        let at = self.at;
        match self.head()? {
            Header::Array(Some(length)) => Ok(length),
            _ => Err(CborError::Unexpected { expected: "an array", at }),
        }
    }

    /// How many entries the map has that begins here.
    pub(crate) fn map(&mut self) -> Result<usize, CborError> {
        let at = self.at;
        match self.head()? {
            Header::Map(Some(length)) => Ok(length),
            _ => Err(CborError::Unexpected { expected: "a map", at }),
        }
    }

    /// Skips the tag, if `tag` is what begins here.
    pub(crate) fn skip_tag(&mut self, tag: u64) {
        let at = self.at;
        if !matches!(self.head(), Ok(Header::Tag(found)) if found == tag) {
            self.at = at;
        }
    }

    /// Refuses what is left.
    pub(crate) fn end(self) -> Result<(), CborError> {
        if self.at == self.all.len() { Ok(()) } else { Err(CborError::Trailing(self.at)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_needed_is_refused() {
        for bytes in [&[0x18, 5][..], &[0x19, 0, 200], &[0x1a, 0, 0, 1, 0], &[0x1b, 0, 0, 0, 0, 0, 1, 0, 0]] {
            assert_eq!(Reader::new(bytes).unsigned(), Err(CborError::NotShortest(0)), "{bytes:?}");
        }
        assert_eq!(Reader::new(&[0x58, 1, 9]).bytes(), Err(CborError::NotShortest(0)));
        assert_eq!(Reader::new(&[0x18, 24]).unsigned(), Ok(24));
        assert_eq!(Reader::new(&[0x39, 1, 0]).integer(), Ok(-257));
    }

    #[test]
    fn a_length_beyond_the_input_allocates_nothing() {
        let huge = [0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Reader::new(&huge).bytes(), Err(CborError::Truncated(9)));
        let all = [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(Reader::new(&all).bytes().is_err());
    }

    #[test]
    fn indefinite_lengths_are_refused() {
        assert_eq!(Reader::new(&[0x5f, 0x41, 1, 0xff]).bytes(), Err(CborError::Indefinite(0)));
        assert_eq!(Reader::new(&[0x9f, 0xff]).array(), Err(CborError::Indefinite(0)));
        assert_eq!(Reader::new(&[0xbf, 0xff]).map(), Err(CborError::Indefinite(0)));
        assert_eq!(Reader::new(&[0x7f, 0xff]).text(), Err(CborError::Indefinite(0)));
    }

    #[test]
    fn another_kind_is_named() {
        assert_eq!(
            Reader::new(&[0xf5]).optional_bytes(),
            Err(CborError::Unexpected { expected: "bytes or null", at: 0 })
        );
        assert_eq!(
            Reader::new(&[0xfb, 0, 0, 0, 0, 0, 0, 0, 0]).unsigned().unwrap_err().to_string(),
            "expected an unsigned number at byte 0"
        );
        assert_eq!(Reader::new(&[0x61, 0xff]).text(), Err(CborError::Utf8(0)));
        assert_eq!(Reader::new(&[]).map(), Err(CborError::Truncated(0)));
    }
}
