//! An integer model whose shapes and bounds were proven when it was made.

use serde::{Deserialize, Serialize};

use super::{ACCUMULATOR_BOUND, EXPONENT_LIMIT, IntegerLayer, QuantError, Scale};
use crate::graph::{
    GraphError,
    shape::{self, At},
};

/// What an integer model consists of, before it is checked; the serialised form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// The model's name; no part of the digest.
    pub name: String,
    /// Shape of one input, without the batch.
    pub input_shape: Vec<usize>,
    /// Integer units of one float unit of input.
    pub input_scale: Scale,
    /// Least and largest legal input value, in integer units; 0 is between them.
    pub input_range: [i64; 2],
    /// Largest magnitude of a rescaled value `q`.
    pub activation_bound: i64,
    /// The layers, first to last.
    pub layers: Vec<IntegerLayer>,
    /// Integer units of one float unit of output.
    pub output_scale: Scale,
}

/// Largest magnitudes around one layer, proven for every legal input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerBounds {
    /// Of a value that enters the layer.
    pub input: i64,
    /// Of an accumulator of a linear layer: `input * max over rows of (sum |w|) + |b|`; `None` in other layers.
    pub accumulator: Option<i64>,
    /// Of a value that leaves the layer; after a rescale it is the activation bound, which inference enforces.
    pub output: i64,
}

/// An integer model: weights, scales and the proof that nothing in it overflows.
///
/// It serialises as its [`Parts`]; deserialising checks everything again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct IntegerModel {
    parts: Parts,
    shapes: Vec<Vec<usize>>,
    bounds: Vec<LayerBounds>,
}

impl TryFrom<Parts> for IntegerModel {
    type Error = QuantError;

    fn try_from(parts: Parts) -> Result<Self, QuantError> {
        Self::from_parts(parts)
    }
}

impl From<IntegerModel> for Parts {
    fn from(model: IntegerModel) -> Self {
        model.parts
    }
}

impl IntegerModel {
    /// Checks parts and proves their bounds.
    ///
    /// # Errors
    /// [`QuantError::Graph`] and [`QuantError::Parts`] for parts that do not fit; [`QuantError::Overflow`] naming the layer
    /// whose accumulators could reach [`ACCUMULATOR_BOUND`].
    pub fn from_parts(parts: Parts) -> Result<Self, QuantError> {
        check_numbers(&parts)?;
        let shapes = shapes(&parts)?;
        check_rescales(&parts)?;
        let bounds = bounds(&parts)?;
        Ok(Self { parts, shapes, bounds })
    }

    /// The parts: name, scales, ranges and layers.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[IntegerLayer] {
        &self.parts.layers
    }

    /// The shapes along the model, without the batch: the input's first, then one for each layer's output.
    pub fn shapes(&self) -> &[Vec<usize>] {
        &self.shapes
    }

    /// The bounds of each layer.
    pub fn bounds(&self) -> &[LayerBounds] {
        &self.bounds
    }

    /// Number of values in one input.
    pub fn input_len(&self) -> usize {
        self.shapes.first().map_or(0, |shape| shape.iter().product())
    }

    /// Number of values in one output.
    pub fn output_len(&self) -> usize {
        self.shapes.last().map_or(0, |shape| shape.iter().product())
    }
}

fn wrong(what: impl Into<String>, expected: impl Into<String>, got: impl Into<String>) -> QuantError {
    QuantError::Parts { what: what.into(), expected: expected.into(), got: got.into() }
}

fn check_numbers(parts: &Parts) -> Result<(), QuantError> {
    for (what, scale) in [("input_scale", parts.input_scale), ("output_scale", parts.output_scale)] {
        if !scale.is_canonical() {
            return Err(wrong(what, "an odd mantissa and its exponent", format!("{scale:?}")));
        }
    }
    let legal = 1 - ACCUMULATOR_BOUND..ACCUMULATOR_BOUND;
    let [min, max] = parts.input_range;
    if !(legal.contains(&min) && legal.contains(&max) && min <= 0 && max >= 0) {
        let expected = format!("a range around 0 within {legal:?}");
        return Err(wrong("input_range", expected, format!("{min}..={max}")));
    }
    if !(1..ACCUMULATOR_BOUND).contains(&parts.activation_bound) {
        let expected = format!("from 1 to below {ACCUMULATOR_BOUND}");
        return Err(wrong("activation_bound", expected, parts.activation_bound.to_string()));
    }
    Ok(())
}

