//! What the protocol costs by itself: coding, and round trips to a worker that does nothing but hand the tensor back.

use std::hint::black_box;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zktee_enclave_protocol::{
    Answer, Ask, Caller, Client, ClientOptions, ErrorKind, Finish, Framing, Generate, Generated, LanguageFiles,
    ModelId, Nonce, Options, Partial, Patience, Piece, Request, Response, Server, Service, Stream, Tensor,
};

const PATIENCE: Duration = Duration::from_secs(10);

struct Mirror;

impl Service for Mirror {
    fn handle(&self, caller: Caller, ask: Ask) -> Answer {
        match ask {
            Ask::Infer { input, .. } => {
                Answer::Inferred { output: input, inference_ns: 0, queue_ns: caller.queue_ns() }
            }
            _ => Answer::error(ErrorKind::Unsupported, "a mirror only"),
        }
    }

    /// A language model that takes no time: as many tokens as are asked for.
    fn handle_streaming(&self, caller: Caller, ask: Ask, partial: &mut dyn Partial) -> Answer {
        let Ask::Generate(ask) = ask else { return self.handle(caller, ask) };
        let tokens: Vec<u32> = (0..ask.max_tokens).collect();
        let mut text = String::new();
        for position in &tokens {
            let bytes = b"token".to_vec();
            text.push_str("token");
            let piece = Piece { position: *position, token: *position, bytes, latency_ns: 1 };
            if !partial.send(Answer::Piece(piece)) {
                return Answer::error(ErrorKind::Cancelled, "given up");
            }
        }
        Answer::Generated(Box::new(Generated {
            prompt_tokens: vec![1],
            token_ns: vec![1; tokens.len()],
            tokens,
            text,
            finish: Finish::Length,
            load_ns: 0,
            prompt_eval_ns: 1,
            eval_ns: 1,
            queue_ns: caller.queue_ns(),
        }))
    }
}

/// A stream of pieces, each sent and read by itself: what is added to the time that a model takes for a token.
fn streams(c: &mut Criterion) {
    const TOKENS: u32 = 64;
    let mut group = c.benchmark_group("stream");
    group.throughput(Throughput::Elements(u64::from(TOKENS)));
    let patience = Patience { first: PATIENCE, piece: PATIENCE, total: PATIENCE };
    for (label, framing) in [("whole", Framing::Whole), ("parts", Framing::Parts)] {
        let server = Server::start(Mirror, Options { workers: 2, ..Options::default() }).expect("threads");
        let (near, far) = Stream::pair().expect("a pair");
        server.attach(far.with_framing(framing)).expect("a channel");
        let client = Client::new(near.with_framing(framing), &ClientOptions::default());
        let ask = Generate {
            files: LanguageFiles { model: ModelId([7; 48]), config: None, tokenizer: None },
            nonce: Nonce::new([9; 32]).expect("32 bytes"),
            prompt: "Ethereum is a community-operated technology".into(),
            max_tokens: TOKENS,
            temperature: 0.0,
            seed: 0,
            stream: true,
        };
        group.bench_function(BenchmarkId::new(label, TOKENS), |b| {
            b.iter(|| client.generate(ask.clone(), &patience, &mut |_| ControlFlow::Continue(())).expect("a response"));
        });
    }
    group.finish();
}

fn ask(shape: &[u32]) -> Ask {
    let count = shape.iter().product::<u32>();
    let input = Tensor::new(shape.to_vec(), (0..count).map(|value| value as f32).collect()).expect("a tensor");
    Ask::Infer { model: ModelId([7; 48]), nonce: Nonce::new([9; 32]).expect("32 bytes"), input }
}

const SHAPES: [(&str, &[u32]); 3] = [("1 value", &[1, 1]), ("28x28", &[1, 1, 28, 28]), ("500x4", &[500, 4])];

fn coding(c: &mut Criterion) {
    let mut group = c.benchmark_group("coding");
    for (name, shape) in SHAPES {
        let request = Request { id: 1, ask: ask(shape) };
        let mut bytes = Vec::new();
        request.encode(&mut bytes).expect("a request");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("encode", name), |b| {
            let mut buffer = Vec::new();
            b.iter(|| {
                buffer.clear();
                black_box(&request).encode(&mut buffer).expect("a request");
            });
        });
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| Request::decode(black_box(&bytes)).expect("a request"));
        });
        let Ask::Infer { input, .. } = request.ask else { unreachable!("made above") };
        let response = Response { id: 1, answer: Answer::Inferred { output: input, inference_ns: 1, queue_ns: 1 } };
        bytes.clear();
        response.encode(&mut bytes).expect("a response");
        group.bench_function(BenchmarkId::new("decode answer", name), |b| {
            b.iter(|| Response::decode(black_box(&bytes)).expect("a response"));
        });
    }
    group.finish();
}

fn round_trips(c: &mut Criterion) {
    let mut group = c.benchmark_group("round trip");
    // The floor: as many bytes over the same kind of socket between two threads, without a protocol.
    let (mut near, mut far) = UnixStream::pair().expect("a pair");
    let echo = thread::spawn(move || {
        let mut bytes = [0; 3300];
        while far.read_exact(&mut bytes).is_ok() && far.write_all(&bytes).is_ok() {}
    });
    group.bench_function("bare socket, 3300 bytes", |b| {
        let mut bytes = [0; 3300];
        b.iter(|| {
            near.write_all(&bytes).expect("written");
            near.read_exact(&mut bytes).expect("read");
        });
    });
    drop(near);
    echo.join().expect("no panic");
    for (label, framing) in [("whole", Framing::Whole), ("parts", Framing::Parts)] {
        for (name, shape) in SHAPES.into_iter().chain([("64x1024", &[64, 1024][..])]) {
            let server = Server::start(Mirror, Options { workers: 2, ..Options::default() }).expect("threads");
            let (near, far) = Stream::pair().expect("a pair");
            server.attach(far.with_framing(framing)).expect("a channel");
            let client = Client::new(near.with_framing(framing), &ClientOptions::default());
            let ask = ask(shape);
            group.bench_function(BenchmarkId::new(label, name), |b| {
                b.iter(|| client.call(ask.clone(), PATIENCE).expect("an answer"));
            });
        }
    }
    // The same 28x28 image from several threads, over one channel and over one each: time a request.
    for threads in [2_usize, 8] {
        for shared in [true, false] {
            let server = Server::start(Mirror, Options { workers: 2, ..Options::default() }).expect("threads");
            let made = || {
                let (near, far) = Stream::pair().expect("a pair");
                server.attach(far).expect("a channel");
                Client::new(near, &ClientOptions::default())
            };
            let one = made();
            let clients: Vec<Client> = (0..threads).map(|_| if shared { one.clone() } else { made() }).collect();
            let label = if shared { "one channel, threads" } else { "channels" };
            group.bench_function(BenchmarkId::new(label, threads), |b| {
                b.iter_custom(|count| {
                    let begin = Instant::now();
                    let ask = ask(&[1, 1, 28, 28]);
                    thread::scope(|scope| {
                        for client in &clients {
                            scope.spawn(|| {
                                for _ in 0..count.div_ceil(threads as u64) {
                                    client.call(ask.clone(), PATIENCE).expect("an answer");
                                }
                            });
                        }
                    });
                    begin.elapsed()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, coding, round_trips, streams);
criterion_main!(benches);
