//! What goes wrong on one channel concerns that channel alone, and nothing hangs.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Doubler, LARGE, LONG, QUICK, SLOW, ask, is_answer};
use zktee_enclave_protocol::{
    Answer, Client, ClientError, ClientOptions, Drained, ErrorKind, Options, Response, Server, Stream,
};

/// Short enough for a test, long enough for a busy machine.
const SHORT: Duration = Duration::from_millis(300);

/// A server with a good client, which must go on whatever happens beside it.
fn beside(options: Options) -> (Server, Client) {
    let server = Server::start(Doubler, options).expect("threads");
    let (near, far) = Stream::pair().expect("a pair");
    server.attach(far).expect("a channel");
    (server, Client::new(near, &ClientOptions::default()))
}

fn options() -> Options {
    Options { workers: 2, message_limit: 1 << 20, frame_timeout: SHORT, write_timeout: SHORT, ..Options::default() }
}

fn raw(server: &Server) -> UnixStream {
    let (near, far) = UnixStream::pair().expect("a pair");
    near.set_read_timeout(Some(LONG)).expect("a timeout");
    server.attach(far.into()).expect("a channel");
    near
}

/// The error that a raw channel is told, after which it must have been closed.
fn last_words(mut socket: UnixStream) -> (u64, ErrorKind) {
    let mut bytes = Vec::new();
    // A reset instead of an end is as good: bytes of ours were still unread.
    if let Err(error) = socket.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    let length = u32::from_be_bytes(bytes[..4].try_into().expect("a head")) as usize;
    assert_eq!(bytes.len(), 4 + length);
    match Response::decode(&bytes[4..]).expect("a response") {
        Response { id, answer: Answer::Error { kind, .. } } => (id, kind),
        other => panic!("{other:?}"),
    }
}

fn goes_on(client: &Client) {
    for number in 0..20 {
        assert!(is_answer(&client.call(ask(QUICK, number, 2.0), LONG).expect("an answer"), number, 2.0));
    }
}

/// Waits until all channels but the good client's are closed.
fn one_is_left(server: &Server) {
    let begin = Instant::now();
    while server.channels() > 1 && begin.elapsed() < LONG {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.channels(), 1);
}

#[test]
fn garbage_oversized_and_foreign_frames_close_their_channel_alone() {
    let (server, client) = beside(options());
    let cases: [(&[u8], u64, ErrorKind); 7] = [
        (b"GET / HTTP/1.1\r\n\r\n", 0, ErrorKind::TooLarge),
        (b"\0\x20\0\0", 0, ErrorKind::TooLarge),
        (b"\x80\0\0\0", 0, ErrorKind::Malformed),
        (b"\0\0\0\x04\xff\xff\xff\xff", 0, ErrorKind::Malformed),
        (b"\0\0\0\x05\x84\x01\x00\x01\x01", 0, ErrorKind::Malformed),
        (b"\0\0\0\x05\x84\x01\x07\x02\x01", 7, ErrorKind::Malformed),
        (b"\0\0\0\x04\x83\x02\x07\x01", 7, ErrorKind::Version),
    ];
    for (bytes, id, kind) in cases {
        let mut socket = raw(&server);
        socket.write_all(bytes).expect("written");
        assert_eq!(last_words(socket), (id, kind), "{bytes:?}");
        goes_on(&client);
    }
}

#[test]
fn half_a_frame_is_told_so_in_time() {
    let (server, client) = beside(options());
    let mut half = raw(&server);
    half.write_all(b"\0\0\0\x05\x84").expect("written");
    let mut slow = raw(&server);
    let begin = Instant::now();
    let mut dripping = slow.try_clone().expect("a clone");
    let drip = thread::spawn(move || {
        // One byte now and then keeps nobody waiting for longer than the whole frame may take.
        for byte in [0, 0, 1, 0].into_iter().chain(std::iter::repeat_n(0x84, 100)) {
            if dripping.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(SHORT / 10);
        }
    });
    goes_on(&client);
    assert_eq!(last_words(half), (0, ErrorKind::Late));
    let mut told = [0; 4];
    slow.read_exact(&mut told).expect("last words");
    assert!(begin.elapsed() < SHORT * 8, "{:?}", begin.elapsed());
    drop(slow);
    drip.join().expect("no panic");
    // Half a frame and gone.
    let mut gone = raw(&server);
    gone.write_all(b"\0\0\0\x05\x84").expect("written");
    drop(gone);
    goes_on(&client);
}

#[test]
fn a_steady_stream_that_is_cut_anywhere_is_not_late() {
    let (server, _client) = beside(options());
    let (near, far) = UnixStream::pair().expect("a pair");
    server.attach(near.into()).expect("a channel");
    let mut frame = vec![0, 0, 0, 5, 0x84, 1, 7, 1, 1];
    frame.rotate_left(4);
    let mut far = far;
    far.set_read_timeout(Some(LONG)).expect("a timeout");
    // Each write ends one frame and begins the next, for longer than one frame may take.
    far.write_all(&[0, 0, 0, 5]).expect("written");
    let begin = Instant::now();
    let mut answers = 0;
    while begin.elapsed() < SHORT * 3 {
        far.write_all(&frame).expect("written");
        let mut head = [0; 4];
        far.read_exact(&mut head).expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(head) as usize];
        far.read_exact(&mut answer).expect("an answer");
        assert!(matches!(Response::decode(&answer), Ok(Response { id: 7, answer: Answer::Hello { .. } })));
        answers += 1;
        thread::sleep(SHORT / 20);
    }
    assert!(answers > 5);
}

