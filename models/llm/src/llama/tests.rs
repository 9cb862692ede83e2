use std::time::Instant;

use super::*;
use crate::gguf::Gguf;
use crate::model::LoadOptions;

#[test]
#[ignore = "a model's file by ZKTEE_LLM_GGUF"]
fn speed() {
    let file = std::fs::read(std::env::var("ZKTEE_LLM_GGUF").unwrap()).unwrap();
    let threads = std::env::var("THREADS").map_or(2, |threads| threads.parse().unwrap());
    let start = Instant::now();
    let (mut network, facts) =
        load(&Gguf::parse(&file).unwrap(), &LoadOptions { threads, memory_limit: None }).unwrap();
    println!("{facts:?} {:?}", start.elapsed());
    let pool = Pool::new(threads);
    let prompt = [53, 31505, 314, 253, 1773, 29, 44291, 1835];
    for _ in 0..4 {
        network.clear();
        let start = Instant::now();
        let mut logits = network.read(&pool, &prompt);
        let prompted = start.elapsed();
        let mut tokens = Vec::new();
        let start = Instant::now();
        for _ in 0..128 {
            let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            tokens.push(best.0 as u32);
            logits = network.read(&pool, &tokens[tokens.len() - 1..]);
        }
        let rate = |count: usize, time: std::time::Duration| count as f64 / time.as_secs_f64();
        println!("pp {:.1} tg {:.1} {tokens:?}", rate(8, prompted), rate(128, start.elapsed()));
    }
    for size in [64, 512] {
        network.clear();
        let long: Vec<u32> = (0..size).map(|index| index * 37 % 40_000).collect();
        let start = Instant::now();
        network.read(&pool, &long);
        println!("pp{size} {:.1}", f64::from(size) / start.elapsed().as_secs_f64());
    }
}
