//! The phases of a language workload: the model's files go to the enclave over the channel, its response comes token by token.

use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha384};
use zktee_core::protocol::{
    Completion, ErrorKind, Finish, Generated, Generation, GenerationTimes, Job, PhaseReport, Stage, Timed, WorkerError,
    cpu_s,
};
use zktee_enclave_protocol::{
    Answer, Ask, ClientError, ErrorKind as EnclaveError, Finish as WireFinish, Generate, Generated as WireGenerated,
    LanguageFiles, MAX_PART, Model, ModelId, Nonce, Patience,
};

use super::booted::{Booted, Talk, refused};
use super::platform::Platform;
use super::{EnclaveWorker, Inside, confinement, fresh_nonce, invalid, nonce, with_document, write_expectation};
use crate::expectation::Expectation;
use crate::session::SessionError;

/// How long a response is waited for: an emulator can take minutes for a token. The runner has a limit of its own.
const PATIENCE: Patience =
    Patience { first: Duration::from_mins(30), piece: Duration::from_mins(10), total: Duration::from_hours(6) };

/// A file on its way into an enclave. It is read in pieces: it may be larger than what is left of memory.
struct Sent {
    path: PathBuf,
    id: ModelId,
    bytes: u64,
}

impl Sent {
    /// Names a file by its digest.
    fn name(path: &Path) -> Result<Self, WorkerError> {
        let failed = |error| invalid(format!("{}: {error}", path.display()));
        let mut file = File::open(path).map_err(failed)?;
        let mut hash = Sha384::new();
        let (mut bytes, mut buffer) = (0, vec![0; MAX_PART]);
        loop {
            let count = file.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            bytes += count as u64;
        }
        Ok(Self { path: path.to_owned(), id: ModelId(hash.finalize().into()), bytes })
    }
}

/// The files of a job's model.
struct Files {
    model: Sent,
    config: Option<Sent>,
    tokenizer: Option<Sent>,
}

impl Files {
    fn of(job: &Job) -> Result<Self, WorkerError> {
        let path = job.model.as_deref().ok_or_else(|| invalid("the job has no `model`"))?;
        let other = |path: Option<&PathBuf>| path.map(|path| Sent::name(path)).transpose();
        Ok(Self {
            model: Sent::name(path)?,
            config: other(job.config.as_ref())?,
            tokenizer: other(job.tokenizer.as_ref())?,
        })
    }

    fn named(&self) -> LanguageFiles {
        let id = |file: &Option<Sent>| file.as_ref().map(|file| file.id);
        LanguageFiles { model: self.model.id, config: id(&self.config), tokenizer: id(&self.tokenizer) }
    }

    fn all(&self) -> impl Iterator<Item = &Sent> {
        [Some(&self.model), self.config.as_ref(), self.tokenizer.as_ref()].into_iter().flatten()
    }

    fn bytes(&self) -> u64 {
        self.all().map(|file| file.bytes).sum()
    }
}

/// Wall and CPU time of the parts of setup, one after the other.
struct Laps {
    stages: Vec<Stage>,
    since: (Instant, f64),
}

impl Laps {
    fn begin() -> Self {
        Self { stages: Vec::new(), since: (Instant::now(), cpu_s(&[])) }
    }

    fn end(&mut self, name: &str, beside: &[u32]) {
        let (wall, cpu) = (Instant::now(), cpu_s(beside));
        let (wall_s, cpu_s) = ((wall - self.since.0).as_secs_f64(), (cpu - self.since.1).max(0.0));
        self.stages.push(Stage { name: name.to_owned(), wall_s, cpu_s, part: None });
        self.since = (wall, cpu);
    }
}

impl Booted {
    /// Brings a model's files in, each in parts.
    fn bring(&self, files: &Files) -> Result<(), WorkerError> {
        files.all().try_for_each(|file| self.bring_file(file))
    }

