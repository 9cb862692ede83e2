//! GPT-2 in Hugging Face's layout: `model.safetensors` with `config.json`.

mod config;
mod header;

use std::collections::HashMap;

pub(crate) use self::config::Config;
use self::header::{Header, Place};
use crate::dequantise;
use crate::error::LlmError;
use crate::gpt2::{Block, Gpt2, Linear, Norm, Shape, Weights};
use crate::kind::Kind;
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
pub(crate) fn read(mut file: Vec<u8>, shape: Shape, options: &LoadOptions) -> Result<(Gpt2, Kind), LlmError> {
    let header = Header::parse(&file)?;
    let places = header.check(&shape, &file)?;
    options.check_memory(memory(file.len(), &places, &shape))?;
    let most = places.iter().max_by_key(|place| place.numbers()).map_or(Kind::F32, |place| place.kind);

    let mut tensors = HashMap::with_capacity(places.len());
    // From the file's end on.
    for place in places.iter().rev() {
        tensors.insert(place.name.clone(), Tensor::of(place, &file[place.bytes.clone()]));
        if file.len() - place.bytes.start >= GIVE_BACK {
            file.truncate(place.bytes.start);
            file.shrink_to_fit();
        }
    }
    drop(file);
    Ok((Gpt2::new(shape, Tensors(tensors).weights(shape.layers)?), most))
}

/// A tensor in the form in which the network has it.
enum Tensor {
    Matrix(Matrix),
    Floats(Vec<f32>),
}

impl Tensor {
    fn of(place: &Place, bytes: &[u8]) -> Self {
        let kind = place.kind;
        match place.shape[..] {
            [inputs, outputs] if place.transposed() => {
                let bytes = match kind {
                    Kind::F32 => transpose::<4>(bytes, inputs, outputs),
                    _ => transpose::<2>(bytes, inputs, outputs),
                };
                Self::Matrix(Matrix::of_kind(kind, outputs, inputs, &bytes))
            }
            [outputs, inputs] => Self::Matrix(Matrix::of_kind(kind, outputs, inputs, bytes)),
            _ => Self::Floats(bytes.chunks_exact(kind.bytes()).map(|bytes| dequantise::single(kind, bytes)).collect()),
        }
    }
}

/// The most bytes that are held at a time, while it is read or after.
fn memory(file: usize, places: &[Place], shape: &Shape) -> u64 {
    let bytes = |place: &Place| match place.shape[..] {
        [outputs, inputs] => Matrix::bytes(place.kind, outputs, inputs),
        _ => place.numbers() as u64 * 4,
    };
    let network: u64 = places.iter().map(bytes).sum();
    // A tensor that is made beside what is left of the file, and its transpose.
    let largest =
        |transposed| places.iter().filter(|place| place.transposed() == transposed).map(bytes).max().unwrap_or(0);
    let working = largest(false).max(2 * largest(true)) + file.min(GIVE_BACK) as u64;
    (network.max(file as u64) + working).max(network + shape.context_bytes())
}

/// Tensors by their names, all of them in their shapes.
struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    fn missing(name: &str) -> LlmError {
        LlmError::Damaged(format!("there is no tensor {name} of its kind"))
    }

    fn matrix(&mut self, name: &str) -> Result<Matrix, LlmError> {
        match self.0.remove(name) {
            Some(Tensor::Matrix(matrix)) => Ok(matrix),
            _ => Err(Self::missing(name)),
        }
    }

    fn floats(&mut self, name: &str) -> Result<Vec<f32>, LlmError> {
        match self.0.remove(name) {
            Some(Tensor::Floats(floats)) => Ok(floats),
            _ => Err(Self::missing(name)),
        }
    }

    fn norm(&mut self, name: &str) -> Result<Norm, LlmError> {
        Ok(Norm { weight: self.floats(&format!("{name}.weight"))?, bias: self.floats(&format!("{name}.bias"))? })
    }

    fn linear(&mut self, name: &str) -> Result<Linear, LlmError> {
        Ok(Linear { matrix: self.matrix(&format!("{name}.weight"))?, bias: self.floats(&format!("{name}.bias"))? })
    }

    /// Puts the network together.
    fn weights(mut self, layers: usize) -> Result<Weights, LlmError> {
        let block = |layer| {
            Ok(Block {
                attention_norm: self.norm(&format!("h.{layer}.ln_1"))?,
                query_key_value: self.linear(&format!("h.{layer}.attn.c_attn"))?,
                attention_out: self.linear(&format!("h.{layer}.attn.c_proj"))?,
                feed_norm: self.norm(&format!("h.{layer}.ln_2"))?,
                feed_in: self.linear(&format!("h.{layer}.mlp.c_fc"))?,
                feed_out: self.linear(&format!("h.{layer}.mlp.c_proj"))?,
            })
        };
        let blocks = (0..layers).map(block).collect::<Result<_, LlmError>>()?;
        Ok(Weights {
            tokens: self.matrix("wte.weight")?,
            positions: self.matrix("wpe.weight")?,
            blocks,
            norm: self.norm("ln_f")?,
        })
    }
}

/// `[inputs, outputs]` to `[outputs, inputs]` of numbers of `N` bytes, in squares that fit into a cache.
fn transpose<const N: usize>(from: &[u8], inputs: usize, outputs: usize) -> Vec<u8> {
    const SQUARE: usize = 32;
    let mut bytes = vec![0; from.len()];
    let (from, to) = (from.as_chunks::<N>().0, bytes.as_chunks_mut::<N>().0);
    for first_input in (0..inputs).step_by(SQUARE) {
        for first_output in (0..outputs).step_by(SQUARE) {
            for output in first_output..(first_output + SQUARE).min(outputs) {
                for input in first_input..(first_input + SQUARE).min(inputs) {
                    to[output * inputs + input] = from[input * outputs + output];
                }
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_swaps_rows_and_columns() {
        let (inputs, outputs) = (37, 70);
        let from: Vec<u8> = (0..inputs * outputs).flat_map(|n| (n as u16).to_le_bytes()).collect();
        let to = transpose::<2>(&from, inputs, outputs);
        let at = |bytes: &[u8], index: usize| u16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]]);
        assert!((0..inputs).all(|i| (0..outputs).all(|o| at(&to, o * inputs + i) == at(&from, i * outputs + o))));
        assert_eq!(transpose::<2>(&to, outputs, inputs), from);
    }
}
