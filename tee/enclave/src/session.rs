//! An encrypted session: the parent, who carries the bytes, sees neither inputs nor outputs nor documents.
//!
//! ```text
//!   host                                   inside
//!   OpenSession  1 || nonce           ──>  draws a key pair for this session
//!                                     <──  document: public_key, nonce, user_data = SHA-384("zktee session v1")
//!   verifies the document
//!   OpenSession  2 || e, es           ──>
//!                                     <──  e, ee                 Noise_NK_25519_ChaChaPoly_SHA256, prologue SHA-384(document)
//!   Sealed       request              ──>  opened, done, sealed
//!                                     <──  Sealed answer
//! ```
//!
//! Both keys of the enclave are drawn for the session, so that nothing that is recorded can be opened later; the host stays anonymous.
//! What is sealed is a message of the protocol in pieces of at most 65 535 bytes, each with its number in the nonce: one that is
//! changed, lost, repeated or out of order ends the session. A session has one request at a time; a host that wants more opens more.
//!
//! Noise: "The Noise Protocol Framework", revision 34, section 7.5 (pattern NK).

mod host;
mod inside;

use sha2::{Digest as _, Sha384};
use snow::TransportState;

pub use host::{Session, SessionError};
pub(crate) use inside::Seat;

use crate::binding::Digest;

/// What a session's document says in its user data: it is about a key, never about an answer.
const PURPOSE: &[u8] = b"zktee session v1";

const PATTERN: &str = "Noise_NK_25519_ChaChaPoly_SHA256";

/// The first byte of `OpenSession`: a nonce follows, the answer is a document.
const OFFER: u8 = 1;
/// The first byte of `OpenSession`: a handshake message follows, the answer is another.
const SHAKE: u8 = 2;

/// What Noise lets one message have.
const MOST_SEALED: usize = 65_535;
/// What sealing adds to a piece.
const TAG: usize = 16;
/// Bytes of a handshake message without payload: an ephemeral key and a tag.
const HANDSHAKE: usize = 32 + TAG;

/// The `user_data` of a session's document.
fn purpose() -> Digest {
    Sha384::digest(PURPOSE).into()
}

fn parameters(document: &[u8]) -> (snow::params::NoiseParams, Digest) {
    (PATTERN.parse().expect("a pattern that this file names"), Sha384::digest(document).into())
}

/// Seals a message, in pieces.
fn seal(transport: &mut TransportState, message: &[u8]) -> Result<Vec<u8>, snow::Error> {
    let pieces = message.chunks(MOST_SEALED - TAG);
    let mut sealed = vec![0; message.len() + pieces.len() * TAG];
    let mut at = 0;
    for piece in pieces {
        at += transport.write_message(piece, &mut sealed[at..])?;
    }
    sealed.truncate(at);
    Ok(sealed)
}

/// Opens what [`seal`] sealed.
fn open(transport: &mut TransportState, sealed: &[u8]) -> Result<Vec<u8>, snow::Error> {
    let mut message = vec![0; sealed.len()];
    let mut at = 0;
    for piece in sealed.chunks(MOST_SEALED) {
        at += transport.read_message(piece, &mut message[at..])?;
    }
    message.truncate(at);
    Ok(message)
}
