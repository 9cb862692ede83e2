//! The virtual machine: programs, execution, proof.

use std::rc::Rc;

use anyhow::Context as _;
use risc0_zkos_v1compat::V1COMPAT_ELF;
use risc0_zkvm::{
    Digest, ExecutorEnv, ExecutorImpl, ProverOpts, ProverServer, Receipt, SegmentReceipt, Session, VerifierContext,
    compute_image_id, get_prover_server,
};
use zktee_risc0_verifier::Guest;

/// A segment has at most `2^18` rows: proving one takes about 2.5 GB, and longer segments are no faster by the row.
const SEGMENT_PO2: u32 = 18;

/// The committed user program; the kernel comes with RISC Zero's crates.
const fn elf(guest: Guest) -> &'static [u8] {
    match guest {
        Guest::Predict => include_bytes!("../../elf/predict.elf"),
        Guest::Fit => include_bytes!("../../elf/fit.elf"),
    }
}

/// User program and kernel in one file.
fn binary(guest: Guest) -> Vec<u8> {
    risc0_binfmt::ProgramBinary::new(elf(guest), V1COMPAT_ELF).encode()
}

/// The digest of the memory that the machine starts with.
///
/// # Errors
/// When the committed program is none.
pub(crate) fn image_id(guest: Guest) -> anyhow::Result<Digest> {
    compute_image_id(&binary(guest))
}

/// A program that has run.
pub(crate) struct Executed {
    session: Session,
    /// `log2` of each segment's rows.
    pub(crate) po2s: Vec<usize>,
}

/// What a run took, in rows of the machine's table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cycles {
    /// Instructions of the program.
    pub(crate) user: u64,
    /// Moving pages of memory in and out.
    pub(crate) paging: u64,
    /// The proof system's own, with what fills each segment up to a power of two.
    pub(crate) reserved: u64,
    /// All rows that are proven.
    pub(crate) total: u64,
}

/// Runs a program on an input, as it reads it.
///
/// # Errors
/// When the program panics or the machine fails.
pub(crate) fn execute(guest: Guest, input: &[u8]) -> anyhow::Result<Executed> {
    let environment = ExecutorEnv::builder().segment_limit_po2(SEGMENT_PO2).write_slice(input).build()?;
    let session = ExecutorImpl::from_elf(environment, &binary(guest))?.run()?;
    let po2s = session.segments.iter().map(|segment| Ok(segment.resolve()?.po2())).collect::<anyhow::Result<_>>()?;
    Ok(Executed { session, po2s })
}

impl Executed {
    /// What it committed to.
    pub(crate) fn journal(&self) -> &[u8] {
        self.session.journal.as_ref().map_or(&[], |journal| &journal.bytes)
    }

    /// What it took.
    pub(crate) const fn cycles(&self) -> Cycles {
        let session = &self.session;
        Cycles {
            user: session.user_cycles,
            paging: session.paging_cycles,
            reserved: session.reserved_cycles,
            total: session.total_cycles,
        }
    }

    /// Proves its first segment alone.
    ///
    /// # Errors
    /// When the prover fails.
    pub(crate) fn prove_first(&self) -> anyhow::Result<SegmentReceipt> {
        let options = ProverOpts::composite().with_dev_mode(false);
        let prover: Rc<dyn ProverServer> = get_prover_server(&options)?;
        let context = VerifierContext::default().with_dev_mode(false);
        let first = self.session.segments.first().context("a run without segments")?;
        prover.prove_segment(&context, &first.resolve()?)
    }

    /// Proves it: a composite receipt, one STARK a segment.
    ///
    /// # Errors
    /// When the prover fails.
    pub(crate) fn prove(&self) -> anyhow::Result<Receipt> {
        // Development mode would make a receipt that proves nothing.
        let options = ProverOpts::composite().with_dev_mode(false);
        let prover: Rc<dyn ProverServer> = get_prover_server(&options)?;
        let context = VerifierContext::default().with_dev_mode(false);
        Ok(prover.prove_session(&context, &self.session)?.receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_image_ids_are_those_of_the_committed_programs() {
        for guest in Guest::ALL {
            assert_eq!(guest.image_id().map(Digest::from), image_id(guest).ok(), "{}", guest.name());
        }
    }
}
