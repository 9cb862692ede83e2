//! Language models inside: files come over the channel, one model is ready at a time, and its responses go out token by token.
//!
//! ```text
//!   parts ──> Assembly (one a channel) ──> shelf, by digest ── Prepare, or the first Generate ──> the model that is ready
//! ```
//!
//! Nothing of it was measured when the enclave booted, nor need it be: a document names the files by their digests.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zktee_core::protocol::{Completion, Finish, Generated, Generation};
use zktee_enclave_protocol::{
    Answer, Assembly, AssemblyError, Caller, ErrorKind, Finish as WireFinish, Generate, Generated as WireGenerated,
    LanguageFiles, MAX_PIECE, ModelId, Partial, Piece,
};
use zktee_llm::{LanguageModel, LlmError, LoadOptions, ModelFiles};

use crate::binding::{self, LanguageStatement};

/// What language models may take of an enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanguageLimits {
    /// Threads that compute one response.
    pub threads: usize,
    /// Bytes of memory for files, weights and context.
    pub memory_bytes: u64,
}

/// A part of a model's file, as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) file: ModelId,
    pub(crate) total: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
}

/// The language models of an enclave.
#[derive(Debug)]
pub(crate) struct Languages {
    limits: LanguageLimits,
    /// The model that is ready. Held while it computes: requests for it wait for each other.
    ready: Mutex<Option<Ready>>,
    /// Never held for long, nor while the other is waited for.
    files: Mutex<Files>,
    /// Whether a model was ever made ready.
    used: AtomicBool,
}

#[derive(Debug)]
struct Ready {
    files: LanguageFiles,
    model: LanguageModel,
}

/// Files that no model was made of yet, and what is known of the one that was.
#[derive(Debug, Default)]
struct Files {
    /// On their way, by channel.
    coming: HashMap<u64, Assembly>,
    /// Whole, each with the channel that it came by.
    shelf: HashMap<ModelId, (u64, Vec<u8>)>,
    /// The model that is ready, and the bytes that it is known to take.
    ready: Option<(LanguageFiles, u64)>,
}

impl Files {
    /// Bytes that are taken, files on their way counted whole.
    fn taken(&self) -> u64 {
        let coming: u64 = self.coming.values().map(Assembly::total).sum();
        let held: u64 = self.shelf.values().map(|(_, file)| file.len() as u64).sum();
        coming + held + self.ready.map_or(0, |(_, bytes)| bytes)
    }

