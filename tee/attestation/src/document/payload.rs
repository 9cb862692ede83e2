//! The payload: one map of nine fields, each at most once, each within its size.

use std::collections::BTreeMap;

use super::{
    Content, Field, MAX_CABUNDLE, MAX_CERTIFICATE, MAX_MODULE_ID, MAX_NONCE, MAX_PUBLIC_KEY, MAX_USER_DATA, ParseError,
};
use crate::{
    Pcr,
    cbor::{CborError, Reader},
    pcr,
};

/// What differs between signed and unsigned documents.
pub(super) struct Limits {
    /// The fewest registers.
    pub(super) least_pcrs: usize,
}

/// The value of a text field is no longer than this in an error.
const SHOWN: usize = 32;

/// A field that may say null, which is met then all the same.
struct Nullable<'a>(Option<&'a [u8]>);

/// Fields as they are met.
#[derive(Default)]
struct Found<'a> {
    module_id: Option<&'a str>,
    timestamp: Option<u64>,
    digest: Option<()>,
    pcrs: Option<BTreeMap<u8, Pcr>>,
    certificate: Option<&'a [u8]>,
    cabundle: Option<Vec<Vec<u8>>>,
    public_key: Option<Nullable<'a>>,
    user_data: Option<Nullable<'a>>,
    nonce: Option<Nullable<'a>>,
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Content, ParseError> {
    let mut reader = Reader::new(bytes);
    let mut found = Found::default();
    // A field that is unknown or met twice ends this: at most ten turns, whatever the map claims.
    for _ in 0..reader.map().map_err(ParseError::Payload)? {
        let key = reader.text().map_err(ParseError::Payload)?;
        let field = Field::ALL
            .into_iter()
            .find(|field| field.name() == key)
            .ok_or_else(|| ParseError::UnknownField(key.chars().take(SHOWN).collect()))?;
        found.take(field, &mut reader, limits)?;
    }
    reader.end().map_err(ParseError::Payload)?;
    found.content()
}

impl<'a> Found<'a> {
    fn take(&mut self, field: Field, reader: &mut Reader<'a>, limits: &Limits) -> Result<(), ParseError> {
        let cbor = ParseError::Payload;
        match field {
            Field::ModuleId => once(field, &mut self.module_id, || {
                let text = reader.text().map_err(cbor)?;
                within(field, text.len(), 1, MAX_MODULE_ID)?;
                Ok(text)
            }),
            Field::Timestamp => once(field, &mut self.timestamp, || reader.unsigned().map_err(cbor)),
            Field::Digest => once(field, &mut self.digest, || match reader.text().map_err(cbor)? {
                "SHA384" => Ok(()),
                other => Err(ParseError::Digest(other.chars().take(SHOWN).collect())),
            }),
            Field::Pcrs => once(field, &mut self.pcrs, || read_pcrs(reader, limits.least_pcrs)),
            Field::Certificate => {
                once(field, &mut self.certificate, || sized(field, reader.bytes().map_err(cbor)?, 1, MAX_CERTIFICATE))
            }
            Field::Cabundle => once(field, &mut self.cabundle, || {
                let entries = reader.array().map_err(cbor)?;
                within(field, entries, 1, MAX_CABUNDLE)?;
                let mut entry = || sized(field, reader.bytes().map_err(cbor)?, 1, MAX_CERTIFICATE).map(<[u8]>::to_vec);
                (0..entries).map(|_| entry()).collect()
            }),
            Field::PublicKey => {
                once(field, &mut self.public_key, || optional(field, reader.optional_bytes(), 1, MAX_PUBLIC_KEY))
            }
            Field::UserData => {
                once(field, &mut self.user_data, || optional(field, reader.optional_bytes(), 0, MAX_USER_DATA))
            }
            Field::Nonce => once(field, &mut self.nonce, || optional(field, reader.optional_bytes(), 0, MAX_NONCE)),
        }
    }

    fn content(self) -> Result<Content, ParseError> {
        self.digest.ok_or(ParseError::Missing(Field::Digest))?;
        let owned = |field: Option<Nullable<'_>>| field.and_then(|field| field.0).map(<[u8]>::to_vec);
        Ok(Content {
            module_id: self.module_id.ok_or(ParseError::Missing(Field::ModuleId))?.to_owned(),
            timestamp: self.timestamp.ok_or(ParseError::Missing(Field::Timestamp))?,
            pcrs: self.pcrs.ok_or(ParseError::Missing(Field::Pcrs))?,
            certificate: self.certificate.ok_or(ParseError::Missing(Field::Certificate))?.to_vec(),
            cabundle: self.cabundle.ok_or(ParseError::Missing(Field::Cabundle))?,
            public_key: owned(self.public_key),
            user_data: owned(self.user_data),
            nonce: owned(self.nonce),
        })
    }
}

/// Fills `slot`, which must be empty; the check comes before the reading.
fn once<T>(field: Field, slot: &mut Option<T>, read: impl FnOnce() -> Result<T, ParseError>) -> Result<(), ParseError> {
    if slot.is_some() {
        return Err(ParseError::Duplicate(field));
    }
    *slot = Some(read()?);
    Ok(())
}

fn within(field: Field, size: usize, min: usize, max: usize) -> Result<(), ParseError> {
    if (min..=max).contains(&size) { Ok(()) } else { Err(ParseError::Size { field, size, min, max }) }
}

fn sized(field: Field, bytes: &[u8], min: usize, max: usize) -> Result<&[u8], ParseError> {
    within(field, bytes.len(), min, max)?;
    Ok(bytes)
}

fn optional(
    field: Field,
    bytes: Result<Option<&[u8]>, CborError>,
    min: usize,
    max: usize,
) -> Result<Nullable<'_>, ParseError> {
    let bytes = bytes.map_err(ParseError::Payload)?;
    bytes.map(|bytes| sized(field, bytes, min, max)).transpose().map(Nullable)
}

fn read_pcrs(reader: &mut Reader<'_>, least: usize) -> Result<BTreeMap<u8, Pcr>, ParseError> {
    let entries = reader.map().map_err(ParseError::Payload)?;
    within(Field::Pcrs, entries, least, pcr::COUNT.into())?;
    let mut pcrs = BTreeMap::new();
    for _ in 0..entries {
        let index = reader.unsigned().map_err(ParseError::Payload)?;
        let index = u8::try_from(index).ok().filter(|index| *index < pcr::COUNT).ok_or(ParseError::PcrIndex(index))?;
        let bytes = reader.bytes().map_err(ParseError::Payload)?;
        let value = bytes.try_into().map_err(|_| ParseError::PcrLength { index, bytes: bytes.len() })?;
        if pcrs.insert(index, value).is_some() {
            return Err(ParseError::PcrDuplicate(index));
        }
    }
    Ok(pcrs)
}
