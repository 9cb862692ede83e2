use std::collections::BTreeMap;

use super::*;
use crate::dequantise;
use crate::error::LlmError;
use crate::gguf::writer::Writer;
use crate::gguf::{Gguf, Tensor};
use crate::kind::Kind;
use crate::matrix::tests::blocks;
use crate::model::{Facts, LoadOptions};

const WIDTH: usize = 256;
const HEADS: usize = 4;
const SHARED: usize = 2;
const HEAD: usize = WIDTH / HEADS;
const INNER: usize = 512;
const VOCABULARY: usize = 96;
const LAYERS: usize = 2;
const UNLIMITED: LoadOptions = LoadOptions { threads: 1, memory_limit: None };

/// Tensors of a small network: names, rows and columns.
fn tensors() -> Vec<(String, usize, usize)> {
    let mut tensors = vec![("token_embd.weight".into(), VOCABULARY, WIDTH), ("output_norm.weight".into(), 1, WIDTH)];
    for layer in 0..LAYERS {
        for (name, rows, columns) in [
            ("attn_norm", 1, WIDTH),
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", SHARED * HEAD, WIDTH),
            ("attn_v", SHARED * HEAD, WIDTH),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_norm", 1, WIDTH),
            ("ffn_gate", INNER, WIDTH),
            ("ffn_up", INNER, WIDTH),
            ("ffn_down", WIDTH, INNER),
        ] {
            tensors.push((format!("blk.{layer}.{name}.weight"), rows, columns));
        }
    }
    tensors
}

/// A small network with matrices of some kind, without the tensors that `leave_out` names.
fn small(kind: Kind, leave_out: &str) -> Writer {
    let mut writer = Writer::default();
    writer.text("general.architecture", "llama");
    for (name, value) in [
        ("block_count", LAYERS),
        ("context_length", 1000),
        ("embedding_length", WIDTH),
        ("feed_forward_length", INNER),
        ("attention.head_count", HEADS),
        ("attention.head_count_kv", SHARED),
    ] {
        writer.u32(&format!("llama.{name}"), value as u32);
    }
    writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    for (index, (name, rows, columns)) in tensors().into_iter().enumerate() {
        if name == leave_out {
            continue;
        }
        if rows == 1 {
            let norm: Vec<u8> = (0..columns).flat_map(|at| (0.5 + (at % 9) as f32 / 9.0).to_le_bytes()).collect();
            writer.tensor(&name, &[columns], Kind::F32, &norm);
        } else {
            writer.tensor(&name, &[columns, rows], kind, &blocks(kind, rows * columns, 1 + index as u32));
        }
    }
    writer
}

fn load_small(file: &[u8], options: &LoadOptions) -> Result<(Llama, Facts), LlmError> {
    load(&Gguf::parse(file)?, options)
}

/// The same function of floats of 64 bits, written as the papers have it: whole sequences, one number at a time.
struct Plain(BTreeMap<String, Vec<f64>>);

impl Plain {
    fn new(gguf: &Gguf) -> Self {
        let floats = |tensor: &Tensor| {
            let floats = dequantise::floats(tensor.kind, tensor.data, tensor.rows * tensor.columns);
            floats.into_iter().map(f64::from).collect()
        };
        Self(gguf.tensors().map(|(name, tensor)| (name.to_owned(), floats(tensor))).collect())
    }

