//! A workload laid out for workers, of whichever kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use zktee_config::{Kind, Workload};
use zktee_core::protocol::Job;
use zktee_core::vocabulary::Phase;

use crate::asked::{Answer, Expected};
use crate::cell::{Context, PhaseError};
use crate::failure::Failure;
use crate::folder::{FolderError, read_json, write_json};
use crate::language::LanguageFiles;
use crate::plan::References;
use crate::reference::TensorFiles;

/// Where the answer of the last inference stands in a cell's folder.
const INFER_ANSWER: &str = "infer-answer.json";

/// A workload laid out for workers.
#[derive(Debug)]
pub(crate) struct WorkloadFiles {
    kind: KindFiles,
    options: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

#[derive(Debug)]
enum KindFiles {
    Tensors(Box<TensorFiles>),
    Language(LanguageFiles),
}

impl WorkloadFiles {
    /// Writes the files and computes the reference.
    pub(crate) fn prepare(
        workload: &Workload,
        references: &References,
        context: &Context<'_>,
    ) -> Result<Self, PhaseError> {
        let kind = match &workload.kind {
            Kind::Tensors(tensors) => {
                let files = TensorFiles::prepare(&workload.name, tensors, &references.tensors, context)?;
                KindFiles::Tensors(Box::new(files))
            }
            Kind::Language(language) => {
                KindFiles::Language(LanguageFiles::prepare(workload, language, &references.languages, context)?)
            }
        };
        Ok(Self { kind, options: workload.options.clone() })
    }

    /// Which call a sample is taken of: they are spread evenly over the workload's inputs.
    pub(crate) fn call_of_sample(&self, index: u32, samples: u32) -> usize {
        match &self.kind {
            KindFiles::Tensors(files) => files.call_of_sample(index, samples),
            KindFiles::Language(_) => 0,
        }
    }

    /// What is right about one call.
    pub(crate) fn expected(&self, call: usize, batch: usize) -> Result<Expected, Failure> {
        match &self.kind {
            KindFiles::Tensors(files) => files.expected(call, batch),
            KindFiles::Language(files) => Ok(files.expected()),
        }
    }

    /// Puts the workload's settings for a backend into a job.
    pub(crate) fn options(&self, job: &mut Job) {
        job.options = self.options.get(&job.backend).cloned().unwrap_or_default();
    }

    /// Puts the model, and what it is asked in this phase, into the job of any phase but `verify`.
    pub(crate) fn fill(
        &self,
        phase: Phase,
        call: usize,
        dir: &Path,
        context: &Context<'_>,
        job: &mut Job,
    ) -> Result<(), PhaseError> {
        match &self.kind {
            KindFiles::Tensors(files) => files.fill(phase, call, dir, job)?,
            KindFiles::Language(files) => {
                files.model(job, context);
                // Also in the setup, so that a worker knows which kind of model it sets up.
                files.question(job);
            }
        }
        Ok(())
    }

    /// Keeps the answer of a cell's last inference, for backends whose `prove` only adds evidence to it.
    pub(crate) fn keep_answer(dir: &Path, answer: &Answer) -> Result<(), FolderError> {
        write_json(&dir.join(INFER_ANSWER), answer)
    }

    /// That answer.
    pub(crate) fn kept_answer(dir: &Path) -> Option<Answer> {
        let path = dir.join(INFER_ANSWER);
        if fs::exists(&path).unwrap_or(false) { read_json(&path).ok() } else { None }
    }
}
