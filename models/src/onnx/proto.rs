//! Decoding, and naming of nodes in messages.

use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use super::{MAX_ONNX_BYTES, OnnxError};

/// Decodes a model, its size checked first.
pub(super) fn decode(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    if bytes.len() > MAX_ONNX_BYTES {
        return Err(OnnxError::TooLarge { max: MAX_ONNX_BYTES, got: bytes.len() });
    }
    ModelProto::decode(bytes).map_err(|e| OnnxError::Decode { reason: e.to_string() })
}

/// The model's graph; an empty file decodes to a model without one.
pub(super) fn graph(model: &ModelProto) -> Result<&GraphProto, OnnxError> {
    model.graph.as_ref().ok_or(OnnxError::NoGraph)
}

/// The imported version of the default operator set.
pub(super) fn opset(model: &ModelProto) -> Option<i64> {
    let default = model.opset_import.iter().find(|set| is_default_domain(&set.domain));
    default.map(|set| set.version)
}

fn is_default_domain(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// The operator with its domain, where that is not the default one.
pub(super) fn operator(node: &NodeProto) -> String {
    if is_default_domain(&node.domain) { node.op_type.clone() } else { format!("{}.{}", node.domain, node.op_type) }
}

/// The node's name, or else its first output's.
pub(super) fn label(node: &NodeProto) -> String {
    let unnamed = || node.output.first().cloned().unwrap_or_default();
    if node.name.is_empty() { unnamed() } else { node.name.clone() }
}
