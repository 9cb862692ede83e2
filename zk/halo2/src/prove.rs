//! Proving: from inputs in the twin's integers to evidence.

use rand_core::OsRng;
use zktee_halo2_prover::{ProveError, Timings};
use zktee_models::integer::{InferError, IntegerModel, Trace};

use crate::evidence::Evidence;
use crate::keys::ProvingKey;
use crate::statement::instances;

/// No proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The inputs: out of range, or leading to an activation out of range.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// A number of inputs that is no whole number of proofs.
    #[error("{got} values are no whole number of inputs: expected a multiple of {expected}")]
    Count {
        /// Values of the inputs of one proof.
        expected: usize,
        /// Values.
        got: usize,
    },
    /// The proof system.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

/// Evidence, and where the time went.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Statement and proofs.
    pub evidence: Evidence,
    /// The prover's stages, proof by proof.
    pub timings: Vec<Timings>,
    /// Seconds of inference.
    pub infer_s: f64,
}

impl ProvingKey {
    /// Runs the model on inputs (integers of the twin, row-major) and proves it. One proof after the other where the design
    /// takes fewer inputs than there are.
    ///
    /// # Errors
    /// [`ProofError`]; nothing is proven about an input that is refused.
    pub fn prove(&self, model: &IntegerModel, inputs: &[i64]) -> Result<Proven, ProofError> {
        let each = self.spec.network.input_len() * self.spec.design.inputs();
        if inputs.is_empty() || !inputs.len().is_multiple_of(each) {
            return Err(ProofError::Count { expected: each, got: inputs.len() });
        }
        let start = std::time::Instant::now();
        let traces: Result<Vec<Trace>, InferError> =
            inputs.chunks_exact(self.spec.network.input_len()).map(|input| model.trace(input)).collect();
        let traces = traces?;
        let infer_s = start.elapsed().as_secs_f64();
        let mut proofs = Vec::new();
        let mut outputs = Vec::new();
        let mut timings = Vec::new();
        for (inputs, traces) in inputs.chunks_exact(each).zip(traces.chunks_exact(self.spec.design.inputs())) {
            let of_proof: Vec<i64> = traces.iter().flat_map(|trace| trace.output().iter().copied()).collect();
            let instances = instances(&self.spec, inputs, &of_proof);
            let instances: Vec<&[_]> = instances.iter().map(Vec::as_slice).collect();
            let mut witness = self.columns.witness(&self.spec, traces);
            let proof = self.prover.prove(&instances, &mut witness, OsRng)?;
            timings.push(proof.timings().clone());
            proofs.push(proof.into_bytes());
            outputs.extend(of_proof);
        }
        let inputs = if self.spec.private_input { Vec::new() } else { inputs.to_vec() };
        Ok(Proven { evidence: Evidence { inputs, outputs, proofs }, timings, infer_s })
    }
}
