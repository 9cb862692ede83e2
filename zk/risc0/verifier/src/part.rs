//! The first segment of a run, proven alone: what an estimate of the whole rests on. It is no receipt, and shows nothing of an answer.

use risc0_zkvm::sha::{Digest, Digestible as _};
use risc0_zkvm::{SegmentReceipt, VerifierContext};

use crate::receipt::{HASH, Rejected, or_panic};

/// What a proven first segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedPart {
    /// Segments of the whole run, by its prover's word: nothing here shows it.
    pub segments: u32,
    /// Bytes of the proof of the first alone.
    pub seal_bytes: usize,
}

/// The first segment's proof as bytes, with the number of segments that the run has.
///
/// # Errors
/// None that writing to memory could have.
pub fn part_to_bytes(segments: u32, first: &SegmentReceipt) -> std::io::Result<Vec<u8>> {
    borsh::to_vec(&(segments, first))
}

/// Verifies that the program with this image id ran through a first segment.
///
/// # Errors
/// [`Rejected`]. Hostile bytes are refused, also where they make RISC Zero's verifier panic.
pub fn verify_part(bytes: &[u8], image_id: [u8; 32]) -> Result<VerifiedPart, Rejected> {
    or_panic(|| {
        let (segments, first): (u32, SegmentReceipt) =
            borsh::from_slice(bytes).map_err(|error| Rejected::NotAReceipt(error.to_string()))?;
        if first.hashfn != HASH {
            return Err(Rejected::Hash(first.hashfn.chars().take(20).collect()));
        }
        let context = VerifierContext::default().with_dev_mode(false);
        first.verify_integrity_with_context(&context).map_err(|error| Rejected::Proof(error.to_string()))?;
        if first.claim.pre.digest() != Digest::from(image_id) {
            return Err(Rejected::Proof("the segment does not begin with this program".to_owned()));
        }
        Ok(VerifiedPart { segments, seal_bytes: first.seal_size() })
    })
}
