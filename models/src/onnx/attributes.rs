//! Attributes of one node: each is taken once, and one that nobody took is an error, so that nothing which would change
//! the meaning of a layer is overlooked.

use std::collections::BTreeMap;

use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto, attribute_proto::AttributeType};

use super::{OnnxError, proto};

/// The attributes of a node that were not taken yet.
pub(super) struct Attributes<'a> {
    node: &'a NodeProto,
    left: BTreeMap<&'a str, &'a AttributeProto>,
}

impl<'a> Attributes<'a> {
    /// All attributes of the node.
    pub(super) fn of(node: &'a NodeProto) -> Result<Self, OnnxError> {
        let mut attributes = Self { node, left: BTreeMap::new() };
        for attribute in &node.attribute {
            if attributes.left.insert(&attribute.name, attribute).is_some() {
                return Err(attributes.wrong(&attribute.name, "given once", "twice"));
            }
        }
        Ok(attributes)
    }

    /// An error about one attribute of this node.
    pub(super) fn wrong(&self, attribute: &str, expected: impl Into<String>, got: impl Into<String>) -> OnnxError {
        OnnxError::Attribute {
            operator: proto::operator(self.node),
            node: proto::label(self.node),
            attribute: attribute.into(),
            expected: expected.into(),
            got: got.into(),
        }
    }

    fn take(&mut self, name: &str, kind: AttributeType) -> Result<Option<&'a AttributeProto>, OnnxError> {
        let Some(attribute) = self.left.remove(name) else { return Ok(None) };
        // Files of the first IR versions leave the type away.
        if attribute.r#type == kind as i32 || attribute.r#type == AttributeType::Undefined as i32 {
            Ok(Some(attribute))
        } else {
            let got = AttributeType::try_from(attribute.r#type).map_or("an unknown type", |kind| kind.as_str_name());
            Err(self.wrong(name, format!("of type {}", kind.as_str_name()), got))
        }
    }

    /// An integer that must have one of the given values; absent counts as the first.
    pub(super) fn int_in(&mut self, name: &str, accepted: &[i64]) -> Result<i64, OnnxError> {
        let value = self.take(name, AttributeType::Int)?.map_or(accepted[0], |a| a.i);
        if accepted.contains(&value) {
            Ok(value)
        } else {
            Err(self.wrong(name, format!("one of {accepted:?}"), value.to_string()))
        }
    }

    /// A float that must be 1, its default.
    pub(super) fn one(&mut self, name: &str) -> Result<(), OnnxError> {
        let value = self.take(name, AttributeType::Float)?.map_or(1.0, |a| a.f);
        if value.to_bits() == 1.0f32.to_bits() { Ok(()) } else { Err(self.wrong(name, "1", value.to_string())) }
    }

    /// Exactly `N` integers that are not negative.
    pub(super) fn sizes<const N: usize>(
        &mut self,
        name: &str,
        default: Option<[usize; N]>,
    ) -> Result<[usize; N], OnnxError> {
        let expected = || format!("{N} integers that are not negative");
        let Some(attribute) = self.take(name, AttributeType::Ints)? else {
            return default.ok_or_else(|| self.wrong(name, expected(), "none"));
        };
        let sizes: Option<Vec<usize>> = attribute.ints.iter().map(|&n| usize::try_from(n).ok()).collect();
        sizes
            .and_then(|sizes| sizes.try_into().ok())
            .ok_or_else(|| self.wrong(name, expected(), format!("{:?}", attribute.ints)))
    }

    /// Exactly these integers, also when absent.
    pub(super) fn fixed<const N: usize>(&mut self, name: &str, value: [usize; N]) -> Result<(), OnnxError> {
        let got = self.sizes(name, Some(value))?;
        if got == value { Ok(()) } else { Err(self.wrong(name, format!("{value:?}"), format!("{got:?}"))) }
    }

    /// `auto_pad`: absent or `NOTSET` gives `false`, `VALID` gives `true` (padding attributes are ignored then).
    pub(super) fn auto_pad_valid(&mut self) -> Result<bool, OnnxError> {
        match self.take("auto_pad", AttributeType::String)?.map(|a| a.s.as_slice()) {
            None | Some(b"" | b"NOTSET") => Ok(false),
            Some(b"VALID") => Ok(true),
            Some(other) => {
                let got = String::from_utf8_lossy(other).into_owned();
                Err(self.wrong("auto_pad", "NOTSET or VALID, with the padding in `pads`", got))
            }
        }
    }

    /// A tensor that must be there.
    pub(super) fn tensor(&mut self, name: &str) -> Result<&'a TensorProto, OnnxError> {
        let attribute = self.take(name, AttributeType::Tensor)?;
        let tensor = attribute.and_then(|a| a.t.as_ref());
        tensor.ok_or_else(|| self.wrong(name, "a tensor", "none"))
    }

    /// Checks that every attribute was taken.
    pub(super) fn finish(self) -> Result<(), OnnxError> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.wrong(name, "absent", "present")),
        }
    }
}
