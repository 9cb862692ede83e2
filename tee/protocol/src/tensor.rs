//! Tensors of f32 as they go over the wire: a shape, and one byte string of little-endian values.

use crate::codec::{Items, Sink};
use crate::error::Malformed;

/// Dimensions that a tensor may have at most.
pub const MAX_RANK: usize = 8;
/// Values that a tensor may have at most.
pub const MAX_ELEMENTS: usize = 16 * 1024 * 1024;

/// Values in row-major order with their shape. No shape at all means a single value; a dimension of 0 means none.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<u32>,
    values: Vec<f32>,
}

impl Tensor {
    /// A tensor of this shape.
    ///
    /// # Errors
    ///
    /// [`Malformed::Bounds`] beyond [`MAX_RANK`] or [`MAX_ELEMENTS`], [`Malformed::Shape`] when the shape's product is not the number
    /// of values.
    pub fn new(shape: Vec<u32>, values: Vec<f32>) -> Result<Self, Malformed> {
        if elements(&shape)? != values.len() {
            return Err(Malformed::Shape);
        }
        Ok(Tensor { shape, values })
    }

    /// The dimensions, outermost first.
    pub fn shape(&self) -> &[u32] {
        &self.shape
    }

    /// The values, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Shape and values.
    pub fn into_parts(self) -> (Vec<u32>, Vec<f32>) {
        (self.shape, self.values)
    }

    /// The values' bytes as they go over the wire, little-endian: what a digest of a tensor is taken over.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.values.len() * 4];
        for (bytes, value) in bytes.chunks_exact_mut(4).zip(&self.values) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn encode(&self, sink: &mut Sink) {
        sink.array(self.shape.len());
        for dimension in &self.shape {
            sink.number(u64::from(*dimension));
        }
        sink.floats(&self.values);
    }

    pub(crate) fn decode(items: &mut Items) -> Result<Self, Malformed> {
        let rank = items.array("shape", MAX_RANK)?;
        let mut shape = Vec::with_capacity(rank);
        for _ in 0..rank {
            shape.push(u32::try_from(items.number("shape")?).map_err(|_| Malformed::Bounds("shape"))?);
        }
        let count = elements(&shape)?;
        let bytes = items.bytes("values", MAX_ELEMENTS * 4)?;
        if bytes.len() != count * 4 {
            return Err(Malformed::Shape);
        }
        let (values, _) = bytes.as_chunks::<4>();
        Ok(Tensor { shape, values: values.iter().map(|value| f32::from_le_bytes(*value)).collect() })
    }
}

/// The product of a shape within its limits.
fn elements(shape: &[u32]) -> Result<usize, Malformed> {
    if shape.len() > MAX_RANK {
        return Err(Malformed::Bounds("shape"));
    }
    // A dimension of 0 empties the tensor, whatever the others are, so these are still held to the limit by themselves.
    let product = shape.iter().try_fold(1_usize, |product, dimension| {
        let product = product.checked_mul(*dimension as usize)?;
        (product <= MAX_ELEMENTS && *dimension as usize <= MAX_ELEMENTS).then_some(product)
    });
    product.ok_or(Malformed::Bounds("shape"))
}
