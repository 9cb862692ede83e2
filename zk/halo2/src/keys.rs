//! Proving and verifying keys: made from a spec and a reference string, kept in files that say what they were made from.

use std::path::{Path, PathBuf};

use halo2_proofs::SerdeFormat;
use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine};
use halo2_proofs::plonk::{VerifyingKey as Halo2VerifyingKey, keygen_pk, keygen_vk};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use sha2::{Digest, Sha256};
use zktee_halo2_prover::{Prover, Verifier};

use crate::circuit::{Columns, ModelCircuit};
use crate::spec::{Spec, SpecError};
use crate::srs::{ReferenceString, verifier_params};

/// Separates these files from all others; a change of the circuits or of the format changes it.
pub(crate) const MAGIC: &[u8; 16] = b"zktee halo2 v1\0\0";

const DIGEST_BYTES: usize = 32;

/// A proof system that would not take the circuit, or a key that does not hold together.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Upstream's key generation.
    #[error("halo2 cannot make keys for this circuit: {0}")]
    Generation(String),
    /// A key file.
    #[error("{path} is no key of this program: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Everything that proving takes.
pub struct ProvingKey {
    pub(crate) spec: Spec,
    pub(crate) columns: Columns,
    pub(crate) prover: Prover,
    vk: Halo2VerifyingKey<G1Affine>,
    srs: Vec<u8>,
}

/// Everything that verifying takes: gates, commitments to the fixed columns, a few points.
#[derive(Debug)]
pub struct VerifyingKey {
    pub(crate) spec: Spec,
    pub(crate) vk: Halo2VerifyingKey<G1Affine>,
    pub(crate) params: ParamsKZG<Bn256>,
    pub(crate) verifier: Verifier,
    digest: String,
}

impl std::fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvingKey").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl ProvingKey {
    /// Makes the keys of a circuit.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn generate(spec: Spec, srs: &ReferenceString) -> Result<Self, KeyError> {
        spec.check()?;
        let vk = keygen_vk(&srs.params, &ModelCircuit::new(&spec)).map_err(generation)?;
        Self::with_vk(spec, srs, vk)
    }

    fn with_vk(spec: Spec, srs: &ReferenceString, vk: Halo2VerifyingKey<G1Affine>) -> Result<Self, KeyError> {
        let pk = keygen_pk(&srs.params, vk, &ModelCircuit::new(&spec)).map_err(generation)?;
        let prover = Prover::new(&srs.params, &pk).map_err(generation)?;
        let columns = Columns::of(&spec);
        Ok(Self { columns, prover, vk: pk.get_vk().clone(), srs: srs.verifier.clone(), spec })
    }

    /// The circuit.
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Numbers of advice, fixed and instance columns.
    pub fn columns_by_kind(&self) -> [usize; 3] {
        let cs = self.vk.cs();
        [cs.num_advice_columns(), cs.num_fixed_columns(), cs.num_instance_columns()]
    }

    /// The bytes of the verifier's file.
    pub fn verifier_bytes(&self) -> Vec<u8> {
        encode(&[&json(&self.spec.for_verifier()), &self.vk.to_bytes(SerdeFormat::RawBytes), &self.srs])
    }

    /// The key that goes with it.
    ///
    /// # Errors
    /// [`KeyError::File`] if what was just written cannot be read.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        VerifyingKey::from_bytes(&self.verifier_bytes(), Path::new("the verifying key"))
    }

    /// The bytes of the prover's file. What can be computed from the spec and the reference string is not in it.
    pub fn prover_bytes(&self) -> Vec<u8> {
        encode(&[&json(&self.spec), &self.vk.to_bytes(SerdeFormat::RawBytes), &self.srs])
    }

    /// Reads a prover's file that was made with this reference string.
    ///
    /// # Errors
    /// [`KeyError::File`] for one that is damaged, of another version, or made with another string.
    pub fn from_bytes(bytes: &[u8], path: &Path, srs: &ReferenceString) -> Result<Self, KeyError> {
        let (spec, vk, of_verifier) = decode(bytes, path)?;
        if of_verifier != srs.verifier {
            return Err(file(path, "it was made with another reference string"));
        }
        Self::with_vk(spec, srs, vk)
    }

    /// The logarithm of the number of rows in a prover's file, to get the reference string that it needs.
    ///
    /// # Errors
    /// As [`ProvingKey::from_bytes`].
    pub fn rows_of(bytes: &[u8], path: &Path) -> Result<u32, KeyError> {
        let [spec, ..] = split(bytes, path)?;
        Ok(spec_of(spec, path)?.design.k())
    }
}

