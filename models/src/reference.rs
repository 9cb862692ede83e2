//! The float reference: tract (<https://github.com/sonos/tract>), one thread.
//!
//! All backends are held to it, and it is timed itself as the `native` backend. So a run is split: [`FloatModel::prepare`]
//! checks and copies an input, [`FloatModel::run`] does nothing but call tract, [`Outputs::values`] reads the result.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use thiserror::Error;
use tract_onnx::prelude::*;

use crate::{
    graph::{GraphError, shape},
    onnx::{self, Batch, OnnxError},
};

/// Why the float reference does not load or run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// The file is no ONNX model, or its input is not one float tensor with a batch first.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The model is made for another batch.
    #[error("the model has a fixed batch of {expected}, asked for {got}")]
    Batch {
        /// The model's batch.
        expected: usize,
        /// The batch asked for.
        got: usize,
    },
    /// The batch is 0, or so large that its inputs exceed [`crate::graph::MAX_ELEMENTS`].
    #[error("a batch must be from 1 to {max} inputs of shape {shape:?}, got {got}")]
    BatchSize {
        /// Largest batch of such inputs.
        max: usize,
        /// Shape of one input.
        shape: Vec<usize>,
        /// The batch asked for.
        got: usize,
    },
    /// tract does not take the model.
    #[error("tract does not load the model: {reason}")]
    Load {
        /// tract's message.
        reason: String,
    },
    /// The model does not give one float tensor with a batch first.
    #[error("expected one float32 output of shape [{batch}, ...], got {got}")]
    Output {
        /// The batch loaded for.
        batch: usize,
        /// What the model gives.
        got: String,
    },
    /// The values do not fill the batch.
    #[error("a batch of shape {shape:?} has {expected} values, got {got}")]
    Length {
        /// Shape of the batch.
        shape: Vec<usize>,
        /// Its product.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A value is NaN or infinite.
    #[error("{which} value {index} is not finite: {value}")]
    NotFinite {
        /// `input` or `output`.
        which: &'static str,
        /// Position, row-major.
        index: usize,
        /// The value, as text (NaN has no equality).
        value: String,
    },
    /// tract failed while it ran.
    #[error("tract failed: {reason}")]
    Run {
        /// tract's message.
        reason: String,
    },
    /// tract panicked: a bug of its own that this model or input brings out.
    #[error("tract panicked: {reason}")]
    Panic {
        /// The panic's message.
        reason: String,
    },
}

/// A model loaded and optimised for one batch size.
#[derive(Debug)]
pub struct FloatModel {
    plan: Arc<TypedRunnableModel>,
    optimised: bool,
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
}

/// A checked batch of inputs, in tract's own form.
#[derive(Debug, Clone)]
pub struct Prepared(TValue);

/// The outputs of one run, in tract's own form.
#[derive(Debug, Clone)]
pub struct Outputs(TValue);

impl FloatModel {
    /// Loads an ONNX model for calls of `batch` inputs each, and holds tract's optimiser to the model as it stands in the file:
    /// both answer the same probe, and where they differ the optimised form is not used. tract 0.23.9 silently drops an axis of
    /// some sound convolutions; a reference that is wrong would make every right backend look wrong.
    ///
    /// # Errors
    /// As [`FloatModel::load_unchecked`].
    pub fn load(onnx: &[u8], batch: usize) -> Result<Self, ReferenceError> {
        let fast = Self::load_unchecked(onnx, batch)?;
        if !fast.optimised {
            return Ok(fast);
        }
        let plan = load_plan(onnx, &fast.input_shape, false)?;
        let unoptimised = Self {
            plan,
            optimised: false,
            input_shape: fast.input_shape.clone(),
            output_shape: fast.output_shape.clone(),
        };
        let probe = probe(fast.input_shape.iter().product());
        // A model that overflows on the probe says nothing about the optimiser.
        let (Ok(expected), Ok(got)) = (unoptimised.infer(&probe), fast.infer(&probe)) else {
            return Ok(unoptimised);
        };
        Ok(if agree(&got, &expected) { fast } else { unoptimised })
    }

    /// Loads an ONNX model and takes tract's optimiser at its word: what loading costs, and no more. For timing it alone.
    ///
    /// # Errors
    /// [`ReferenceError`] for hostile or unsupported bytes, for another batch than a fixed one, and for models without
    /// exactly one float input and output; panics inside tract are caught.
    pub fn load_unchecked(onnx: &[u8], batch: usize) -> Result<Self, ReferenceError> {
        let facts = onnx::inspect(onnx)?;
        if let Batch::Fixed(expected) = facts.batch()?
            && expected != batch
        {
            return Err(ReferenceError::Batch { expected, got: batch });
        }
        let one = facts.input_shape()?;
        let input_shape: Vec<usize> = std::iter::once(batch).chain(one.iter().copied()).collect();
        if batch == 0 || shape::elements(&input_shape).is_none() {
            let max = shape::elements(&one).map_or(0, |n| crate::graph::MAX_ELEMENTS / n.max(1));
            return Err(ReferenceError::BatchSize { max, shape: one, got: batch });
        }
        // tract allocates what a model asks for; an allocation that fails cannot be caught.
        if let Err(OnnxError::Graph(e @ GraphError::TooLarge { .. })) = onnx::read(onnx) {
            return Err(OnnxError::from(e).into());
        }
        let (plan, optimised) = match load_plan(onnx, &input_shape, true) {
            Ok(plan) => (plan, true),
            // Some optimiser passes of tract 0.23 fail on sound models, such as one output right after a flatten.
            Err(error) => (load_plan(onnx, &input_shape, false).map_err(|_| error)?, false),
        };
        let output_shape = output_shape(&plan, batch)?;
        Ok(Self { plan, optimised, input_shape, output_shape })
    }

