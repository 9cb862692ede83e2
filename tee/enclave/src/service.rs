//! What an enclave does with requests: run its models, and attest what it answered.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use zktee_attestation::{AttestationRequest, Nsm};
use zktee_enclave_protocol::{
    Answer, Ask, Caller, DEFAULT_MESSAGE_LIMIT, ErrorKind, Model as NamedModel, ModelId, Nonce, Over, Partial, Service,
    Tensor, VERSION,
};
use zktee_models::reference::{FloatModel, ReferenceError};

use crate::binding::{self, Digest, LanguageStatement, Statement};
use crate::language::{LanguageLimits, Languages, Part};
use crate::session::Seat;

/// Answers of a channel that are remembered until they are attested. The oldest is forgotten first.
const REMEMBERED: usize = 256;

/// A model that was loaded and measured.
#[derive(Debug)]
pub struct Model {
    name: String,
    id: ModelId,
    plan: FloatModel,
}

impl Model {
    /// Loads an ONNX file for calls of `batch` inputs each.
    ///
    /// # Errors
    /// As [`FloatModel::load`].
    pub fn load(name: &str, onnx: &[u8], batch: usize) -> Result<Self, ReferenceError> {
        let id = ModelId(binding::model(onnx));
        Ok(Self { name: name.to_owned(), id, plan: FloatModel::load(onnx, batch)? })
    }

    /// Its digest, by which it is asked for.
    pub const fn id(&self) -> ModelId {
        self.id
    }
}

/// What was answered, as a document names it.
#[derive(Debug, Clone, Copy)]
enum Given {
    Tensor(Statement),
    Text(LanguageStatement),
}

impl Given {
    fn user_data(&self, nonce: &[u8]) -> Digest {
        match self {
            Self::Tensor(statement) => statement.user_data(nonce),
            Self::Text(statement) => statement.user_data(nonce),
        }
    }
}

/// Models that answer, a module that signs, and what was answered lately.
///
/// Only what was answered here is attested, and only to the channel that asked: a host that could name digests of its own could have
/// anything attested.
pub struct EnclaveService {
    platform: String,
    models: Vec<Model>,
    /// None where there is no room for them.
    languages: Option<Languages>,
    nsm: Box<dyn Nsm>,
    /// By channel.
    given: Mutex<HashMap<u64, VecDeque<(u64, Given)>>>,
    /// Encrypted sessions, by channel. A session's own lock is held while one of its requests is answered.
    sessions: Mutex<HashMap<u64, Arc<Mutex<Option<Seat>>>>>,
}

impl std::fmt::Debug for EnclaveService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnclaveService")
            .field("platform", &self.platform)
            .field("models", &self.models)
            .finish_non_exhaustive()
    }
}

