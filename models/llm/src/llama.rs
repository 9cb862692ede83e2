//! The llama family: the decoder of Touvron et al., "`LLaMA`: Open and Efficient Foundation Language Models" (2023), with queries that share
//! keys and values (Ainslie et al., 2023): root-mean-square norms, positions by rotation, and a gated feed-forward part.

mod load;
mod rotation;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use self::load::load;
use self::rotation::Rotation;
use self::shape::Shape;
use crate::attention::Memory;
use crate::matrix::Matrix;
use crate::network::Network;
use crate::pool::Pool;
use crate::vectors::{add, gate, rms_norm};

/// Tokens that are read at a time: bounds what a long prompt takes of memory.
const BATCH: usize = 64;

/// One layer.
#[derive(Debug)]
struct Block {
    attention_norm: Vec<f32>,
    query: Matrix,
    key: Matrix,
    value: Matrix,
    attention_out: Matrix,
    feed_norm: Vec<f32>,
    feed_gate: Matrix,
    feed_up: Matrix,
    feed_down: Matrix,
}

/// A network of the family.
#[derive(Debug)]
pub(crate) struct Llama {
    shape: Shape,
    embedding: Matrix,
    blocks: Vec<Block>,
    norm: Vec<f32>,
    /// The embedding once more, in many models.
    output: Matrix,
    rotation: Rotation,
    memory: Vec<Memory>,
    read: usize,
    logits: Vec<f32>,
}

impl Llama {
    /// Reads at most [`BATCH`] tokens, and gives the last one's vector after all layers.
    fn read_batch(&mut self, pool: &Pool, tokens: &[u32]) -> Vec<f32> {
        let Shape { width, heads, shared_heads, head, inner, epsilon, .. } = self.shape;
        let count = tokens.len();
        let mut stream = vec![0.0; count * width];
        for (&token, vector) in tokens.iter().zip(stream.chunks_exact_mut(width)) {
            self.embedding.row(token as usize, vector);
        }
        let turns = self.rotation.turns(self.read, count);
        let mut normed = vec![0.0; count * width];
        let mut query = vec![0.0; count * heads * head];
        let (mut key, mut value) = (vec![0.0; count * shared_heads * head], vec![0.0; count * shared_heads * head]);
        let mut attended = vec![0.0; count * heads * head];
        let (mut gates, mut up) = (vec![0.0; count * inner], vec![0.0; count * inner]);
        for (block, memory) in self.blocks.iter().zip(&mut self.memory) {
            rms_norm(&stream, &block.attention_norm, epsilon, &mut normed);
            let matrices = [&block.query, &block.key, &block.value];
            Matrix::multiply_each(&matrices, pool, &normed, &mut [&mut query, &mut key, &mut value]);
            turns.apply(head, &mut query);
            turns.apply(head, &mut key);
            memory.keep(self.read, &key, &value);
            memory.attend(pool, self.read, &query, &mut attended);
            block.attention_out.multiply(pool, &attended, &mut normed);
            add(&mut stream, &normed);

            rms_norm(&stream, &block.feed_norm, epsilon, &mut normed);
            let matrices = [&block.feed_gate, &block.feed_up];
            Matrix::multiply_each(&matrices, pool, &normed, &mut [&mut gates, &mut up]);
            gate(&mut gates, &up);
            block.feed_down.multiply(pool, &gates, &mut normed);
            add(&mut stream, &normed);
        }
        self.read += count;
        stream.split_off((count - 1) * width)
    }
}

impl Network for Llama {
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
        rms_norm(&last, &self.norm, self.shape.epsilon, &mut normed);
        self.output.multiply(pool, &normed, &mut self.logits);
        &self.logits
    }
}
