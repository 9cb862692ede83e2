//! The cheap facts of any ONNX model, sequential or not: what the runner plans with.

use std::collections::BTreeMap;

use tract_onnx::pb::{
    GraphProto, ModelProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension as DimensionProto, dimension},
    type_proto,
};

use super::{OnnxError, proto};

/// The first dimension of a model's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// Any number of inputs a call; the name of the symbol, empty where the dimension has none.
    Dynamic(String),
    /// Exactly this number of inputs a call.
    Fixed(usize),
}

impl Batch {
    /// A dynamic batch named `batch`, as this project's own models have it.
    pub fn dynamic() -> Self {
        Self::Dynamic("batch".into())
    }
}

/// One dimension of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// A number known from the file, at least 0.
    Fixed(usize),
    /// A symbol, or a dimension left open (an empty name).
    Symbol(String),
}

/// One input or output of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueFacts {
    /// The tensor's name.
    pub name: String,
    /// ONNX element type, such as `FLOAT`.
    pub element_type: String,
    /// The shape with its batch dimension, or `None` where the file states none.
    pub shape: Option<Vec<Dimension>>,
}

/// What can be told of an ONNX file without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// The graph's name.
    pub name: String,
    /// Version of the default operator set, where one is imported.
    pub opset: Option<i64>,
    /// Inputs, without the weights that old files list among them.
    pub inputs: Vec<ValueFacts>,
    /// Outputs.
    pub outputs: Vec<ValueFacts>,
    /// The operators of the main graph and how often each occurs, sorted by name.
    pub operators: BTreeMap<String, usize>,
    /// Number of elements in all weight tensors.
    pub parameters: u64,
}

impl ModelFacts {
    /// The batch dimension of the model's only input.
    ///
    /// # Errors
    /// [`OnnxError::Interface`] where there is not exactly one input with a stated shape of at least one dimension, or
    /// where the batch is fixed at 0.
    pub fn batch(&self) -> Result<Batch, OnnxError> {
        match self.only_input()?.1.first() {
            Some(Dimension::Symbol(name)) => Ok(Batch::Dynamic(name.clone())),
            Some(Dimension::Fixed(n)) if *n > 0 => Ok(Batch::Fixed(*n)),
            other => Err(interface("a batch dimension of at least 1", format!("{other:?}"))),
        }
    }

    /// The shape of one input, without the batch.
    ///
    /// # Errors
    /// [`OnnxError::Interface`] where there is not exactly one `FLOAT` input, or where a dimension after the batch is
    /// symbolic or 0.
    pub fn input_shape(&self) -> Result<Vec<usize>, OnnxError> {
        let (input, shape) = self.only_input()?;
        if input.element_type != DataType::Float.as_str_name() {
            return Err(interface("element type FLOAT", input.element_type.clone()));
        }
        let fixed = shape.iter().skip(1).map(|d| match d {
            Dimension::Fixed(n) if *n > 0 => Ok(*n),
            _ => Err(interface("fixed dimensions after the batch", format!("{shape:?}"))),
        });
        fixed.collect()
    }

    fn only_input(&self) -> Result<(&ValueFacts, &[Dimension]), OnnxError> {
        let [input] = self.inputs.as_slice() else {
            return Err(interface("exactly one input", self.inputs.len().to_string()));
        };
        let shape = input.shape.as_deref();
        Ok((input, shape.ok_or_else(|| interface("a stated shape", "none".into()))?))
    }
}

fn interface(expected: &str, got: String) -> OnnxError {
    OnnxError::Interface { which: "input", expected: expected.into(), got }
}

/// Reads the facts of an ONNX file; unsupported operators and several inputs are facts too.
///
/// # Errors
/// [`OnnxError::TooLarge`], [`OnnxError::Decode`] and [`OnnxError::NoGraph`].
pub fn inspect(bytes: &[u8]) -> Result<ModelFacts, OnnxError> {
    let model = proto::decode(bytes)?;
    Ok(facts(&model, proto::graph(&model)?))
}

/// The facts of a decoded model.
pub(super) fn facts(model: &ModelProto, graph: &GraphProto) -> ModelFacts {
    let mut operators = BTreeMap::new();
    for node in &graph.node {
        *operators.entry(proto::operator(node)).or_insert(0) += 1;
    }
    ModelFacts {
        name: graph.name.clone(),
        opset: proto::opset(model),
        inputs: inputs(graph).map(value_facts).collect(),
        outputs: graph.output.iter().map(value_facts).collect(),
        operators,
        parameters: graph.initializer.iter().map(|t| size(&t.dims)).fold(0, u64::saturating_add),
    }
}

/// Inputs that are no initializer: files before IR version 4 list the weights too.
fn inputs(graph: &GraphProto) -> impl Iterator<Item = &ValueInfoProto> {
    graph.input.iter().filter(|input| graph.initializer.iter().all(|t| t.name != input.name))
}

fn value_facts(value: &ValueInfoProto) -> ValueFacts {
    let tensor = value.r#type.as_ref().and_then(|t| t.value.as_ref());
    let (element_type, shape) = match tensor {
        Some(type_proto::Value::TensorType(tensor)) => (
            DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined),
            tensor.shape.as_ref().map(|s| s.dim.iter().map(dimension_facts).collect()),
        ),
        None => (DataType::Undefined, None),
    };
    ValueFacts { name: value.name.clone(), element_type: element_type.as_str_name().to_owned(), shape }
}

fn dimension_facts(dim: &DimensionProto) -> Dimension {
    match &dim.value {
        // Some exporters write -1 for an open dimension.
        Some(dimension::Value::DimValue(n)) => {
            usize::try_from(*n).map_or_else(|_| Dimension::Symbol(String::new()), Dimension::Fixed)
        }
        Some(dimension::Value::DimParam(name)) => Dimension::Symbol(name.clone()),
        None => Dimension::Symbol(String::new()),
    }
}

/// Elements of a tensor; hostile dimensions count as none.
fn size(dims: &[i64]) -> u64 {
    let product = |n: u64, d: &i64| n.checked_mul(u64::try_from(*d).ok()?);
    dims.iter().try_fold(1, product).unwrap_or(0)
}
