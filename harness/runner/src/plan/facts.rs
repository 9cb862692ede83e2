//! What a plan has to know of a workload: digests, and what counts as right.

use sha2::{Digest, Sha256};
use zktee_config::{Kind, Workload};
use zktee_core::record::{CellPlan, LanguagePlan, Task};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{CellId, Outcome};

use super::PlanError;
use crate::cell::hex;

/// What has to be worked out of a workload's bytes, once for all its cells.
pub(super) struct Facts {
    batch: usize,
    task: Task,
    tolerance: f64,
    min_class_agreement: f64,
    multiplications: Option<u64>,
    model_sha256: String,
    inputs_sha256: String,
    language: Option<LanguagePlan>,
}

impl Facts {
    pub(super) fn of(workload: &Workload) -> Result<Self, PlanError> {
        let language = match &workload.kind {
            Kind::Language(language) => language,
            Kind::Tensors(tensors) => {
                return Ok(Self {
                    batch: tensors.batch,
                    task: tensors.task,
                    tolerance: tensors.tolerance,
                    min_class_agreement: tensors.min_class_agreement,
                    multiplications: tensors.multiplications(),
                    model_sha256: hex(&Sha256::digest(&tensors.onnx)),
                    inputs_sha256: tensor_sha256(&tensors.inputs),
                    language: None,
                });
            }
        };
        let unreadable = |source| PlanError::Model { workload: workload.name.clone(), source };
        let digests = language.digests().map_err(unreadable)?;
        Ok(Self {
            batch: 1,
            task: Task::Generation,
            tolerance: 0.0,
            min_class_agreement: 0.0,
            multiplications: None,
            model_sha256: digests.model,
            inputs_sha256: language.question_sha256(),
            language: Some(LanguagePlan {
                generation: language.generation.clone(),
                model_bytes: language.bytes().map_err(unreadable)?,
                random_weights: language.has_random_weights(),
                config_sha256: digests.config,
                tokenizer_sha256: digests.tokenizer,
            }),
        })
    }

    /// Whether a recorded cell was planned with the same model and the same question.
    pub(super) fn are_of(&self, cell: &CellPlan) -> bool {
        (&self.model_sha256, &self.inputs_sha256, &self.language)
            == (&cell.model_sha256, &cell.inputs_sha256, &cell.language)
    }
}

/// A cell's part of the plan.
pub(super) fn cell_plan(
    workload: &Workload,
    facts: &Facts,
    id: CellId,
    decided: Option<(Outcome, String)>,
) -> CellPlan {
    CellPlan {
        id,
        batch: facts.batch,
        repeat: workload.repeat(),
        task: facts.task,
        tolerance: facts.tolerance,
        min_class_agreement: facts.min_class_agreement,
        multiplications: facts.multiplications,
        model_sha256: facts.model_sha256.clone(),
        inputs_sha256: facts.inputs_sha256.clone(),
        language: facts.language.clone(),
        decided,
    }
}

/// SHA-256 of a tensor's numbers as little-endian `f32`, in hexadecimal.
pub(crate) fn tensor_sha256(tensor: &Tensor) -> String {
    let mut hasher = Sha256::new();
    for number in &tensor.data {
        hasher.update(number.to_le_bytes());
    }
    hex(&hasher.finalize())
}
