//! The scaling study: families of models whose work doubles from member to member.
//!
//! A member is a name and a shape until its [`workload`](ScaleMember::workload) is asked for: weights are drawn then, from the
//! name alone, and are the same on every machine. They are random, not trained: what a proof or an attestation costs depends on
//! a model's size and the range of its numbers, not on what it has learnt.

mod draw;
mod shape;

use std::borrow::Cow;

use ndarray::{ArrayD, Axis, Slice};

use super::{Task, TwinError, Workload, WorkloadError};
use crate::graph::{GraphError, Sequential};
use crate::integer::Calibration;
use crate::onnx::{self, Batch};
use draw::{Draw, INPUT_UNITS, Purpose};
use shape::Shape;

/// Inputs over which a member's ranges are measured; the first of them is its workload.
pub const SCALE_INPUTS: usize = 20;

/// How many of them are in [`Workload::calibration`].
const CALIBRATION_INPUTS: usize = 10;

/// The tolerance over the range of the outputs: how far the most varied of the ten moves over the [`SCALE_INPUTS`] inputs.
///
/// Not over their magnitude: a deep random model gives much the same outputs whatever it is given, and an answer must not pass
/// for the answer to another input. Tests hold that the integer twin of every member stays within three fifths of the tolerance, and
/// that the answers to two inputs are more than five times the tolerance apart.
pub const SCALE_TOLERANCE: f64 = 0.05;

/// A family of models of one architecture, smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleFamily {
    /// What all its members' names begin with, such as `mlp-scale`.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// The members, each of about twice the multiplications of the one before.
    pub members: &'static [ScaleMember],
}

/// One model of a family, before it has weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleMember {
    /// The workload's name, such as `mlp-scale-64k`: the family, and the multiplications in steps of 1024.
    pub name: &'static str,
    /// Base-2 logarithm of the multiplications that the name stands for.
    pub exponent: u32,
    shape: Shape,
}

/// The families: `mlp-scale`, `cnn-scale`.
pub const SCALE_FAMILIES: [ScaleFamily; 2] = [
    ScaleFamily {
        name: "mlp-scale",
        summary: "multi-layer perceptron with two hidden layers and random weights, one input",
        members: &MLP,
    },
    ScaleFamily {
        name: "cnn-scale",
        summary: "two convolutions, average pooling and a dense layer with random weights, one image",
        members: &CNN,
    },
];

const fn mlp(name: &'static str, exponent: u32, width: usize) -> ScaleMember {
    ScaleMember { name, exponent, shape: Shape::Mlp { width } }
}

const fn cnn(name: &'static str, exponent: u32, channels: [usize; 2]) -> ScaleMember {
    ScaleMember { name, exponent, shape: Shape::Cnn { channels } }
}

/// Each width is the one whose multiplications come closest to the power of two.
const MLP: [ScaleMember; 14] = [
    mlp("mlp-scale-1k", 10, 20),
    mlp("mlp-scale-2k", 11, 30),
    mlp("mlp-scale-4k", 12, 43),
    mlp("mlp-scale-8k", 13, 62),
    mlp("mlp-scale-16k", 14, 88),
    mlp("mlp-scale-32k", 15, 126),
    mlp("mlp-scale-64k", 16, 179),
    mlp("mlp-scale-128k", 17, 254),
    mlp("mlp-scale-256k", 18, 360),
    mlp("mlp-scale-512k", 19, 510),
    mlp("mlp-scale-1m", 20, 722),
    mlp("mlp-scale-2m", 21, 1022),
    mlp("mlp-scale-4m", 22, 1446),
    mlp("mlp-scale-8m", 23, 2046),
];

