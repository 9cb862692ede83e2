//! A sequential model as an ONNX file.

use ndarray::ArrayBase;
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

use super::{Batch, OnnxError};
use crate::graph::{Conv2d, Dense, Layer, Pool, Sequential};

/// The operator set written: old enough for every importer, and the last that EZKL's examples use.
pub const OPSET: i64 = 13;

/// The intermediate representation that belongs to [`OPSET`].
const IR_VERSION: i64 = 7;

/// Writes a model as ONNX, with input `input` and output `output`. The same model gives the same bytes.
///
/// Dense layers become `Gemm` with `transB`; every attribute that has a default is written all the same, because some
/// importers (EZKL with `strides` of `Conv`) do not fill it in.
///
/// # Errors
/// [`OnnxError::Graph`] where the model is not well formed; [`OnnxError::Interface`] for a fixed batch of 0.
pub fn write(model: &Sequential, batch: &Batch) -> Result<Vec<u8>, OnnxError> {
    model.validate()?;
    if *batch == Batch::Fixed(0) {
        let expected = "a batch of at least 1".to_owned();
        return Err(OnnxError::Interface { which: "input", expected, got: "0".into() });
    }
    let mut graph = GraphProto {
        name: model.name.clone(),
        input: vec![value("input", batch, &model.input_shape)],
        output: vec![value("output", batch, &model.output_shape()?)],
        ..Default::default()
    };
    let mut current = "input".to_owned();
    for (index, layer) in model.layers.iter().enumerate() {
        let last = index + 1 == model.layers.len();
        let output = if last { "output".to_owned() } else { format!("layer{index}") };
        let mut node = node(index, layer, &mut graph.initializer);
        node.input.insert(0, std::mem::replace(&mut current, output.clone()));
        node.output = vec![output];
        graph.node.push(node);
    }
    if model.layers.is_empty() {
        graph.node.push(NodeProto {
            input: vec!["input".into()],
            output: vec!["output".into()],
            name: "identity".into(),
            op_type: "Identity".into(),
            ..Default::default()
        });
    }
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: "zktee".into(),
        graph: Some(graph),
        ..Default::default()
    };
    Ok(model.encode_to_vec())
}

/// The node of one layer, without its data input and output; its weights are added to `weights`.
fn node(index: usize, layer: &Layer, weights: &mut Vec<TensorProto>) -> NodeProto {
    let (op_type, attribute, input) = match layer {
        Layer::Dense(Dense { weights: w, bias }) => {
            let names = [tensor(index, "weight", w, weights), tensor(index, "bias", bias, weights)];
            let attribute = vec![float("alpha", 1.0), float("beta", 1.0), int("transA", 0), int("transB", 1)];
            ("Gemm", attribute, names.to_vec())
        }
        Layer::Conv2d(Conv2d { weights: w, bias, stride, padding: p }) => {
            let names = [tensor(index, "weight", w, weights), tensor(index, "bias", bias, weights)];
            let attribute = vec![
                ints("dilations", &[1, 1]),
                int("group", 1),
                ints("kernel_shape", &w.shape()[2..]),
                ints("pads", &[p.top, p.left, p.bottom, p.right]),
                ints("strides", stride),
            ];
            ("Conv", attribute, names.to_vec())
        }
        Layer::AveragePool(pool) => ("AveragePool", pool_attributes(pool), vec![]),
        Layer::MaxPool(pool) => ("MaxPool", pool_attributes(pool), vec![]),
        Layer::Relu => ("Relu", vec![], vec![]),
        Layer::Flatten => ("Flatten", vec![int("axis", 1)], vec![]),
    };
    NodeProto {
        name: format!("{}{index}", op_type.to_lowercase()),
        op_type: op_type.into(),
        attribute,
        input,
        ..Default::default()
    }
}

fn pool_attributes(pool: &Pool) -> Vec<AttributeProto> {
    vec![int("ceil_mode", 0), ints("kernel_shape", &pool.kernel), ints("pads", &[0; 4]), ints("strides", &pool.stride)]
}

/// Adds a weight tensor (raw little-endian data, row-major) and gives its name.
fn tensor<S, D>(index: usize, role: &str, array: &ArrayBase<S, D>, into: &mut Vec<TensorProto>) -> String
where
    S: ndarray::Data<Elem = f32>,
    D: ndarray::Dimension,
{
    let name = format!("layer{index}.{role}");
    into.push(TensorProto {
        name: name.clone(),
        dims: array.shape().iter().map(|&d| d as i64).collect(),
        data_type: DataType::Float as i32,
        raw_data: array.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    });
    name
}

fn value(name: &str, batch: &Batch, shape: &[usize]) -> ValueInfoProto {
    let first = match batch {
        Batch::Dynamic(symbol) => dimension::Value::DimParam(symbol.clone()),
        Batch::Fixed(n) => dimension::Value::DimValue(*n as i64),
    };
    let rest = shape.iter().map(|&d| dimension::Value::DimValue(d as i64));
    let dim = std::iter::once(first)
        .chain(rest)
        .map(|value| Dimension { denotation: String::new(), value: Some(value) })
        .collect();
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) }),
        doc_string: String::new(),
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i: value, ..Default::default() }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f: value, ..Default::default() }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.iter().map(|&v| v as i64).collect(),
        ..Default::default()
    }
}
