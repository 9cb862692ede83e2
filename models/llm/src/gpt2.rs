//! GPT-2: the decoder of Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), with learnt positions, a norm before
//! each part, and the tokens' embeddings as the last layer.

use crate::attention::{self, Memory};
use crate::error::LlmError;
use crate::kind::Kind;
use crate::matrix::Matrix;
use crate::network::Network;
use crate::pool::Pool;
use crate::vectors::{add, gelu, layer_norm};

/// Tokens that are read at a time: bounds what a long prompt takes of memory.
const BATCH: usize = 64;

/// The numbers that say how large a network is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) context: usize,
    pub(crate) vocabulary: usize,
    /// Added to the variance in norms.
    pub(crate) epsilon: f32,
}

impl Shape {
    /// Largest numbers that are taken: far above the family's largest, and small enough that no product of them overflows.
    const MOST: Self =
        Self { layers: 128, width: 16384, heads: 1024, context: 1 << 17, vocabulary: 1 << 20, epsilon: 0.1 };

    /// Whether it is one of a network.
    pub(crate) fn check(&self) -> Result<(), LlmError> {
        let most = Self::MOST;
        for (name, number, least, most) in [
            ("layers", self.layers, 1, most.layers),
            ("width", self.width, 1, most.width),
            ("heads", self.heads, 1, most.heads),
            ("context", self.context, 2, most.context),
            ("vocabulary", self.vocabulary, 1, most.vocabulary),
        ] {
            if !(least..=most).contains(&number) {
                return Err(LlmError::Damaged(format!("{name} of {number}: it is from {least} to {most}")));
            }
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(LlmError::Damaged(format!("width {} is no multiple of {} heads", self.width, self.heads)));
        }
        if !(self.epsilon > 0.0 && self.epsilon <= most.epsilon) {
            return Err(LlmError::Damaged(format!("a norm's epsilon of {}", self.epsilon)));
        }
        Ok(())
    }

    /// Numbers that are learnt. Products of checked numbers stay far below 2^64.
    pub(crate) fn parameters(&self) -> u64 {
        let [layers, width, context, vocabulary] =
            [self.layers, self.width, self.context, self.vocabulary].map(|n| n as u64);
        (vocabulary + context) * width + layers * 12 * width * width + self.small_parameters()
    }

    /// Those of them that stand in no matrix: norms and biases.
    pub(crate) fn small_parameters(&self) -> u64 {
        (self.layers * 13 * self.width + 2 * self.width) as u64
    }

    /// Bytes that its weights take, matrices held in that kind.
    pub(crate) fn weight_bytes(&self, kind: Kind) -> u64 {
        let Self { layers, width, context, vocabulary, .. } = *self;
        let matrix = |outputs, inputs| Matrix::bytes(kind, outputs, inputs);
        let layer =
            matrix(3 * width, width) + matrix(width, width) + matrix(4 * width, width) + matrix(width, 4 * width);
        matrix(vocabulary, width) + matrix(context, width) + layers as u64 * layer + self.small_parameters() * 4
    }

    /// Bytes that reading a whole context takes beside the weights.
    pub(crate) fn context_bytes(&self) -> u64 {
        let [layers, width, vocabulary] = [self.layers, self.width, self.vocabulary].map(|n| n as u64);
        layers * attention::bytes(self.context, self.heads, self.width / self.heads)
            + (BATCH as u64 * 12 * width + vocabulary) * 4
    }
}

/// A matrix and what is added to its product.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) matrix: Matrix,
    pub(crate) bias: Vec<f32>,
}

impl Linear {
    /// `[n, inputs]` to `[n, outputs]`.
    fn apply(&self, pool: &Pool, vectors: &[f32], product: &mut [f32]) {
        self.matrix.multiply(pool, vectors, product);
        for vector in product.chunks_mut(self.bias.len()) {
            add(vector, &self.bias);
        }
    }
}

/// A layer norm.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Norm {
    /// One that only norms.
    pub(crate) fn unit(width: usize) -> Self {
        Self { weight: vec![1.0; width], bias: vec![0.0; width] }
    }

    fn apply(&self, epsilon: f32, vectors: &[f32], normed: &mut [f32]) {
        layer_norm(vectors, &self.weight, &self.bias, epsilon, normed);
    }
}

