//! Messages to bytes and back: one CBOR array, `[version, id, kind, fields…]`.

use crate::codec::{Items, Sink};
use crate::error::{Malformed, MessageError};
use crate::tensor::Tensor;

use super::parts::{digest, models, nonce};
use super::{
    Answer, Ask, ErrorKind, Generate, Generated, LanguageFiles, MAX_DOCUMENT, MAX_MODELS, MAX_PART, MAX_PAYLOAD,
    MAX_SEALED_PIECE, MAX_TEXT, Model, ModelId, Over, Piece, Request, Response, VERSION,
};

/// Most fields of a message, its head included.
const MAX_FIELDS: usize = 16;
/// Fields of the head: version, id, kind.
const HEAD: usize = 3;
/// What separates an answer's kind from its question's.
const ANSWER: u64 = 64;
const ERROR: u64 = 127;
/// Partial answers, which others of the same request follow, have the kinds from here up to that of errors.
const PARTIAL: u64 = 96;

impl Request {
    /// Appends the message's bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed::Bounds`] when a field is beyond its limit; `buffer` is then as it was.
    pub fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), Malformed> {
        self.ask.check()?;
        let mut sink = Sink::new(buffer);
        let (kind, fields) = self.ask.kind();
        head(&mut sink, self.id, kind, fields);
        self.ask.encode(&mut sink);
        Ok(())
    }

    /// Reads a message, all of `bytes`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, with its id where that could be read.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        message(bytes, Ask::decode).map(|(id, ask)| Request { id, ask })
    }
}

impl Response {
    /// Appends the message's bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed::Bounds`] when a field is beyond its limit; `buffer` is then as it was.
    pub fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), Malformed> {
        self.answer.check()?;
        let mut sink = Sink::new(buffer);
        let (kind, fields) = self.answer.kind();
        head(&mut sink, self.id, kind, fields);
        self.answer.encode(&mut sink);
        Ok(())
    }

    /// Reads a message, all of `bytes`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, with its id where that could be read.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        message(bytes, Answer::decode).map(|(id, answer)| Response { id, answer })
    }
}

fn head(sink: &mut Sink, id: u64, kind: u64, fields: usize) {
    sink.array(HEAD + fields);
    sink.number(u64::from(VERSION));
    sink.number(id);
    sink.number(kind);
}

fn message<T>(
    bytes: &[u8],
    body: impl FnOnce(u64, usize, &mut Items) -> Result<T, Malformed>,
) -> Result<(u64, T), MessageError> {
    let mut items = Items::new(bytes);
    let start = |items: &mut Items| Ok((items.array("message", MAX_FIELDS)?, items.number("version")?));
    let (count, version) = start(&mut items).map_err(|why| MessageError::Malformed { id: 0, why })?;
    let id = items.number("id");
    if version != u64::from(VERSION) {
        // Every version has its id in this place, so that the refusal reaches whom it concerns.
        return Err(MessageError::Version { id: id.unwrap_or(0), got: version });
    }
    let id = id.map_err(|why| MessageError::Malformed { id: 0, why })?;
    let rest = |items: &mut Items| {
        let kind = items.number("kind")?;
        let fields = count.checked_sub(HEAD).ok_or(Malformed::Fields(kind))?;
        let body = body(kind, fields, items)?;
        items.end()?;
        Ok(body)
    };
    rest(&mut items).map(|body| (id, body)).map_err(|why| MessageError::Malformed { id, why })
}

fn at_most(field: &'static str, length: usize, most: usize) -> Result<(), Malformed> {
    if length <= most { Ok(()) } else { Err(Malformed::Bounds(field)) }
}

impl Ask {
    /// Number of the kind, number of its fields.
    fn kind(&self) -> (u64, usize) {
        match self {
            Ask::Hello { .. } => (1, 1),
            Ask::LoadModel { .. } => (2, 5),
            Ask::Infer { .. } => (3, 4),
            Ask::Attest { .. } => (4, 2),
            Ask::InferAndAttest { .. } => (5, 4),
            Ask::OpenSession { .. } => (6, 1),
            Ask::Sealed { .. } => (7, 1),
            Ask::Generate(_) => (8, Generate::FIELDS),
            Ask::Prepare(_) => (9, LanguageFiles::FIELDS),
            Ask::Cancel => (10, 0),
        }
    }