    fn bring_file(&self, sent: &Sent) -> Result<(), WorkerError> {
        let unreadable = |error| invalid(format!("{}: {error}", sent.path.display()));
        let name = sent.path.file_name().unwrap_or_default().to_string_lossy().chars().take(50).collect();
        let model = Model { id: sent.id, name };
        let mut file = File::open(&sent.path).map_err(unreadable)?;
        let mut offset = 0;
        while offset < sent.bytes {
            let mut part = Vec::new();
            (&mut file).take(MAX_PART as u64).read_to_end(&mut part).map_err(unreadable)?;
            let length = part.len() as u64;
            let ask = Ask::LoadModel { model: model.clone(), total: sent.bytes, offset, part };
            match self.ask(ask).map_err(refused_file)? {
                (_, Answer::Loaded { received, total }) if received == total => return Ok(()),
                (_, Answer::Loaded { received, .. }) if received == offset + length => offset = received,
                _ => return Err(refused(ClientError::Mismatch)),
            }
        }
        // Also of a file that has become shorter since it was named: a part of 0 bytes is refused before.
        Err(invalid(format!("{}: nothing to bring in", sent.path.display())))
    }

    /// Makes the model of these files ready.
    fn prepare(&self, files: &LanguageFiles) -> Result<(), WorkerError> {
        match self.ask(Ask::Prepare(*files)).map_err(refused)? {
            (_, Answer::Prepared { .. }) => Ok(()),
            _ => Err(refused(ClientError::Mismatch)),
        }
    }

    /// Has the model respond: the request's number, and the response.
    fn respond(
        &self,
        files: &LanguageFiles,
        nonce: &Nonce,
        asked: &Generation,
    ) -> Result<(u64, Generated), SessionError> {
        let Generation { prompt, max_tokens, temperature, seed } = asked.clone();
        let nonce = nonce.clone();
        let ask = Generate { files: *files, nonce, prompt, max_tokens, temperature, seed, stream: true };
        let on_piece = &mut |_: &_| ControlFlow::Continue(());
        let (request, generated) = match self.session() {
            Some(session) => session.generate(ask, &PATIENCE, on_piece)?,
            None => self.enclave.client().generate(ask, &PATIENCE, on_piece)?,
        };
        Ok((request, from_wire(generated)))
    }
}

/// A file that is too large is too large for the enclave's memory.
fn refused_file(error: SessionError) -> WorkerError {
    match &error {
        SessionError::Channel(ClientError::Worker { kind: EnclaveError::TooLarge, .. }) => {
            WorkerError::new(ErrorKind::OutOfMemory, error.to_string())
        }
        _ => refused(error),
    }
}

fn from_wire(generated: WireGenerated) -> Generated {
    let WireGenerated { prompt_tokens, tokens, text, finish, load_ns, prompt_eval_ns, eval_ns, token_ns, queue_ns: _ } =
        generated;
    let finish = match finish {
        WireFinish::Stop => Finish::Stop,
        WireFinish::Length => Finish::Length,
    };
    Generated {
        completion: Completion { prompt_tokens, tokens, text, finish },
        times: GenerationTimes { load_ns, prompt_eval_ns, eval_ns, token_ns },
    }
}

/// Whether a job is a language workload's. In setup nothing is asked yet: there its name tells.
pub(super) fn is_language(job: &Job) -> bool {
    job.generation.is_some() || job.workload.starts_with("llm-")
}

fn asked(job: &Job) -> Result<&Generation, WorkerError> {
    job.generation.as_ref().ok_or_else(|| invalid("the job has no `generation`"))
}

