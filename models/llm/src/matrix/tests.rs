use super::*;
use crate::activations::Activations;
use crate::gguf::Gguf;

/// Bytes of blocks with all kinds of codes, and scales that are neither tiny nor huge.
pub(crate) fn blocks(kind: Kind, weights: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut bytes: Vec<u8> = (0..weights / kind.block() * kind.bytes()).map(|_| byte()).collect();
    for block in bytes.chunks_exact_mut(kind.bytes()) {
        let number = |byte: u8| (f32::from(byte) - 127.5) / 8192.0;
        match kind {
            Kind::F32 => block.copy_from_slice(&number(block[0]).to_le_bytes()),
            Kind::F16 => block.copy_from_slice(&half::f16::from_f32(number(block[0])).to_le_bytes()),
            Kind::Bf16 => block.copy_from_slice(&half::bf16::from_f32(number(block[0])).to_le_bytes()),
            Kind::Q6K => {
                let scale = half::f16::from_f32(number(block[0]) / 256.0);
                block[208..].copy_from_slice(&scale.to_le_bytes());
            }
            _ => {
                let shrink = if dequantise::has_several_scales(kind) { 64.0 } else { 1.0 };
                let scale = half::f16::from_f32(number(block[0]) / shrink).to_le_bytes();
                let minimum = half::f16::from_f32(number(block[5]) / shrink).to_le_bytes();
                block[..2].copy_from_slice(&scale);
                if dequantise::has_minimum(kind) {
                    block[2..4].copy_from_slice(&minimum);
                }
            }
        }
    }
    bytes
}

fn vectors(count: usize, length: usize) -> Vec<f32> {
    (0..count * length).map(|index| (index as f32 * 0.37).sin() * (1.0 + (index % 7) as f32)).collect()
}

/// What a matrix multiplies with: the vectors, in 8 bits where the weights are integers.
fn rounded(kind: Kind, vectors: &[f32], length: usize) -> Vec<f32> {
    if kind.block() == 1 {
        return vectors.to_vec();
    }
    let activations = Activations::new(length, vectors, false, true);
    let blocks = activations.blocks().flatten();
    let codes = |block: &crate::activations::Block| {
        let scale = block.scale;
        block.codes.map(|four| four.to_le_bytes().map(|code| f32::from(code as i8) * scale)).concat()
    };
    blocks.flat_map(codes).collect()
}

#[test]
fn products_of_every_kind_are_those_of_the_floats_they_stand_for() {
    const INPUTS: usize = 512;
    for kind in Kind::ALL {
        // Full panels and a last one that is not; fewer vectors than a tile, and more.
        for (outputs, count) in [(1, 1), (37, 3), (64, 21)] {
            let data = blocks(kind, outputs * INPUTS, 7);
            let floats = dequantise::floats(kind, &data, outputs * INPUTS);
            let matrix = Matrix::of_kind(kind, outputs, INPUTS, &data);
            let vectors = vectors(count, INPUTS);
            for threads in [1, 3] {
                let mut product = vec![0.0; count * outputs];
                matrix.multiply(&Pool::new(threads), &vectors, &mut product);
                let rounded = rounded(kind, &vectors, INPUTS);
                for (index, product) in product.into_iter().enumerate() {
                    let (vector, row) = (index / outputs, index % outputs);
                    let terms = floats[row * INPUTS..][..INPUTS].iter().zip(&rounded[vector * INPUTS..]);
                    let (mut exact, mut size) = (0.0_f64, 0.0_f64);
                    for (weight, number) in terms {
                        exact += f64::from(weight * number);
                        size += f64::from((weight * number).abs());
                    }
                    // Scaled sums are rounded to 11 bits, where there are minima; else it is rounding to 24 bits.
                    let most = if dequantise::has_minimum(kind) { 1e-3 } else { 1e-5 };
                    let error = (f64::from(product) - exact).abs();
                    assert!(error <= most * size, "{kind} {outputs} {count} {threads}: {product} for {exact}");
                }
            }
        }
    }
}

