//! The wire between a host and an enclave worker: what is said, how it is framed, and both ends of it.
//!
//! It knows neither models nor attestation: a model is 48 bytes and a name, a document is bytes. A worker gives a [`Service`], a host
//! holds a [`Client`]; between them is one byte stream, over a Unix socket or over vsock.
//!
//! ```text
//!   Client ── Request ── CBOR ── frames ──> Stream ──> Server ── Service::handle
//!      ^                                                            │
//!      └───── Response ── CBOR ── frames ── Stream <── Outbox <─────┘
//! ```
//!
//! The bytes are described in `docs/enclave-protocol.md`, with an example that a test of this crate reads from there.
//!
//! Nothing here authenticates or hides anything. Whoever holds the channel may say what he likes: what a host may believe is in the
//! attestation document, and what a worker must bear is any bytes at all, at any pace.

mod assembly;
mod client;
mod codec;
mod error;
mod frame;
pub mod load;
mod message;
mod outbox;
mod server;
mod tensor;
mod transcript;
mod transport;

pub use assembly::{Assembly, AssemblyError, parts};
pub use client::{Client, ClientError, ClientOptions, Next, Patience, Pending};
pub use error::{Malformed, MessageError};
pub use frame::{Event, FrameError, Framing, PART_BYTES, Reader, frames};
pub use message::{
    Answer, Ask, ErrorKind, Finish, Generate, Generated, LanguageFiles, MAX_DOCUMENT, MAX_MODELS, MAX_PART,
    MAX_PAYLOAD, MAX_PIECE, MAX_PROMPT, MAX_PROMPT_TOKENS, MAX_RESPONSE, MAX_SEALED_PIECE, MAX_TEXT, MAX_TOKENS, Model,
    ModelId, Nonce, Over, Piece, Request, Response, VERSION,
};
pub use server::{Caller, Drained, Options, Partial, Server, Service};
pub use tensor::{MAX_ELEMENTS, MAX_RANK, Tensor};
pub use transcript::{Disagreement, Transcript};
pub use transport::{Address, DEFAULT_PORT, Listener, Stream};

/// The longest message that either end takes unless told otherwise: a tensor of [`MAX_ELEMENTS`] with a document and what goes around
/// them, in bytes.
pub const DEFAULT_MESSAGE_LIMIT: usize = MAX_ELEMENTS * 4 + 128 * 1024;