    fn product(&self, name: &str, vector: &[f64]) -> Vec<f64> {
        self.0[name].chunks(vector.len()).map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum()).collect()
    }

    fn norm(&self, name: &str, vector: &[f64]) -> Vec<f64> {
        let mean = vector.iter().map(|number| number * number).sum::<f64>() / vector.len() as f64;
        let scale = 1.0 / (mean + 1e-5).sqrt();
        vector.iter().zip(&self.0[name]).map(|(number, weight)| number * scale * weight).collect()
    }

    fn turn(vector: &mut [f64], position: usize) {
        for head in vector.chunks_mut(HEAD) {
            for (pair, numbers) in head.chunks_mut(2).enumerate() {
                let angle = position as f64 * 10_000_f64.powf(-2.0 * pair as f64 / HEAD as f64);
                let turned = (
                    numbers[0] * angle.cos() - numbers[1] * angle.sin(),
                    numbers[0] * angle.sin() + numbers[1] * angle.cos(),
                );
                (numbers[0], numbers[1]) = turned;
            }
        }
    }

    /// Logits after the last token.
    fn logits(&self, tokens: &[u32]) -> Vec<f64> {
        let embedding = &self.0["token_embd.weight"];
        let mut stream: Vec<Vec<f64>> =
            tokens.iter().map(|&token| embedding[token as usize * WIDTH..][..WIDTH].to_vec()).collect();
        for layer in 0..LAYERS {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            let (mut queries, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
            for (position, vector) in stream.iter().enumerate() {
                let normed = self.norm(&name("attn_norm"), vector);
                let mut query = self.product(&name("attn_q"), &normed);
                let mut key = self.product(&name("attn_k"), &normed);
                Self::turn(&mut query, position);
                Self::turn(&mut key, position);
                queries.push(query);
                keys.push(key);
                values.push(self.product(&name("attn_v"), &normed));
            }
            for (position, vector) in stream.iter_mut().enumerate() {
                let mut attended = vec![0.0; WIDTH];
                for head in 0..HEADS {
                    let shared = head / (HEADS / SHARED) * HEAD..(head / (HEADS / SHARED) + 1) * HEAD;
                    let query = &queries[position][head * HEAD..(head + 1) * HEAD];
                    let score = |key: &Vec<f64>| {
                        let products = key[shared.clone()].iter().zip(query).map(|(a, b)| a * b);
                        (products.sum::<f64>() / (HEAD as f64).sqrt()).exp()
                    };
                    let scores: Vec<f64> = keys[..=position].iter().map(score).collect();
                    for (score, value) in scores.iter().zip(&values) {
                        let share = score / scores.iter().sum::<f64>();
                        for (out, number) in attended[head * HEAD..].iter_mut().zip(&value[shared.clone()]) {
                            *out += share * number;
                        }
                    }
                }
                let out = self.product(&name("attn_output"), &attended);
                vector.iter_mut().zip(out).for_each(|(to, what)| *to += what);
                let normed = self.norm(&name("ffn_norm"), vector);
                let gates = self.product(&name("ffn_gate"), &normed);
                let up = self.product(&name("ffn_up"), &normed);
                let inner: Vec<f64> =
                    gates.iter().zip(up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
                let out = self.product(&name("ffn_down"), &inner);
                vector.iter_mut().zip(out).for_each(|(to, what)| *to += what);
            }
        }
        let normed = self.norm("output_norm.weight", stream.last().unwrap());
        self.product("token_embd.weight", &normed)
    }
}

/// Root mean square of differences, as a part of that of the numbers.
fn difference(ours: &[f32], exact: &[f64]) -> f64 {
    let square = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|number| number * number).sum::<f64>().sqrt();
    square(&mut ours.iter().zip(exact).map(|(ours, exact)| f64::from(*ours) - exact))
        / square(&mut exact.iter().copied())
}

#[test]
fn logits_of_every_type_of_weights_are_near_those_of_a_plain_implementation() {
    let tokens: Vec<u32> = (0..21).map(|index| index * 7 % VOCABULARY as u32).collect();
    for kind in Kind::ALL {
        let file = small(kind, "").file();
        let exact = Plain::new(&Gguf::parse(&file).unwrap()).logits(&tokens);
        let (mut network, facts) = load_small(&file, &UNLIMITED).unwrap();
        assert_eq!((facts.weights, facts.context), (kind.to_string(), 1000));
        let pool = Pool::new(2);
        let at_once = network.read(&pool, &tokens).to_vec();
        network.clear();
        let one_by_one = tokens.iter().map(|&token| network.read(&pool, &[token]).to_vec()).last().unwrap();
        // Vectors of 8 bits are half a percent or so off after each rounding, and there are nine in a row; floats of 32 bits are not.
        let most = if kind.block() == 1 { 1e-5 } else { 0.05 };
        for logits in [&at_once, &one_by_one] {
            assert!(difference(logits, &exact) < most, "{kind}: {}", difference(logits, &exact));
        }
        let at_once: Vec<f64> = at_once.into_iter().map(f64::from).collect();
        assert!(difference(&one_by_one, &at_once) < most, "{kind}");
    }
}