/// The image stays and the channels grow, about as many in both convolutions: sums of very many products, as a dense layer after a
/// large image has them, would leave the integer twin too few bits for each weight. Below 16k there would be hardly a channel.
const CNN: [ScaleMember; 10] = [
    cnn("cnn-scale-16k", 14, [3, 5]),
    cnn("cnn-scale-32k", 15, [5, 7]),
    cnn("cnn-scale-64k", 16, [8, 10]),
    cnn("cnn-scale-128k", 17, [13, 13]),
    cnn("cnn-scale-256k", 18, [19, 20]),
    cnn("cnn-scale-512k", 19, [28, 28]),
    cnn("cnn-scale-1m", 20, [41, 41]),
    cnn("cnn-scale-2m", 21, [58, 58]),
    cnn("cnn-scale-4m", 22, [83, 83]),
    cnn("cnn-scale-8m", 23, [119, 119]),
];

/// The member of a name.
pub fn scale_member(name: &str) -> Option<&'static ScaleMember> {
    SCALE_FAMILIES.into_iter().flat_map(|family| family.members).find(|member| member.name == name)
}

impl ScaleMember {
    /// Multiplications by a weight for one input, as [`Sequential::multiplications`](crate::graph::Sequential::multiplications)
    /// counts them: within a tenth of two to the member's exponent.
    pub fn multiplications(&self) -> u64 {
        self.shape.multiplications()
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> u64 {
        self.shape.parameters()
    }

    /// Shape of one input: `[features]` or `[channels, height, width]`.
    pub fn input_shape(&self) -> Vec<usize> {
        self.shape.input_shape()
    }

    /// What it is, in one line.
    pub fn summary(&self) -> String {
        format!("{}: {} multiplications", self.shape.in_words(), self.multiplications())
    }

    /// All inputs of the calibration, `[SCALE_INPUTS, ...shape of one input]`: whole numbers from -127 to 127 over 128.
    pub fn inputs(&self) -> ArrayD<f32> {
        let mut shape = vec![SCALE_INPUTS];
        shape.extend(self.input_shape());
        let values = Draw::new(self.name, Purpose::Inputs).inputs(shape.iter().product());
        ArrayD::from_shape_vec(shape, values).expect("as many values as were drawn")
    }

    /// Draws the weights and makes the workload: the largest member takes a second and 100 MB.
    ///
    /// # Errors
    /// [`WorkloadError::Generated`] where the model cannot be written or evaluated; a test holds that no member of ours does.
    pub fn workload(&self) -> Result<Workload, WorkloadError> {
        let wrong = |source| WorkloadError::Generated { name: self.name, source: Box::new(source) };
        let model = self.shape.model(self.name, &mut Draw::new(self.name, Purpose::Model));
        let inputs = self.inputs();
        let flat = inputs.as_slice().unwrap_or_default();
        let ranges = Calibration::measure(&model, flat).map_err(|error| wrong(TwinError::Quant(error)))?;
        let range = output_range(&model, flat).map_err(|error| wrong(TwinError::Quant(error.into())))?;
        let onnx = onnx::write(&model, &Batch::dynamic()).map_err(|error| wrong(TwinError::Onnx(error)))?;
        let first = |n: usize| inputs.slice_axis(Axis(0), Slice::from(..n)).to_owned();
        Ok(Workload {
            name: self.name,
            summary: Cow::Owned(self.summary()),
            onnx: Cow::Owned(onnx),
            inputs: first(1),
            labels: None,
            targets: None,
            batch: 1,
            repeat: 1,
            task: Task::Regression,
            tolerance: f64::from(range) * SCALE_TOLERANCE,
            min_class_agreement: 0.0,
            calibration: first(CALIBRATION_INPUTS),
            ranges,
            input_scale: f64::from(INPUT_UNITS),
        })
    }
}

/// The largest difference that one output makes over the inputs (row-major, one after the other), by the evaluation whose bits
/// are the same on every machine.
fn output_range(model: &Sequential, inputs: &[f32]) -> Result<f32, GraphError> {
    let mut ends = vec![[f32::INFINITY, f32::NEG_INFINITY]; shape::OUTPUTS];
    for input in inputs.chunks_exact(model.input_len()) {
        for ([least, most], output) in ends.iter_mut().zip(model.evaluate(input)?) {
            (*least, *most) = (least.min(output), most.max(output));
        }
    }
    Ok(ends.into_iter().map(|[least, most]| most - least).fold(0.0, f32::max))
}
