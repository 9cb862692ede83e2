//! The enclave path: a model answers inside, a security module attests the answer, and a third party verifies it outside.
//!
//! ```text
//!   host                                             inside
//!   Enclave ── Infer ──> channel ──> EnclaveService ── tract ──> output
//!      │  <── output ──┘                  └ remembers digests of model, input, output
//!      └──── Attest (nonce, request) ──>  SHA-384 of them and the nonce ── NSM ──> document
//!
//!   third party: document + PCRs + root + nonce + model, input, output ── zktee_attestation::verify ──> accepted or why not
//! ```
//!
//! A language model's files come over the same channel (`LoadModel`), and its response token by token (`Generate`); what is bound is what was
//! asked and said.
//!
//! `enclave/process` is a child process shut in by Linux (`confine`), with a security module of software under a test root: it shows
//! what the protocol costs and that it works, and isolates nothing from whoever owns the machine. Its results are `simulated`.

pub mod binding;
pub mod confine;
mod expectation;
mod host;
mod inside;
mod language;
mod load;
mod provider;
mod service;
mod session;
mod worker;

pub use expectation::{Expectation, ExpectationError};
pub use host::{BootError, Enclave, Launch, NitroImage, QemuImage};
pub use inside::{InsideError, Interior, NotAModel, PlacedModel, serve};
pub use language::LanguageLimits;
pub use load::{Requests, load};
pub use provider::{NITRO, PROCESS, PROCESS_SEALED, QEMU, providers, worker};
pub use service::{EnclaveService, Model};
pub use session::{Session, SessionError};
pub use worker::{EnclaveWorker, Platform};
