//! Verifying: what a third party does with a verifying key and evidence.

use halo2_proofs::halo2curves::bn256::Fr;
use zktee_models::integer::ACCUMULATOR_BOUND;

use crate::evidence::Evidence;
use crate::keys::VerifyingKey;
use crate::statement::instances;

/// Why evidence is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The statement has another number of inputs, outputs or proofs than go with the key.
    #[error("the evidence has {got} {what}, the circuit {expected}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// An input or output that no run of the model can have.
    #[error("{what} {index} is {value}: expected {min}..={max}")]
    Range {
        /// Input or output.
        what: &'static str,
        /// Which one.
        index: usize,
        /// Its value.
        value: i64,
        /// Least legal value.
        min: i64,
        /// Largest legal value.
        max: i64,
    },
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
        let count = |what, expected, got| {
            if expected == got { Ok(()) } else { Err(Rejected::Count { what, expected, got }) }
        };
        if proofs == 0 {
            return Err(Rejected::Count { what: "proofs", expected: 1, got: 0 });
        }
        count("input values", public, evidence.inputs.len())?;
        count("output values", of_proof[1].saturating_mul(proofs), evidence.outputs.len())?;
        let [low, high] = network.input_range;
        in_range("input", &evidence.inputs, low, high)?;
        in_range("output", &evidence.outputs, 1 - ACCUMULATOR_BOUND, ACCUMULATOR_BOUND - 1)?;
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

fn in_range(what: &'static str, values: &[i64], min: i64, max: i64) -> Result<(), Rejected> {
    match values.iter().enumerate().find(|(_, value)| !(min..=max).contains(*value)) {
        Some((index, &value)) => Err(Rejected::Range { what, index, value, min, max }),
        None => Ok(()),
    }
}
