//! Server and client together: answers, order, load, the end.

mod common;

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{Doubler, LARGE, LONG, PANIC, QUICK, SLOW, ask, is_answer, nonce, scalar};
use zktee_enclave_protocol::{
    Address, Answer, Ask, Caller, Client, ClientError, ClientOptions, Drained, ErrorKind, Framing, Listener, Options,
    Server, Service, Stream, Tensor, load,
};

fn server(options: Options) -> Server {
    Server::start(Doubler, options).expect("threads")
}

fn two_workers() -> Options {
    Options { workers: 2, ..Options::default() }
}

fn client(server: &Server) -> Client {
    client_framed(server, Framing::Whole)
}

fn client_framed(server: &Server, framing: Framing) -> Client {
    let (near, far) = Stream::pair().expect("a pair");
    server.attach(far.with_framing(framing)).expect("a channel");
    Client::new(near.with_framing(framing), &ClientOptions::default())
}

fn kind(result: Result<Answer, ClientError>) -> ErrorKind {
    match result {
        Err(ClientError::Worker { kind, .. }) => kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_on_a_path_says_who_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("worker");
    let mut server = server(two_workers());
    server.listen(Listener::unix(&path).expect("a socket")).expect("a thread");
    let stream = Stream::connect_patiently(&Address::Unix(path), LONG).expect("a worker");
    let client = Client::new(stream, &ClientOptions::default());
    let Answer::Hello { platform, models, .. } = client.hello(LONG).expect("an answer") else { panic!("no hello") };
    assert_eq!((platform.as_str(), models.len()), ("test", 1));
    let unsupported = client.call(Ask::Sealed { payload: Vec::new() }, LONG);
    assert_eq!(kind(unsupported), ErrorKind::Unsupported);
    assert_eq!(server.shut_down(LONG), Drained::All);
    assert!(matches!(client.hello(LONG), Err(ClientError::Closed)));
}

#[test]
fn the_handshake_of_the_vsock_backend_comes_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vhost");
    let listener = UnixListener::bind(&path).expect("a socket");
    let server = server(two_workers());
    thread::scope(|scope| {
        scope.spawn(|| {
            for answer in ["OK 1073741824\n", "NO\n", ""] {
                let (mut socket, _) = listener.accept().expect("a client");
                let mut line = [0; 13];
                socket.read_exact(&mut line).expect("a line");
                assert_eq!(&line, b"CONNECT 5005\n");
                socket.write_all(answer.as_bytes()).expect("an answer");
                if answer.starts_with("OK") {
                    server.attach(Stream::from(socket).with_framing(Framing::Parts)).expect("a channel");
                } else if answer.is_empty() {
                    thread::sleep(Duration::from_millis(300));
                }
            }
        });
        let address = Address::VhostUnix { path: path.clone(), port: 5005 };
        let stream = Stream::connect(&address, LONG).expect("OK");
        assert_eq!(stream.framing(), Framing::Parts);
        Client::new(stream, &ClientOptions::default()).hello(LONG).expect("an answer");
        let refused = Stream::connect(&address, LONG).expect_err("NO");
        assert!(refused.to_string().contains("NO"), "{refused}");
        let begin = Instant::now();
        assert!(Stream::connect(&address, Duration::from_millis(50)).is_err(), "silence");
        assert!(begin.elapsed() < Duration::from_millis(280));
    });
}

#[test]
fn large_tensors_go_whole_and_in_parts_both_ways_at_once() {
    for framing in [Framing::Whole, Framing::Parts] {
        let server = server(two_workers());
        let client = client_framed(&server, framing);
        thread::scope(|scope| {
            for number in 0..4_u64 {
                let client = &client;
                scope.spawn(move || {
                    for count in [100_000 + number as u32, 1, 4096] {
                        let values: Vec<f32> = (0..count).map(|value| value as f32).collect();
                        let input = Tensor::new(vec![count], values.clone()).expect("a tensor");
                        let ask = Ask::Infer { model: QUICK, nonce: nonce(number), input };
                        let Ok(Answer::Inferred { output, .. }) = client.call(ask, LONG) else { panic!("no answer") };
                        let doubled: Vec<f32> = values.iter().map(|value| value * 2.0).collect();
                        assert!(output.values() == doubled, "{count} values");
                    }
                });
            }
        });
    }
}

#[test]
fn answers_overtake_each_other() {
    let server = server(two_workers());
    let client = client(&server);
    let slow = client.start(ask(SLOW, 1, 400.0)).expect("sent");
    // This one may have to wait for the slow one: until the channel is seen to be pipelined its own thread handles requests.
    let next = client.start(ask(SLOW, 2, 1.0)).expect("sent");
    assert!(is_answer(&next.wait(LONG).expect("an answer"), 2, 1.0));
    assert!(is_answer(&slow.wait(LONG).expect("an answer"), 1, 400.0));
    let slow = client.start(ask(SLOW, 3, 400.0)).expect("sent");
    let begin = Instant::now();
    for number in 4..20 {
        assert!(is_answer(&client.call(ask(QUICK, number, 1.5), LONG).expect("an answer"), number, 1.5));
    }
    assert!(begin.elapsed() < Duration::from_millis(350), "{:?}", begin.elapsed());
    assert!(is_answer(&slow.wait(LONG).expect("an answer"), 3, 400.0));
}

