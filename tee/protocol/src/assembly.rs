//! A model's file in parts, put together again and held against its digest.

use sha2::{Digest, Sha384};
use thiserror::Error;

use crate::message::{Ask, MAX_PART, Model, ModelId};

/// The requests that carry a model's file, in order.
pub fn parts<'a>(model: &'a Model, file: &'a [u8]) -> impl Iterator<Item = Ask> + 'a {
    file.chunks(MAX_PART).enumerate().map(move |(index, part)| Ask::LoadModel {
        model: model.clone(),
        total: file.len() as u64,
        offset: (index * MAX_PART) as u64,
        part: part.to_owned(),
    })
}

/// Why a part was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AssemblyError {
    /// A model beyond the limit.
    #[error("a model of {total} bytes, above the limit of {limit}")]
    TooLarge {
        /// Bytes claimed.
        total: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A part that is not the next, or of another length of file.
    #[error("a part at {offset}, where {expected} bytes are at hand")]
    OutOfOrder {
        /// Where the part claims to begin.
        offset: u64,
        /// Where it would have to.
        expected: u64,
    },
    /// The file is complete and not the model that was named.
    #[error("SHA-384 of the file is {0}")]
    Digest(ModelId),
}

/// One model on its way.
#[derive(Debug)]
pub struct Assembly {
    model: ModelId,
    total: u64,
    file: Vec<u8>,
    /// Of what is at hand, so that the last part of a large file takes no longer than the others.
    digest: Sha384,
}

impl Assembly {
    /// Nothing yet of a model of `total` bytes.
    ///
    /// # Errors
    ///
    /// [`AssemblyError::TooLarge`] above `limit`.
    pub fn new(model: ModelId, total: u64, limit: u64) -> Result<Self, AssemblyError> {
        if total > limit {
            return Err(AssemblyError::TooLarge { total, limit });
        }
        Ok(Assembly { model, total, file: Vec::new(), digest: Sha384::new() })
    }

    /// The file that it is to be.
    pub fn model(&self) -> ModelId {
        self.model
    }

    /// Bytes of the whole.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes at hand.
    pub fn received(&self) -> u64 {
        self.file.len() as u64
    }

    /// Takes the next part; the whole file once it is complete and its digest right.
    ///
    /// # Errors
    ///
    /// [`AssemblyError::OutOfOrder`], [`AssemblyError::Digest`]. After either the model has to be sent anew.
    pub fn accept(&mut self, total: u64, offset: u64, part: &[u8]) -> Result<Option<Vec<u8>>, AssemblyError> {
        let expected = self.received();
        let fits = expected.checked_add(part.len() as u64).is_some_and(|end| end <= self.total);
        if total != self.total || offset != expected || !fits {
            return Err(AssemblyError::OutOfOrder { offset, expected });
        }
        self.file.extend_from_slice(part);
        self.digest.update(part);
        if self.received() < self.total {
            return Ok(None);
        }
        let digest = ModelId(self.digest.finalize_reset().into());
        if digest == self.model { Ok(Some(std::mem::take(&mut self.file))) } else { Err(AssemblyError::Digest(digest)) }
    }
}
