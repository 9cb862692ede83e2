//! AWS Nitro attestation documents: read within bounds, verified against a policy, and made by a security module of software
//! where there is no hardware.
//!
//! ```text
//!   bytes ── document::parse ──> Document ─┐
//!                                          ├─ verify ──> Verified (every check by name) or Rejected (the one that failed)
//!   Policy: root, PCRs, nonce, user_data ──┘
//!
//!   AttestationRequest ── Nsm::attest ──> bytes      NitroNsm: /dev/nsm      SoftwareNsm: keys of our own under a test root
//! ```
//!
//! A document says which image runs (its PCRs), what that image wanted said (`user_data`) and to whom it answers (`nonce`); it is
//! worth what its root is worth. One under a [`TestRoot`] shows that the code works and nothing about isolation.
//!
//! # Example
//!
//! ```
//! use std::collections::BTreeMap;
//! use zktee_attestation::{AttestationRequest, Nsm, Policy, SoftwareNsm, TestRoot, pcr, verify};
//!
//! let pcrs: BTreeMap<u8, _> = (0..3).map(|index| (index, pcr::measure(&[index]))).collect();
//! let root = TestRoot::generate()?;
//! let nsm = SoftwareNsm::new(&root, pcrs.clone())?;
//! let document = nsm.attest(&AttestationRequest { nonce: Some(vec![7; 32]), ..AttestationRequest::default() })?;
//!
//! let policy = Policy { pcrs, nonce: Some(vec![7; 32]), ..Policy::new(root.root()) };
//! println!("{}", verify(&document, &policy)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cbor;
pub mod document;
mod hex;
pub mod nsm;
pub mod pcr;
mod root;
pub mod verify;
mod x509;

pub use document::{Content, Document, ParseError, Unsigned};
pub use nsm::{AttestationRequest, NitroNsm, Nsm, NsmError, NsmKind, SoftwareNsm, TestRoot, TestRootError};
pub use pcr::Pcr;
pub use root::{AWS_NITRO_G1_SHA256, Root, RootError};
pub use verify::{Clock, Policy, Rejected, Verified, verify};
