//! Exact inference in `i64`, and the values along the way.

use super::{InferError, IntegerLayer, IntegerModel, Rescale};
use crate::{
    graph::image,
    kernels::{self, ConvShape},
};

/// What happened in one layer, as witnesses need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerTrace {
    /// `W x + b` of a linear layer; empty in other layers.
    pub accumulators: Vec<i64>,
    /// `q` of a rescaled layer, signed, before `ReLU`; empty in other layers.
    pub quotients: Vec<i64>,
    /// What the layer gives.
    pub outputs: Vec<i64>,
}

/// What happened to one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The input, in integer units.
    pub input: Vec<i64>,
    /// One entry a layer, first to last.
    pub layers: Vec<LayerTrace>,
}

impl Trace {
    /// The model's output: the raw accumulators of its last linear layer, or what pools and `ReLU`s made of them.
    pub fn output(&self) -> &[i64] {
        self.layers.last().map_or(&self.input, |layer| &layer.outputs)
    }
}

impl IntegerModel {
    /// Float inputs (one or more, row-major) in integer units: `x * scale` to the nearest integer, ties away from 0.
    ///
    /// # Errors
    /// [`InferError::Length`] where the values are no whole number of inputs, [`InferError::NotFinite`],
    /// [`InferError::InputRange`].
    pub fn quantise_inputs(&self, inputs: &[f32]) -> Result<Vec<i64>, InferError> {
        let expected = self.input_len();
        if inputs.is_empty() || !inputs.len().is_multiple_of(expected) {
            return Err(InferError::Length { expected, got: inputs.len() });
        }
        let scale = self.parts().input_scale.value();
        let quantise = |(index, &x): (usize, &f32)| {
            if !x.is_finite() {
                return Err(InferError::NotFinite { index, value: x.to_string() });
            }
            // The cast saturates, and the range check refuses what it cut.
            let value = (f64::from(x) * scale).round() as i64;
            self.check_input(index, value)?;
            Ok(value)
        };
        inputs.iter().enumerate().map(quantise).collect()
    }

    /// Outputs in float units.
    pub fn dequantise_outputs(&self, outputs: &[i64]) -> Vec<f32> {
        let scale = self.parts().output_scale.value();
        outputs.iter().map(|&y| (y as f64 / scale) as f32).collect()
    }

    /// Runs one input, in integer units.
    ///
    /// # Errors
    /// [`InferError::Length`], [`InferError::InputRange`], and [`InferError::Activation`] naming the layer whose rescaled
    /// value is beyond the activation bound. Nothing wraps.
    pub fn infer(&self, input: &[i64]) -> Result<Vec<i64>, InferError> {
        let trace = self.trace(input)?;
        Ok(trace.layers.into_iter().last().map_or(trace.input, |layer| layer.outputs))
    }

    /// Runs one or more inputs, row-major, one after the other.
    ///
    /// # Errors
    /// As [`IntegerModel::infer`], for the first input that is refused.
    pub fn infer_all(&self, inputs: &[i64]) -> Result<Vec<i64>, InferError> {
        let expected = self.input_len();
        if !inputs.len().is_multiple_of(expected) {
            return Err(InferError::Length { expected, got: inputs.len() });
        }
        let mut outputs = Vec::with_capacity(inputs.len() / expected * self.output_len());
        for input in inputs.chunks_exact(expected) {
            outputs.extend(self.infer(input)?);
        }
        Ok(outputs)
    }

    /// Runs one input and keeps the values of every layer.
    ///
    /// # Errors
    /// As [`IntegerModel::infer`].
    pub fn trace(&self, input: &[i64]) -> Result<Trace, InferError> {
        if input.len() != self.input_len() {
            return Err(InferError::Length { expected: self.input_len(), got: input.len() });
        }
        for (index, &value) in input.iter().enumerate() {
            self.check_input(index, value)?;
        }
        let mut layers: Vec<LayerTrace> = Vec::with_capacity(self.layers().len());
        for (index, layer) in self.layers().iter().enumerate() {
            let values = layers.last().map_or(input, |layer| &layer.outputs);
            let next = self.step(index, layer, values)?;
            layers.push(next);
        }
        Ok(Trace { input: input.to_vec(), layers })
    }

    fn check_input(&self, index: usize, value: i64) -> Result<(), InferError> {
        let [min, max] = self.parts().input_range;
        if (min..=max).contains(&value) { Ok(()) } else { Err(InferError::InputRange { index, value, min, max }) }
    }

    fn step(&self, index: usize, layer: &IntegerLayer, values: &[i64]) -> Result<LayerTrace, InferError> {
        let (from, to) = (&self.shapes()[index], &self.shapes()[index + 1]);
        let plain = |outputs| LayerTrace { accumulators: vec![], quotients: vec![], outputs };
        let (accumulators, rescale) = match layer {
            IntegerLayer::Dense(d) => (kernels::dense(&d.weights, &d.bias, values), d.rescale),
            IntegerLayer::Conv2d(c) => {
                let shape = ConvShape {
                    input: image(from),
                    output: image(to),
                    kernel: c.kernel,
                    stride: c.stride,
                    padding: c.padding,
                };
                (kernels::conv2d(&shape, &c.weights, &c.bias, values), c.rescale)
            }
            IntegerLayer::SumPool(p) => {
                return Ok(plain(kernels::sum_pool(image(from), *p, values)));
            }
            IntegerLayer::MaxPool(p) => {
                return Ok(plain(kernels::max_pool(image(from), *p, values)));
            }
            IntegerLayer::Relu => {
                let mut outputs = values.to_vec();
                kernels::relu(&mut outputs);
                return Ok(plain(outputs));
            }
            IntegerLayer::Flatten => return Ok(plain(values.to_vec())),
        };
        let Some(rescale) = rescale else {
            let outputs = accumulators.clone();
            return Ok(LayerTrace { accumulators, quotients: vec![], outputs });
        };
        let quotients = self.rescale(index, layer, rescale, &accumulators)?;
        let mut outputs = quotients.clone();
        if rescale.relu {
            kernels::relu(&mut outputs);
        }
        Ok(LayerTrace { accumulators, quotients, outputs })
    }

    fn rescale(
        &self,
        layer: usize,
        it: &IntegerLayer,
        rescale: Rescale,
        accumulators: &[i64],
    ) -> Result<Vec<i64>, InferError> {
        let bound = self.parts().activation_bound;
        let quotient = |(index, &accumulator): (usize, &i64)| {
            let value = rescale.quotient(accumulator);
            if value.abs() <= bound {
                Ok(value)
            } else {
                Err(InferError::Activation { layer, kind: it.kind(), index, value, bound })
            }
        };
        accumulators.iter().enumerate().map(quotient).collect()
    }
}
