//! GPT-2 in Hugging Face's layout: `model.safetensors` with `config.json`.

mod config;
mod header;

use std::collections::HashMap;

use ::safetensors::Dtype;

pub(crate) use self::config::Config;
use self::header::{Header, Place};
use crate::error::LlmError;
use crate::gpt2::{Block, Gpt2, Linear, Norm, Shape, Weights};
use crate::matrix::Matrix;
use crate::model::LoadOptions;

/// Bytes of the file that are given back at a time: giving back is no copy only for large pieces of memory.
const GIVE_BACK: usize = 64 << 20;

/// Reads a network out of its file, and says how most weights stand there.
///
/// The file's memory is given back from its end on while tensors are made of it: all in all it takes little more than the larger of the file
/// and the network ([`memory`]).
///
/// # Errors
/// [`LlmError`].
pub(crate) fn read(mut file: Vec<u8>, shape: Shape, options: &LoadOptions) -> Result<(Gpt2, &'static str), LlmError> {
    let header = Header::parse(&file)?;
    let places = header.check(&shape, &file)?;
    options.check_memory(memory(file.len(), &places, &shape))?;
    let weights = match places.iter().max_by_key(|place| place.numbers()).map(|place| place.kind) {
        Some(Dtype::F16) => "F16",
        Some(Dtype::BF16) => "BF16",
        _ => "F32",
    };

    let mut tensors = HashMap::with_capacity(places.len());
    // From the file's end on.
    for place in places.iter().rev() {
        let bytes = &file[place.bytes.clone()];
        let floats = floats(place.kind, bytes);
        let tensor = if place.transposed() { transpose(&floats, place.shape[0], place.shape[1]) } else { floats };
        tensors.insert(place.name.clone(), tensor);
        if file.len() - place.bytes.start >= GIVE_BACK {
            file.truncate(place.bytes.start);
            file.shrink_to_fit();
        }
    }
    drop(file);
    Ok((Gpt2::new(shape, assemble(&shape, tensors)?), weights))
}

/// The most bytes that are held at a time, while it is read or after.
fn memory(file: usize, places: &[Place], shape: &Shape) -> u64 {
    let largest = |transposed: bool| {
        places.iter().filter(|place| place.transposed() == transposed).map(Place::numbers).max().unwrap_or(0) as u64 * 4
    };
    // A tensor beside what is left of the file, twice where it is transposed.
    let working = largest(false).max(2 * largest(true)) + file.min(GIVE_BACK) as u64;
    let network = shape.parameters() * 4;
    (network.max(file as u64) + working).max(network + shape.context_bytes())
}

/// Puts the network together. All tensors are there in their shapes.
fn assemble(shape: &Shape, mut tensors: HashMap<String, Vec<f32>>) -> Result<Weights, LlmError> {
    let Shape { layers, width, context, vocabulary, .. } = *shape;
    let mut take = |name: &str, part: &str| {
        let name = format!("{name}.{part}");
        tensors.remove(&name).ok_or_else(|| LlmError::Damaged(format!("there is no tensor {name}")))
    };
    let tokens = Matrix::of_floats(vocabulary, width, take("wte", "weight")?);
    let positions = Matrix::of_floats(context, width, take("wpe", "weight")?);
    let norm = Norm { weight: take("ln_f", "weight")?, bias: take("ln_f", "bias")? };
    let mut blocks = Vec::with_capacity(layers);
    for layer in 0..layers {
        let mut norm = |name: &str| {
            let name = format!("h.{layer}.{name}");
            Ok::<_, LlmError>(Norm { weight: take(&name, "weight")?, bias: take(&name, "bias")? })
        };
        let (attention_norm, feed_norm) = (norm("ln_1")?, norm("ln_2")?);
        let mut linear = |name: &str, outputs, inputs| {
            let name = format!("h.{layer}.{name}");
            let matrix = Matrix::of_floats(outputs, inputs, take(&name, "weight")?);
            Ok::<_, LlmError>(Linear { matrix, bias: take(&name, "bias")? })
        };
        blocks.push(Block {
            attention_norm,
            query_key_value: linear("attn.c_attn", 3 * width, width)?,
            attention_out: linear("attn.c_proj", width, width)?,
            feed_norm,
            feed_in: linear("mlp.c_fc", 4 * width, width)?,
            feed_out: linear("mlp.c_proj", width, 4 * width)?,
        });
    }
    Ok(Weights { tokens, positions, blocks, norm })
}

/// Numbers of a tensor: its bytes are of that type, and whole.
fn floats(kind: Dtype, bytes: &[u8]) -> Vec<f32> {
    let pairs = || bytes.as_chunks().0.iter().map(|&pair| u16::from_le_bytes(pair));
    match kind {
        Dtype::F16 => pairs().map(|bits| half::f16::from_bits(bits).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|bits| half::bf16::from_bits(bits).to_f32()).collect(),
        _ => bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect(),
    }
}

/// `[inputs, outputs]` to `[outputs, inputs]`, in squares that fit into a cache.
fn transpose(from: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    const SQUARE: usize = 32;
    let mut to = vec![0.0; from.len()];
    for input in (0..inputs).step_by(SQUARE) {
        for output in (0..outputs).step_by(SQUARE) {
            for output in output..(output + SQUARE).min(outputs) {
                for input in input..(input + SQUARE).min(inputs) {
                    to[output * inputs + input] = from[input * outputs + output];
                }
            }
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_swaps_rows_and_columns() {
        let (inputs, outputs) = (37, 70);
        let from: Vec<f32> = (0..inputs * outputs).map(|n| n as f32).collect();
        let to = transpose(&from, inputs, outputs);
        assert!((0..inputs).all(|i| (0..outputs).all(|o| to[o * inputs + i] == from[i * outputs + o])));
        assert_eq!(transpose(&to, outputs, inputs), from);
    }

    #[test]
    fn numbers_of_sixteen_bits_are_read() {
        assert_eq!(floats(Dtype::F16, &[0x00, 0x3c, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(floats(Dtype::BF16, &[0x80, 0x3f, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(floats(Dtype::F32, &1.5_f32.to_le_bytes()), [1.5]);
    }
}