impl VerifyingKey {
    /// Reads a verifier's file. Nothing in it is trusted to be well formed.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, KeyError> {
        let (spec, vk, srs) = decode(bytes, path)?;
        let params = verifier_params(&srs, spec.design.k())
            .ok_or_else(|| file(path, "its part of the reference string is damaged"))?;
        let verifier = Verifier::new(&params, &vk).map_err(|why| file(path, why))?;
        Ok(Self { spec, vk, params, verifier, digest: hex(&Sha256::digest(bytes)) })
    }

    /// The circuit; a tall one without its weights.
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// SHA-256 of the file: what a third party pins.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn generation(error: impl std::fmt::Display) -> KeyError {
    KeyError::Generation(error.to_string())
}

fn file(path: &Path, why: impl std::fmt::Display) -> KeyError {
    KeyError::File { path: path.to_owned(), why: format!("{why}") }
}

fn json(spec: &Spec) -> Vec<u8> {
    // A spec is numbers and lists of them.
    serde_json::to_vec(spec).unwrap_or_default()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// Magic, digest of the rest, then each part after its length.
fn encode(parts: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend((part.len() as u64).to_le_bytes());
        body.extend_from_slice(part);
    }
    [&MAGIC[..], &Sha256::digest(&body), &body].concat()
}

fn split<'a>(bytes: &'a [u8], path: &Path) -> Result<[&'a [u8]; 3], KeyError> {
    let body = bytes.strip_prefix(MAGIC).ok_or_else(|| file(path, "it begins otherwise"))?;
    let (digest, mut body) = body.split_at_checked(DIGEST_BYTES).ok_or_else(|| file(path, "it is cut off"))?;
    if Sha256::digest(body).as_slice() != digest {
        return Err(file(path, "its digest is not that of its content"));
    }
    let mut next = || {
        let (length, rest) = body.split_at_checked(8)?;
        let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        body = rest;
        Some(part)
    };
    let parts = (next(), next(), next());
    match parts {
        (Some(spec), Some(vk), Some(srs)) if body.is_empty() => Ok([spec, vk, srs]),
        _ => Err(file(path, "its parts do not add up")),
    }
}

fn spec_of(bytes: &[u8], path: &Path) -> Result<Spec, KeyError> {
    let spec: Spec = serde_json::from_slice(bytes).map_err(|error| file(path, error))?;
    spec.check()?;
    Ok(spec)
}

type Parts = (Spec, Halo2VerifyingKey<G1Affine>, Vec<u8>);

fn decode(bytes: &[u8], path: &Path) -> Result<Parts, KeyError> {
    let [spec, mut vk, srs] = split(bytes, path)?;
    let spec = spec_of(spec, path)?;
    // Upstream takes the number of rows from here to allocate by.
    if vk.get(1..5).and_then(|k| k.try_into().ok()).map(u32::from_le_bytes) != Some(spec.design.k()) {
        return Err(file(path, "its key is of another size"));
    }
    let key = Halo2VerifyingKey::read::<_, ModelCircuit<'_>>(&mut vk, SerdeFormat::RawBytes, spec.clone())
        .map_err(|error| file(path, error))?;
    if key.fixed_commitments().len() != key.cs().num_fixed_columns() || !vk.is_empty() {
        return Err(file(path, "its key is of another circuit"));
    }
    Ok((spec, key, srs.to_vec()))
}
