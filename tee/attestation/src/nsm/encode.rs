//! A document's bytes, in the order and form of AWS's module.

use ciborium_io::Write;
use ciborium_ll::{Encoder, Header, simple};

use crate::document::{Content, ES384, Field};

/// The protected header: the algorithm alone.
pub(super) fn protected() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::from(&mut bytes);
    put(&mut encoder, Header::Map(Some(1)));
    put(&mut encoder, Header::Positive(1));
    put(&mut encoder, Header::Negative(!ES384 as u64));
    bytes
}

/// The map that is signed.
pub(super) fn payload(content: &Content) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 * 1024);
    let mut encoder = Encoder::from(&mut bytes);
    put(&mut encoder, Header::Map(Some(Field::ALL.len())));
    for field in Field::ALL {
        text(&mut encoder, field.name());
        match field {
            Field::ModuleId => text(&mut encoder, &content.module_id),
            Field::Digest => text(&mut encoder, "SHA384"),
            Field::Timestamp => put(&mut encoder, Header::Positive(content.timestamp)),
            Field::Pcrs => {
                put(&mut encoder, Header::Map(Some(content.pcrs.len())));
                for (index, pcr) in &content.pcrs {
                    put(&mut encoder, Header::Positive(u64::from(*index)));
                    string(&mut encoder, pcr);
                }
            }
            Field::Certificate => string(&mut encoder, &content.certificate),
            Field::Cabundle => {
                put(&mut encoder, Header::Array(Some(content.cabundle.len())));
                for certificate in &content.cabundle {
                    string(&mut encoder, certificate);
                }
            }
            Field::PublicKey => optional(&mut encoder, content.public_key.as_deref()),
            Field::UserData => optional(&mut encoder, content.user_data.as_deref()),
            Field::Nonce => optional(&mut encoder, content.nonce.as_deref()),
        }
    }
    bytes
}

/// The whole document, without COSE's tag, as AWS's.
pub(super) fn document(protected: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + signature.len() + 16);
    let mut encoder = Encoder::from(&mut bytes);
    put(&mut encoder, Header::Array(Some(4)));
    string(&mut encoder, protected);
    put(&mut encoder, Header::Map(Some(0)));
    string(&mut encoder, payload);
    string(&mut encoder, signature);
    bytes
}

// Writing to memory does not fail, so that there is no error to hand on.

fn put<W: Write>(encoder: &mut Encoder<W>, header: Header) {
    let _ = encoder.push(header);
}

fn text<W: Write>(encoder: &mut Encoder<W>, text: &str) {
    let _ = encoder.text(text, None);
}

fn string<W: Write>(encoder: &mut Encoder<W>, bytes: &[u8]) {
    let _ = encoder.bytes(bytes, None);
}

fn optional<W: Write>(encoder: &mut Encoder<W>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(encoder, bytes),
        None => put(encoder, Header::Simple(simple::NULL)),
    }
}
