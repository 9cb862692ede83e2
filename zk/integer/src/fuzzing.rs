//! What the fuzz targets of integer backends start from, and how they change it.

use zktee_models::integer::{IntegerDense, IntegerLayer, IntegerModel, Parts, QuantError, Rescale, Scale};

/// A model of two dense layers with two inputs from -8 to 7.
///
/// # Errors
/// None: it holds together.
pub fn model() -> Result<IntegerModel, QuantError> {
    let dense = |rescale| {
        let (weights, bias) = (vec![3, -2, 1, 5], vec![4, -7]);
        IntegerLayer::Dense(IntegerDense { outputs: 2, inputs: 2, weights, bias, rescale })
    };
    let one = Scale { mantissa: 1, exponent: 0 };
    IntegerModel::from_parts(Parts {
        name: "fuzzed".to_owned(),
        input_shape: vec![2],
        input_scale: one,
        input_range: [-8, 7],
        activation_bound: 60,
        layers: vec![dense(Some(Rescale { exponent: 2, relu: true })), dense(None)],
        output_scale: one,
    })
}

/// A file with some bytes changed: each three bytes of the edits are a place (little-endian, around the end) and a byte to put there.
pub fn edited(file: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for &[low, high, byte] in edits.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len().max(1);
        if let Some(old) = bytes.get_mut(at) {
            *old = byte;
        }
    }
    bytes
}