#[test]
fn a_client_that_reads_nothing_holds_up_nobody() {
    // As long as a busy machine may take for what the good client asks.
    let patience = SHORT * 10;
    let (server, client) = beside(Options { workers: 1, write_timeout: patience, ..options() });
    let (near, far) = Stream::pair().expect("a pair");
    server.attach(far).expect("a channel");
    let deaf = Client::new(near, &ClientOptions::default());
    // More than a socket's buffer takes, and never read.
    let pending: Vec<_> = (0..4).map(|number| deaf.start(ask(LARGE, number, 150_000.0)).expect("sent")).collect();
    let begin = Instant::now();
    goes_on(&client);
    assert!(begin.elapsed() < patience, "{:?}", begin.elapsed());
    one_is_left(&server);
    assert!(pending.into_iter().any(|pending| pending.wait(LONG).is_err()));
    goes_on(&client);
}

#[test]
fn a_silent_channel_is_closed_where_that_is_asked_for() {
    let (server, _client) = beside(Options { idle_timeout: Some(SHORT), ..options() });
    let mut socket = raw(&server);
    assert_eq!(socket.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn a_client_that_goes_amid_its_request_is_forgotten() {
    let (server, client) = beside(options());
    for number in 0..10 {
        let (near, far) = Stream::pair().expect("a pair");
        server.attach(far).expect("a channel");
        let gone = Client::new(near, &ClientOptions::default());
        let pending = gone.start(ask(SLOW, number, 30.0)).expect("sent");
        drop((gone, pending));
    }
    goes_on(&client);
    one_is_left(&server);
    assert_eq!(server.shut_down(LONG), Drained::All);
}

#[test]
fn a_worker_that_sends_garbage_fails_all_who_wait() {
    let (near, mut far) = UnixStream::pair().expect("a pair");
    let client = Client::new(near.into(), &ClientOptions::default());
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn({
                    let client = client.clone();
                    move || client.call(ask(QUICK, number, 1.0), LONG)
                })
            })
            .collect();
        far.read_exact(&mut [0; 64]).expect("a request");
        far.write_all(b"\0\0\0\x02hm").expect("written");
        for waiting in waiting {
            assert!(matches!(waiting.join().expect("no panic"), Err(ClientError::Message(_))));
        }
    });
    assert!(matches!(client.call(ask(QUICK, 1, 1.0), LONG), Err(ClientError::Message(_))));
    // Half an answer and an end.
    let (near, mut far) = UnixStream::pair().expect("a pair");
    let client = Client::new(near.into(), &ClientOptions::default());
    let pending = client.start(ask(QUICK, 1, 1.0)).expect("sent");
    far.write_all(b"\0\0\0\x09\x84\x01").expect("written");
    far.shutdown(Shutdown::Both).expect("shut");
    assert!(matches!(pending.wait(LONG), Err(ClientError::Closed)));
}

/// The variable that makes this very program a worker or a host instead of a test.
const ROLE: &str = "ZKTEE_PROTOCOL_TEST_ROLE";

/// This program again, in another role, with one end of a channel as its standard input.
fn child(role: &str) -> (Child, Stream) {
    let (near, far) = Stream::pair().expect("a pair");
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "another_role", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .stdin(OwnedFd::from(far))
        .stdout(Stdio::null())
        .spawn()
        .expect("a child");
    (child, near)
}

/// No test by itself: what a child of the two tests below does.
#[test]
fn another_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let stream = Stream::inherited().expect("a channel as standard input");
    if role == "worker" {
        let server = Server::start(Doubler, options()).expect("threads");
        server.serve(stream).expect("a channel");
    } else {
        let client = Client::new(stream, &ClientOptions::default());
        loop {
            let pending: Vec<_> = (0..8).filter_map(|number| client.start(ask(SLOW, number, 5.0)).ok()).collect();
            for pending in pending {
                drop(pending.wait(LONG));
            }
        }
    }
}

#[test]
fn a_worker_killed_amid_requests_fails_all_who_wait_at_once() {
    let (mut child, near) = child("worker");
    let client = Client::new(near, &ClientOptions::default());
    client.hello(LONG).expect("a worker");
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn({
                    let client = client.clone();
                    move || (client.call(ask(SLOW, number, 20_000.0), LONG), Instant::now())
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(200));
        let killed = Instant::now();
        child.kill().expect("killed");
        for waiting in waiting {
            let (result, when) = waiting.join().expect("no panic");
            assert!(matches!(result, Err(ClientError::Closed)), "{result:?}");
            assert!(when - killed < Duration::from_secs(2), "{:?}", when - killed);
        }
    });
    child.wait().expect("an end");
    assert!(client.call(ask(QUICK, 1, 1.0), LONG).is_err());
}

#[test]
fn a_host_killed_amid_requests_leaves_the_worker_to_others() {
    let (server, client) = beside(options());
    let (mut child, near) = child("host");
    server.attach(near).expect("a channel");
    thread::sleep(Duration::from_millis(300));
    goes_on(&client);
    child.kill().expect("killed");
    child.wait().expect("an end");
    goes_on(&client);
    one_is_left(&server);
    assert_eq!(server.shut_down(LONG), Drained::All);
}
