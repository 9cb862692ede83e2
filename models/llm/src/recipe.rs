//! Models of random weights, for speed alone: a shape and a seed take the place of a file.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Deserialize;

use crate::error::LlmError;
use crate::gpt2::{Block, Gpt2, Linear, Norm, Shape, Weights};
use crate::kind::Kind;
use crate::matrix::Matrix;

/// The longest recipe that is read, bytes.
const MAX_BYTES: usize = 4096;

/// What a model of random weights is made from. Its file is this object as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// Version of this form, and the mark that a JSON file is one.
    zktee_recipe: u32,
    /// Family of the network.
    family: Family,
    layers: usize,
    width: usize,
    heads: usize,
    context: usize,
    vocabulary: usize,
    /// How matrices are held.
    weights: Held,
    /// Of the random numbers.
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Family {
    Gpt2,
}

/// How matrices of weights are held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Held {
    /// 32-bit floats.
    F32,
    /// Blocks of 32 8-bit integers with one scale.
    #[serde(rename = "q8_0")]
    Q8_0,
}

impl Recipe {
    /// Reads a recipe and checks its bounds.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, LlmError> {
        if bytes.len() > MAX_BYTES {
            return Err(LlmError::Damaged(format!("a recipe of {} bytes; {MAX_BYTES} are the most", bytes.len())));
        }
        let recipe: Self = serde_json::from_slice(bytes)
            .map_err(|error| LlmError::Damaged(format!("no recipe of random weights: {error}")))?;
        if recipe.zktee_recipe != 1 {
            return Err(LlmError::Unsupported(format!("version {} of recipes of random weights", recipe.zktee_recipe)));
        }
        recipe.shape().check()?;
        if !recipe.width.is_multiple_of(recipe.kind().block()) {
            return Err(LlmError::Damaged(format!(
                "rows of {} weights are not of whole blocks of {}",
                recipe.width,
                recipe.kind()
            )));
        }
        // One token a byte is its tokenizer.
        if recipe.vocabulary < 256 {
            return Err(LlmError::Tokenizer(format!("{} tokens, less than one a byte", recipe.vocabulary)));
        }
        Ok(recipe)
    }

    /// The shape of its network.
    pub(crate) const fn shape(&self) -> Shape {
        let Self { layers, width, heads, context, vocabulary, .. } = *self;
        Shape { layers, width, heads, context, vocabulary, epsilon: 1e-5 }
    }

    /// How matrices are held.
    pub(crate) const fn kind(&self) -> Kind {
        match self.weights {
            Held::F32 => Kind::F32,
            Held::Q8_0 => Kind::Q8_0,
        }
    }

    /// Draws the weights.
    ///
    /// Variances are such that a vector keeps its length on its way: each layer counts, and the likeliest token depends on the whole text.
    pub(crate) fn build(&self) -> Gpt2 {
        let shape = self.shape();
        let Shape { layers, width, context, vocabulary, .. } = shape;
        let mut draw = Draw(ChaCha8Rng::seed_from_u64(self.seed));
        let tokens = self.matrix(&mut draw, vocabulary, width);
        let positions = self.matrix(&mut draw, context, width);
        let blocks = (0..layers).map(|_| Block {
            attention_norm: Norm::unit(width),
            query_key_value: self.linear(&mut draw, 3 * width, width),
            attention_out: self.linear(&mut draw, width, width),
            feed_norm: Norm::unit(width),
            feed_in: self.linear(&mut draw, 4 * width, width),
            feed_out: self.linear(&mut draw, width, 4 * width),
        });
        let blocks = blocks.collect();
        Gpt2::new(shape, Weights { tokens, positions, blocks, norm: Norm::unit(width) })
    }

    fn linear(&self, draw: &mut Draw, outputs: usize, inputs: usize) -> Linear {
        let matrix = self.matrix(draw, outputs, inputs);
        Linear { matrix, bias: draw.even(0.1, outputs) }
    }

    fn matrix(&self, draw: &mut Draw, outputs: usize, inputs: usize) -> Matrix {
        // The variance of an even spread over -a..a is a^2 / 3.
        let floats = draw.even((3.0 / inputs as f32).sqrt(), outputs * inputs);
        match self.weights {
            Held::F32 => Matrix::of_floats(outputs, inputs, &floats),
            Held::Q8_0 => Matrix::in_q8_0(outputs, inputs, &floats),
        }
    }
}

/// Random numbers from a seed.
struct Draw(ChaCha8Rng);

impl Draw {
    /// Numbers spread evenly over `-limit..limit`: odd multiples of `limit / 2^16`.
    fn even(&mut self, limit: f32, count: usize) -> Vec<f32> {
        let step = limit / 65536.0;
        let mut numbers = Vec::with_capacity(count);
        // Many at a time, which is several times faster than one by one.
        let mut bytes = [0; 8192];
        while numbers.len() < count {
            self.0.fill_bytes(&mut bytes);
            let (pairs, _) = bytes.as_chunks();
            let odd = |&pair: &[u8; 2]| 2.0 * f32::from(i16::from_le_bytes(pair)) + 1.0;
            numbers.extend(pairs.iter().take(count - numbers.len()).map(|pair| odd(pair) * step));
        }
        numbers
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A recipe with one setting put in another's place.
    pub(crate) fn tiny(change: (&str, &str)) -> Vec<u8> {
        let recipe = r#"{"zktee_recipe":1,"family":"gpt2","layers":2,"width":64,"heads":2,"context":128,"vocabulary":300,"weights":"f32","seed":1}"#;
        assert!(recipe.contains(change.0));
        recipe.replacen(change.0, change.1, 1).into_bytes()
    }

    #[test]
    fn what_is_out_of_its_bounds_is_refused() {
        assert!(Recipe::parse(&tiny(("", ""))).is_ok());
        for change in [
            ("\"layers\":2", "\"layers\":0"),
            ("\"layers\":2", "\"layers\":129"),
            ("\"layers\":2", "\"layers\":-1"),
            ("\"layers\":2", "\"layers\":99999999999999999999"),
            ("\"width\":64", "\"width\":63"),
            ("\"width\":64", "\"width\":0"),
            ("\"width\":64", "\"width\":16386"),
            ("\"heads\":2", "\"heads\":0"),
            ("\"heads\":2", "\"heads\":3"),
            ("\"context\":128", "\"context\":1"),
            ("\"context\":128", "\"context\":9999999"),
            ("\"vocabulary\":300", "\"vocabulary\":255"),
            ("\"vocabulary\":300", "\"vocabulary\":9999999"),
            ("\"zktee_recipe\":1", "\"zktee_recipe\":2"),
            ("gpt2", "gpt3"),
            ("f32", "f33"),
            (
                "64,\"heads\":2,\"context\":128,\"vocabulary\":300,\"weights\":\"f32\"",
                "48,\"heads\":2,\"context\":128,\"vocabulary\":300,\"weights\":\"q8_0\"",
            ),
            ("\"seed\":1", "\"seed\":1,\"more\":1"),
            (",\"seed\":1", ""),
        ] {
            assert!(Recipe::parse(&tiny(change)).is_err(), "{change:?}");
        }
        assert!(Recipe::parse(&[b' '; MAX_BYTES + 1]).is_err());
    }

    #[test]
    fn a_seed_decides_the_weights() {
        let draw = |seed| Draw(ChaCha8Rng::seed_from_u64(seed)).even(0.5, 4);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).iter().all(|x| x.abs() < 0.5));
    }
}
