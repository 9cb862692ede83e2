//! Partial answers: their order, their end, and what becomes of those who give up.

mod common;

use std::io::{Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Doubler, LONG, QUICK, ask, is_answer, nonce};
use zktee_enclave_protocol::{
    Answer, Ask, Caller, Client, ClientError, ClientOptions, Disagreement, Drained, ErrorKind, Finish, Framing,
    Generate, Generated, LanguageFiles, MAX_PIECE, Next, Options, Partial, Patience, Piece, Request, Response, Server,
    Service, Stream, Transcript,
};

const PATIENCE: Patience = Patience { first: LONG, piece: LONG, total: LONG };

/// Answers with the tokens 0, 1, 2, … that were asked for, a few milliseconds (the seed) apart; nothing but this is slow in it.
#[derive(Default)]
struct Counter {
    /// Tokens that were made, of all requests.
    made: AtomicU32,
}

fn piece(position: u32) -> Piece {
    Piece { position, token: position, bytes: vec![b'a' + (position % 26) as u8], latency_ns: u64::from(position) }
}

fn whole(tokens: u32) -> Generated {
    let bytes: Vec<u8> = (0..tokens).flat_map(|token| piece(token).bytes).collect();
    Generated {
        prompt_tokens: vec![7, 8],
        tokens: (0..tokens).collect(),
        text: String::from_utf8(bytes).expect("letters"),
        finish: Finish::Length,
        load_ns: 1,
        prompt_eval_ns: 2,
        eval_ns: 3,
        token_ns: (0..u64::from(tokens)).collect(),
        queue_ns: 4,
    }
}

impl Service for Counter {
    fn handle(&self, caller: Caller, ask: Ask) -> Answer {
        Doubler.handle(caller, ask)
    }

    fn handle_streaming(&self, caller: Caller, ask: Ask, partial: &mut dyn Partial) -> Answer {
        let Ask::Generate(ask) = ask else { return self.handle(caller, ask) };
        for position in 0..ask.max_tokens {
            let wanted = if ask.stream { partial.send(Answer::Piece(piece(position))) } else { partial.is_wanted() };
            if !wanted {
                return Answer::error(ErrorKind::Cancelled, "given up");
            }
            self.made.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(ask.seed));
        }
        Answer::Generated(Box::new(whole(ask.max_tokens)))
    }
}

fn generate(max_tokens: u32, milliseconds: u64) -> Generate {
    Generate {
        files: LanguageFiles { model: QUICK, config: None, tokenizer: None },
        nonce: nonce(1),
        prompt: "once".into(),
        max_tokens,
        temperature: 0.0,
        seed: milliseconds,
        stream: true,
    }
}

fn counter(framing: Framing) -> (Server, Client, Arc<Counter>) {
    let counter = Arc::new(Counter::default());
    let options = Options { workers: 2, ..Options::default() };
    let server = Server::start(Arc::clone(&counter), options).expect("threads");
    let client = another(&server, framing);
    (server, client, counter)
}

fn another(server: &Server, framing: Framing) -> Client {
    let (near, far) = Stream::pair().expect("a pair");
    server.attach(far.with_framing(framing)).expect("a channel");
    Client::new(near.with_framing(framing), &ClientOptions::default())
}

fn all(client: &Client, ask: Generate) -> Result<(Vec<Piece>, Generated), ClientError> {
    let mut pieces = Vec::new();
    let keep = &mut |piece: &Piece| {
        pieces.push(piece.clone());
        ControlFlow::Continue(())
    };
    let (_, generated) = client.generate(ask, &PATIENCE, keep)?;
    Ok((pieces, generated))
}

/// Waits until a count no longer grows; what it is then.
fn settled(counter: &Counter) -> u32 {
    let begin = Instant::now();
    loop {
        let before = counter.made.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(300));
        if counter.made.load(Ordering::SeqCst) == before {
            return before;
        }
        assert!(begin.elapsed() < LONG, "it works on for nobody");
    }
}

