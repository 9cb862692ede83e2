//! An ONNX file as a sequential model.

use std::collections::HashMap;

use ndarray::{Array1, ArrayD, Ix2, Ix4};
use tract_onnx::pb::{NodeProto, TensorProto};

use super::{Batch, ModelFacts, OnnxError, attributes::Attributes, inspect, proto, tensor};
use crate::graph::{Conv2d, Dense, Layer, Padding, Pool, Sequential};

/// The operators that [`read`] understands, in the forms its documentation states.
pub const SUPPORTED_OPERATORS: [&str; 11] =
    ["Add", "AveragePool", "Constant", "Conv", "Flatten", "Gemm", "Identity", "MatMul", "MaxPool", "Relu", "Reshape"];

/// The oldest operator set read: from 7 on, `Gemm` and `Add` broadcast as today.
const MIN_OPSET: i64 = 7;

/// Reads a sequential model: one float input with fixed dimensions after the batch, one output, each node taking what the
/// node before it gives.
///
/// `Gemm` with `alpha` and `beta` 1, `transA` 0 and any `transB`; `MatMul` by a constant, and an `Add` of a constant right
/// after it; `Conv` over two dimensions in one group without dilation; `MaxPool` and `AveragePool` without padding;
/// `Relu`; `Flatten` at axis 1; `Reshape` to `[batch, -1]`; `Identity`; `Constant`. Weights may be raw or typed float32.
///
/// # Errors
/// [`OnnxError`] naming the operator and the node (or tensor) that is not understood; never a panic, whatever the bytes.
pub fn read(bytes: &[u8]) -> Result<Sequential, OnnxError> {
    let model = proto::decode(bytes)?;
    let graph = proto::graph(&model)?;
    let opset = proto::opset(&model);
    if opset.is_none_or(|version| version < MIN_OPSET) {
        return Err(OnnxError::Opset { min: MIN_OPSET, got: opset });
    }
    let facts = inspect::facts(&model, graph);
    let mut reader = Reader::start(&facts)?;
    for constant in &graph.initializer {
        reader.define(&constant.name, constant)?;
    }
    for node in &graph.node {
        reader.node(node)?;
    }
    reader.finish(&facts)
}

/// The chain so far.
struct Reader<'a> {
    model: Sequential,
    batch: Batch,
    constants: HashMap<&'a str, &'a TensorProto>,
    /// The tensor that the next layer must take.
    current: String,
    /// Whether the last node was a `MatMul`, whose bias may follow as an `Add`.
    bias_may_follow: bool,
}

impl<'a> Reader<'a> {
    fn start(facts: &ModelFacts) -> Result<Self, OnnxError> {
        let input_shape = facts.input_shape()?;
        let batch = facts.batch()?;
        crate::graph::shape::check_input(&input_shape)?;
        Ok(Self {
            model: Sequential { name: facts.name.clone(), input_shape, layers: vec![] },
            batch,
            constants: HashMap::new(),
            current: facts.inputs[0].name.clone(),
            bias_may_follow: false,
        })
    }

