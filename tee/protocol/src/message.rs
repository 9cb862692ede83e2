//! What host and worker say to each other.

mod generation;
mod parts;
mod wire;

use std::fmt;

use crate::error::Malformed;
use crate::tensor::Tensor;

pub use generation::{
    Finish, Generate, Generated, LanguageFiles, MAX_PIECE, MAX_PROMPT, MAX_PROMPT_TOKENS, MAX_RESPONSE, MAX_TOKENS,
    Piece,
};

/// The version of the protocol that this crate speaks. There is no other yet.
pub const VERSION: u16 = 1;
/// Bytes that a text may have at most.
pub const MAX_TEXT: usize = 256;
/// Models that a worker may name at most.
pub const MAX_MODELS: usize = 64;
/// Bytes of a model that one request may carry at most.
pub const MAX_PART: usize = 1024 * 1024;
/// Bytes that an attestation document may have at most. Nitro's have about 5 KiB.
pub const MAX_DOCUMENT: usize = 64 * 1024;
/// Bytes that a payload of an encrypted session may have at most: the longest plain message and what sealing adds.
pub const MAX_PAYLOAD: usize = crate::MAX_ELEMENTS * 4 + 96 * 1024;

/// Bytes that a sealed partial answer may have at most: the longest [`Piece`] as a message and what sealing adds.
pub const MAX_SEALED_PIECE: usize = MAX_PIECE + 256;

/// A file of a model: its SHA-384. An ONNX model is one file, a language model up to three ([`LanguageFiles`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub [u8; 48]);

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number used once, 16 to 64 bytes: the asker draws it and finds it again in the document.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// Fewest bytes of a nonce.
    pub const MIN: usize = 16;
    /// Most bytes of a nonce.
    pub const MAX: usize = 64;

    /// These bytes as a nonce.
    ///
    /// # Errors
    ///
    /// [`Malformed::Bounds`] when there are fewer than 16 or more than 64.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Malformed> {
        let bytes = bytes.into();
        if (Self::MIN..=Self::MAX).contains(&bytes.len()) { Ok(Nonce(bytes)) } else { Err(Malformed::Bounds("nonce")) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A model that a worker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// SHA-384 of its file.
    pub id: ModelId,
    /// What people call it; at most 256 bytes.
    pub name: String,
}

/// What an attestation is to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// An earlier request of the same channel, by its id.
    Request(u64),
    /// These three SHA-384 digests.
    Digests {
        /// Of the model.
        model: [u8; 48],
        /// Of the input.
        input: [u8; 48],
        /// Of the output.
        output: [u8; 48],
    },
}

/// A question of the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Chosen by the host, above 0, unused by any other open request of the channel. The answer repeats it.
    pub id: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What a host can ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Who are you?
    Hello {
        /// The newest version that the host speaks.
        newest: u16,
    },
    /// A part of a model's file, for platforms where models come over the channel. Parts go in order, each answered before the next.
    LoadModel {
        /// The model that all parts together are to be.
        model: Model,
        /// Bytes of the whole file.
        total: u64,
        /// Where this part begins.
        offset: u64,
        /// The part, 1 byte to 1 MiB.
        part: Vec<u8>,
    },
    /// Run a model.
    Infer {
        /// Which.
        model: ModelId,
        /// For a later attestation over this request.
        nonce: Nonce,
        /// On what, first dimension the batch.
        input: Tensor,
    },
    /// Attest.
    Attest {
        /// To be found in the document.
        nonce: Nonce,
        /// What it is about.
        over: Over,
    },
    /// Run a model and attest it, in one round trip.
    InferAndAttest {
        /// Which.
        model: ModelId,
        /// To be found in the document.
        nonce: Nonce,
        /// On what, first dimension the batch.
        input: Tensor,
    },
    /// Open an encrypted session: bytes that this protocol does not look into.
    OpenSession {
        /// The host's first words.
        payload: Vec<u8>,
    },
    /// A request of an encrypted session.
    Sealed {
        /// A sealed request.
        payload: Vec<u8>,
    },
    /// Go on with a text.
    Generate(Box<Generate>),
    /// Make a language model ready whose files were loaded.
    Prepare(LanguageFiles),
    /// The request of this number is given up: its last answer may come at once. This has no answer of its own.
    Cancel,
}