/// One layer.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) attention_norm: Norm,
    pub(crate) query_key_value: Linear,
    pub(crate) attention_out: Linear,
    pub(crate) feed_norm: Norm,
    pub(crate) feed_in: Linear,
    pub(crate) feed_out: Linear,
}

/// All that is learnt.
#[derive(Debug)]
pub(crate) struct Weights {
    /// `[vocabulary, width]`: what each token begins as, and what each end is compared with.
    pub(crate) tokens: Matrix,
    /// `[context, width]`.
    pub(crate) positions: Matrix,
    pub(crate) blocks: Vec<Block>,
    /// After the last layer.
    pub(crate) norm: Norm,
}

/// A network of the family.
#[derive(Debug)]
pub(crate) struct Gpt2 {
    shape: Shape,
    weights: Weights,
    memory: Vec<Memory>,
    read: usize,
    logits: Vec<f32>,
}

impl Gpt2 {
    /// A network that has read nothing.
    pub(crate) fn new(shape: Shape, weights: Weights) -> Self {
        let Shape { width, heads, .. } = shape;
        let memory = weights.blocks.iter().map(|_| Memory::new(heads, heads, width / heads)).collect();
        Self { shape, weights, memory, read: 0, logits: vec![0.0; shape.vocabulary] }
    }

    /// Reads at most [`BATCH`] tokens, and gives the last one's vector after all layers.
    fn read_batch(&mut self, pool: &Pool, tokens: &[u32]) -> Vec<f32> {
        let Shape { width, epsilon, .. } = self.shape;
        let mut stream = vec![0.0; tokens.len() * width];
        let mut position = vec![0.0; width];
        for (index, (&token, vector)) in tokens.iter().zip(stream.chunks_mut(width)).enumerate() {
            self.weights.tokens.row(token as usize, vector);
            self.weights.positions.row(self.read + index, &mut position);
            add(vector, &position);
        }
        let mut normed = vec![0.0; stream.len()];
        let mut query_key_value = vec![0.0; 3 * stream.len()];
        let mut queries = vec![0.0; stream.len()];
        let mut inner = vec![0.0; 4 * stream.len()];
        for (block, memory) in self.weights.blocks.iter().zip(&mut self.memory) {
            block.attention_norm.apply(epsilon, &stream, &mut normed);
            block.query_key_value.apply(pool, &normed, &mut query_key_value);
            for (index, vector) in query_key_value.chunks_exact(3 * width).enumerate() {
                let (query, rest) = vector.split_at(width);
                queries[index * width..][..width].copy_from_slice(query);
                let (key, value) = rest.split_at(width);
                memory.keep(self.read + index, key, value);
            }
            memory.attend(pool, self.read, &queries, &mut normed);
            let attended = &mut inner[..stream.len()];
            block.attention_out.apply(pool, &normed, attended);
            add(&mut stream, attended);

            block.feed_norm.apply(epsilon, &stream, &mut normed);
            block.feed_in.apply(pool, &normed, &mut inner);
            gelu(&mut inner);
            block.feed_out.apply(pool, &inner, &mut normed);
            add(&mut stream, &normed);
        }
        self.read += tokens.len();
        stream.split_off(stream.len() - width)
    }
}

impl Network for Gpt2 {
    fn context(&self) -> usize {
        self.shape.context
    }

    fn vocabulary(&self) -> usize {
        self.shape.vocabulary
    }

    fn clear(&mut self) {
        self.read = 0;
    }

    fn read(&mut self, pool: &Pool, tokens: &[u32]) -> &[f32] {
        assert!(!tokens.is_empty() && self.read + tokens.len() <= self.shape.context);
        let mut last = Vec::new();
        for batch in tokens.chunks(BATCH) {
            last = self.read_batch(pool, batch);
        }
        let mut normed = vec![0.0; self.shape.width];
        self.weights.norm.apply(self.shape.epsilon, &last, &mut normed);
        self.weights.tokens.multiply(pool, &normed, &mut self.logits);
        &self.logits
    }
}