    fn define(&mut self, name: &'a str, constant: &'a TensorProto) -> Result<(), OnnxError> {
        if name == self.current || self.constants.insert(name, constant).is_some() {
            return Err(OnnxError::Tensor {
                tensor: name.into(),
                expected: "one definition".into(),
                got: "two".into(),
            });
        }
        Ok(())
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<(), OnnxError> {
        let operator = proto::operator(node);
        if operator == "Constant" {
            let mut attributes = Attributes::of(node)?;
            let constant = attributes.tensor("value")?;
            attributes.finish()?;
            return self.define(only_output(node)?, constant);
        }
        if operator == "Identity"
            && let Some(&constant) = self.constants.get(input(node, 0))
        {
            return self.define(only_output(node)?, constant);
        }
        if !SUPPORTED_OPERATORS.contains(&operator.as_str()) {
            let reason = format!("supported are {}", SUPPORTED_OPERATORS.join(", "));
            return Err(unsupported(node, reason));
        }
        let bias_may_follow = std::mem::replace(&mut self.bias_may_follow, operator == "MatMul");
        let layer = match operator.as_str() {
            "Add" => {
                self.add(node, bias_may_follow)?;
                None
            }
            "Identity" => {
                self.takes_current(node, 0, 1)?;
                Attributes::of(node)?.finish()?;
                None
            }
            "Gemm" => Some(self.gemm(node)?),
            "MatMul" => Some(self.mat_mul(node)?),
            "Conv" => Some(self.conv(node)?),
            "AveragePool" => Some(Layer::AveragePool(self.pool(node, "count_include_pad")?)),
            "MaxPool" => Some(Layer::MaxPool(self.pool(node, "storage_order")?)),
            "Relu" => {
                self.takes_current(node, 0, 1)?;
                Attributes::of(node)?.finish()?;
                Some(Layer::Relu)
            }
            "Flatten" => {
                self.takes_current(node, 0, 1)?;
                let mut attributes = Attributes::of(node)?;
                attributes.int_in("axis", &[1])?;
                attributes.finish()?;
                Some(Layer::Flatten)
            }
            // `Reshape`: all others were matched above.
            _ => Some(self.reshape(node)?),
        };
        self.model.layers.extend(layer);
        let output = only_output(node)?;
        if self.constants.contains_key(output) {
            return Err(not_sequential(node, format!("its output `{output}` is also a constant")));
        }
        output.clone_into(&mut self.current);
        Ok(())
    }

    fn finish(self, facts: &ModelFacts) -> Result<Sequential, OnnxError> {
        let names: Vec<&str> = facts.outputs.iter().map(|o| o.name.as_str()).collect();
        if names != [self.current.as_str()] {
            return Err(OnnxError::Interface {
                which: "output",
                expected: format!("`{}`, what the last layer gives", self.current),
                got: format!("{names:?}"),
            });
        }
        self.model.validate()?;
        Ok(self.model)
    }

    /// Checks that the node takes the current tensor at `position` and has at most `most` inputs.
    fn takes_current(&self, node: &NodeProto, position: usize, most: usize) -> Result<(), OnnxError> {
        if node.input.len() > most {
            let reason = format!("it takes {} inputs, at most {most} expected", node.input.len());
            return Err(not_sequential(node, reason));
        }
        let got = input(node, position);
        if got == self.current {
            return Ok(());
        }
        let reason = format!("input {position} should be `{}`, got `{got}`", self.current);
        Err(not_sequential(node, reason))
    }

    /// The constant at `position`.
    fn constant(&self, node: &NodeProto, position: usize) -> Result<&'a TensorProto, OnnxError> {
        let name = input(node, position);
        self.constants
            .get(name)
            .copied()
            .ok_or_else(|| not_sequential(node, format!("input {position} (`{name}`) should be a constant")))
    }

    /// The bias at `position`, of shape `[outputs]` or `[1, outputs]`; zeros where there is none.
    fn bias(&self, node: &NodeProto, position: usize, outputs: usize) -> Result<Array1<f32>, OnnxError> {
        if input(node, position).is_empty() {
            return Ok(Array1::zeros(outputs));
        }
        let constant = self.constant(node, position)?;
        let bias = tensor::floats(constant)?;
        match *bias.shape() {
            [n] | [1, n] if n == outputs => Ok(bias.into_iter().collect()),
            _ => Err(shape_error(constant, &format!("[{outputs}]"), &bias)),
        }
    }

    fn gemm(&self, node: &NodeProto) -> Result<Layer, OnnxError> {
        self.takes_current(node, 0, 3)?;
        let mut attributes = Attributes::of(node)?;
        attributes.one("alpha")?;
        attributes.one("beta")?;
        attributes.int_in("transA", &[0])?;
        let transposed = attributes.int_in("transB", &[0, 1])? == 1;
        attributes.finish()?;
        let weights = self.matrix(node)?;
        let weights = if transposed { weights } else { transpose(&weights) };
        let bias = self.bias(node, 2, weights.nrows())?;
        Ok(Layer::Dense(Dense { weights, bias }))
    }

    fn mat_mul(&self, node: &NodeProto) -> Result<Layer, OnnxError> {
        self.takes_current(node, 0, 2)?;
        Attributes::of(node)?.finish()?;
        let weights = transpose(&self.matrix(node)?);
        let bias = Array1::zeros(weights.nrows());
        Ok(Layer::Dense(Dense { weights, bias }))
    }

    fn matrix(&self, node: &NodeProto) -> Result<ndarray::Array2<f32>, OnnxError> {
        let constant = self.constant(node, 1)?;
        let weights = tensor::floats(constant)?;
        let shape = shape_error(constant, "a matrix", &weights);
        weights.into_dimensionality::<Ix2>().map_err(|_| shape)
    }