#[test]
fn a_deadline_passes_and_the_channel_goes_on() {
    let server = server(two_workers());
    let client = client(&server);
    let begin = Instant::now();
    let late = client.call(ask(SLOW, 1, 300.0), Duration::from_millis(50));
    assert!(matches!(late, Err(ClientError::Deadline)));
    assert!(begin.elapsed() < Duration::from_millis(250));
    assert!(is_answer(&client.call(ask(QUICK, 2, 1.0), LONG).expect("an answer"), 2, 1.0));
}

#[test]
fn a_panic_is_an_answer() {
    let server = server(two_workers());
    let client = client(&server);
    for number in 0..10 {
        assert_eq!(kind(client.call(ask(PANIC, number, 0.0), LONG)), ErrorKind::Panicked);
        assert!(is_answer(&client.call(ask(QUICK, number, 3.0), LONG).expect("an answer"), number, 3.0));
    }
    // And in the pool.
    let pending: Vec<_> = (0..20).map(|number| client.start(ask(PANIC, number, 0.0)).expect("sent")).collect();
    assert!(pending.into_iter().all(|pending| kind(pending.wait(LONG)) == ErrorKind::Panicked));
    assert_eq!(server.shut_down(LONG), Drained::All);
}

#[test]
fn a_full_queue_says_busy_and_loses_nothing() {
    let server = server(Options { workers: 1, queue: 2, per_channel: 100, ..Options::default() });
    let client = client(&server);
    let pending: Vec<_> = (0..40).map(|number| client.start(ask(SLOW, number, 5.0)).expect("sent")).collect();
    let (mut answered, mut busy) = (0, 0);
    for (number, pending) in (0..).zip(pending) {
        match pending.wait(LONG) {
            Ok(answer) => {
                assert!(is_answer(&answer, number, 5.0));
                answered += 1;
            }
            error => {
                assert_eq!(kind(error), ErrorKind::Busy);
                busy += 1;
            }
        }
    }
    // At least what the queue holds: all may have come before its thread took the first.
    assert!(answered >= 2 && busy > 0, "{answered} answered, {busy} busy");
    let server = self::server(Options { workers: 1, per_channel: 1, ..Options::default() });
    let client = self::client(&server);
    let pending: Vec<_> = (0..10).map(|number| client.start(ask(SLOW, number, 20.0)).expect("sent")).collect();
    let other = self::client(&server);
    assert!(is_answer(&other.call(ask(QUICK, 1, 1.0), LONG).expect("an answer"), 1, 1.0));
    let busy = pending.into_iter().filter_map(|pending| pending.wait(LONG).err()).count();
    assert!(busy > 0);
}

#[test]
fn an_answer_beyond_the_limit_is_an_error_and_the_channel_goes_on() {
    let server = server(Options { message_limit: 1000, ..two_workers() });
    let client = client(&server);
    assert_eq!(kind(client.call(ask(LARGE, 1, 1000.0), LONG)), ErrorKind::TooLarge);
    assert!(is_answer(&client.call(ask(QUICK, 2, 1.0), LONG).expect("an answer"), 2, 1.0));
}

#[test]
fn a_client_keeps_its_own_limit() {
    let (near, _far) = Stream::pair().expect("a pair");
    let client = Client::new(near, &ClientOptions { message_limit: 100, ..ClientOptions::default() });
    let ask = Ask::Sealed { payload: vec![0; 100] };
    assert!(matches!(client.call(ask, LONG), Err(ClientError::TooLong { bytes: 106, limit: 100 })));
}

#[test]
fn sixty_four_clients_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("worker");
    let mut server = server(two_workers());
    server.listen(Listener::unix(&path).expect("a socket")).expect("a thread");
    let address = Address::Unix(path);
    let made = |number: usize| {
        let stream = Stream::connect_patiently(&address, LONG)?;
        let client = Client::new(stream, &ClientOptions::default());
        Ok::<_, std::io::Error>(move |request: u64| {
            let number = request * 64 + number as u64;
            client.call(ask(QUICK, number, 0.25), LONG).is_ok_and(|answer| is_answer(&answer, number, 0.25))
        })
    };
    let load = load::run(64, 6400, made).expect("clients");
    assert_eq!((load.clients, load.answered, load.failed), (64, 6400, 0));
    assert!(load.p50 <= load.p90 && load.p90 <= load.p99 && load.p99 <= load.max && load.max <= load.elapsed);
    assert!(load.throughput() > 0.0);
    assert_eq!(server.shut_down(LONG), Drained::All);
}

