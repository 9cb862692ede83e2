//! Upstream's prover and verifier on this crate's circuits, and the witness by itself: what benchmarks and tests compare with.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{ProvingKey as Halo2ProvingKey, create_proof, keygen_pk, keygen_vk, verify_proof};
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::{ProverSHPLONK, VerifierSHPLONK};
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{Blake2bRead, Blake2bWrite, Challenge255, TranscriptReadBuffer, TranscriptWriterBuffer};
use rand_core::OsRng;
use zktee_halo2_prover::Witness;
use zktee_models::integer::{IntegerModel, Trace};

use crate::circuit::{Columns, ModelCircuit};
use crate::evidence::Evidence;
use crate::keys::{KeyError, ProvingKey, VerifyingKey};
use crate::spec::Spec;
use crate::srs::ReferenceString;
use crate::statement::instances;
use crate::verify::Rejected;

/// Upstream's proving key for a circuit of this crate.
#[derive(Debug)]
pub struct Stock {
    spec: Spec,
    columns: Columns,
    params: ParamsKZG<Bn256>,
    key: Halo2ProvingKey<G1Affine>,
}

impl Stock {
    /// Makes upstream's keys, which are the same as [`ProvingKey::generate`] makes and verify with the same verifying key.
    ///
    /// # Errors
    /// As [`ProvingKey::generate`].
    pub fn new(spec: Spec, srs: &ReferenceString) -> Result<Self, KeyError> {
        let failed = |error: halo2_proofs::plonk::Error| KeyError::Generation(error.to_string());
        spec.check()?;
        let vk = keygen_vk(&srs.params, &ModelCircuit::new(&spec)).map_err(failed)?;
        let key = keygen_pk(&srs.params, vk, &ModelCircuit::new(&spec)).map_err(failed)?;
        Ok(Self { columns: Columns::of(&spec), params: srs.params.clone(), key, spec })
    }

    /// Runs the model on the inputs of one proof and proves it, as [`ProvingKey::prove`] does, by upstream's `create_proof`.
    ///
    /// # Errors
    /// An input that is refused, and whatever upstream says.
    pub fn prove(&self, model: &IntegerModel, inputs: &[i64]) -> Result<Evidence, Box<dyn Error>> {
        let traces = traces(model, inputs)?;
        let outputs: Vec<i64> = traces.iter().flat_map(|trace| trace.output().iter().copied()).collect();
        let instances = instances(&self.spec, inputs, &outputs);
        let instances: Vec<&[Fr]> = instances.iter().map(Vec::as_slice).collect();
        let mut witness = self.columns.witness(&self.spec, &traces);
        let circuit = ModelCircuit::with_witness(&self.spec, &mut witness);
        let mut transcript = Blake2bWrite::<_, _, Challenge255<_>>::init(Vec::new());
        create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
            &self.params,
            &self.key,
            &[circuit],
            &[&instances],
            OsRng,
            &mut transcript,
        )?;
        let inputs = if self.spec.private_input { Vec::new() } else { inputs.to_vec() };
        Ok(Evidence { inputs, outputs, proofs: vec![transcript.finalize()] })
    }
}

/// Checks evidence as [`VerifyingKey::verify`] does, with each proof checked by upstream's `verify_proof`.
///
/// # Errors
/// As [`VerifyingKey::verify`]. Points in encodings that upstream overlooks are accepted here alone.
pub fn verify(key: &VerifyingKey, evidence: &Evidence) -> Result<(), Rejected> {
    key.verify_with(evidence, |proof, instances| {
        // Upstream means to return errors; that it never panics on a hostile proof is not promised, so it is made sure of.
        catch_unwind(AssertUnwindSafe(|| verify_one(key, proof, instances)))
            .unwrap_or_else(|_| Err("the verifier panicked".to_owned()))
    })
}

/// Whether upstream's verifier is of this opinion about evidence; about points in encodings that it takes for others, it need not be.
pub fn agrees(key: &VerifyingKey, evidence: &Evidence, accepted: bool) -> bool {
    let overlooked = |proof: &Vec<u8>| proof.as_chunks::<32>().0.iter().any(|element| element[31] >= 0x80);
    let upstream = verify(key, evidence).is_ok();
    upstream == accepted || (upstream && evidence.proofs.iter().any(overlooked))
}

fn verify_one(key: &VerifyingKey, proof: &[u8], instances: &[Vec<Fr>]) -> Result<(), String> {
    let instances: Vec<&[Fr]> = instances.iter().map(Vec::as_slice).collect();
    let mut rest = proof;
    let mut transcript = Blake2bRead::<_, G1Affine, Challenge255<_>>::init(&mut rest);
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        &key.params,
        &key.vk,
        SingleStrategy::new(&key.params),
        &[&instances],
        &mut transcript,
    )
    .map_err(|error| error.to_string())?;
    if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes follow its end", rest.len())) }
}

/// The inferences behind some inputs, row-major.
///
/// # Errors
/// An input that is refused.
pub fn traces(model: &IntegerModel, inputs: &[i64]) -> Result<Vec<Trace>, zktee_models::integer::InferError> {
    inputs.chunks_exact(model.input_len()).map(|input| model.trace(input)).collect()
}

/// Works out all advice columns of one proof, with random numbers for challenges, and gives the number of their cells.
pub fn witness(key: &ProvingKey, traces: &[Trace]) -> usize {
    let challenges = match &key.columns {
        Columns::Tall(columns) => columns.challenges().len(),
        Columns::Wide(columns) => columns.challenges().len(),
    };
    let challenges: Vec<Fr> = (0..challenges).map(|_| Fr::random(OsRng)).collect();
    let mut witness = key.columns.witness(&key.spec, traces);
    let first = witness.columns(0, &[]);
    let second = witness.columns(1, &challenges);
    first.iter().chain(&second).map(zktee_halo2_prover::Column::len).sum()
}
