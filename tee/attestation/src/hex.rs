//! Bytes as text, for reports.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serializer;

/// Two lower-case digits a byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

/// For `#[serde(serialize_with)]`.
#[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
pub(crate) fn optional<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_some(&encode(bytes)),
        None => serializer.serialize_none(),
    }
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn list<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|bytes| encode(bytes)))
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn map<S: Serializer>(map: &BTreeMap<u8, crate::Pcr>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(index, bytes)| (index, encode(bytes))))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_takes_two_digits() {
        assert_eq!(super::encode(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
