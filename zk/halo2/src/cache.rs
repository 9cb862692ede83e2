//! Proving keys kept between runs of a program, by the digest of everything that they depend on.
//!
//! A file's name is SHA-256 over the circuit (weights and layout), the reference string's points and the format's version: whatever
//! changes makes another name. What is found under the right name is checked before it is used, and made again where it is damaged.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::keys::{KeyError, MAGIC, ProvingKey, hex};
use crate::spec::Spec;
use crate::srs::ReferenceString;

/// Where a key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Found,
    /// There was none.
    Made,
    /// There was one that did not hold together.
    MadeAgain,
}

impl ProvingKey {
    /// The file of a circuit's key in a cache folder.
    pub fn cache_file(folder: &Path, spec: &Spec, srs: &ReferenceString) -> PathBuf {
        let mut digest = Sha256::new();
        digest.update(MAGIC);
        digest.update(serde_json::to_vec(spec).unwrap_or_default());
        digest.update(&srs.verifier);
        folder.join(format!("{}.key", hex(&digest.finalize())))
    }

    /// The key of a circuit from a cache folder, or a new one that is put there. A cache that cannot be written to does no harm.
    ///
    /// # Errors
    /// As [`ProvingKey::generate`].
    pub fn cached(folder: &Path, spec: Spec, srs: &ReferenceString) -> Result<(Self, Origin), KeyError> {
        let path = Self::cache_file(folder, &spec, srs);
        let found = std::fs::read(&path).ok();
        let origin = if found.is_some() { Origin::MadeAgain } else { Origin::Made };
        let read = found.and_then(|bytes| Self::from_bytes(&bytes, &path, srs).ok());
        if let Some(key) = read.filter(|key| *key.spec() == spec) {
            return Ok((key, Origin::Found));
        }
        let key = Self::generate(spec, srs)?;
        let _ = std::fs::create_dir_all(folder).and_then(|()| write_atomically(&path, &key.prover_bytes()));
        Ok((key, origin))
    }
}

/// Beside the file, then renamed: nobody reads half of one.
fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension(format!("part-{}", std::process::id()));
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use zktee_models::workload;

    use super::*;
    use crate::plan::Plan;
    use crate::srs::Source;

    #[test]
    fn a_key_is_found_again_and_a_damaged_or_foreign_one_is_made_again() {
        let folder = std::env::temp_dir().join(format!("zktee-halo2-cache-{}", std::process::id()));
        let model = workload::builtin("ols-iris").unwrap().integer_model().unwrap();
        let spec = Plan::new(&model, 150, true).unwrap().spec;
        let srs = Source::Cache(folder.clone()).get(spec.design.k()).unwrap();
        let get = |spec: &Spec| ProvingKey::cached(&folder, spec.clone(), &srs).unwrap().1;
        assert_eq!([get(&spec), get(&spec)], [Origin::Made, Origin::Found]);

        let path = ProvingKey::cache_file(&folder, &spec, &srs);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!([get(&spec), get(&spec)], [Origin::MadeAgain, Origin::Found]);

        // Another circuit's key under this name is whole, and still not this one's.
        let other = Plan::new(&model, 100, true).unwrap().spec;
        assert_ne!(ProvingKey::cache_file(&folder, &other, &srs), path);
        std::fs::write(&path, ProvingKey::generate(other, &srs).unwrap().prover_bytes()).unwrap();
        assert_eq!(get(&spec), Origin::MadeAgain);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