#[test]
fn pieces_come_in_order_and_then_the_whole() {
    for framing in [Framing::Whole, Framing::Parts] {
        let (_server, client, _) = counter(framing);
        let (pieces, generated) = all(&client, generate(300, 0)).expect("an answer");
        assert_eq!(pieces, (0..300).map(piece).collect::<Vec<_>>());
        assert_eq!(generated, whole(300));
        let (pieces, generated) = all(&client, Generate { stream: false, ..generate(300, 0) }).expect("an answer");
        assert_eq!((pieces.len(), generated), (0, whole(300)));
        // Whoever asks for pieces and wants none of them has the whole.
        let pending = client.start(Ask::Generate(Box::new(generate(300, 0)))).expect("sent");
        assert_eq!(pending.wait(LONG).expect("an answer"), Answer::Generated(Box::new(whole(300))));
        assert!(is_answer(&client.call(ask(QUICK, 2, 1.0), LONG).expect("an answer"), 2, 1.0));
    }
}

#[test]
fn streams_and_other_requests_share_a_channel() {
    let (_server, client, _) = counter(Framing::Whole);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (pieces, generated) = all(&client, generate(100, 1)).expect("an answer");
                assert_eq!((pieces.len(), generated), (100, whole(100)));
            });
            scope.spawn(|| {
                for number in 0..100 {
                    assert!(is_answer(&client.call(ask(QUICK, number, 2.0), LONG).expect("an answer"), number, 2.0));
                }
            });
        }
    });
}

/// Whoever holds a piece in his hands keeps nobody else from reading.
#[test]
fn a_slow_reader_of_pieces_does_not_hold_up_the_channel() {
    let (_server, client, _) = counter(Framing::Whole);
    let mut pending = client.start(Ask::Generate(Box::new(generate(2, 0)))).expect("sent");
    thread::scope(|scope| {
        let other = scope.spawn(|| client.call(ask(QUICK, 5, 2.0), LONG));
        assert!(matches!(pending.next(LONG), Ok(Next::Partial(_))));
        // Not read from here on by this thread.
        assert!(is_answer(&other.join().expect("no panic").expect("an answer"), 5, 2.0));
    });
    assert!(matches!(pending.next(LONG), Ok(Next::Partial(_))));
    assert!(matches!(pending.next(LONG), Ok(Next::Last(Answer::Generated(_)))));
}

#[test]
fn whoever_gives_up_ends_the_work_and_the_channel_goes_on() {
    let (server, client, counter) = counter(Framing::Whole);
    for stream in [true, false] {
        counter.made.store(0, Ordering::SeqCst);
        let endless = Generate { stream, ..generate(8192, 20) };
        let pending = client.start(Ask::Generate(Box::new(endless))).expect("sent");
        while counter.made.load(Ordering::SeqCst) < 3 {
            thread::sleep(Duration::from_millis(1));
        }
        drop(pending);
        assert!(settled(&counter) < 8192);
        assert!(is_answer(&client.call(ask(QUICK, 2, 1.0), LONG).expect("an answer"), 2, 1.0));
    }
    // By its own word, amid the stream, and by its deadline.
    let broken = client.generate(generate(8192, 20), &PATIENCE, &mut |_| ControlFlow::Break(()));
    assert!(matches!(broken, Err(ClientError::Abandoned)));
    let short = Patience { piece: Duration::from_millis(50), ..PATIENCE };
    let late = client.generate(generate(8192, 2000), &short, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(late, Err(ClientError::Deadline)));
    let short = Patience { total: Duration::from_millis(200), ..PATIENCE };
    let late = client.generate(generate(8192, 20), &short, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(late, Err(ClientError::Deadline)));
    assert!(settled(&counter) < 8192);
    assert_eq!(server.shut_down(LONG), Drained::All);
}

#[test]
fn a_client_that_goes_ends_the_work() {
    let (server, client, counter) = counter(Framing::Whole);
    for stream in [true, false] {
        let gone = another(&server, Framing::Whole);
        let pending = gone.start(Ask::Generate(Box::new(Generate { stream, ..generate(8192, 20) }))).expect("sent");
        drop((gone, pending));
    }
    assert!(settled(&counter) < 8192);
    assert!(is_answer(&client.call(ask(QUICK, 2, 1.0), LONG).expect("an answer"), 2, 1.0));
    assert_eq!(server.shut_down(LONG), Drained::All);
}

