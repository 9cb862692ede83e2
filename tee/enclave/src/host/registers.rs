//! The registers of an image, as `scripts/enclave/build-eif` leaves them beside it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use zktee_attestation::Pcr;

use super::{BootError, io};
use crate::binding;

/// Larger files are not read.
const MOST_BYTES: u64 = 64 << 10;

/// Registers from hexadecimal digits.
pub(super) fn of_hex<'a>(pcrs: impl Iterator<Item = (u8, &'a str)>) -> Result<BTreeMap<u8, Pcr>, BootError> {
    let pcrs: Option<BTreeMap<u8, Pcr>> = pcrs.map(|(index, value)| Some((index, binding::unhex(value)?))).collect();
    pcrs.filter(|pcrs| !pcrs.is_empty()).ok_or_else(|| BootError::Unclear("registers that are no digests".to_owned()))
}

/// Registers by their names, `PCR0` to `PCR2`.
pub(super) fn of_names(named: &BTreeMap<String, String>) -> Result<BTreeMap<u8, Pcr>, BootError> {
    let mut pcrs = Vec::new();
    for (name, value) in named {
        let index = name.strip_prefix("PCR").and_then(|index| index.parse().ok());
        pcrs.push((index.ok_or_else(|| BootError::Unclear(format!("no register is named {name:?}")))?, value.as_str()));
    }
    of_hex(pcrs.into_iter())
}

/// The registers beside an image: `IMAGE.json`.
pub(super) fn beside(image: &Path) -> Result<BTreeMap<u8, Pcr>, BootError> {
    let mut path = image.as_os_str().to_owned();
    path.push(".json");
    let mut text = String::new();
    let read = std::fs::File::open(&path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    read.map_err(io("the registers beside the enclave's image"))?;
    let named = serde_json::from_str(&text).map_err(|error| BootError::Unclear(error.to_string()))?;
    of_names(&named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_read_by_name() {
        let digest = "ab".repeat(48);
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("zktee.eif");
        let with = |text: &str| {
            std::fs::write(dir.path().join("zktee.eif.json"), text).unwrap();
            beside(&image)
        };
        let pcrs = with(&format!(r#"{{"PCR0": "{digest}", "PCR2": "{digest}"}}"#)).unwrap();
        assert_eq!(pcrs, BTreeMap::from([(0, [0xab; 48]), (2, [0xab; 48])]));
        for wrong in ["", "{}", r#"{"PCR0": "ab"}"#, &format!(r#"{{"0": "{digest}"}}"#)] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
        assert!(beside(&dir.path().join("other.eif")).is_err());
    }
}
