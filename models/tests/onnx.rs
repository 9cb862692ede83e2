//! ONNX written, read back, written by others, and refused.

mod common;

use proptest::prelude::*;
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, ModelProto, NodeProto, TensorProto, attribute_proto::AttributeType, tensor_proto::DataType,
};
use zktee_models::{
    graph::{Dense, GraphError, Layer, Sequential},
    onnx::{Batch, Dimension, OnnxError, inspect, read, write},
};

proptest! {
    #[test]
    fn what_is_written_is_read_back(seed: u64, fixed in proptest::option::of(1usize..600)) {
        let model = common::model(seed);
        let batch = fixed.map_or_else(Batch::dynamic, Batch::Fixed);
        let bytes = write(&model, &batch).unwrap();
        prop_assert_eq!(&read(&bytes).unwrap(), &model);
        prop_assert_eq!(&write(&model, &batch).unwrap(), &bytes);
        let facts = inspect(&bytes).unwrap();
        prop_assert_eq!(facts.batch().unwrap(), batch);
        prop_assert_eq!(&facts.input_shape().unwrap(), &model.input_shape);
        prop_assert_eq!(facts.parameters, model.parameters() as u64);
        prop_assert_eq!(facts.operators.values().sum::<usize>(), model.layers.len());
    }
}

/// `[2] -> dense -> relu -> dense -> [3]`.
fn small() -> Sequential {
    let dense = |outputs: usize, inputs: usize| {
        Layer::Dense(Dense {
            weights: ndarray::Array2::from_shape_fn((outputs, inputs), |(o, i)| (o * inputs + i) as f32 / 8.0 - 0.5),
            bias: ndarray::Array1::from_shape_fn(outputs, |o| o as f32),
        })
    };
    let layers = vec![dense(4, 2), Layer::Relu, dense(3, 4)];
    Sequential { name: "small".into(), input_shape: vec![2], layers }
}

/// The small model's file with a change.
fn edited(edit: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let bytes = write(&small(), &Batch::dynamic()).unwrap();
    let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
    edit(&mut model);
    model.encode_to_vec()
}

/// The small model's file with its nodes and weights changed.
fn regraphed(edit: impl FnOnce(&mut Vec<NodeProto>, &mut Vec<TensorProto>)) -> Vec<u8> {
    edited(|model| {
        let graph = model.graph.as_mut().unwrap();
        edit(&mut graph.node, &mut graph.initializer);
    })
}

fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op_type.into(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

fn attribute<'a>(node: &'a mut NodeProto, name: &str) -> &'a mut AttributeProto {
    node.attribute.iter_mut().find(|a| a.name == name).unwrap()
}

fn transposed(tensor: &TensorProto) -> TensorProto {
    let (rows, columns) = (tensor.dims[0] as usize, tensor.dims[1] as usize);
    let old: Vec<f32> = tensor.raw_data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let new = (0..columns).flat_map(|c| old.iter().skip(c).step_by(columns).copied());
    assert_eq!(old.len(), rows * columns);
    TensorProto {
        dims: vec![columns as i64, rows as i64],
        raw_data: vec![],
        float_data: new.collect(),
        ..tensor.clone()
    }
}

#[test]
fn gemm_without_trans_b_and_typed_data() {
    let bytes = regraphed(|nodes, weights| {
        attribute(&mut nodes[0], "transB").i = 0;
        weights[0] = transposed(&weights[0]);
    });
    assert_eq!(read(&bytes), Ok(small()));
}

#[test]
fn mat_mul_and_add_on_either_side() {
    for constant_first in [false, true] {
        let bytes = regraphed(|nodes, weights| {
            weights[0] = transposed(&weights[0]);
            let add = if constant_first { ["layer0.bias", "m"] } else { ["m", "layer0.bias"] };
            nodes[0] = node("Add", &add, "layer0");
            nodes.insert(0, node("MatMul", &["input", "layer0.weight"], "m"));
        });
        assert_eq!(read(&bytes), Ok(small()));
    }
}

#[test]
fn mat_mul_alone_has_no_bias() {
    let bytes = regraphed(|nodes, weights| {
        weights[0] = transposed(&weights[0]);
        nodes[0] = node("MatMul", &["input", "layer0.weight"], "layer0");
    });
    let mut expected = small();
    if let Layer::Dense(dense) = &mut expected.layers[0] {
        dense.bias.fill(0.0);
    }
    assert_eq!(read(&bytes), Ok(expected));
}

#[test]
fn constants_identities_and_reshapes() {
    let bytes = regraphed(|nodes, weights| {
        let value = weights.remove(0);
        let mut constant = node("Constant", &[], "c");
        constant.attribute.push(AttributeProto {
            name: "value".into(),
            r#type: AttributeType::Tensor as i32,
            t: Some(value),
            ..Default::default()
        });
        weights.push(TensorProto {
            name: "shape".into(),
            dims: vec![2],
            data_type: DataType::Int64 as i32,
            int64_data: vec![0, -1],
            ..Default::default()
        });
        nodes[0].input[0] = "flat".into();
        nodes.insert(0, constant);
        nodes.insert(1, node("Identity", &["c"], "layer0.weight"));
        nodes.insert(2, node("Identity", &["input"], "same"));
        nodes.insert(3, node("Reshape", &["same", "shape"], "flat"));
    });
    let mut expected = small();
    expected.layers.insert(0, Layer::Flatten);
    assert_eq!(read(&bytes), Ok(expected));
}

