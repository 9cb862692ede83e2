//! Verifies receipts of the RISC Zero guests.
//!
//! ```text
//!   evidence bytes ──▶ Receipt (composite only) ── verify(image id) ──▶ Statement: digests, outputs
//! ```
//!
//! A verifier knows a program by its image id alone: the digest of the memory that the machine starts with. The ids are committed
//! beside the programs (`zk/risc0/elf`), and what a statement's digests must be is the caller's to say.

mod guest;
mod part;
mod receipt;

pub use guest::Guest;
pub use part::{VerifiedPart, part_to_bytes, verify_part};
pub use receipt::{MAX_EVIDENCE_BYTES, Rejected, Verified, verify};