#[test]
fn what_is_no_partial_answer_is_not_sent_as_one() {
    struct Careless;
    impl Service for Careless {
        fn handle(&self, _: Caller, _: Ask) -> Answer {
            unreachable!("it streams")
        }
        fn handle_streaming(&self, _: Caller, _: Ask, partial: &mut dyn Partial) -> Answer {
            let long = Piece { bytes: vec![0; MAX_PIECE + 1], ..piece(0) };
            assert!(!partial.send(Answer::Loaded { received: 1, total: 1 }), "a last answer");
            assert!(!partial.send(Answer::Piece(long)), "beyond a limit");
            Answer::Generated(Box::new(whole(0)))
        }
    }
    let server = Server::start(Careless, Options::default()).expect("threads");
    let (pieces, generated) = all(&another(&server, Framing::Whole), generate(5, 0)).expect("an answer");
    assert_eq!((pieces.len(), generated), (0, whole(0)));
}

/// A worker by hand: reads the request, and answers what it is told to.
fn by_hand(answers: Vec<Answer>, ask: Ask) -> (Client, zktee_enclave_protocol::Pending, UnixStream) {
    let (near, mut far) = UnixStream::pair().expect("a pair");
    let client = Client::new(near.into(), &ClientOptions::default());
    let pending = client.start(ask).expect("sent");
    let mut head = [0; 4];
    far.read_exact(&mut head).expect("a request");
    let mut request = vec![0; u32::from_be_bytes(head) as usize];
    far.read_exact(&mut request).expect("a request");
    let id = Request::decode(&request).expect("a request").id;
    for answer in answers {
        let mut message = Vec::new();
        Response { id, answer }.encode(&mut message).expect("within the limits");
        far.write_all(&(message.len() as u32).to_be_bytes()).expect("written");
        far.write_all(&message).expect("written");
    }
    (client, pending, far)
}

#[test]
fn partial_answers_that_cannot_be_fail_their_request() {
    let hello = Ask::Hello { newest: 1 };
    let (_client, pending, _far) = by_hand(vec![Answer::Piece(piece(0))], hello);
    assert!(matches!(pending.wait(LONG), Err(ClientError::Mismatch)), "a request that has none");
    let unstreamed = Ask::Generate(Box::new(Generate { stream: false, ..generate(3, 0) }));
    let (_client, pending, _far) = by_hand(vec![Answer::Piece(piece(0))], unstreamed);
    assert!(matches!(pending.wait(LONG), Err(ClientError::Mismatch)), "a request that asked for none");
    let more = (0..4).map(|position| Answer::Piece(piece(position))).collect();
    let (_client, pending, _far) = by_hand(more, Ask::Generate(Box::new(generate(3, 0))));
    assert!(matches!(pending.wait(LONG), Err(ClientError::Mismatch)), "more than were asked for");
    // All four are at hand when the first is looked at.
    let last = Answer::Generated(Box::new(whole(1)));
    let after = vec![Answer::Piece(piece(0)), last.clone(), Answer::Piece(piece(1)), last];
    let (_client, pending, _far) = by_hand(after, Ask::Generate(Box::new(generate(3, 0))));
    assert!(matches!(pending.wait(LONG), Err(ClientError::Mismatch)), "after the last");
}

#[test]
fn partial_answers_that_nobody_waits_for_are_dropped() {
    let pieces = (0..3).map(|position| Answer::Piece(piece(position))).collect();
    let (client, pending, mut far) = by_hand(pieces, Ask::Generate(Box::new(generate(3, 0))));
    drop(pending);
    thread::scope(|scope| {
        let next = scope.spawn(|| client.call(Ask::Hello { newest: 1 }, LONG));
        let mut cancel = [0; 4];
        far.read_exact(&mut cancel).expect("the cancellation");
        let mut message = vec![0; u32::from_be_bytes(cancel) as usize];
        far.read_exact(&mut message).expect("the cancellation");
        assert_eq!(Request::decode(&message), Ok(Request { id: 1, ask: Ask::Cancel }));
        let mut answer = Vec::new();
        Response { id: 2, answer: Answer::error(ErrorKind::Ending, "late") }.encode(&mut answer).expect("an answer");
        far.write_all(&(answer.len() as u32).to_be_bytes()).expect("written");
        far.write_all(&answer).expect("written");
        let error = next.join().expect("no panic").expect_err("the worker's word");
        assert!(matches!(error, ClientError::Worker { kind: ErrorKind::Ending, .. }), "{error}");
    });
}