#[test]
fn sixty_four_threads_on_one_channel() {
    let server = server(two_workers());
    let client = client(&server);
    let made =
        |_| Ok::<_, ()>(|number| client.call(ask(QUICK, number, 0.5), LONG).is_ok_and(|a| is_answer(&a, number, 0.5)));
    let load = load::run(64, 12_800, made).expect("clients");
    assert_eq!((load.answered, load.failed), (12_800, 0));
}

#[test]
fn load_counts_failures_and_needs_something_to_do() {
    let made = |_| Ok::<_, &str>(|number: u64| !number.is_multiple_of(10));
    let load = load::run(3, 100, made).expect("clients");
    assert_eq!((load.answered, load.failed), (90, 10));
    assert!(matches!(load::run(0, 1, made), Err(load::LoadError::Nothing)));
    assert!(matches!(load::run(1, 0, made), Err(load::LoadError::Nothing)));
    let none = |client| if client < 2 { Ok(|_| true) } else { Err("no more") };
    assert!(matches!(load::run(3, 1, none), Err(load::LoadError::Client { client: 2, source: "no more" })));
}

/// 100 000 requests on 8 channels; every answer must have its own nonce.
#[test]
fn a_soak_mixes_nothing_up() {
    let server = server(two_workers());
    let made = |_| {
        let client = client(&server);
        Ok::<_, ()>(move |number: u64| {
            let value = (number % 1000) as f32;
            client.call(ask(QUICK, number, value), LONG).is_ok_and(|answer| is_answer(&answer, number, value))
        })
    };
    let load = load::run(8, 100_000, made).expect("clients");
    assert_eq!((load.answered, load.failed), (100_000, 0));
}

#[test]
fn a_busy_server_ends_when_its_work_is_done() {
    let server = server(two_workers());
    let clients = [client(&server), client(&server)];
    let pending: Vec<_> =
        (0..6).map(|number| clients[number as usize % 2].start(ask(SLOW, number, 50.0)).expect("sent")).collect();
    thread::sleep(Duration::from_millis(20));
    let ended = thread::spawn(move || server.shut_down(LONG));
    for (number, pending) in (0..).zip(pending) {
        match pending.wait(LONG) {
            Ok(answer) => assert!(is_answer(&answer, number, 50.0)),
            // Those that had not been read yet: told so, or the channel was closed before.
            Err(ClientError::Worker { kind, .. }) => assert_eq!(kind, ErrorKind::Ending),
            Err(error) => assert!(number >= 2 && matches!(error, ClientError::Closed), "{number}: {error}"),
        }
    }
    assert_eq!(ended.join().expect("no panic"), Drained::All);
    assert!(clients[0].call(ask(QUICK, 1, 1.0), LONG).is_err());
}

#[test]
fn a_server_does_not_wait_for_ever() {
    let server = server(two_workers());
    let client = client(&server);
    let pending = client.start(ask(SLOW, 1, 2000.0)).expect("sent");
    thread::sleep(Duration::from_millis(50));
    let begin = Instant::now();
    assert_eq!(server.shut_down(Duration::from_millis(50)), Drained::Some);
    assert!(matches!(pending.wait(LONG), Err(ClientError::Closed)));
    assert!(begin.elapsed() < Duration::from_millis(1800));
}

#[test]
fn the_service_hears_of_channels_that_end_and_of_the_queue() {
    struct Told(mpsc::Sender<u64>, AtomicU64);
    impl Service for Told {
        fn handle(&self, caller: Caller, ask: Ask) -> Answer {
            self.1.fetch_max(caller.queue_ns(), Ordering::Relaxed);
            Doubler.handle(caller, ask)
        }
        fn closed(&self, channel: u64) {
            self.0.send(channel).expect("somebody listens");
        }
    }
    let (sender, receiver) = mpsc::channel();
    let told = Arc::new(Told(sender, AtomicU64::new(0)));
    let server = Server::start(Arc::clone(&told), Options { workers: 1, ..Options::default() }).expect("threads");
    let (near, far) = Stream::pair().expect("a pair");
    let number = server.attach(far).expect("a channel");
    let client = Client::new(near, &ClientOptions::default());
    let pending: Vec<_> = (0..4).map(|number| client.start(ask(SLOW, number, 20.0)).expect("sent")).collect();
    for pending in pending {
        pending.wait(LONG).expect("an answer");
    }
    assert!(told.1.load(Ordering::Relaxed) > 10_000_000);
    drop(client);
    assert_eq!(receiver.recv_timeout(LONG), Ok(number));
    assert_eq!(server.channels(), 0);
}

#[test]
fn channels_are_counted() {
    let server = server(Options { channels: 2, ..two_workers() });
    let clients = [client(&server), client(&server)];
    let (_near, far) = UnixStream::pair().expect("a pair");
    assert!(server.attach(far.into()).is_err());
    let input = scalar(1.0);
    let ask = Ask::Infer { model: QUICK, nonce: nonce(1), input };
    assert!(clients.iter().all(|client| client.call(ask.clone(), LONG).is_ok()));
}