    /// Whether tract's optimiser took the model, and rightly. Where not, the model runs as it is, and slower.
    pub const fn is_optimised(&self) -> bool {
        self.optimised
    }

    /// Shape of a batch of inputs, the batch first.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Shape of a batch of outputs, the batch first.
    pub fn output_shape(&self) -> &[usize] {
        &self.output_shape
    }

    /// Checks one batch of inputs, row-major, and copies it into tract's form.
    ///
    /// # Errors
    /// [`ReferenceError::Length`] and [`ReferenceError::NotFinite`].
    pub fn prepare(&self, inputs: &[f32]) -> Result<Prepared, ReferenceError> {
        let expected = self.input_shape.iter().product();
        if inputs.len() != expected {
            let shape = self.input_shape.clone();
            return Err(ReferenceError::Length { shape, expected, got: inputs.len() });
        }
        check_finite("input", inputs)?;
        let tensor = Tensor::from_shape(&self.input_shape, inputs)
            .map_err(|e| ReferenceError::Run { reason: format!("{e:#}") })?;
        Ok(Prepared(tensor.into_tvalue()))
    }

    /// Runs one batch. This is the call that the `native` backend times.
    ///
    /// # Errors
    /// [`ReferenceError::Run`] and [`ReferenceError::Panic`].
    pub fn run(&self, input: &Prepared) -> Result<Outputs, ReferenceError> {
        let outputs = guarded(|| self.plan.run(tvec!(input.0.clone())))?
            .map_err(|e| ReferenceError::Run { reason: format!("{e:#}") })?;
        let output = outputs.into_iter().next();
        output.map(Outputs).ok_or_else(|| ReferenceError::Run { reason: "no output".into() })
    }

    /// Prepares, runs and reads any whole number of batches, one after the other.
    ///
    /// # Errors
    /// As [`FloatModel::prepare`], [`FloatModel::run`] and [`Outputs::values`].
    pub fn infer(&self, inputs: &[f32]) -> Result<Vec<f32>, ReferenceError> {
        let each = self.input_shape.iter().product();
        if inputs.is_empty() || !inputs.len().is_multiple_of(each) {
            let shape = self.input_shape.clone();
            return Err(ReferenceError::Length { shape, expected: each, got: inputs.len() });
        }
        let mut outputs = vec![];
        for batch in inputs.chunks_exact(each) {
            outputs.extend_from_slice(self.run(&self.prepare(batch)?)?.values()?);
        }
        Ok(outputs)
    }
}

impl Outputs {
    /// The values, row-major, the batch first.
    ///
    /// # Errors
    /// [`ReferenceError::NotFinite`] where the model overflowed or holds a NaN itself.
    pub fn values(&self) -> Result<&[f32], ReferenceError> {
        let plain = self.0.try_as_plain_ram().and_then(|view| view.as_slice::<f32>());
        let values = plain.map_err(|e| ReferenceError::Run { reason: format!("{e:#}") })?;
        check_finite("output", values)?;
        Ok(values)
    }
}

/// Numbers from 0 to 1 that follow no pattern of a model's own (Weyl's sequence of the golden ratio).
fn probe(len: usize) -> Vec<f32> {
    (1..=len).map(|i| (i as f64 * 0.618_033_988_749_895).fract() as f32).collect()
}

/// Another order of additions changes the last bits; an axis that is missing changes everything.
fn agree(got: &[f32], expected: &[f32]) -> bool {
    let scale = expected.iter().fold(1.0f32, |m, x| m.max(x.abs()));
    got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-4 * scale)
}

fn load_plan(onnx: &[u8], input_shape: &[usize], optimise: bool) -> Result<Arc<TypedRunnableModel>, ReferenceError> {
    let plan = guarded(|| plan(onnx, input_shape, optimise))?;
    plan.map_err(|e| ReferenceError::Load { reason: format!("{e:#}") })
}

fn plan(onnx: &[u8], input_shape: &[usize], optimise: bool) -> TractResult<Arc<TypedRunnableModel>> {
    let model = tract_onnx::onnx().model_for_read(&mut Cursor::new(onnx))?;
    let model = model.with_input_fact(0, f32::fact(input_shape).into())?;
    let model = if optimise { model.into_optimized()? } else { model.into_typed()? };
    model.into_runnable()
}

fn output_shape(plan: &TypedRunnableModel, batch: usize) -> Result<Vec<usize>, ReferenceError> {
    let model = plan.model();
    let wrong = |got: String| ReferenceError::Output { batch, got };
    if model.outputs.len() != 1 {
        return Err(wrong(format!("{} outputs", model.outputs.len())));
    }
    let fact = model.output_fact(0).map_err(|e| wrong(format!("{e:#}")))?;
    match fact.shape.as_concrete() {
        Some(shape) if fact.datum_type == f32::datum_type() && shape.first() == Some(&batch) => Ok(shape.to_vec()),
        _ => Err(wrong(format!("{fact:?}"))),
    }
}

fn check_finite(which: &'static str, values: &[f32]) -> Result<(), ReferenceError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(ReferenceError::NotFinite { which, index, value: values[index].to_string() }),
    }
}

/// Runs tract with its panics turned into errors. Nothing of a model that panicked is used again.
fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, ReferenceError> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let reason = text.or_else(|| panic.downcast_ref::<String>().cloned());
        ReferenceError::Panic { reason: reason.unwrap_or_else(|| "no message".into()) }
    })
}