    /// The bias of the `MatMul` right before.
    fn add(&mut self, node: &NodeProto, bias_may_follow: bool) -> Result<(), OnnxError> {
        Attributes::of(node)?.finish()?;
        // Addition commutes: exporters put the constant on either side.
        let position = usize::from(input(node, 0) == self.current);
        self.takes_current(node, 1 - position, 2)?;
        let outputs = match self.model.layers.last() {
            Some(Layer::Dense(dense)) if bias_may_follow => dense.bias.len(),
            _ => {
                let reason = "an Add is read as the bias of a MatMul right before it, nowhere else";
                return Err(unsupported(node, reason.into()));
            }
        };
        let bias = self.bias(node, position, outputs)?;
        if let Some(Layer::Dense(dense)) = self.model.layers.last_mut() {
            dense.bias = bias;
        }
        Ok(())
    }

    fn conv(&self, node: &NodeProto) -> Result<Layer, OnnxError> {
        self.takes_current(node, 0, 3)?;
        let constant = self.constant(node, 1)?;
        let weights = tensor::floats(constant)?;
        let shape = shape_error(constant, "[out, in, height, width]", &weights);
        let weights = weights.into_dimensionality::<Ix4>().map_err(|_| shape)?;
        let (outputs, _, height, width) = weights.dim();
        let mut attributes = Attributes::of(node)?;
        attributes.fixed("dilations", [1, 1])?;
        attributes.int_in("group", &[1])?;
        attributes.fixed("kernel_shape", [height, width])?;
        let valid = attributes.auto_pad_valid()?;
        let [top, left, bottom, right] = attributes.sizes("pads", Some([0; 4]))?;
        let stride = attributes.sizes("strides", Some([1, 1]))?;
        attributes.finish()?;
        let padding = if valid { Padding::default() } else { Padding { top, left, bottom, right } };
        let bias = self.bias(node, 2, outputs)?;
        Ok(Layer::Conv2d(Conv2d { weights, bias, stride, padding }))
    }

    /// `irrelevant` is an attribute that changes nothing without padding and without the indices output.
    fn pool(&self, node: &NodeProto, irrelevant: &str) -> Result<Pool, OnnxError> {
        self.takes_current(node, 0, 1)?;
        let mut attributes = Attributes::of(node)?;
        attributes.int_in("ceil_mode", &[0])?;
        attributes.int_in(irrelevant, &[0, 1])?;
        attributes.fixed("dilations", [1, 1])?;
        attributes.auto_pad_valid()?;
        attributes.fixed("pads", [0; 4])?;
        let kernel = attributes.sizes("kernel_shape", None)?;
        let stride = attributes.sizes("strides", Some([1, 1]))?;
        attributes.finish()?;
        Ok(Pool { kernel, stride })
    }

    /// A reshape that keeps the batch and flattens the rest.
    fn reshape(&self, node: &NodeProto) -> Result<Layer, OnnxError> {
        self.takes_current(node, 0, 2)?;
        let mut attributes = Attributes::of(node)?;
        attributes.int_in("allowzero", &[0])?;
        attributes.finish()?;
        let target = tensor::integers(self.constant(node, 1)?)?;
        let shapes = self.model.shapes()?;
        let flat = shapes.last().map_or(0, |shape| shape.iter().product::<usize>()) as i64;
        let keeps_batch = |n: i64| n == 0 || matches!(self.batch, Batch::Fixed(b) if b as i64 == n);
        match *target.as_slice() {
            [-1, n] if n == flat => Ok(Layer::Flatten),
            [b, n] if keeps_batch(b) && (n == -1 || n == flat) => Ok(Layer::Flatten),
            _ => {
                let reason = format!("a Reshape is read to [batch, {flat}] alone, got {target:?}");
                Err(unsupported(node, reason))
            }
        }
    }
}

/// A node's input, or nothing where it is left away.
fn input(node: &NodeProto, position: usize) -> &str {
    node.input.get(position).map_or("", String::as_str)
}

fn only_output(node: &NodeProto) -> Result<&str, OnnxError> {
    match node.output.as_slice() {
        [output] if !output.is_empty() => Ok(output),
        other => Err(not_sequential(node, format!("it should have one output, got {other:?}"))),
    }
}

fn transpose(weights: &ndarray::Array2<f32>) -> ndarray::Array2<f32> {
    weights.t().as_standard_layout().into_owned()
}

fn unsupported(node: &NodeProto, reason: String) -> OnnxError {
    OnnxError::UnsupportedOperator { operator: proto::operator(node), node: proto::label(node), reason }
}

fn not_sequential(node: &NodeProto, reason: String) -> OnnxError {
    OnnxError::NotSequential { operator: proto::operator(node), node: proto::label(node), reason }
}

fn shape_error(constant: &TensorProto, expected: &str, got: &ArrayD<f32>) -> OnnxError {
    OnnxError::Tensor {
        tensor: constant.name.clone(),
        expected: format!("shape {expected}"),
        got: format!("{:?}", got.shape()),
    }
}
