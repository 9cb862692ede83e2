//! Keys, proofs, verification.

use sha2::{Digest, Sha256};
use zcash_halo2_proofs::pasta::{EqAffine, Fp};
use zcash_halo2_proofs::plonk::{
    ProvingKey, SingleVerifier, VerifyingKey, create_proof, keygen_pk, keygen_vk, verify_proof,
};
use zcash_halo2_proofs::poly::commitment::Params;
use zcash_halo2_proofs::transcript::{Blake2bRead, Blake2bWrite, Challenge255};
use zktee_integer::Illegal;
use zktee_models::integer::IntegerModel;

use crate::Error;
use crate::circuit::{ModelCircuit, field, with_shape};
use crate::layout::Layout;
use crate::program::Program;
use crate::witness::{Overrides, Witness};

/// The size of a circuit, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The circuit has `2^k` rows.
    pub k: u32,
    /// Rows in use.
    pub rows: usize,
    /// Advice columns.
    pub advice: usize,
    /// Fixed columns, without tables.
    pub fixed: usize,
    /// Columns of public values.
    pub instance: usize,
    /// Columns that take part in copies.
    pub copied: usize,
    /// Lookup arguments.
    pub lookups: usize,
    /// Inputs in one row of dot products.
    pub lanes: usize,
    /// Dot products in one row.
    pub sums: usize,
}

/// What a verifier holds: the model, the batch, and the verifying key made from them.
#[derive(Debug, Clone)]
pub struct VerifierKey {
    model: IntegerModel,
    batch: usize,
    layout: Layout,
    params: Params<EqAffine>,
    key: VerifyingKey<EqAffine>,
    digest: String,
}

/// What a prover holds.
#[derive(Debug)]
pub struct Keys {
    verifier: VerifierKey,
    key: ProvingKey<EqAffine>,
}

/// A proof and the outputs that it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// All inputs' outputs, one after the other, in integer units.
    pub outputs: Vec<i64>,
    /// The proof.
    pub proof: Vec<u8>,
}

impl VerifierKey {
    /// Makes the generators and the verifying key for a model and the number of inputs in one proof. There is no secret in it: whoever
    /// does the same gets the same.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`], [`Error::TooLarge`].
    pub fn generate(model: &IntegerModel, batch: usize) -> Result<Self, Error> {
        Self::for_layout(model, batch, Layout::new(&Program::new(model)?, batch)?)
    }

    /// The key for a circuit of this model and batch.
    fn for_layout(model: &IntegerModel, batch: usize, layout: Layout) -> Result<Self, Error> {
        let params = Params::new(layout.shape.k);
        let circuit = ModelCircuit { layout: &layout, advice: None };
        let key = with_shape(&layout.shape, || keygen_vk(&params, &circuit))
            .map_err(|source| Error::Halo2 { what: "make the verifying key", source })?;
        let digest = hex(&Sha256::digest(format!("{:?}", key.pinned())));
        Ok(Self { model: model.clone(), batch, layout, params, key, digest })
    }

    /// The model that proofs are about.
    pub const fn model(&self) -> &IntegerModel {
        &self.model
    }

    /// Inputs of one proof.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// SHA-256 of the pinned verifying key, in lower-case hexadecimal: it names curve, circuit, tables, weights and copies.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The size of the circuit.
    pub fn size(&self) -> Size {
        let shape = &self.layout.shape;
        Size {
            k: shape.k,
            rows: self.layout.rows,
            advice: shape.advice(),
            fixed: shape.fixed(),
            instance: shape.publics,
            copied: shape.copied().len() + shape.publics,
            lookups: shape.limb_lookups().len() + shape.bound_lookups().len(),
            lanes: shape.lanes,
            sums: shape.sums,
        }
    }

    #[cfg(test)]
    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Checks lengths, and each input against the model's input range, which the circuit leaves to the verifier.
    fn check_inputs(&self, inputs: &[i64]) -> Result<(), Error> {
        let expected = self.batch * self.model.input_len();
        Ok(Illegal::unless_inputs(inputs, expected, self.model.parts().input_range)?)
    }
}

impl Keys {
    /// Makes both keys.
    ///
    /// # Errors
    /// As [`VerifierKey::generate`].
    pub fn generate(model: &IntegerModel, batch: usize) -> Result<Self, Error> {
        Self::new(VerifierKey::generate(model, batch)?)
    }

    /// The keys for a circuit that was not planned but made to measure.
    #[cfg(test)]
    pub(crate) fn for_layout(model: &IntegerModel, batch: usize, layout: Layout) -> Result<Self, Error> {
        Self::new(VerifierKey::for_layout(model, batch, layout)?)
    }

