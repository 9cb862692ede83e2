//! From bytes to a statement that is proven.

use std::panic::{AssertUnwindSafe, catch_unwind};

use risc0_zkvm::{InnerReceipt, Receipt, VerifierContext};
use zktee_risc0_program::Statement;

/// The longest evidence that is read, bytes: a segment takes a quarter of a megabyte.
pub const MAX_EVIDENCE_BYTES: u64 = 64 << 20;

/// The hash function that the prover is asked for; a receipt with another one is not taken, although RISC Zero's verifier knows more.
pub(crate) const HASH: &str = "poseidon2";

/// Why evidence is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The bytes are no receipt, or there is something behind it.
    #[error("not a receipt: {0}")]
    NotAReceipt(String),
    /// The receipt is not a composite one: recursion and development mode are nothing that this backend makes.
    #[error("a {0} receipt where a composite one is expected")]
    Kind(&'static str),
    /// It rests on other receipts.
    #[error("the receipt rests on {0} other receipts")]
    Assumptions(usize),
    /// A segment was hashed with another function.
    #[error("a segment hashed with {0} where {HASH} is expected")]
    Hash(String),
    /// RISC Zero's verifier refused it.
    #[error("RISC Zero's verifier: {0}")]
    Proof(String),
    /// It panicked.
    #[error("RISC Zero's verifier panicked: {0}")]
    Panic(String),
    /// The journal is none of these programs'.
    #[error("the journal is no statement")]
    Journal,
}

/// What a verified receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the program committed to, as bytes and read.
    pub journal: Vec<u8>,
    /// See `journal`.
    pub statement: Statement,
    /// Number of segments.
    pub segments: usize,
    /// Bytes of the proofs alone.
    pub seal_bytes: usize,
}

/// Verifies evidence: that the program with this image id ran to its end and committed to the statement that is returned.
///
/// Development mode, in which a receipt proves nothing, is off whatever the environment says.
///
/// # Errors
/// [`Rejected`]. Hostile bytes are refused, also where they make RISC Zero's verifier panic.
pub fn verify(evidence: &[u8], image_id: [u8; 32]) -> Result<Verified, Rejected> {
    or_panic(|| verify_or_panic(evidence, image_id))
}

/// A panic of RISC Zero's verifier is a refusal.
pub(crate) fn or_panic<T>(verify: impl FnOnce() -> Result<T, Rejected>) -> Result<T, Rejected> {
    catch_unwind(AssertUnwindSafe(verify)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(Rejected::Panic(text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message").to_owned()))
    })
}

fn verify_or_panic(evidence: &[u8], image_id: [u8; 32]) -> Result<Verified, Rejected> {
    let receipt: Receipt = borsh::from_slice(evidence).map_err(|error| Rejected::NotAReceipt(error.to_string()))?;
    let composite = match &receipt.inner {
        InnerReceipt::Composite(composite) => composite,
        InnerReceipt::Succinct(_) => return Err(Rejected::Kind("succinct")),
        InnerReceipt::Groth16(_) => return Err(Rejected::Kind("groth16")),
        InnerReceipt::Fake(_) => return Err(Rejected::Kind("fake")),
        _ => return Err(Rejected::Kind("new kind of")),
    };
    if !composite.assumption_receipts.is_empty() {
        return Err(Rejected::Assumptions(composite.assumption_receipts.len()));
    }
    if let Some(segment) = composite.segments.iter().find(|segment| segment.hashfn != HASH) {
        return Err(Rejected::Hash(segment.hashfn.chars().take(20).collect()));
    }
    let context = VerifierContext::default().with_dev_mode(false);
    receipt.verify_with_context(&context, image_id).map_err(|error| Rejected::Proof(error.to_string()))?;
    let statement = Statement::read(&receipt.journal.bytes).map_err(|_| Rejected::Journal)?;
    let (segments, seal_bytes) = (composite.segments.len(), composite.seal_size());
    Ok(Verified { journal: receipt.journal.bytes, statement, segments, seal_bytes })
}