    fn check(&self) -> Result<(), Malformed> {
        match self {
            Ask::LoadModel { model, part, .. } => {
                at_most("name", model.name.len(), MAX_TEXT)?;
                at_most("part", part.len(), MAX_PART)?;
                if part.is_empty() { Err(Malformed::Bounds("part")) } else { Ok(()) }
            }
            Ask::OpenSession { payload } | Ask::Sealed { payload } => at_most("payload", payload.len(), MAX_PAYLOAD),
            Ask::Generate(generate) => generate.check(),
            Ask::Hello { .. }
            | Ask::Infer { .. }
            | Ask::Attest { .. }
            | Ask::InferAndAttest { .. }
            | Ask::Prepare(_)
            | Ask::Cancel => Ok(()),
        }
    }

    fn encode(&self, sink: &mut Sink) {
        match self {
            Ask::Hello { newest } => sink.number(u64::from(*newest)),
            Ask::LoadModel { model, total, offset, part } => {
                model.encode(sink);
                sink.number(*total);
                sink.number(*offset);
                sink.bytes(part);
            }
            Ask::Infer { model, nonce, input } | Ask::InferAndAttest { model, nonce, input } => {
                sink.bytes(&model.0);
                sink.bytes(nonce.as_bytes());
                input.encode(sink);
            }
            Ask::Attest { nonce, over } => {
                sink.bytes(nonce.as_bytes());
                over.encode(sink);
            }
            Ask::OpenSession { payload } | Ask::Sealed { payload } => sink.bytes(payload),
            Ask::Generate(generate) => generate.encode(sink),
            Ask::Prepare(files) => files.encode(sink),
            Ask::Cancel => {}
        }
    }

    fn decode(kind: u64, fields: usize, items: &mut Items) -> Result<Self, Malformed> {
        let ask = match (kind, fields) {
            (1, 1) => {
                Ask::Hello { newest: u16::try_from(items.number("newest")?).map_err(|_| Malformed::Bounds("newest"))? }
            }
            (2, 5) => Ask::LoadModel {
                model: Model::decode(items)?,
                total: items.number("total")?,
                offset: items.number("offset")?,
                part: items.bytes("part", MAX_PART)?.to_owned(),
            },
            (3, 4) => {
                Ask::Infer { model: ModelId(digest(items)?), nonce: nonce(items)?, input: Tensor::decode(items)? }
            }
            (4, 2) => Ask::Attest { nonce: nonce(items)?, over: Over::decode(items)? },
            (5, 4) => Ask::InferAndAttest {
                model: ModelId(digest(items)?),
                nonce: nonce(items)?,
                input: Tensor::decode(items)?,
            },
            (6, 1) => Ask::OpenSession { payload: items.bytes("payload", MAX_PAYLOAD)?.to_owned() },
            (7, 1) => Ask::Sealed { payload: items.bytes("payload", MAX_PAYLOAD)?.to_owned() },
            (8, Generate::FIELDS) => Ask::Generate(Box::new(Generate::decode(items)?)),
            (9, LanguageFiles::FIELDS) => Ask::Prepare(LanguageFiles::decode(items)?),
            (10, 0) => Ask::Cancel,
            (1..=10, _) => return Err(Malformed::Fields(kind)),
            _ => return Err(Malformed::Kind(kind)),
        };
        ask.check()?;
        Ok(ask)
    }
}

impl Answer {
    /// Number of the kind, number of its fields.
    fn kind(&self) -> (u64, usize) {
        match self {
            Answer::Hello { .. } => (ANSWER + 1, 4),
            Answer::Loaded { .. } => (ANSWER + 2, 2),
            Answer::Inferred { .. } => (ANSWER + 3, 4),
            Answer::Attested { .. } => (ANSWER + 4, 2),
            Answer::InferredAndAttested { .. } => (ANSWER + 5, 6),
            Answer::SessionOpened { .. } => (ANSWER + 6, 1),
            Answer::Sealed { .. } => (ANSWER + 7, 1),
            Answer::Generated(_) => (ANSWER + 8, Generated::FIELDS),
            Answer::Prepared { .. } => (ANSWER + 9, 1),
            Answer::Piece(_) => (PARTIAL, Piece::FIELDS),
            Answer::SealedPiece { .. } => (PARTIAL + 1, 1),
            Answer::Error { .. } => (ERROR, 2),
        }
    }

