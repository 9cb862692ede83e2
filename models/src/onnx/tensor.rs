//! Weights out of ONNX tensors.

use ndarray::{ArrayD, IxDyn};
use tract_onnx::pb::{
    TensorProto,
    tensor_proto::{DataLocation, DataType},
};

use super::OnnxError;
use crate::graph::MAX_ELEMENTS;

/// A `FLOAT` tensor, stored as raw little-endian bytes or as a list of floats.
pub(super) fn floats(tensor: &TensorProto) -> Result<ArrayD<f32>, OnnxError> {
    let shape = shape_of(tensor, DataType::Float)?;
    let data = if tensor.raw_data.is_empty() {
        tensor.float_data.clone()
    } else {
        raw(tensor)?.map(f32::from_le_bytes).collect()
    };
    filled(tensor, &shape, data.len())?;
    ArrayD::from_shape_vec(IxDyn(&shape), data).map_err(|e| wrong(tensor, format!("shape {shape:?}"), e.to_string()))
}

/// An `INT64` tensor as a flat list, whatever its shape.
pub(super) fn integers(tensor: &TensorProto) -> Result<Vec<i64>, OnnxError> {
    let shape = shape_of(tensor, DataType::Int64)?;
    let data = if tensor.raw_data.is_empty() {
        tensor.int64_data.clone()
    } else {
        raw(tensor)?.map(i64::from_le_bytes).collect()
    };
    filled(tensor, &shape, data.len())?;
    Ok(data)
}

/// The tensor's shape, after its type and storage were checked.
fn shape_of(tensor: &TensorProto, kind: DataType) -> Result<Vec<usize>, OnnxError> {
    if tensor.data_type != kind as i32 {
        let got = DataType::try_from(tensor.data_type)
            .map_or_else(|_| tensor.data_type.to_string(), |t| t.as_str_name().to_owned());
        return Err(wrong(tensor, format!("element type {}", kind.as_str_name()), got));
    }
    if tensor.data_location == Some(DataLocation::External as i32) || tensor.segment.is_some() {
        let expected = "data inside the ONNX file".to_owned();
        return Err(wrong(tensor, expected, "external or segmented data".to_owned()));
    }
    let bad = || {
        let expected = format!("dimensions of at most {MAX_ELEMENTS} elements");
        wrong(tensor, expected, format!("{:?}", tensor.dims))
    };
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let shape = shape.ok_or_else(bad)?;
    crate::graph::shape::elements(&shape).ok_or_else(bad)?;
    Ok(shape)
}

/// Raw data cut into elements of `N` bytes.
fn raw<const N: usize>(tensor: &TensorProto) -> Result<impl Iterator<Item = [u8; N]> + '_, OnnxError> {
    let (chunks, rest) = tensor.raw_data.as_chunks::<N>();
    if rest.is_empty() {
        Ok(chunks.iter().copied())
    } else {
        let got = format!("{} bytes", tensor.raw_data.len());
        Err(wrong(tensor, format!("raw data in whole elements of {N} bytes"), got))
    }
}

/// Checks that the data fill the shape.
fn filled(tensor: &TensorProto, shape: &[usize], len: usize) -> Result<(), OnnxError> {
    if shape.iter().product::<usize>() == len {
        Ok(())
    } else {
        Err(wrong(tensor, format!("data for shape {shape:?}"), format!("{len} elements")))
    }
}

fn wrong(tensor: &TensorProto, expected: String, got: String) -> OnnxError {
    OnnxError::Tensor { tensor: tensor.name.clone(), expected, got }
}
