//! GPT-2: the decoder of Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), with learnt positions, a norm before
//! each part, and the tokens' embeddings as the last layer.

use crate::error::LlmError;
use crate::matrix::Matrix;
use crate::network::Network;
use crate::pool::Pool;

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

    /// Bytes that reading a whole context takes beside the weights.
    pub(crate) fn context_bytes(&self) -> u64 {
        let [layers, width, context, vocabulary] =
            [self.layers, self.width, self.context, self.vocabulary].map(|n| n as u64);
        (2 * layers * context * width + BATCH as u64 * 10 * width + context + vocabulary) * 4
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

    /// Each vector less its mean, over its standard deviation.
    fn apply(&self, epsilon: f32, vectors: &[f32], normed: &mut [f32]) {
        let width = self.weight.len();
        for (vector, out) in vectors.chunks(width).zip(normed.chunks_mut(width)) {
            let mean = vector.iter().sum::<f32>() / width as f32;
            let variance = vector.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / width as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for (((out, x), weight), bias) in out.iter_mut().zip(vector).zip(&self.weight).zip(&self.bias) {
                *out = (x - mean) * scale * weight + bias;
            }
        }
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

/// What one layer remembers of the tokens read: keys and values, `[tokens, width]` each.
#[derive(Debug, Default)]
struct Memory {
    keys: Vec<f32>,
    values: Vec<f32>,
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
        let memory = weights.blocks.iter().map(|_| Memory::default()).collect();
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
        let mut inner = vec![0.0; 4 * stream.len()];
        for (block, memory) in self.weights.blocks.iter().zip(&mut self.memory) {
            block.attention_norm.apply(epsilon, &stream, &mut normed);
            block.query_key_value.apply(pool, &normed, &mut query_key_value);
            for vector in query_key_value.chunks(3 * width) {
                memory.keys.extend_from_slice(&vector[width..2 * width]);
                memory.values.extend_from_slice(&vector[2 * width..]);
            }
            memory.attend(pool, &self.shape, self.read, &query_key_value, &mut normed);
            let attended = &mut inner[..stream.len()];
            block.attention_out.apply(pool, &normed, attended);
            add(&mut stream, attended);

            block.feed_norm.apply(epsilon, &stream, &mut normed);
            block.feed_in.apply(pool, &normed, &mut inner);
            pool.for_each_part(&mut inner, width, &|_, part| part.iter_mut().for_each(|x| *x = gelu(*x)));
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
        for memory in &mut self.memory {
            memory.keys.clear();
            memory.values.clear();
        }
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

impl Memory {
    /// Each new token's look at itself and those before it, head by head: `[n, 3 width]` of queries, keys and values to `[n, width]`. `before`
    /// tokens were there.
    fn attend(&self, pool: &Pool, shape: &Shape, before: usize, query_key_value: &[f32], attended: &mut [f32]) {
        let Shape { width, heads, .. } = *shape;
        let size = width / heads;
        let scale = 1.0 / (size as f32).sqrt();
        pool.for_each_part(attended, size, &|part, out| {
            let (token, head) = (part / heads, part % heads);
            let here = head * size..(head + 1) * size;
            let query = &query_key_value[token * 3 * width..][here.clone()];
            let seen = (before + token + 1) * width;
            let keys = self.keys[..seen].chunks(width).map(|key| &key[here.clone()]);
            let mut scores: Vec<f32> = keys.map(|key| scale * dot(query, key)).collect();
            softmax(&mut scores);
            out.fill(0.0);
            for (score, value) in scores.iter().zip(self.values.chunks(width)) {
                for (out, value) in out.iter_mut().zip(&value[here.clone()]) {
                    *out += score * value;
                }
            }
        });
    }
}

/// Scores to shares of one.
fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}

/// Eight sums at a time, which a compiler makes vectors of.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn add(to: &mut [f32], what: &[f32]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += what;
    }
}

/// The approximation by tanh with which the family was trained (`gelu_new`).
fn gelu(x: f32) -> f32 {
    let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}
