//! Reference strings: from the cache, made where there is none, or a file of the user's.

use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine};
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::poly::commitment::Params as _;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use zktee_srs::{SrsError, VERIFIER_BYTES};

/// Where reference strings come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The folder of strings made here, for benchmarks alone: whoever made one could forge.
    Cache(PathBuf),
    /// A file of the user's, in the format of halo2's `ParamsKZG`, of any size that is large enough.
    File(PathBuf),
}

/// No reference string.
#[derive(Debug, thiserror::Error)]
pub enum SrsUnavailable {
    /// The file, or the cache, does not do.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// It was checked and still cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the user's that is too small.
    #[error("{path} has 2^{got} powers, the circuit needs 2^{expected}; give a larger one with --srs")]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// The circuit's logarithm of rows.
        expected: u32,
        /// The file's.
        got: u32,
    },
}

/// A reference string of exactly the circuit's size.
#[derive(Debug, Clone)]
pub struct ReferenceString {
    /// As the proof system takes it.
    pub params: ParamsKZG<Bn256>,
    /// What a verifier needs of it, [`VERIFIER_BYTES`] bytes.
    pub verifier: Vec<u8>,
    /// Whether it was made on this machine by this program.
    pub generated: bool,
}

impl Source {
    /// The string for 2^`k` rows: checked before it is used, made again in the cache where it is damaged or missing.
    ///
    /// # Errors
    /// [`SrsUnavailable`].
    pub fn get(&self, k: u32) -> Result<ReferenceString, SrsUnavailable> {
        match self {
            Self::Cache(folder) => {
                let path = folder.join(format!("halo2-k{k}.srs"));
                if zktee_srs::check(&path, k).is_err() {
                    std::fs::create_dir_all(folder)
                        .map_err(|source| SrsUnavailable::Read { path: folder.clone(), source })?;
                    zktee_srs::write_atomically(&path, k, 0, |_, _| ())?;
                }
                read(&path, k, true)
            }
            Self::File(path) => {
                let got = size(path)?;
                if got < k {
                    return Err(SrsUnavailable::TooSmall { path: path.clone(), expected: k, got });
                }
                zktee_srs::check(path, got)?;
                read(path, k, false)
            }
        }
    }
}

fn size(path: &Path) -> Result<u32, SrsUnavailable> {
    use std::io::Read as _;
    let mut k = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut k));
    read.map_err(|source| SrsUnavailable::Read { path: path.to_owned(), source })?;
    Ok(u32::from_le_bytes(k))
}

/// Reads a file that was checked, and cuts it down to 2^`k` powers.
fn read(path: &Path, k: u32, generated: bool) -> Result<ReferenceString, SrsUnavailable> {
    let failed = |source| SrsUnavailable::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut params = ParamsKZG::<Bn256>::read(&mut std::io::BufReader::new(file)).map_err(failed)?;
    if params.k() > k {
        params.downsize(k);
    }
    Ok(ReferenceString { params, verifier: zktee_srs::verifier_part(path)?, generated })
}

/// The parameters of a verifier of circuits of 2^`k` rows; `None` for bytes that are not [`VERIFIER_BYTES`] valid ones.
pub(crate) fn verifier_params(bytes: &[u8], k: u32) -> Option<ParamsKZG<Bn256>> {
    // Upstream would make room for as many points as the first number says.
    if bytes.len() != VERIFIER_BYTES || bytes.get(..4) != Some(&[0; 4]) {
        return None;
    }
    let small = ParamsKZG::<Bn256>::read(&mut &*bytes).ok()?;
    let g = G1Affine::from_raw_bytes(bytes.get(4..4 + 64)?)?;
    // A verifier uses the first power alone, and the number of rows.
    Some(small.from_parts(k, vec![g], Some(vec![g]), small.g2(), small.s_g2()))
}
