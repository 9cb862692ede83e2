//! The files of a workload of tensors in the run's folder, and the float reference's answers, computed once by a worker of the reference backend.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zktee_config::Tensors;
use zktee_core::protocol::Job;
use zktee_core::provider::WorkerCommand;
use zktee_core::tensor::{Tensor, TensorError};
use zktee_core::vocabulary::{CellId, Outcome, Phase};

use crate::asked::{Answer, Expected, Question};
use crate::cell::{Context, PhaseError};
use crate::failure::Failure;
use crate::folder::io;
use crate::process::{Limits, WorkerProcess};

/// How many rows of the calibration data workers are handed.
const MAX_CALIBRATION_ROWS: usize = 500;
const REFERENCE_TIMEOUT: Duration = Duration::from_mins(2);

/// A workload of tensors laid out for workers.
#[derive(Debug)]
pub(crate) struct TensorFiles {
    model: PathBuf,
    calibration: PathBuf,
    batch_symbol: Option<String>,
    batch: usize,
    inputs: Tensor,
    labels: Option<Vec<usize>>,
    reference: Tensor,
    repeat: usize,
}

impl TensorFiles {
    /// Writes the files and computes the reference.
    pub(crate) fn prepare(
        name: &str,
        workload: &Tensors,
        reference: &WorkerCommand,
        context: &Context<'_>,
    ) -> Result<Self, PhaseError> {
        let dir = context.folder.workload_dir(name)?;
        let model = dir.join("model.onnx");
        fs::write(&model, &workload.onnx).map_err(io(&model))?;
        let calibration = dir.join("calibration.json");
        let rows = workload.calibration.rows().min(MAX_CALIBRATION_ROWS);
        workload.calibration.slice(0, rows).write(&calibration)?;
        let mut files = Self {
            model,
            calibration,
            batch_symbol: workload.batch_symbol.clone(),
            batch: workload.batch,
            inputs: workload.inputs.clone(),
            labels: workload.labels.clone(),
            reference: Tensor { shape: vec![0], data: Vec::new() },
            repeat: usize::try_from(workload.repeat()).unwrap_or(usize::MAX),
        };
        files.reference = files.compute_reference(name, reference, context, &dir)?;
        Ok(files)
    }

    fn compute_reference(
        &self,
        name: &str,
        command: &WorkerCommand,
        context: &Context<'_>,
        dir: &Path,
    ) -> Result<Tensor, PhaseError> {
        let cell = CellId::new(name, "reference");
        // A model that takes any batch answers everything at once.
        let batch = if self.batch_symbol.is_some() { self.inputs.rows() } else { self.batch };
        let limits = Limits { timeout: REFERENCE_TIMEOUT, ..context.limits() };
        let mut worker = WorkerProcess::spawn(command, &cell, dir, 1, context.log, context.interrupt)?;
        let mut all = Vec::new();
        for call in 0..self.inputs.rows() / batch.max(1) {
            let job = Job {
                workload: name.to_owned(),
                backend: "reference".to_owned(),
                dir: dir.to_owned(),
                threads: 1,
                cache: context.cache.to_owned(),
                batch,
                model: Some(self.model.clone()),
                batch_symbol: self.batch_symbol.clone(),
                inputs: Some(self.write_call(call, batch, &dir.join("reference-inputs.json"))?),
                ..Job::default()
            };
            let (report, _) = worker.phase(Phase::Infer, &job, limits)?;
            let outputs = report.outputs.ok_or_else(|| Failure::crashed("the reference gave no outputs"))?;
            all.extend(outputs.data);
        }
        worker.finish()?;
        let rows = self.inputs.rows();
        if rows == 0 || all.is_empty() || all.len() % rows != 0 {
            let reason = format!("the model gives {} outputs for {rows} inputs", all.len());
            return Err(Failure::new(Outcome::Refused, reason).into());
        }
        let shape = vec![rows, all.len() / rows];
        Tensor::new(shape, all).map_err(|error| {
            // Finite inputs whose outputs are not: no backend could be held to that.
            Failure::new(Outcome::Refused, format!("the float reference's outputs: {error}")).into()
        })
    }

    /// Which call a sample is taken of: they are spread evenly over the workload's inputs.
    pub(crate) fn call_of_sample(&self, index: u32, samples: u32) -> usize {
        let (index, samples) = (index as usize, (samples as usize).max(1));
        (index % samples) * self.repeat / samples
    }

    /// Writes one call's inputs as a tensor file.
    fn write_call(&self, call: usize, batch: usize, path: &Path) -> Result<PathBuf, TensorError> {
        self.inputs.slice(call * batch, batch).write(path)?;
        Ok(path.to_owned())
    }

    /// What is right about one call.
    pub(crate) fn expected(&self, call: usize, batch: usize) -> Result<Expected, Failure> {
        let start = call * batch;
        let labels = match &self.labels {
            Some(labels) => {
                let part = labels.get(start..start + batch);
                Some(part.ok_or_else(|| Failure::crashed("fewer labels than inputs"))?.to_vec())
            }
            None => None,
        };
        Ok(Expected {
            question: Question::Inputs(self.inputs.slice(start, batch)),
            reference: Answer::Outputs(self.reference.slice(start, batch)),
            labels,
        })
    }

    /// Puts the model, and the inputs of this phase, into a job.
    pub(crate) fn fill(&self, phase: Phase, call: usize, dir: &Path, job: &mut Job) -> Result<(), TensorError> {
        job.model = Some(self.model.clone());
        job.batch_symbol.clone_from(&self.batch_symbol);
        match phase {
            Phase::Setup => job.calibration = Some(self.calibration.clone()),
            _ => job.inputs = Some(self.write_call(call, self.batch, &dir.join("call-inputs.json"))?),
        }
        Ok(())
    }
}