impl EnclaveWorker {
    /// An enclave's platform with room for these files.
    fn platform_for(&self, job: &Job, files: &Files) -> Result<Platform, WorkerError> {
        let memory_mib = job.options.get("enclave_memory_mib").map(|option| {
            let number = option.as_u64().and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| invalid("the job's option `enclave_memory_mib` is no number of MiB"))
        });
        Ok(self.platform.with_room(files.bytes(), memory_mib.transpose()?))
    }

    pub(super) fn setup_language(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let mut laps = Laps::begin();
        let pids =
            |booted: &Result<Booted, WorkerError>| booted.iter().filter_map(|booted| booted.enclave.pid()).collect();
        let boot = || {
            let files = Files::of(job)?;
            laps.end("name", &[]);
            let root = self.root(job)?;
            let mut booted = Booted::boot_for_language(&self.platform_for(job, &files)?, job, files.model.id)?;
            let expectation = Expectation::of_language(root.as_ref(), booted.enclave.pcrs(), &files.named());
            write_expectation(job, &expectation)?;
            if self.talk == Talk::Sealed {
                booted.seal(&expectation)?;
            }
            let beside: Vec<u32> = booted.enclave.pid().into_iter().collect();
            laps.end("boot", &beside);
            booted.bring(&files)?;
            laps.end("transfer", &beside);
            booted.prepare(&files.named())?;
            laps.end("load", &beside);
            Ok::<_, WorkerError>(booted)
        };
        let booted = timed.call_starting(boot, pids)?;
        let mut notes = confinement(booted.enclave.layers());
        notes.push(
            "zktee-llm inside; the times of tokens are those of the enclave's own clock, which nobody attests"
                .to_owned(),
        );
        Ok(PhaseReport { files: self.setup_files(), notes, stages: laps.stages, ..PhaseReport::default() })
    }

    /// An enclave with the job's model ready, as `setup` left it.
    fn with_model(&mut self, job: &Job, timed: &mut Timed) -> Result<&(LanguageFiles, Booted), WorkerError> {
        let files = Files::of(job)?;
        let named = files.named();
        let running = match self.language.take() {
            Some(running) if running.0 == named => self.language.insert(running),
            _ => {
                let mut booted = Booted::boot_for_language(&self.platform_for(job, &files)?, job, named.model)?;
                if self.talk == Talk::Sealed {
                    booted.seal_as_set_up(job)?;
                }
                booted.bring(&files)?;
                booted.prepare(&named)?;
                self.language.insert((named, booted))
            }
        };
        timed.beside(running.1.enclave.pid().as_slice());
        Ok(running)
    }

    pub(super) fn generate(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let (asked, nonce) = (asked(job)?, fresh_nonce()?);
        let (files, booted) = self.with_model(job, timed)?;
        let beside: Vec<u32> = booted.enclave.pid().into_iter().collect();
        // Of the enclave alone, where it can be seen.
        let cpu = || beside.first().map(|_| cpu_s(&beside) - cpu_s(&[]));
        let before = cpu();
        let (_, generated) = timed.call(|| booted.respond(files, &nonce, asked)).map_err(refused)?;
        let wall_s = (generated.times.prompt_eval_ns + generated.times.eval_ns) as f64 * 1e-9;
        let used_s = before.zip(cpu()).map_or(wall_s, |(before, after)| (after - before).max(0.0));
        let stages = vec![Stage { name: "inside".to_owned(), wall_s, cpu_s: used_s, part: None }];
        Ok(PhaseReport { generated: Some(generated), stages, ..PhaseReport::default() })
    }

    pub(super) fn attest_response(&mut self, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        let (asked, nonce) = (asked(job)?, nonce(job)?);
        let (files, booted) = self.with_model(job, timed)?;
        let (request, generated) = booted.respond(files, &nonce, asked).map_err(refused)?;
        let mut inside = Inside::default();
        let document = timed.repeat(|| {
            let (document, attest_ns) = booted.attest(&nonce, request)?;
            inside.add(attest_ns);
            Ok(document)
        });
        let document = document.map_err(|error: SessionError| refused(error))?;
        let (generated, stages) = (Some(generated), inside.stages());
        Ok(PhaseReport { generated, stages, ..with_document(job, &document)? })
    }
}
