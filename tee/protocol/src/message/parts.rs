//! Parts that messages have in common, to bytes and back.

use crate::codec::{Items, Sink};
use crate::error::Malformed;

use super::{ErrorKind, MAX_MODELS, MAX_TEXT, Model, ModelId, Nonce, Over};

impl Model {
    pub(super) fn encode(&self, sink: &mut Sink) {
        sink.bytes(&self.id.0);
        sink.text(&self.name);
    }

    pub(super) fn decode(items: &mut Items) -> Result<Self, Malformed> {
        Ok(Model { id: ModelId(digest(items)?), name: items.text("name", MAX_TEXT)?.to_owned() })
    }
}

pub(super) fn digest(items: &mut Items) -> Result<[u8; 48], Malformed> {
    items.bytes("digest", 48)?.try_into().map_err(|_| Malformed::Bounds("digest"))
}

pub(super) fn nonce(items: &mut Items) -> Result<Nonce, Malformed> {
    Nonce::new(items.bytes("nonce", Nonce::MAX)?)
}

impl Over {
    pub(super) fn encode(&self, sink: &mut Sink) {
        match self {
            Over::Request(id) => sink.number(*id),
            Over::Digests { model, input, output } => {
                sink.array(3);
                for digest in [model, input, output] {
                    sink.bytes(digest);
                }
            }
        }
    }

    pub(super) fn decode(items: &mut Items) -> Result<Self, Malformed> {
        if !items.at_array() {
            return Ok(Over::Request(items.number("over")?));
        }
        if items.array("over", 3)? != 3 {
            return Err(Malformed::Bounds("over"));
        }
        Ok(Over::Digests { model: digest(items)?, input: digest(items)?, output: digest(items)? })
    }
}

pub(super) fn models(items: &mut Items) -> Result<Vec<Model>, Malformed> {
    let count = items.array("models", MAX_MODELS)?;
    let mut models = Vec::with_capacity(count);
    for _ in 0..count {
        if items.array("model", 2)? != 2 {
            return Err(Malformed::Bounds("model"));
        }
        models.push(Model::decode(items)?);
    }
    Ok(models)
}

impl ErrorKind {
    /// Every kind, in the order of its number on the wire, which begins at 1.
    pub const ALL: [ErrorKind; 14] = [
        ErrorKind::Malformed,
        ErrorKind::Version,
        ErrorKind::TooLarge,
        ErrorKind::Late,
        ErrorKind::UnknownModel,
        ErrorKind::BadInput,
        ErrorKind::BadModel,
        ErrorKind::Busy,
        ErrorKind::Ending,
        ErrorKind::Unsupported,
        ErrorKind::Panicked,
        ErrorKind::Failed,
        ErrorKind::Cancelled,
        ErrorKind::OutOfMemory,
    ];

    pub(super) fn number(self) -> u64 {
        self as u64 + 1
    }

    pub(super) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }
}