/// What comes of running a model.
struct Inferred {
    output: Tensor,
    inference_ns: u64,
    statement: Statement,
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl EnclaveService {
    /// A service of these models whose answers this module attests. `platform` is what it calls itself, e.g. `process`.
    pub fn new(platform: &str, models: Vec<Model>, nsm: Box<dyn Nsm>) -> Self {
        let (given, sessions) = (Mutex::default(), Mutex::default());
        Self { platform: platform.to_owned(), models, languages: None, nsm, given, sessions }
    }

    /// The same with language models, whose files come over channels.
    #[must_use]
    pub fn with_languages(self, limits: LanguageLimits) -> Self {
        Self { languages: Some(Languages::new(limits)), ..self }
    }

    fn languages(&self) -> Result<&Languages, Answer> {
        let none =
            || Answer::error(ErrorKind::Unsupported, "this enclave's models were measured with it: it takes no others");
        self.languages.as_ref().ok_or_else(none)
    }

    fn hello(&self) -> Answer {
        let models = self.models.iter().map(|model| NamedModel { id: model.id, name: model.name.clone() }).collect();
        let platform = self.platform.clone();
        Answer::Hello { version: VERSION, platform, models, message_limit: DEFAULT_MESSAGE_LIMIT as u64 }
    }

    /// The model that takes inputs of this shape: a file may be inside several times, for calls of different size.
    fn model(&self, id: ModelId, shape: &[usize]) -> Result<&Model, Answer> {
        let of_file: Vec<&Model> = self.models.iter().filter(|model| model.id == id).collect();
        if let Some(model) = of_file.iter().find(|model| model.plan.input_shape() == shape) {
            return Ok(model);
        }
        Err(match of_file.first() {
            None => Answer::error(ErrorKind::UnknownModel, format!("no model {id} is inside")),
            Some(model) => {
                let (name, expected) = (&model.name, model.plan.input_shape());
                Answer::error(ErrorKind::BadInput, format!("{name} takes inputs of shape {expected:?}, not {shape:?}"))
            }
        })
    }

    /// Runs a model on one batch.
    fn infer(&self, id: ModelId, input: &Tensor) -> Result<Inferred, Answer> {
        let shape: Vec<usize> = input.shape().iter().map(|dimension| *dimension as usize).collect();
        let model = self.model(id, &shape)?;
        let prepared = model.plan.prepare(input.values()).map_err(refusal)?;
        let start = Instant::now();
        let outputs = model.plan.run(&prepared).map_err(refusal)?;
        let inference_ns = nanoseconds(start);
        let values = outputs.values().map_err(refusal)?;
        let shape_out = model.plan.output_shape();
        let statement = Statement {
            model: id.0,
            input: binding::tensor(&shape, input.values()),
            output: binding::tensor(shape_out, values),
        };
        let dimensions: Result<Vec<u32>, _> = shape_out.iter().map(|dimension| u32::try_from(*dimension)).collect();
        let output = dimensions.ok().and_then(|shape| Tensor::new(shape, values.to_vec()).ok());
        let output =
            output.ok_or_else(|| Answer::error(ErrorKind::TooLarge, "the output is too large for an answer"))?;
        Ok(Inferred { output, inference_ns, statement })
    }

    fn remember(&self, caller: Caller, statement: Given) {
        let mut given = lock(&self.given);
        let of_channel = given.entry(caller.channel).or_default();
        if of_channel.len() == REMEMBERED {
            of_channel.pop_front();
        }
        of_channel.push_back((caller.request, statement));
    }

    fn remembered(&self, channel: u64, over: &Over) -> Result<Given, Answer> {
        let Over::Request(request) = over else {
            let message = "only an answer of this enclave is attested: name its request";
            return Err(Answer::error(ErrorKind::Unsupported, message));
        };
        let given = lock(&self.given);
        // The latest, should a host have used a number twice.
        let found = given.get(&channel).and_then(|of_channel| of_channel.iter().rev().find(|(of, _)| of == request));
        found.map(|(_, statement)| *statement).ok_or_else(|| {
            let message =
                format!("request {request} was not answered on this channel, or {REMEMBERED} others were since");
            Answer::error(ErrorKind::BadInput, message)
        })
    }

    /// A document over a statement, and the nanoseconds that it took.
    fn attest(&self, statement: &Given, nonce: &Nonce) -> Result<(Vec<u8>, u64), Answer> {
        let start = Instant::now();
        let request = AttestationRequest {
            nonce: Some(nonce.as_bytes().to_vec()),
            user_data: Some(statement.user_data(nonce.as_bytes()).to_vec()),
            public_key: None,
        };
        let document =
            self.nsm.attest(&request).map_err(|error| Answer::error(ErrorKind::Failed, error.to_string()))?;
        Ok((document, nanoseconds(start)))
    }

    /// Answers what is asked in the open, or what was inside a sealed request.
    fn answer(&self, caller: Caller, ask: &Ask, partial: &mut dyn Partial) -> Result<Answer, Answer> {
        let queue_ns = caller.queue_ns();
        match ask {
            Ask::Hello { .. } => Ok(self.hello()),
            Ask::Infer { model, nonce: _, input } => {
                let Inferred { output, inference_ns, statement } = self.infer(*model, input)?;
                self.remember(caller, Given::Tensor(statement));
                Ok(Answer::Inferred { output, inference_ns, queue_ns })
            }
            Ask::Attest { nonce, over } => {
                let statement = self.remembered(caller.channel, over)?;
                let (document, attest_ns) = self.attest(&statement, nonce)?;
                Ok(Answer::Attested { document, attest_ns })
            }
            Ask::InferAndAttest { model, nonce, input } => {
                let Inferred { output, inference_ns, statement } = self.infer(*model, input)?;
                let (document, attest_ns) = self.attest(&Given::Tensor(statement), nonce)?;
                Ok(Answer::InferredAndAttested { output, inference_ns, queue_ns, document, attest_ns })
            }
            Ask::LoadModel { model, total, offset, part } => {
                let part = Part { file: model.id, total: *total, offset: *offset, bytes: part };
                self.languages()?.take(caller.channel, &part)
            }
            Ask::Prepare(files) => Ok(Answer::Prepared { load_ns: self.languages()?.prepare(files)? }),
            Ask::Generate(ask) => {
                let (generated, statement) = self.languages()?.generate(caller, ask, partial)?;
                self.remember(caller, Given::Text(statement));
                Ok(Answer::Generated(generated))
            }
            Ask::OpenSession { .. } | Ask::Sealed { .. } => {
                Err(Answer::error(ErrorKind::Unsupported, "a session within a session"))
            }
            // The server has its part in it.
            Ask::Cancel => Err(Answer::error(ErrorKind::Unsupported, "nothing to give up")),
        }
    }

    fn session(&self, channel: u64) -> Option<Arc<Mutex<Option<Seat>>>> {
        lock(&self.sessions).get(&channel).cloned()
    }

    fn open_session(&self, caller: Caller, payload: &[u8]) -> Answer {
        let session = Arc::clone(lock(&self.sessions).entry(caller.channel).or_default());
        let mut seat = lock(&session);
        let (next, answer) = Seat::next(seat.take(), self.nsm.as_ref(), payload);
        *seat = next;
        answer
    }

    fn sealed(&self, caller: Caller, payload: &[u8], partial: &mut dyn Partial) -> Answer {
        let none = || Answer::error(ErrorKind::BadInput, "no encrypted session is open on this channel");
        let Some(session) = self.session(caller.channel) else { return none() };
        let mut seat = lock(&session);
        let Some(open) = seat.as_mut() else { return none() };
        let inside = |caller, ask: &Ask, partial: &mut dyn Partial| {
            self.answer(caller, ask, partial).unwrap_or_else(|refusal| refusal)
        };
        open.sealed(caller, payload, partial, inside).unwrap_or_else(|refusal| {
            // Its counters no longer agree with the host's.
            *seat = None;
            refusal
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service for EnclaveService {
    fn handle(&self, caller: Caller, ask: Ask) -> Answer {
        self.handle_streaming(caller, ask, &mut Deaf)
    }

    fn handle_streaming(&self, caller: Caller, ask: Ask, partial: &mut dyn Partial) -> Answer {
        match &ask {
            Ask::OpenSession { payload } => self.open_session(caller, payload),
            Ask::Sealed { payload } => self.sealed(caller, payload, partial),
            // What was answered inside a session is attested inside it alone: a document names digests of input and output.
            Ask::Infer { .. } | Ask::Attest { .. } | Ask::InferAndAttest { .. } | Ask::Generate(_)
                if self.session(caller.channel).is_some() =>
            {
                Answer::error(ErrorKind::Unsupported, "this channel has an encrypted session: seal the request")
            }
            _ => self.answer(caller, &ask, partial).unwrap_or_else(|refusal| refusal),
        }
    }

    fn is_long(&self, ask: &Ask) -> bool {
        // What is sealed may be anything.
        let sealed = || matches!(ask, Ask::Sealed { .. }) && self.languages.as_ref().is_some_and(Languages::is_used);
        matches!(ask, Ask::Generate(_)) || sealed()
    }

    fn closed(&self, channel: u64) {
        lock(&self.given).remove(&channel);
        lock(&self.sessions).remove(&channel);
        if let Some(languages) = &self.languages {
            languages.closed(channel);
        }
    }
}

/// Nobody hears partial answers.
struct Deaf;

impl Partial for Deaf {
    fn send(&mut self, _: Answer) -> bool {
        false
    }

    fn is_wanted(&self) -> bool {
        true
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refusal(error: ReferenceError) -> Answer {
    let kind = match error {
        ReferenceError::NotFinite { which: "input", .. } | ReferenceError::Length { .. } => ErrorKind::BadInput,
        _ => ErrorKind::Failed,
    };
    Answer::error(kind, error.to_string())
}