#[track_caller]
fn refused(file: &[u8], options: &LoadOptions, why: &str) {
    let error = load_small(file, options).map(|(_, facts)| facts).expect_err(why).to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn what_would_be_another_network_is_refused_by_its_name() {
    let changed = |change: &dyn Fn(&mut Writer)| {
        let mut writer = small(Kind::F16, "");
        change(&mut writer);
        writer.file()
    };
    let said = |key: &str, value| changed(&|writer| _ = writer.u32(key, value));
    refused(&said("llama.expert_count", 8), &UNLIMITED, "llama.expert_count");
    refused(&said("llama.attention.sliding_window", 64), &UNLIMITED, "llama.attention.sliding_window");
    refused(&said("llama.something_new", 0), &UNLIMITED, "llama.something_new");
    refused(&said("llama.rope.dimension_count", 63), &UNLIMITED, "63 numbers of a head turn");
    refused(&said("llama.attention.value_length", 32), &UNLIMITED, "keys of 64 numbers and values of 32");
    refused(
        &changed(&|writer| _ = writer.text("llama.rope.scaling.type", "yarn")),
        &UNLIMITED,
        "llama.rope.scaling.type",
    );
    refused(&changed(&|writer| _ = writer.f32("llama.rope.freq_base", 0.0)), &UNLIMITED, "llama.rope.freq_base");
    let bias = changed(&|writer| _ = writer.tensor("blk.0.attn_q.bias", &[WIDTH], Kind::F32, &[0; 4 * WIDTH]));
    refused(&bias, &UNLIMITED, "blk.0.attn_q.bias");
    refused(&small(Kind::F16, "blk.1.ffn_up.weight").file(), &UNLIMITED, "there is no tensor blk.1.ffn_up.weight");
    let factors = |value: f32| {
        let factors: Vec<u8> = (0..HEAD / 2).flat_map(|_| value.to_le_bytes()).collect();
        changed(&|writer| _ = writer.tensor("rope_freqs.weight", &[HEAD / 2], Kind::F32, &factors))
    };
    refused(&factors(0.0), &UNLIMITED, "rope_freqs.weight");
    assert!(load_small(&factors(2.0), &UNLIMITED).is_ok());
    refused(&Writer::default().text("general.architecture", "mamba").file(), &UNLIMITED, "\"mamba\"");
    assert!(load_small(&said("llama.expert_count", 0), &UNLIMITED).is_ok());
}

#[test]
fn numbers_out_of_their_bounds_are_refused() {
    for (key, value) in [
        ("block_count", 0),
        ("block_count", 1 << 20),
        ("embedding_length", 1 << 20),
        ("attention.head_count", 0),
        ("attention.head_count_kv", 3),
        ("attention.head_count_kv", 8),
        ("context_length", 0),
        ("feed_forward_length", 100),
    ] {
        let mut writer = Writer::default();
        writer.text("general.architecture", "llama").u32(&format!("llama.{key}"), value);
        for (name, value) in [
            ("block_count", LAYERS),
            ("context_length", 1000),
            ("embedding_length", WIDTH),
            ("feed_forward_length", INNER),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", SHARED),
        ] {
            if name != key {
                writer.u32(&format!("llama.{name}"), value as u32);
            }
        }
        writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
        for (name, rows, columns) in tensors() {
            writer.tensor(&name, &[columns, rows], Kind::F16, &vec![0; 2 * rows * columns]);
        }
        let error = load_small(&writer.file(), &UNLIMITED).map(|(_, facts)| facts);
        assert!(matches!(error, Err(LlmError::Damaged(_))), "{key} {value}: {error:?}");
    }
}

#[test]
fn the_context_is_as_long_as_memory_allows() {
    let file = small(Kind::Q4K, "").file();
    let limited = |limit| load_small(&file, &LoadOptions { threads: 1, memory_limit: Some(limit) });
    let Err(LlmError::OutOfMemory { needed, limit: 0 }) = limited(0) else { panic!("no memory is too little") };
    assert!(matches!(limited(needed - 1), Err(LlmError::OutOfMemory { .. })));
    let (network, facts) = limited(needed).unwrap();
    assert_eq!((network.context(), facts.context), (256, 256));
    // A page of 16 positions more, of keys and values of both layers.
    let page = (LAYERS * 2 * 16 * SHARED * HEAD * 4) as u64 + 16 * 4;
    assert_eq!(limited(needed + page).unwrap().1.context, 272);
    assert_eq!(limited(1 << 40).unwrap().1.context, 1000);
}
