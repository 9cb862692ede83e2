//! The key: one file for prover and verifier, made from a model, a batch and a profile, with nothing secret in it.
//!
//! | bytes | content |
//! |---|---|
//! | 16 | `zktee stark v1` and zeros |
//! | 32 | SHA-256 of the rest |
//! | | JSON: profile, batch, integer model |
//!
//! All else follows from it, and is worked out on reading: layout, parameters, bounds. A reader trusts nothing that it reads.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zktee_integer::network::{LowerError, Network};
use zktee_models::integer::IntegerModel;

use crate::bounds::{self, Wraps};
use crate::degrees::Degrees;
use crate::field::{Scheme, Transform, Tree};
use crate::layout::{Kind, Layout, LayoutError};
use crate::parameters::{Parameters, Profile};
use crate::security::Security;
use crate::weights::Weights;

const MAGIC: &[u8; 16] = b"zktee stark v1\0\0";

const DIGEST_BYTES: usize = 32;

/// A model that is not proven here, or a file that is no key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The model has layers that have no place in a table.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// It does not hold together.
    #[error("the model does not hold together: {0}")]
    Inconsistent(&'static str),
    /// No table holds it.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Its numbers are too large for the field.
    #[error(transparent)]
    Wraps(#[from] Wraps),
    /// No number of queries is enough.
    #[error("at most {best:.1} bits can be proven for a table of this size, and {least} are asked for")]
    Security {
        /// The most that there is.
        best: f64,
        /// What is asked for.
        least: f64,
    },
    /// A key file.
    #[error("{path} is no key of this program: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What is in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    profile: Profile,
    batch: usize,
    model: IntegerModel,
}

/// Everything that proving and verifying take.
pub struct Key {
    pub(crate) profile: Profile,
    pub(crate) model: IntegerModel,
    pub(crate) network: Network,
    pub(crate) layout: Layout,
    pub(crate) weights: Vec<Weights>,
    pub(crate) parameters: Parameters,
    pub(crate) degrees: Degrees,
    pub(crate) scheme: Scheme,
    pub(crate) tree: Tree,
    pub(crate) transform: Transform,
    security: Security,
    digest: [u8; DIGEST_BYTES],
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("profile", &self.profile).field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl Key {
    /// Makes the key of a model for so many inputs a proof, and proves that no equation wraps around the field.
    ///
    /// # Errors
    /// [`KeyError`], naming what is refused.
    pub fn new(model: IntegerModel, batch: usize, profile: Profile) -> Result<Self, KeyError> {
        let (network, layout) = planned(&model, batch, profile)?;
        let (parameters, security) = profile.parameters(&layout)?;
        Ok(Self::assemble(model, profile, network, layout, parameters, security))
    }

    /// The same with other parameters, whatever they are worth.
    #[cfg(test)]
    pub(crate) fn with_parameters(model: IntegerModel, batch: usize, profile: Profile, parameters: Parameters) -> Self {
        let (network, layout) = planned(&model, batch, profile).unwrap();
        let security = Security::of(&layout, &parameters, profile.regime());
        Self::assemble(model, profile, network, layout, parameters, security)
    }

    /// The same with another key's digest in its transcripts, and with polynomials of its degrees.
    #[cfg(test)]
    pub(crate) fn pretending(self, other: &Self) -> Self {
        Self { digest: other.digest, degrees: other.degrees, ..self }
    }

    fn assemble(
        model: IntegerModel,
        profile: Profile,
        network: Network,
        layout: Layout,
        parameters: Parameters,
        security: Security,
    ) -> Self {
        let shape = |index: usize, whole| layout.stages.get(index).map_or(whole, |place| place.shape);
        let stages = network.stages.iter().enumerate();
        let weights = stages.map(|(index, stage)| Weights::new(stage, shape(index, stage.accumulators))).collect();
        let digest = digest(&model, profile, &layout, &parameters);
        let degrees = Degrees::new(&layout, parameters.queries);
        let scheme = parameters.scheme(degrees.bound);
        let transform = parameters.transform(degrees.bound);
        let tree = Parameters::tree();
        Self {
            profile,
            model,
            network,
            layout,
            weights,
            parameters,
            degrees,
            scheme,
            tree,
            transform,
            security,
            digest,
        }
    }

    /// The model.
    pub const fn model(&self) -> &IntegerModel {
        &self.model
    }

    /// The profile.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Inputs of one proof.
    pub const fn batch(&self) -> usize {
        self.layout.batch
    }

    /// FRI's parameters.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What a proof with this key is worth.
    pub const fn security(&self) -> &Security {
        &self.security
    }

    /// Numbers for tables: rows, lanes, columns of the first and of the second phase, public vectors.
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        let layout = &self.layout;
        [
            ("rows", layout.rows()),
            ("lanes", layout.lanes.len()),
            ("first_columns", layout.first_columns()),
            ("second_columns", layout.lanes.len() + 1),
            ("public_vectors", layout.public_columns()),
        ]
    }

    /// SHA-256 over model, batch, layout and parameters, in hexadecimal: what a third party pins, and what each transcript begins with.
    pub fn digest(&self) -> String {
        self.digest.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
    }

    pub(crate) const fn digest_bytes(&self) -> [u8; DIGEST_BYTES] {
        self.digest
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = Content { profile: self.profile, batch: self.layout.batch, model: self.model.clone() };
        // Numbers and lists of them.
        let body = serde_json::to_vec(&content).unwrap_or_default();
        [&MAGIC[..], &Sha256::digest(&body), &body].concat()
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, KeyError> {
        let file = |why: String| KeyError::File { path: path.to_owned(), why };
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| file("it begins otherwise".to_owned()))?;
        let (digest, body) = rest.split_at_checked(DIGEST_BYTES).ok_or_else(|| file("it is cut off".to_owned()))?;
        if Sha256::digest(body).as_slice() != digest {
            return Err(file("its digest is not that of its content".to_owned()));
        }
        let content: Content = serde_json::from_slice(body).map_err(|error| file(error.to_string()))?;
        Self::new(content.model, content.batch, content.profile)
    }
}

/// Stages and table of a model, with everything about them checked.
fn planned(model: &IntegerModel, batch: usize, profile: Profile) -> Result<(Network, Layout), KeyError> {
    let network = Network::lower(model)?;
    network.check().map_err(KeyError::Inconsistent)?;
    let layout = Layout::new(&network, batch, profile.hides_input())?;
    bounds::check(&network, &layout)?;
    Ok((network, layout))
}

/// Everything that a proof depends on beside its statement. The model's own canonical bytes come last.
fn digest(model: &IntegerModel, profile: Profile, layout: &Layout, parameters: &Parameters) -> [u8; DIGEST_BYTES] {
    let mut digest = Sha256::new();
    digest.update(MAGIC);
    digest.update(profile.backend());
    let mut numbers = parameters.list().to_vec();
    numbers.extend([layout.log_rows as usize, layout.batch, layout.outputs]);
    numbers.extend([layout.classes.len(), layout.ranges.len()]);
    for class in &layout.classes {
        let kind = match class.kind {
            Kind::Quotient { exponent, relu, range } => [1, exponent as usize, usize::from(relu), range],
            Kind::Pair => [0; 4],
            Kind::Input { range } => [2, 0, 0, range],
        };
        numbers.extend(kind);
        numbers.extend([class.per_input, class.lanes]);
    }
    numbers.extend(layout.ranges.iter().map(|range| range.size));
    for number in numbers {
        digest.update((number as u64).to_le_bytes());
    }
    digest.update(model.canonical_bytes());
    digest.finalize().into()
}