/// An answer of the worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The request's id; 0 for an error that concerns the channel and no one request.
    pub id: u64,
    /// What is answered.
    pub answer: Answer,
}

/// What a worker can answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To `Hello`.
    Hello {
        /// The version that the worker speaks.
        version: u16,
        /// What the worker runs on, e.g. `process`; at most 256 bytes.
        platform: String,
        /// What it can run, at most 64.
        models: Vec<Model>,
        /// Bytes of the longest message that it takes.
        message_limit: u64,
    },
    /// To `LoadModel`. The model is loaded when both are equal.
    Loaded {
        /// Bytes at hand.
        received: u64,
        /// Bytes of the whole.
        total: u64,
    },
    /// To `Infer`.
    Inferred {
        /// The model's output.
        output: Tensor,
        /// Inference alone, in nanoseconds of the worker's clock.
        inference_ns: u64,
        /// From the request's arrival to its begin, in nanoseconds of the worker's clock.
        queue_ns: u64,
    },
    /// To `Attest`.
    Attested {
        /// The document.
        document: Vec<u8>,
        /// Attestation alone, in nanoseconds of the worker's clock.
        attest_ns: u64,
    },
    /// To `InferAndAttest`.
    InferredAndAttested {
        /// The model's output.
        output: Tensor,
        /// Inference alone, in nanoseconds of the worker's clock.
        inference_ns: u64,
        /// From the request's arrival to its begin, in nanoseconds of the worker's clock.
        queue_ns: u64,
        /// The document.
        document: Vec<u8>,
        /// Attestation alone, in nanoseconds of the worker's clock.
        attest_ns: u64,
    },
    /// To `OpenSession`.
    SessionOpened {
        /// The worker's first words.
        payload: Vec<u8>,
    },
    /// To `Sealed`.
    Sealed {
        /// A sealed answer.
        payload: Vec<u8>,
    },
    /// To `Generate`.
    Generated(Box<Generated>),
    /// To `Prepare`.
    Prepared {
        /// Reading the model and making it ready, in nanoseconds of the worker's clock; 0 where it was ready.
        load_ns: u64,
    },
    /// To `Generate`, ahead of its last answer: a partial answer.
    Piece(Piece),
    /// To `Sealed`, ahead of its last answer: a partial answer.
    SealedPiece {
        /// A sealed partial answer.
        payload: Vec<u8>,
    },
    /// To anything.
    Error {
        /// What sort of error.
        kind: ErrorKind,
        /// For people; at most 256 bytes, cut where it is longer.
        message: String,
    },
}

impl Answer {
    /// Whether it is a partial one, which the request's last answer follows.
    pub fn is_partial(&self) -> bool {
        matches!(self, Answer::Piece(_) | Answer::SealedPiece { .. })
    }

    /// An error, its message cut to [`MAX_TEXT`].
    pub fn error(kind: ErrorKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(MAX_TEXT));
        Answer::Error { kind, message }
    }
}

/// What sort of error an answer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes were no message; the channel is closed.
    Malformed,
    /// A version that the worker does not speak; the channel is closed.
    Version,
    /// A message beyond the limit: closes the channel when it was a frame, leaves it open when it was an answer.
    TooLarge,
    /// A frame that did not arrive in time; the channel is closed.
    Late,
    /// No such model.
    UnknownModel,
    /// An input that the model does not take.
    BadInput,
    /// A model's parts that are out of order, too many, or of another digest; a language model that cannot be made of its files.
    BadModel,
    /// Too much waits already; ask again later.
    Busy,
    /// The worker is ending.
    Ending,
    /// Nothing that this worker does.
    Unsupported,
    /// The handler panicked.
    Panicked,
    /// Anything else.
    Failed,
    /// The host gave the request up.
    Cancelled,
    /// The model needs more memory than it may take here.
    OutOfMemory,
}
