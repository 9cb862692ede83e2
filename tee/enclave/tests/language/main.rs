//! Language models inside, over real channels: what is answered, what a document binds of it, what is refused.

mod clients;
mod fixture;
mod middle;
mod refusals;
mod statement;

use fixture::{ask, asked, named};
use zktee_enclave_protocol::{Ask, Request};

/// The names of what goes over the worker's seam and over the wire have the same bounds.
#[test]
fn both_protocols_have_the_same_bounds() {
    assert_eq!(zktee_enclave_protocol::MAX_TOKENS, zktee_core::protocol::MAX_RESPONSE_TOKENS);
    assert_eq!(zktee_enclave_protocol::MAX_PROMPT, zktee_core::protocol::MAX_PROMPT_BYTES);
    let request = Request { id: 1, ask: Ask::Generate(Box::new(ask(named(b""), &asked()))) };
    assert!(request.encode(&mut Vec::new()).is_ok());
}