/// A man in the middle who changes, drops, adds or exchanges pieces, or says another whole, is found out without any document.
#[test]
fn a_stream_that_is_not_the_whole_is_refused() {
    let of = |pieces: &[Piece], whole: &Generated, most| {
        let mut transcript = Transcript::new(most);
        pieces.iter().try_for_each(|piece| transcript.take(piece))?;
        transcript.check(whole)
    };
    let honest: Vec<Piece> = (0..5).map(piece).collect();
    assert_eq!(of(&honest, &whole(5), 5), Ok(()));
    let edited = |edit: &dyn Fn(&mut Vec<Piece>)| {
        let mut pieces = honest.clone();
        edit(&mut pieces);
        of(&pieces, &whole(5), 10)
    };
    assert_eq!(edited(&|pieces| pieces[2].token = 9), Err(Disagreement::Whole));
    assert_eq!(edited(&|pieces| pieces[2].bytes = b"z".to_vec()), Err(Disagreement::Whole));
    assert_eq!(edited(&|pieces| pieces[2].latency_ns = 9), Err(Disagreement::Whole));
    assert_eq!(edited(&|pieces| drop(pieces.pop())), Err(Disagreement::Whole));
    assert_eq!(edited(&|pieces| pieces.push(piece(5))), Err(Disagreement::Whole));
    let out_of_order = |got, expected| Err(Disagreement::OutOfOrder { got, expected });
    assert_eq!(edited(&|pieces| drop(pieces.remove(1))), out_of_order(2, 1));
    assert_eq!(edited(&|pieces| pieces.insert(1, piece(0))), out_of_order(0, 1));
    assert_eq!(edited(&|pieces| pieces.swap(1, 2)), out_of_order(2, 1));
    // With their places exchanged as well they are other tokens at these places.
    let renumbered = |pieces: &mut Vec<Piece>| {
        pieces.swap(1, 2);
        (pieces[1].position, pieces[2].position) = (1, 2);
    };
    assert_eq!(edited(&renumbered), Err(Disagreement::Whole));
    assert_eq!(of(&honest, &whole(5), 4), Err(Disagreement::TooMany(4)));
    assert_eq!(of(&honest, &Generated { text: "abcdx".into(), ..whole(5) }, 5), Err(Disagreement::Whole));

    // The same through a client.
    let told = |pieces: Vec<Piece>, whole: Generated| {
        let (near, mut far) = UnixStream::pair().expect("a pair");
        let client = Client::new(near.into(), &ClientOptions::default());
        thread::scope(|scope| {
            scope.spawn(move || {
                let answers = pieces.into_iter().map(Answer::Piece).chain([Answer::Generated(Box::new(whole))]);
                for answer in answers {
                    let mut message = Vec::new();
                    Response { id: 1, answer }.encode(&mut message).expect("within the limits");
                    let framed = [&(message.len() as u32).to_be_bytes()[..], &message].concat();
                    if far.write_all(&framed).is_err() {
                        // It has heard enough.
                        return;
                    }
                }
                // Until the client has gone.
                let _ = far.read_to_end(&mut Vec::new());
            });
            let result = all(&client, generate(5, 0)).map(drop);
            drop(client);
            result
        })
    };
    assert!(told(honest.clone(), whole(5)).is_ok());
    assert!(matches!(told(honest[..4].to_vec(), whole(5)), Err(ClientError::Disagreement(Disagreement::Whole))));
    assert!(matches!(told(honest[1..].to_vec(), whole(5)), Err(ClientError::Disagreement(_))));
    assert!(matches!(told(Vec::new(), whole(6)), Err(ClientError::Mismatch)), "more tokens than were asked for");
}