fn shapes(parts: &Parts) -> Result<Vec<Vec<usize>>, QuantError> {
    shape::check_input(&parts.input_shape)?;
    let mut shapes = vec![parts.input_shape.clone()];
    for (index, layer) in parts.layers.iter().enumerate() {
        let next = output_shape(index, layer, &shapes[index])?;
        if let Some((weights, bias, _)) = layer.linear() {
            let dims: &[usize] = match layer {
                IntegerLayer::Dense(d) => &[d.outputs, d.inputs],
                IntegerLayer::Conv2d(c) => &[c.outputs, c.channels, c.kernel[0], c.kernel[1]],
                _ => &[],
            };
            let expected = dims.iter().product::<usize>();
            if weights.len() != expected || bias.len() != dims[0] {
                let got = format!("{} and {}", weights.len(), bias.len());
                let what = format!("layer {index} ({}): weights and biases", layer.kind());
                return Err(wrong(what, format!("{expected} and {}", dims[0]), got));
            }
        }
        shapes.push(next);
    }
    Ok(shapes)
}

fn output_shape(layer: usize, it: &IntegerLayer, input: &[usize]) -> Result<Vec<usize>, GraphError> {
    let at = At { layer, kind: it.kind() };
    match it {
        IntegerLayer::Dense(d) => shape::dense(at, input, [d.outputs, d.inputs], d.bias.len()),
        IntegerLayer::Conv2d(c) => {
            let weights = [c.outputs, c.channels, c.kernel[0], c.kernel[1]];
            shape::conv2d(at, input, weights, c.bias.len(), c.stride, c.padding)
        }
        IntegerLayer::SumPool(p) | IntegerLayer::MaxPool(p) => shape::pool(at, input, p.kernel, p.stride),
        IntegerLayer::Relu => Ok(input.to_vec()),
        IntegerLayer::Flatten => Ok(vec![input.iter().product()]),
    }
}

/// Every linear layer but the last is rescaled.
fn check_rescales(parts: &Parts) -> Result<(), QuantError> {
    let last = parts.layers.iter().rposition(|layer| layer.linear().is_some());
    let last = last.ok_or(QuantError::NoLinearLayer)?;
    for (index, layer) in parts.layers.iter().enumerate() {
        let Some((_, _, rescale)) = layer.linear() else { continue };
        let what = || format!("layer {index} ({}): rescale", layer.kind());
        match rescale {
            None if index < last => return Err(wrong(what(), "present in a hidden layer", "none")),
            Some(_) if index == last => {
                return Err(wrong(what(), "none in the last linear layer", "one"));
            }
            Some(rescale) if rescale.exponent > EXPONENT_LIMIT => {
                let expected = format!("an exponent of at most {EXPONENT_LIMIT}");
                return Err(wrong(what(), expected, rescale.exponent.to_string()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn bounds(parts: &Parts) -> Result<Vec<LayerBounds>, QuantError> {
    let [min, max] = parts.input_range;
    let mut input = max.max(-min);
    let mut all = Vec::with_capacity(parts.layers.len());
    for (layer, it) in parts.layers.iter().enumerate() {
        let overflow = |got| QuantError::Overflow { layer, kind: it.kind(), bound: ACCUMULATOR_BOUND, got };
        let bounded = |value: i128, slack: i64| {
            let reach = value + i128::from(slack);
            if reach < i128::from(ACCUMULATOR_BOUND) { Ok(value as i64) } else { Err(overflow(reach)) }
        };
        let bounds = match (it, it.linear()) {
            (_, Some((weights, bias, rescale))) => {
                let reach = accumulator_bound(weights, bias, input);
                let accumulator = bounded(reach, rescale.map_or(0, super::Rescale::divisor))?;
                let output = if rescale.is_some() { parts.activation_bound } else { accumulator };
                LayerBounds { input, accumulator: Some(accumulator), output }
            }
            (IntegerLayer::SumPool(pool), _) => {
                // Shape inference has bounded the window by the image.
                let cells = (pool.kernel[0] * pool.kernel[1]) as i128;
                let output = bounded(cells * i128::from(input), 0)?;
                LayerBounds { input, accumulator: None, output }
            }
            _ => LayerBounds { input, accumulator: None, output: input },
        };
        input = bounds.output;
        all.push(bounds);
    }
    Ok(all)
}

/// `max over rows of (input * sum |w| + |b|)`, exactly: at most 2^26 products of 63 and 29 bits fit in 128.
pub(super) fn accumulator_bound(weights: &[i64], bias: &[i64], input: i64) -> i128 {
    let magnitude = |v: &i64| i128::from(v.unsigned_abs());
    let columns = weights.len() / bias.len().max(1);
    let rows = weights.chunks_exact(columns.max(1)).zip(bias);
    rows.map(|(row, b)| i128::from(input) * row.iter().map(magnitude).sum::<i128>() + magnitude(b)).max().unwrap_or(0)
}