    fn new(verifier: VerifierKey) -> Result<Self, Error> {
        let circuit = ModelCircuit { layout: &verifier.layout, advice: None };
        let key = with_shape(&verifier.layout.shape, || keygen_pk(&verifier.params, verifier.key.clone(), &circuit))
            .map_err(|source| Error::Halo2 { what: "make the proving key", source })?;
        Ok(Self { verifier, key })
    }

    /// The verifier's part.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Fills the circuit for a batch of inputs in integer units.
    ///
    /// # Errors
    /// [`Error::Statement`]; [`Error::Input`] where the integer model refuses an input: outside of its range, or leading to an activation
    /// beyond its bound.
    pub(crate) fn witness(&self, inputs: &[i64]) -> Result<Witness, Error> {
        let model = &self.verifier.model;
        Illegal::unless_count("input values", self.verifier.batch * model.input_len(), inputs.len())?;
        // The reference runs first: what it refuses has no proof, and it says why.
        for (input, values) in inputs.chunks_exact(model.input_len()).enumerate() {
            model.infer(values).map_err(|source| Error::Input { input, source })?;
        }
        Ok(Witness::new(&self.verifier.layout, inputs, &Overrides::new()))
    }

    /// Proves a filled circuit, right or wrong.
    pub(crate) fn prove_witness(&self, witness: &Witness) -> Result<Proven, Error> {
        let proof = self.prove_cells(&cells(&witness.advice), &witness.public)?;
        Ok(Proven { outputs: witness.outputs(&self.verifier.layout).to_vec(), proof })
    }

    /// Proves that these cells and public values hold together, if they do.
    pub(crate) fn prove_cells(&self, advice: &[Vec<Fp>], public: &[i64]) -> Result<Vec<u8>, Error> {
        let layout = &self.verifier.layout;
        let circuit = ModelCircuit { layout, advice: Some(advice) };
        let public = columns(layout, public);
        let public: Vec<&[Fp]> = public.iter().map(Vec::as_slice).collect();
        let mut transcript = Blake2bWrite::<_, EqAffine, Challenge255<_>>::init(Vec::new());
        with_shape(&layout.shape, || {
            create_proof(&self.verifier.params, &self.key, &[circuit], &[&public], rand::rng(), &mut transcript)
        })
        .map_err(|source| Error::Halo2 { what: "make the proof", source })?;
        Ok(transcript.finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A witness's integers as field elements.
pub(crate) fn cells(advice: &[Vec<i64>]) -> Vec<Vec<Fp>> {
    advice.iter().map(|column| column.iter().map(|value| field(*value)).collect()).collect()
}

/// Proves that the model gives these inputs (integer units, one after the other) the outputs that are returned.
///
/// # Errors
/// [`Error::Statement`]; [`Error::Input`] where the integer model refuses an input.
pub fn prove(keys: &Keys, inputs: &[i64]) -> Result<Proven, Error> {
    keys.prove_witness(&keys.witness(inputs)?)
}

/// Accepts if the proof shows that the model gives these inputs these outputs. No bytes make it panic.
///
/// # Errors
/// [`Error::Statement`] for what cannot be a statement of the model; [`Error::Rejected`] for all else.
pub fn verify(key: &VerifierKey, inputs: &[i64], outputs: &[i64], proof: &[u8]) -> Result<(), Error> {
    key.check_inputs(inputs)?;
    Illegal::unless_outputs(outputs, key.batch * key.model.output_len())?;
    let public: Vec<i64> = inputs.iter().chain(outputs).copied().collect();
    let public = columns(&key.layout, &public);
    let public: Vec<&[Fp]> = public.iter().map(Vec::as_slice).collect();
    let rejected = |reason: &dyn std::fmt::Display| Error::Rejected { reason: reason.to_string() };
    let mut bytes = proof;
    let mut transcript = Blake2bRead::<_, EqAffine, Challenge255<_>>::init(&mut bytes);
    let strategy = SingleVerifier::new(&key.params);
    verify_proof(&key.params, &key.key, strategy, &[&public], &mut transcript).map_err(|e| rejected(&e))?;
    // The library reads what it needs and leaves the rest alone.
    if bytes.is_empty() { Ok(()) } else { Err(rejected(&"bytes follow it")) }
}

/// The public values in their columns.
pub(crate) fn columns(layout: &Layout, public: &[i64]) -> Vec<Vec<Fp>> {
    let columns = public.chunks(layout.shape.usable());
    columns.map(|column| column.iter().map(|value| field(*value)).collect()).collect()
}
