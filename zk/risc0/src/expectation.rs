//! What a verifier expects of a receipt, beside the program's image id: the file that `setup` leaves.

use serde::{Deserialize, Serialize};
use zktee_models::integer::{IntegerModel, Scale};
use zktee_risc0_program::Statement;

use crate::words::{digest, model_words};

/// Digests of model and targets, and how floats become the integers that the program reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// SHA-256 of the model's words.
    pub model: [u8; 32],
    /// SHA-256 of the targets' words; zero where nothing is fitted.
    pub targets: [u8; 32],
    /// Integer units of one float unit of input.
    pub input_scale: Scale,
    /// Shape of one output.
    pub output_shape: Vec<usize>,
    /// Integer units of one float unit of output.
    pub output_scale: Scale,
}

/// A statement about something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the receipt is about other {0}")]
pub struct Other(&'static str);

impl Expectation {
    /// Of receipts about an integer model, fitted to targets where there are any.
    ///
    /// # Errors
    /// The layer that the program does not do.
    pub fn new(model: &IntegerModel, targets: Option<&[i32]>) -> Result<Self, String> {
        let parts = model.parts();
        Ok(Self {
            model: digest(&model_words(model)?),
            targets: targets.map_or([0; 32], digest),
            input_scale: parts.input_scale,
            output_shape: model.shapes().last().cloned().unwrap_or_default(),
            output_scale: parts.output_scale,
        })
    }

    /// Whether a statement is about this model, these targets and these inputs (float, row-major).
    ///
    /// # Errors
    /// [`Other`].
    pub fn check(&self, statement: &Statement, inputs: &[f32], batch: usize) -> Result<(), Other> {
        // As `IntegerModel::quantise_inputs`; what that refuses is an input that no program run could have had.
        let quantise = |&x: &f32| (f64::from(x) * self.input_scale.value()).round() as i32;
        let integers: Vec<i32> = inputs.iter().map(quantise).collect();
        let outputs = self.output_shape.iter().try_fold(batch, |n, &size| n.checked_mul(size));
        let holds = [
            (statement.model == self.model, "model"),
            (statement.targets == self.targets, "targets"),
            (statement.inputs == digest(&integers), "inputs"),
            (
                usize::try_from(statement.batch) == Ok(batch) && outputs == Some(statement.outputs.len()),
                "number of inputs",
            ),
        ];
        holds.into_iter().try_for_each(|(holds, what)| if holds { Ok(()) } else { Err(Other(what)) })
    }
}
