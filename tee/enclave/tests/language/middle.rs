//! A man in the middle of a stream.

use std::io::{Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;

use zktee_attestation::Clock;
use zktee_core::protocol::Completion;
use zktee_enclave_protocol::{Answer, Client, ClientError, ClientOptions, Piece, Response};

use crate::fixture::{Fixture, PATIENCE, ask, asked, attest, completion, generate, named, native, recipe};

/// What a man in the middle does to an answer: none to several in its place.
type Edit = Box<dyn FnMut(Response) -> Vec<Response> + Send>;

/// A channel through somebody who can change what the enclave says.
fn through(fixture: &Fixture, mut edit: Edit) -> Client {
    let (near, middle_near) = UnixStream::pair().unwrap();
    let (middle_far, far) = UnixStream::pair().unwrap();
    fixture.server.attach(far.into()).unwrap();
    let (mut up_from, mut up_to) = (middle_near.try_clone().unwrap(), middle_far.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(std::net::Shutdown::Both);
    });
    let (mut from, mut to) = (middle_far, middle_near);
    std::thread::spawn(move || {
        let mut head = [0; 4];
        while from.read_exact(&mut head).is_ok() {
            let mut message = vec![0; u32::from_be_bytes(head) as usize];
            if from.read_exact(&mut message).is_err() {
                return;
            }
            for answer in edit(Response::decode(&message).unwrap()) {
                let mut message = Vec::new();
                answer.encode(&mut message).unwrap();
                let framed = [&(message.len() as u32).to_be_bytes()[..], &message].concat();
                if to.write_all(&framed).is_err() {
                    return;
                }
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    Client::new(near.into(), &ClientOptions::default())
}

/// Edits the tenth partial answer.
fn at_the_tenth(mut change: impl FnMut(Response) -> Vec<Response> + Send + 'static) -> Edit {
    let mut seen = 0;
    Box::new(move |response| {
        seen += u32::from(response.answer.is_partial());
        if seen == 10 && response.answer.is_partial() { change(response) } else { vec![response] }
    })
}

/// Exchanges the tenth partial answer and the one after it.
fn exchanged() -> Edit {
    let (mut seen, mut kept) = (0, None);
    Box::new(move |response| {
        seen += u32::from(response.answer.is_partial());
        match (seen, kept.take()) {
            (10, _) => {
                kept = Some(response);
                Vec::new()
            }
            (11, Some(before)) => vec![response, before],
            _ => vec![response],
        }
    })
}

#[test]
fn a_man_in_the_middle_of_a_stream_is_found_out() {
    let file = recipe(128, 1);
    let (fixture, _client) = Fixture::with_model(&file);
    let open = |edit| generate(&through(&fixture, edit), ask(named(&file), &asked()));
    open(Box::new(|response| vec![response])).expect("one who changes nothing");
    let with = |edit: fn(&mut Piece)| {
        at_the_tenth(move |response| {
            let Answer::Piece(mut piece) = response.answer else { panic!("no piece") };
            edit(&mut piece);
            vec![Response { id: response.id, answer: Answer::Piece(piece) }]
        })
    };
    let edits = [
        ("another token", with(|piece| piece.token ^= 1)),
        ("other bytes", with(|piece| piece.bytes.push(b'!'))),
        ("another place", with(|piece| piece.position += 1)),
        ("one dropped", at_the_tenth(|_| Vec::new())),
        ("one added", at_the_tenth(|response| vec![response.clone(), response])),
        ("two exchanged", exchanged()),
    ];
    for (what, edit) in edits {
        let result = open(edit);
        assert!(matches!(result, Err(ClientError::Disagreement(_) | ClientError::Mismatch)), "{what}: {result:?}");
    }
    // One who changes pieces and whole alike is found out by the document.
    let edit: Edit = Box::new(|mut response| {
        match &mut response.answer {
            Answer::Piece(piece) if piece.position == 3 => piece.token ^= 1,
            Answer::Generated(generated) => generated.tokens[3] ^= 1,
            _ => {}
        }
        vec![response]
    });
    let client = through(&fixture, edit);
    let (request, generated) = generate(&client, ask(named(&file), &asked())).expect("a response");
    let document = attest(&client, request, &[1; 16]).unwrap();
    let expectation = fixture.expectation(&named(&file));
    let verdict = |said: &Completion| expectation.check_response(&document, &asked(), said, &[1; 16], Clock::Now);
    assert!(verdict(&completion(&generated)).unwrap().is_err());
    assert_eq!(verdict(&native(&file, &asked())).unwrap(), Ok(()));
}

#[test]
fn a_man_in_the_middle_of_a_sealed_stream_is_found_out() {
    let file = recipe(128, 1);
    let (fixture, _client) = Fixture::with_model(&file);
    let sealed = |edit| {
        let client = through(&fixture, edit);
        let session = fixture.session(&client);
        session.generate(ask(named(&file), &asked()), &PATIENCE, &mut |_| ControlFlow::Continue(())).map(drop)
    };
    sealed(Box::new(|response| vec![response])).expect("one who changes nothing");
    let as_last = |response: Response| match response.answer {
        Answer::SealedPiece { payload } => vec![Response { id: response.id, answer: Answer::Sealed { payload } }],
        _ => panic!("no sealed piece"),
    };
    let last_as_piece: Edit = Box::new(|response| match response {
        Response { id, answer: Answer::Sealed { payload } } => {
            vec![Response { id, answer: Answer::SealedPiece { payload } }]
        }
        other => vec![other],
    });
    let edits: [(&str, Edit); 6] = [
        (
            "one changed",
            at_the_tenth(|mut response| {
                let Answer::SealedPiece { payload } = &mut response.answer else { panic!("no sealed piece") };
                payload[3] ^= 1;
                vec![response]
            }),
        ),
        ("one dropped", at_the_tenth(|_| Vec::new())),
        ("one added", at_the_tenth(|response| vec![response.clone(), response])),
        ("two exchanged", exchanged()),
        ("a piece as the last", at_the_tenth(as_last)),
        ("the last as a piece", last_as_piece),
    ];
    for (what, edit) in edits {
        assert!(sealed(edit).is_err(), "{what}");
    }
}
