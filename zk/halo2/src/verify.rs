//! Verifying: what a third party does with a verifying key and evidence.

use halo2_proofs::halo2curves::bn256::Fr;
use zktee_integer::Illegal;

use crate::evidence::Evidence;
use crate::keys::VerifyingKey;
use crate::statement::instances;

/// Why evidence is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The statement is none that a run of the model can have.
    #[error(transparent)]
    Statement(#[from] Illegal),
    /// A proof does not hold.
    #[error("proof {index} does not hold: {why}")]
    Proof {
        /// Which one.
        index: usize,
        /// What the verifier said.
        why: String,
    },
}

impl VerifyingKey {
    /// Checks evidence: that every number of the statement is legal and that each proof holds for its part of it.
    ///
    /// No evidence makes it panic. Proofs are checked by [`zktee_halo2_prover::Verifier`].
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify(&self, evidence: &Evidence) -> Result<(), Rejected> {
        let verdict = self.verify_with(evidence, |proof, instances| self.verify_one(proof, instances));
        // All tests of this crate are tests that upstream's verifier is of the same opinion.
        #[cfg(test)]
        assert!(crate::stock::agrees(self, evidence, verdict.is_ok()), "upstream does not agree with {verdict:?}");
        verdict
    }

    /// As [`VerifyingKey::verify`], with each proof checked by this.
    pub(crate) fn verify_with(
        &self,
        evidence: &Evidence,
        verify: impl Fn(&[u8], &[Vec<Fr>]) -> Result<(), String>,
    ) -> Result<(), Rejected> {
        let network = &self.spec.network;
        let per_proof = self.spec.design.inputs();
        let of_proof = [network.input_len() * per_proof, network.output_len() * per_proof];
        let proofs = evidence.proofs.len();
        let public = if self.spec.private_input { 0 } else { of_proof[0].saturating_mul(proofs) };
        if proofs == 0 {
            return Err(Illegal::Count { what: "proofs", expected: 1, got: 0 }.into());
        }
        Illegal::unless_inputs(&evidence.inputs, public, network.input_range)?;
        Illegal::unless_outputs(&evidence.outputs, of_proof[1].saturating_mul(proofs))?;
        let outputs = evidence.outputs.chunks_exact(of_proof[1]);
        for (index, (proof, outputs)) in evidence.proofs.iter().zip(outputs).enumerate() {
            let inputs = evidence.inputs.get(index * of_proof[0]..(index + 1) * of_proof[0]).unwrap_or(&[]);
            verify(proof, &instances(&self.spec, inputs, outputs)).map_err(|why| Rejected::Proof { index, why })?;
        }
        Ok(())
    }

    fn verify_one(&self, proof: &[u8], instances: &[Vec<Fr>]) -> Result<(), String> {
        let instances: Vec<&[Fr]> = instances.iter().map(Vec::as_slice).collect();
        self.verifier.verify(&instances, proof).map_err(|rejection| rejection.to_string())
    }
}