    /// Whether a file is here, on the shelf or in the model that is ready.
    fn has(&self, file: ModelId) -> bool {
        let of_ready =
            |files: &LanguageFiles| files.model == file || files.config == Some(file) || files.tokenizer == Some(file);
        self.shelf.contains_key(&file) || self.ready.as_ref().is_some_and(|(files, _)| of_ready(files))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Languages {
    pub(crate) fn new(limits: LanguageLimits) -> Self {
        Self { limits, ready: Mutex::default(), files: Mutex::default(), used: AtomicBool::new(false) }
    }

    /// Whether there was a model here that may have responses to make.
    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes a part of a file. One that is here already is not needed again, whoever brought it: its digest says what it is.
    pub(crate) fn take(&self, channel: u64, part: &Part) -> Result<Answer, Answer> {
        let Part { file, total, offset, bytes } = *part;
        let mut files = lock(&self.files);
        if files.has(file) {
            return Ok(Answer::Loaded { received: total, total });
        }
        let mut coming = match files.coming.remove(&channel) {
            // The first part begins anew, also in the place of a file that never became whole.
            Some(coming) if offset > 0 && coming.model() == file => coming,
            _ => {
                let room = self.limits.memory_bytes.saturating_sub(files.taken());
                Assembly::new(file, total, room).map_err(|error| refused_part(&error))?
            }
        };
        // A part that does not fit ends the file.
        if let Some(whole) = coming.accept(total, offset, bytes).map_err(|error| refused_part(&error))? {
            files.shelf.insert(file, (channel, whole));
            return Ok(Answer::Loaded { received: total, total });
        }
        let received = coming.received();
        files.coming.insert(channel, coming);
        Ok(Answer::Loaded { received, total })
    }

    /// A channel has ended: what it brought and nobody made a model of goes.
    pub(crate) fn closed(&self, channel: u64) {
        let mut files = lock(&self.files);
        files.coming.remove(&channel);
        files.shelf.retain(|_, (by, _)| *by != channel);
    }

    /// Makes a model ready; nanoseconds that it took, 0 where it was.
    pub(crate) fn prepare(&self, files: &LanguageFiles) -> Result<u64, Answer> {
        let mut ready = self.lock_ready();
        let was = ready.as_ref().is_some_and(|ready| ready.files == *files);
        let model = self.model(&mut ready, files)?;
        Ok(if was { 0 } else { model.load_ns() })
    }

    /// Has a model go on with a text.
    pub(crate) fn generate(
        &self,
        caller: Caller,
        ask: &Generate,
        partial: &mut dyn Partial,
    ) -> Result<(Box<WireGenerated>, LanguageStatement), Answer> {
        let mut ready = self.lock_ready();
        let queue_ns = caller.queue_ns();
        if !partial.is_wanted() {
            return Err(given_up());
        }
        let model = self.model(&mut ready, &ask.files)?;
        let request = Generation {
            prompt: ask.prompt.clone(),
            max_tokens: ask.max_tokens,
            temperature: ask.temperature,
            seed: ask.seed,
        };
        let mut fault = None;
        let generated = model.generate(&request, &mut |piece| {
            if piece.bytes.len() > MAX_PIECE {
                fault = Some(Answer::error(ErrorKind::Failed, format!("token {} has too many bytes", piece.token)));
                return ControlFlow::Break(());
            }
            let wanted = if ask.stream { partial.send(wire_piece(piece)) } else { partial.is_wanted() };
            if wanted {
                return ControlFlow::Continue(());
            }
            fault = Some(given_up());
            ControlFlow::Break(())
        });
        let generated = generated.map_err(|error| refused(&error))?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let LanguageFiles { model, config, tokenizer } = ask.files;
        let statement = LanguageStatement {
            model: model.0,
            config: config.map(|file| file.0),
            tokenizer: tokenizer.map(|file| file.0),
            request: binding::request(&request),
            response: binding::response(&generated.completion),
        };
        Ok((Box::new(to_wire(generated, queue_ns)), statement))
    }

    /// The model's lock. One that was left in a panic is not used again.
    fn lock_ready(&self) -> MutexGuard<'_, Option<Ready>> {
        self.ready.lock().unwrap_or_else(|poisoned| {
            let mut ready = poisoned.into_inner();
            *ready = None;
            lock(&self.files).ready = None;
            self.ready.clear_poison();
            ready
        })
    }

    /// The model of these files: the one that is ready, or one that takes its place.
    fn model<'a>(&self, ready: &'a mut Option<Ready>, files: &LanguageFiles) -> Result<&'a mut LanguageModel, Answer> {
        let ready = match ready.take() {
            Some(here) if here.files == *files => ready.insert(here),
            before => {
                let (found, room) = match self.fetch(files) {
                    Ok(fetched) => fetched,
                    Err(missing) => {
                        // Nothing takes its place.
                        *ready = before;
                        return Err(missing);
                    }
                };
                drop(before);
                let of_files = [Some(&found.model), found.config.as_ref(), found.tokenizer.as_ref()];
                let bytes: usize = of_files.into_iter().flatten().map(Vec::len).sum();
                let options = LoadOptions { threads: self.limits.threads, memory_limit: Some(room) };
                self.used.store(true, Ordering::Relaxed);
                let model = LanguageModel::load(found, &options).map_err(|error| refused(&error))?;
                // Weights at random are in no file; it is at least about a byte that each takes.
                let bytes = (bytes as u64).max(model.facts().parameters);
                lock(&self.files).ready = Some((*files, bytes));
                ready.insert(Ready { files: *files, model })
            }
        };
        Ok(&mut ready.model)
    }

    /// Takes a model's files off the shelf, all or none, and the model that was ready off the account: what there is room for now.
    fn fetch(&self, files: &LanguageFiles) -> Result<(ModelFiles, u64), Answer> {
        let mut held = lock(&self.files);
        let named = [Some(files.model), files.config, files.tokenizer];
        if let Some(missing) = named.into_iter().flatten().find(|file| !held.shelf.contains_key(file)) {
            let message = format!("file {missing} is not at hand: load it");
            return Err(Answer::error(ErrorKind::UnknownModel, message));
        }
        // A file may be named twice, and is then there once: a model cannot be made of it.
        let mut take = |file: ModelId| held.shelf.remove(&file).map(|(_, bytes)| bytes).unwrap_or_default();
        let found = ModelFiles {
            model: take(files.model),
            config: files.config.map(&mut take),
            tokenizer: files.tokenizer.map(&mut take),
        };
        held.ready = None;
        let room = self.limits.memory_bytes.saturating_sub(held.taken());
        Ok((found, room))
    }
}

fn wire_piece(piece: &zktee_llm::Piece) -> Answer {
    let zktee_llm::Piece { position, token, bytes, latency_ns } = piece;
    Answer::Piece(Piece { position: *position, token: *token, bytes: bytes.clone(), latency_ns: *latency_ns })
}

fn to_wire(generated: Generated, queue_ns: u64) -> WireGenerated {
    let Completion { prompt_tokens, tokens, text, finish } = generated.completion;
    let times = generated.times;
    WireGenerated {
        prompt_tokens,
        tokens,
        text,
        finish: match finish {
            Finish::Stop => WireFinish::Stop,
            Finish::Length => WireFinish::Length,
        },
        load_ns: times.load_ns,
        prompt_eval_ns: times.prompt_eval_ns,
        eval_ns: times.eval_ns,
        token_ns: times.token_ns,
        queue_ns,
    }
}

fn given_up() -> Answer {
    Answer::error(ErrorKind::Cancelled, "the request was given up")
}

fn refused_part(error: &AssemblyError) -> Answer {
    let kind = match error {
        AssemblyError::TooLarge { .. } => ErrorKind::TooLarge,
        AssemblyError::OutOfOrder { .. } | AssemblyError::Digest(_) => ErrorKind::BadModel,
    };
    Answer::error(kind, error.to_string())
}

fn refused(error: &LlmError) -> Answer {
    let kind = match error {
        LlmError::Damaged(_) | LlmError::Unsupported(_) | LlmError::Tokenizer(_) => ErrorKind::BadModel,
        LlmError::PromptTooLong { .. } | LlmError::BadRequest(_) => ErrorKind::BadInput,
        LlmError::OutOfMemory { .. } => ErrorKind::OutOfMemory,
        LlmError::Io { .. } => ErrorKind::Failed,
    };
    Answer::error(kind, error.to_string())
}
