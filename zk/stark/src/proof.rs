//! A proof and its bytes.
//!
//! Bytes are those of the postcard format with fixed four bytes for a field element (which refuses what is not reduced) and 32 for a
//! digest. Lengths are the only numbers in it that could be written in more than one way; that they were not is checked by writing the
//! proof again.

use p3_commit::Pcs;
use serde::{Deserialize, Serialize};

use crate::field::{Challenger, Commitment, Ext, Scheme};

/// FRI's part.
pub(crate) type Opening = <Scheme as Pcs<Ext, Challenger>>::Proof;

/// The columns at the point of the transcript.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// Of the first phase.
    pub(crate) first: Vec<Ext>,
    /// The helpers' coordinates.
    pub(crate) helpers: Vec<Ext>,
    /// The running sum's coordinates.
    pub(crate) sum: Vec<Ext>,
    /// The same at the next point.
    pub(crate) next_sum: Vec<Ext>,
    /// The coordinates of the quotient's two pieces, and of the random polynomial where there is one.
    pub(crate) quotient: Vec<Ext>,
}

/// A whole proof.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Proof {
    pub(crate) first: Commitment,
    pub(crate) second: Commitment,
    pub(crate) quotient: Commitment,
    pub(crate) opened: Opened,
    pub(crate) opening: Opening,
}

impl Proof {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Lists of numbers: there is nothing that could fail.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Reads what [`Proof::to_bytes`] wrote, and nothing else. A list allocates no more than a constant before its elements are there.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (proof, rest): (Self, &[u8]) = postcard::take_from_bytes(bytes).ok()?;
        let one_root = |commitment: &Commitment| commitment.num_roots() == 1;
        let commitments = [&proof.first, &proof.second, &proof.quotient];
        let whole = rest.is_empty()
            && commitments.into_iter().chain(&proof.opening.commit_phase_commits).all(one_root)
            && proof.to_bytes() == bytes;
        whole.then_some(proof)
    }
}