#[test]
fn an_unsupported_operator_is_named_and_still_inspected() {
    let bytes = regraphed(|nodes, _| nodes[1].op_type = "Sigmoid".into());
    let error = read(&bytes).unwrap_err();
    assert!(
        matches!(&error, OnnxError::UnsupportedOperator { operator, node, .. }
            if operator == "Sigmoid" && node == "relu1"),
        "{error}"
    );
    assert!(error.to_string().starts_with("unsupported operator Sigmoid (node `relu1`)"));
    let facts = inspect(&bytes).unwrap();
    assert_eq!(facts.operators["Sigmoid"], 1);
    assert_eq!(facts.opset, Some(13));
    let batch = Dimension::Symbol("batch".into());
    assert_eq!(facts.outputs[0].shape, Some(vec![batch, Dimension::Fixed(3)]));
}

#[test]
fn an_operator_of_another_domain_is_another_operator() {
    let bytes = regraphed(|nodes, _| nodes[1].domain = "com.example".into());
    let error = read(&bytes).unwrap_err();
    assert!(
        matches!(&error, OnnxError::UnsupportedOperator { operator, .. }
            if operator == "com.example.Relu"),
        "{error}"
    );
}

#[test]
fn branches_dangling_and_surplus_inputs_are_refused() {
    let branch = regraphed(|nodes, _| nodes[2].input[0] = "layer0".into());
    assert!(matches!(read(&branch), Err(OnnxError::NotSequential { .. })));
    let residual = regraphed(|nodes, _| nodes[1] = node("Add", &["layer0", "input"], "layer1"));
    assert!(matches!(read(&residual), Err(OnnxError::UnsupportedOperator { .. })));
    let missing = regraphed(|_, weights| drop(weights.remove(2)));
    assert!(matches!(read(&missing), Err(OnnxError::NotSequential { .. })));
    let surplus = regraphed(|nodes, _| nodes[1].input.push("input".into()));
    assert!(matches!(read(&surplus), Err(OnnxError::NotSequential { .. })));
}

#[test]
fn attributes_that_change_the_meaning_are_refused() {
    let alpha = regraphed(|nodes, _| attribute(&mut nodes[0], "alpha").f = 0.5);
    assert!(matches!(read(&alpha), Err(OnnxError::Attribute { attribute, .. }) if attribute == "alpha"));
    let unknown = regraphed(|nodes, _| attribute(&mut nodes[0], "transA").name = "new".into());
    assert!(matches!(read(&unknown), Err(OnnxError::Attribute { attribute, .. }) if attribute == "new"));
}

#[test]
fn tensors_that_lie_are_refused() {
    let short = regraphed(|_, weights| weights[0].raw_data.truncate(8));
    assert!(matches!(read(&short), Err(OnnxError::Tensor { .. })));
    let ragged = regraphed(|_, weights| weights[0].raw_data.truncate(7));
    assert!(matches!(read(&ragged), Err(OnnxError::Tensor { .. })));
    let huge = regraphed(|_, weights| weights[0].dims = vec![i64::MAX, i64::MAX]);
    assert!(matches!(read(&huge), Err(OnnxError::Tensor { .. })));
    let negative = regraphed(|_, weights| weights[0].dims[0] = -4);
    assert!(matches!(read(&negative), Err(OnnxError::Tensor { .. })));
    let half = regraphed(|_, weights| weights[0].data_type = DataType::Float16 as i32);
    assert!(matches!(read(&half), Err(OnnxError::Tensor { .. })));
    let twice = regraphed(|_, weights| weights.push(weights[0].clone()));
    assert!(matches!(read(&twice), Err(OnnxError::Tensor { .. })));
}

#[test]
fn weights_that_are_not_numbers_are_refused() {
    let nan = regraphed(|_, weights| {
        weights[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let expected = GraphError::NotFinite { layer: 0, kind: "Dense", value: "NaN".into() };
    assert_eq!(read(&nan), Err(OnnxError::Graph(expected)));
}

#[test]
fn files_that_are_no_model_are_refused() {
    assert_eq!(read(&[]), Err(OnnxError::NoGraph));
    assert_eq!(inspect(&[]), Err(OnnxError::NoGraph));
    assert!(matches!(read(b"not a model"), Err(OnnxError::Decode { .. })));
    let old = edited(|model| model.opset_import[0].version = 6);
    assert_eq!(read(&old), Err(OnnxError::Opset { min: 7, got: Some(6) }));
}

#[test]
fn interfaces_that_do_not_fit_are_refused() {
    let no_shape = edited(|model| model.graph.as_mut().unwrap().input[0].r#type = None);
    assert!(matches!(read(&no_shape), Err(OnnxError::Interface { which: "input", .. })));
    let two = edited(|model| {
        let graph = model.graph.as_mut().unwrap();
        let mut second = graph.input[0].clone();
        second.name = "second".into();
        graph.input.push(second);
    });
    assert!(matches!(read(&two), Err(OnnxError::Interface { which: "input", .. })));
    let other = edited(|model| model.graph.as_mut().unwrap().output[0].name = "layer0".into());
    assert!(matches!(read(&other), Err(OnnxError::Interface { which: "output", .. })));
    assert!(write(&small(), &Batch::Fixed(0)).is_err());
}
