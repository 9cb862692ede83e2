//! SHA-256 as it is printed by `sha256sum`.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::DataError;

/// The SHA-256 of `bytes` in 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Refuses `bytes` whose digest is not `expected`; `file` is named in the error.
pub(crate) fn check(file: &Path, bytes: &[u8], expected: &'static str) -> Result<(), DataError> {
    let got = sha256_hex(bytes);
    if got == expected {
        return Ok(());
    }
    Err(DataError::Digest { file: file.into(), expected, got })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_sha256sum() {
        // printf abc | sha256sum
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn the_committed_sums_are_those_of_the_committed_files() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
        let mut seen = 0;
        for line in sums.lines() {
            let (sum, name) = line.split_once("  ").unwrap();
            let bytes = std::fs::read(folder.join(name)).unwrap();
            assert_eq!(sha256_hex(&bytes), sum, "{name}");
            seen += 1;
        }
        assert_eq!(seen, 3, "iris.csv and the two files of the MNIST test set");
    }
}
