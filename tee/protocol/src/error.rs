//! Why bytes are no message.

use thiserror::Error;

/// What is wrong with the bytes or the fields of a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The bytes end within the message.
    #[error("the message ends early")]
    Truncated,
    /// Bytes follow the message.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
    /// A CBOR item of another kind than the field's, or one that is not in its shortest form with its length up front.
    #[error("`{0}` is not encoded as this protocol has it")]
    Item(&'static str),
    /// A number, length or count outside its limits.
    #[error("`{0}` is outside its limits")]
    Bounds(&'static str),
    /// The shape's product is not the number of values.
    #[error("the shape does not go with the number of values")]
    Shape,
    /// A kind of message that this end does not read.
    #[error("message kind {0} is unknown here")]
    Kind(u64),
    /// The kind is known and has another number of fields.
    #[error("a message of kind {0} has another number of fields")]
    Fields(u64),
}

/// A message that was refused, with its id as far as it could be read (0 where it could not).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// A version of the protocol that this end does not speak.
    #[error("protocol version {got} is not spoken here; version {} is", crate::VERSION)]
    Version {
        /// The message's id, or 0.
        id: u64,
        /// The version that it claims.
        got: u64,
    },
    /// Not a message of this version.
    #[error("malformed message: {why}")]
    Malformed {
        /// The message's id, or 0.
        id: u64,
        /// What is wrong with it.
        why: Malformed,
    },
}

impl MessageError {
    /// The refused message's id; 0 where it could not be read.
    pub fn id(&self) -> u64 {
        match self {
            MessageError::Version { id, .. } | MessageError::Malformed { id, .. } => *id,
        }
    }
}
