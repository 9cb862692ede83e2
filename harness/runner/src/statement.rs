//! `statement.json`: what a cell's verifier was asked, and the files that stand beside it, each with its digest.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cell::hex;
use crate::folder::{FolderError, io};

/// The largest `statement.json` that is read, bytes.
const MAX_STATEMENT_BYTES: u64 = 1 << 20;
/// The largest file beside it that is read, bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// Files from this length on are published compressed, where that halves them: EZKL's verifying keys are nearly all zeros.
const PACKED_FROM: u64 = 1 << 20;

pub(crate) const STATEMENT: &str = "statement.json";

/// What the verifier was asked beside the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement {
    /// The evidence's file.
    pub(crate) evidence: String,
    /// The nonce that it was asked for with.
    pub(crate) nonce: String,
    /// When it was verified, RFC 3339: documents are checked again as of then, since they age.
    pub(crate) verified_at: String,
    /// SHA-256 of every other file.
    pub(crate) sha256: BTreeMap<String, String>,
    /// Files that stand compressed, as `NAME.gz`, each with its own length in bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) gzip_bytes: BTreeMap<String, u64>,
    /// The bytes of those files, where they were left out of a published folder because there were too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_out_bytes: Option<u64>,
}

impl Statement {
    /// Reads a cell's statement; none where nothing was kept.
    pub(crate) fn read(kept: &Path) -> Result<Option<Self>, FolderError> {
        let path = kept.join(STATEMENT);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(&path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_STATEMENT_BYTES + 1).read_to_end(&mut bytes).map_err(io(&path))?;
        if bytes.len() as u64 > MAX_STATEMENT_BYTES {
            return Err(damaged(&path, "it is larger than any statement"));
        }
        let statement: Self =
            serde_json::from_slice(&bytes).map_err(|source| FolderError::Damaged { path: path.clone(), source })?;
        if !statement.is_plain() {
            return Err(damaged(&path, "it names a file elsewhere"));
        }
        if !statement.sha256.contains_key(&statement.evidence) {
            return Err(damaged(&path, "its evidence is not among its files"));
        }
        Ok(Some(statement))
    }

    /// Whether it names files of its own folder alone.
    fn is_plain(&self) -> bool {
        self.sha256.keys().all(|name| is_plain(name))
    }

    /// One of its files, held against its digest.
    pub(crate) fn content(&self, kept: &Path, name: &str) -> Result<Vec<u8>, FolderError> {
        let packed = self.gzip_bytes.get(name);
        let path = kept.join(packed.map_or_else(|| name.to_owned(), |_| packed_name(name)));
        let file = fs::File::open(&path).map_err(io(&path))?;
        let mut content = Vec::new();
        match packed {
            // One byte more than there may be shows that there are more.
            Some(&bytes) => {
                let most = bytes.min(MAX_FILE_BYTES) + 1;
                GzDecoder::new(file).take(most).read_to_end(&mut content).map_err(io(&path))?;
                if content.len() as u64 != bytes {
                    return Err(damaged(&path, "it has another length than its statement says"));
                }
            }
            None => {
                file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content).map_err(io(&path))?;
                if content.len() as u64 > MAX_FILE_BYTES {
                    return Err(damaged(&path, "it is larger than any evidence"));
                }
            }
        }
        if Some(&hex(&Sha256::digest(&content))) == self.sha256.get(name) {
            return Ok(content);
        }
        Err(damaged(&path, "it is not the file that the run left: its digest differs"))
    }

    /// A file's bytes compressed, where it is to be kept so.
    pub(crate) fn packed(content: &[u8]) -> Option<Vec<u8>> {
        if (content.len() as u64) < PACKED_FROM {
            return None;
        }
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
        let packed = encoder.write_all(content).and_then(|()| encoder.finish()).ok()?;
        (packed.len() * 2 < content.len()).then_some(packed)
    }

    /// Writes one of its files, compressed where that is worth it.
    pub(crate) fn store(&mut self, to: &Path, name: &str, content: Vec<u8>) -> Result<(), FolderError> {
        self.gzip_bytes.remove(name);
        // Unless another file has that name.
        let packed = Self::packed(&content).filter(|_| !self.sha256.contains_key(&packed_name(name)));
        let (path, stored) = match packed {
            Some(packed) => {
                self.gzip_bytes.insert(name.to_owned(), content.len() as u64);
                (to.join(packed_name(name)), packed)
            }
            None => (to.join(name), content),
        };
        fs::write(&path, stored).map_err(io(&path))
    }
}

fn packed_name(name: &str) -> String {
    format!("{name}.gz")
}

fn damaged(path: &Path, what: &str) -> FolderError {
    io(path)(std::io::Error::other(what.to_owned()))
}

/// The files that a statement's bytes name, where they would be looked at.
pub(crate) fn names_of_statement(bytes: &[u8]) -> Vec<String> {
    let statement = serde_json::from_slice::<Statement>(bytes).ok().filter(Statement::is_plain);
    statement.map(|statement| statement.sha256.into_keys().collect()).unwrap_or_default()
}

/// Whether a name is a file's name and no path.
pub(crate) fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::folder::write_json;

    #[test]
    fn only_names_of_files_are_plain() {
        assert!(is_plain("proof.bin"));
        for name in ["", ".", "..", "../x", "/x", "a/b"] {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn a_file_is_kept_compressed_where_that_halves_it_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (even, small) = (vec![7; PACKED_FROM as usize], b"small".to_vec());
        let sha256 = [("even", &even), ("small", &small)];
        let mut statement = Statement {
            evidence: "small".into(),
            nonce: String::new(),
            verified_at: String::new(),
            sha256: sha256.map(|(name, content)| (name.to_owned(), hex(&Sha256::digest(content)))).into(),
            gzip_bytes: BTreeMap::new(),
            left_out_bytes: None,
        };
        statement.store(dir.path(), "even", even.clone()).unwrap();
        statement.store(dir.path(), "small", small.clone()).unwrap();
        write_json(&dir.path().join(STATEMENT), &statement).unwrap();
        assert!(dir.path().join("even.gz").is_file() && !dir.path().join("even").exists());
        assert!(dir.path().join("small").is_file());
        let read = Statement::read(dir.path()).unwrap().unwrap();
        assert_eq!(
            (read.content(dir.path(), "even").unwrap(), read.content(dir.path(), "small").unwrap()),
            (even, small)
        );
        // Less, more, and other bytes than the statement says.
        for bytes in [PACKED_FROM - 1, PACKED_FROM + 1] {
            let mut other = read.clone();
            other.gzip_bytes.insert("even".into(), bytes);
            assert!(other.content(dir.path(), "even").is_err(), "{bytes}");
        }
        fs::write(dir.path().join("even.gz"), Statement::packed(&vec![8; PACKED_FROM as usize]).unwrap()).unwrap();
        assert!(read.content(dir.path(), "even").unwrap_err().to_string().contains("digest"));
        fs::write(dir.path().join("even.gz"), b"no gzip").unwrap();
        assert!(read.content(dir.path(), "even").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_statement_panic_or_lead_elsewhere(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            name in "[./a\\\\\u{0}-]{0,6}",
            evidence in "[./a]{0,4}",
        ) {
            crate::fuzzing::statement(&bytes);
            let statement = Statement {
                evidence,
                nonce: String::new(),
                verified_at: String::new(),
                sha256: BTreeMap::from([(name.clone(), String::new())]),
                gzip_bytes: BTreeMap::from([(name, 1)]),
                left_out_bytes: None,
            };
            crate::fuzzing::statement(&serde_json::to_vec(&statement).unwrap());
        }
    }
}