#[test]
fn special_instructions_give_what_plain_code_gives() {
    const INPUTS: usize = 256;
    for kind in Kind::ALL {
        let matrix = Matrix::of_kind(kind, 48, INPUTS, &blocks(kind, 48 * INPUTS, 3));
        let activations = Activations::new(INPUTS, &vectors(11, INPUTS), true, true);
        let products = [Level::new(), Level::baseline()].map(|level| {
            let mut out = vec![0.0; 11 * 32];
            product(level, &matrix.weights, INPUTS, 1..3, &activations, &mut out);
            out
        });
        let plain = {
            let mut out = vec![0.0; 11 * 32];
            match &*matrix.weights {
                Weights::Floats(floats) => portable::floats(floats, INPUTS, 1..3, &activations, &mut out),
                Weights::Integers(integers) => portable::integers(integers, 1..3, &activations, &mut out),
            }
            out
        };
        let largest = plain.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        for special in products {
            for (special, plain) in special.iter().zip(&plain) {
                assert!((special - plain).abs() <= 1e-5 * largest, "{kind}: {special} {plain}");
            }
        }
    }
}

/// By `scripts/llm/reference kinds`.
#[test]
fn blocks_stand_for_the_floats_that_ggml_s_own_package_makes_of_them() {
    let file = include_bytes!("../../tests/fixtures/kinds.gguf");
    let gguf = Gguf::parse(file).unwrap();
    for kind in Kind::ALL.into_iter().filter(|&kind| kind != Kind::F32) {
        let blocks = gguf.tensor(&kind.to_string(), 1, 512).unwrap();
        assert_eq!(blocks.kind, kind);
        let expected = gguf.tensor(&format!("{kind} as floats"), 1, 512).unwrap();
        let expected = dequantise::floats(Kind::F32, expected.data, 512);
        let mut row = [0.0; 512];
        Matrix::of_kind(kind, 1, 512, blocks.data).row(0, &mut row);
        for floats in [&row[..], &dequantise::floats(kind, blocks.data, 512)] {
            for (ours, expected) in floats.iter().zip(&expected) {
                // Products and differences may be rounded in another order.
                assert!((ours - expected).abs() <= 1e-6 * expected.abs().max(0.01), "{kind}: {ours} {expected}");
            }
        }
    }
}

#[test]
fn rows_are_the_floats_they_stand_for() {
    for kind in Kind::ALL {
        let data = blocks(kind, 20 * 256, 5);
        let matrix = Matrix::of_kind(kind, 20, 256, &data);
        let floats = dequantise::floats(kind, &data, 20 * 256);
        for (index, row) in floats.chunks(256).enumerate() {
            let mut out = vec![0.0; 256];
            matrix.row(index, &mut out);
            assert_eq!(out, row, "{kind}");
        }
    }
}

#[test]
fn several_matrices_at_once_are_as_one_after_the_other() {
    let (a, b) = (blocks(Kind::Q4K, 40 * 256, 1), blocks(Kind::F16, 7 * 256, 2));
    let (a, b) = (Matrix::of_kind(Kind::Q4K, 40, 256, &a), Matrix::of_kind(Kind::F16, 7, 256, &b));
    let (pool, vectors) = (Pool::new(2), vectors(2, 256));
    let (mut one, mut two) = (vec![0.0; 80], vec![0.0; 14]);
    a.multiply(&pool, &vectors, &mut one);
    b.multiply(&pool, &vectors, &mut two);
    let (mut first, mut second) = (vec![0.0; 80], vec![0.0; 14]);
    Matrix::multiply_each(&[&a, &b], &pool, &vectors, &mut [&mut first, &mut second]);
    assert_eq!((one, two), (first, second));
}

#[test]
fn bytes_are_those_that_are_held() {
    for kind in Kind::ALL {
        let matrix = Matrix::of_kind(kind, 20, 256, &blocks(kind, 20 * 256, 5));
        let held = match &*matrix.weights {
            Weights::Floats(Floats::F32(lines)) => size_of_val(&lines[..]),
            Weights::Floats(Floats::F16(lines) | Floats::Bf16(lines)) => size_of_val(&lines[..]),
            Weights::Integers(integers) => {
                size_of_val(&integers.lines[..]) + size_of_val(&integers.shared[..]) + size_of_val(&integers.own[..])
            }
        };
        assert_eq!(Matrix::bytes(kind, 20, 256), held as u64, "{kind}");
    }
}