    fn check(&self) -> Result<(), Malformed> {
        match self {
            Answer::Hello { platform, models, .. } => {
                at_most("platform", platform.len(), MAX_TEXT)?;
                at_most("models", models.len(), MAX_MODELS)?;
                models.iter().try_for_each(|model| at_most("name", model.name.len(), MAX_TEXT))
            }
            Answer::Attested { document, .. } | Answer::InferredAndAttested { document, .. } => {
                at_most("document", document.len(), MAX_DOCUMENT)
            }
            Answer::SessionOpened { payload } | Answer::Sealed { payload } => {
                at_most("payload", payload.len(), MAX_PAYLOAD)
            }
            Answer::Error { message, .. } => at_most("message", message.len(), MAX_TEXT),
            Answer::Generated(generated) => generated.check(),
            Answer::Piece(piece) => piece.check(),
            Answer::SealedPiece { payload } => at_most("payload", payload.len(), MAX_SEALED_PIECE),
            Answer::Loaded { .. } | Answer::Inferred { .. } | Answer::Prepared { .. } => Ok(()),
        }
    }

    fn encode(&self, sink: &mut Sink) {
        match self {
            Answer::Hello { version, platform, models, message_limit } => {
                sink.number(u64::from(*version));
                sink.text(platform);
                sink.array(models.len());
                for model in models {
                    sink.array(2);
                    model.encode(sink);
                }
                sink.number(*message_limit);
            }
            Answer::Loaded { received, total } => {
                sink.number(*received);
                sink.number(*total);
            }
            Answer::Inferred { output, inference_ns, queue_ns } => {
                output.encode(sink);
                sink.number(*inference_ns);
                sink.number(*queue_ns);
            }
            Answer::Attested { document, attest_ns } => {
                sink.bytes(document);
                sink.number(*attest_ns);
            }
            Answer::InferredAndAttested { output, inference_ns, queue_ns, document, attest_ns } => {
                output.encode(sink);
                sink.number(*inference_ns);
                sink.number(*queue_ns);
                sink.bytes(document);
                sink.number(*attest_ns);
            }
            Answer::SessionOpened { payload } | Answer::Sealed { payload } | Answer::SealedPiece { payload } => {
                sink.bytes(payload);
            }
            Answer::Generated(generated) => generated.encode(sink),
            Answer::Prepared { load_ns } => sink.number(*load_ns),
            Answer::Piece(piece) => piece.encode(sink),
            Answer::Error { kind, message } => {
                sink.number(kind.number());
                sink.text(message);
            }
        }
    }

    fn decode(kind: u64, fields: usize, items: &mut Items) -> Result<Self, Malformed> {
        let answer = match (kind, fields) {
            (65, 4) => Answer::Hello {
                version: u16::try_from(items.number("version")?).map_err(|_| Malformed::Bounds("version"))?,
                platform: items.text("platform", MAX_TEXT)?.to_owned(),
                models: models(items)?,
                message_limit: items.number("message_limit")?,
            },
            (66, 2) => Answer::Loaded { received: items.number("received")?, total: items.number("total")? },
            (67, 4) => Answer::Inferred {
                output: Tensor::decode(items)?,
                inference_ns: items.number("inference_ns")?,
                queue_ns: items.number("queue_ns")?,
            },
            (68, 2) => Answer::Attested {
                document: items.bytes("document", MAX_DOCUMENT)?.to_owned(),
                attest_ns: items.number("attest_ns")?,
            },
            (69, 6) => Answer::InferredAndAttested {
                output: Tensor::decode(items)?,
                inference_ns: items.number("inference_ns")?,
                queue_ns: items.number("queue_ns")?,
                document: items.bytes("document", MAX_DOCUMENT)?.to_owned(),
                attest_ns: items.number("attest_ns")?,
            },
            (70, 1) => Answer::SessionOpened { payload: items.bytes("payload", MAX_PAYLOAD)?.to_owned() },
            (71, 1) => Answer::Sealed { payload: items.bytes("payload", MAX_PAYLOAD)?.to_owned() },
            (72, Generated::FIELDS) => Answer::Generated(Box::new(Generated::decode(items)?)),
            (73, 1) => Answer::Prepared { load_ns: items.number("load_ns")? },
            (PARTIAL, Piece::FIELDS) => Answer::Piece(Piece::decode(items)?),
            (97, 1) => Answer::SealedPiece { payload: items.bytes("payload", MAX_SEALED_PIECE)?.to_owned() },
            (ERROR, 2) => Answer::Error {
                kind: ErrorKind::from_number(items.number("kind")?).ok_or(Malformed::Bounds("kind"))?,
                message: items.text("message", MAX_TEXT)?.to_owned(),
            },
            (65..=73 | PARTIAL | 97 | ERROR, _) => return Err(Malformed::Fields(kind)),
            _ => return Err(Malformed::Kind(kind)),
        };
        answer.check()?;
        Ok(answer)
    }
}
