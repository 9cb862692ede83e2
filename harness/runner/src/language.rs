//! A language model's files, and the reference's answer, computed once by a worker of the reference backend.

use zktee_config::{Files, Language, Workload};
use zktee_core::protocol::{Completion, Generated, Generation, Job};
use zktee_core::provider::WorkerCommand;
use zktee_core::vocabulary::{CellId, Outcome, Phase};

use crate::asked::{Answer, Expected, Question};
use crate::cell::{Context, PhaseError};
use crate::failure::Failure;
use crate::folder::FolderError;
use crate::process::WorkerProcess;

/// The option that tells a worker how much memory weights and context may take: a model that does not fit is then refused in words, and not
/// killed.
const MEMORY_LIMIT: &str = "memory_limit_bytes";

/// A language workload laid out for workers.
#[derive(Debug)]
pub(crate) struct LanguageFiles {
    files: Files,
    generation: Generation,
    reference: Completion,
}

impl LanguageFiles {
    /// Lays the files out and asks the reference.
    pub(crate) fn prepare(
        workload: &Workload,
        language: &Language,
        reference: &WorkerCommand,
        context: &Context<'_>,
    ) -> Result<Self, PhaseError> {
        let dir = context.folder.workload_dir(&workload.name)?;
        let files = language
            .lay_out(context.cache, &dir)
            .map_err(|error| FolderError::Io { path: error.path, source: error.source })?;
        let generation = language.generation.clone();
        let completion = Completion {
            prompt_tokens: Vec::new(),
            tokens: Vec::new(),
            text: String::new(),
            finish: zktee_core::protocol::Finish::Length,
        };
        let mut laid_out = Self { files, generation, reference: completion };
        // With the run's threads: it computes the same, and sooner.
        let threads = context.settings.threads;
        let cell = CellId::new(&workload.name, "reference");
        let mut job = Job {
            workload: workload.name.clone(),
            backend: "reference".to_owned(),
            dir: dir.clone(),
            threads,
            cache: context.cache.to_owned(),
            batch: 1,
            ..Job::default()
        };
        laid_out.model(&mut job, context);
        laid_out.question(&mut job);
        let mut worker = WorkerProcess::spawn(reference, &cell, &dir, threads, context.log, context.interrupt)?;
        let (report, _) = worker.phase(Phase::Infer, &job, context.limits())?;
        let generated = report.generated.ok_or_else(|| Failure::crashed("the reference generated nothing"))?;
        worker.finish()?;
        laid_out.reference = generated.completion;
        Ok(laid_out)
    }

    /// Puts the model into a job.
    pub(crate) fn model(&self, job: &mut Job, context: &Context<'_>) {
        job.model = Some(self.files.model.clone());
        job.config.clone_from(&self.files.config);
        job.tokenizer.clone_from(&self.files.tokenizer);
        if let Some(limit) = context.settings.memory_limit_bytes {
            job.options.insert(MEMORY_LIMIT.to_owned(), limit.into());
        }
    }

    /// Puts what is asked into a job.
    pub(crate) fn question(&self, job: &mut Job) {
        job.generation = Some(self.generation.clone());
    }

    /// What is right.
    pub(crate) fn expected(&self) -> Expected {
        Expected {
            question: Question::Generation(self.generation.clone()),
            reference: Answer::Completion(self.reference.clone()),
            labels: None,
        }
    }
}

/// Whether an answer holds together: what a worker writes must not make a record that no reader takes.
pub(crate) fn check(generated: &Generated, asked: &Generation) -> Result<(), Failure> {
    let Generated { completion, times } = generated;
    let said = completion.tokens.len();
    let what = if said as u64 > u64::from(asked.max_tokens) {
        format!("{said} tokens, {} were asked for", asked.max_tokens)
    } else if times.token_ns.len() != said {
        format!("{} times of {said} tokens", times.token_ns.len())
    } else if completion.prompt_tokens.is_empty() {
        "no tokens of the prompt".to_owned()
    } else if said > 0 && times.eval_ns == 0 {
        "tokens that took no time".to_owned()
    } else if completion.text.len() > MAX_TEXT_BYTES {
        format!("{} bytes of text", completion.text.len())
    } else {
        return Ok(());
    };
    Err(Failure::new(Outcome::Crashed, format!("protocol: `generated` has {what}")))
}

/// The longest text that is taken: 8192 tokens of 128 bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use zktee_core::protocol::{Finish, GenerationTimes};

    use super::*;

    fn generated() -> Generated {
        Generated {
            completion: Completion {
                prompt_tokens: vec![1, 2],
                tokens: vec![3, 4, 5],
                text: "abc".to_owned(),
                finish: Finish::Length,
            },
            times: GenerationTimes { load_ns: 1, prompt_eval_ns: 2, eval_ns: 3, token_ns: vec![1, 1, 1] },
        }
    }

    #[test]
    fn an_answer_that_does_not_hold_together_is_refused() {
        let asked = Generation { prompt: "x".to_owned(), max_tokens: 3, temperature: 0.0, seed: 0 };
        assert_eq!(check(&generated(), &asked), Ok(()));
        assert!(check(&generated(), &Generation { max_tokens: 2, ..asked.clone() }).is_err(), "too many tokens");
        let changes: [fn(&mut Generated); 4] = [
            |it| it.times.token_ns.truncate(2),
            |it| it.completion.prompt_tokens.clear(),
            |it| it.times.eval_ns = 0,
            |it| it.completion.text = "a".repeat(MAX_TEXT_BYTES + 1),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut answer = generated();
            change(&mut answer);
            assert!(check(&answer, &asked).is_err(), "change {index}");
        }
    }
}
