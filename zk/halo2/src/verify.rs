//! Verifying: what a third party does with a verifying key and evidence.

use std::panic::{AssertUnwindSafe, catch_unwind};

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::verify_proof;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{Blake2bRead, Challenge255, TranscriptReadBuffer};
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
    /// No evidence makes it panic.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify(&self, evidence: &Evidence) -> Result<(), Rejected> {
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
            // Upstream means to return errors; that it never panics on a hostile proof is not promised, so it is made sure of.
            catch_unwind(AssertUnwindSafe(|| self.verify_one(proof, &instances(&self.spec, inputs, outputs))))
                .unwrap_or_else(|_| Err("the verifier panicked".to_owned()))
                .map_err(|why| Rejected::Proof { index, why })?;
        }
        Ok(())
    }

    fn verify_one(&self, proof: &[u8], instances: &[Vec<Fr>]) -> Result<(), String> {
        let instances: Vec<&[Fr]> = instances.iter().map(Vec::as_slice).collect();
        if !canonical(proof) {
            return Err("a point is not encoded in the one way that it should be".to_owned());
        }
        let mut rest = proof;
        let mut transcript = Blake2bRead::<_, G1Affine, Challenge255<_>>::init(&mut rest);
        verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
            &self.params,
            &self.vk,
            SingleStrategy::new(&self.params),
            &[&instances],
            &mut transcript,
        )
        .map_err(|error| error.to_string())?;
        if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes follow its end", rest.len())) }
    }
}

/// Whether no element of a proof has a bit set that upstream's reader ignores: the highest of a point's 32 bytes stands for the point
/// at infinity, and is overlooked where the rest is another point. A scalar never has it.
fn canonical(proof: &[u8]) -> bool {
    let infinity: [u8; 32] = std::array::from_fn(|byte| if byte == 31 { 0x80 } else { 0 });
    proof.as_chunks::<32>().0.iter().all(|element| element[31] < 0x80 || *element == infinity)
}

fn in_range(what: &'static str, values: &[i64], min: i64, max: i64) -> Result<(), Rejected> {
    match values.iter().enumerate().find(|(_, value)| !(min..=max).contains(*value)) {
        Some((index, &value)) => Err(Rejected::Range { what, index, value, min, max }),
        None => Ok(()),
    }
}
