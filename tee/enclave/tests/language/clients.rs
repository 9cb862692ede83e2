//! What is answered, to one and to many, and to those who give up.

use std::ops::ControlFlow;

use zktee_attestation::Clock;
use zktee_core::protocol::Generation;
use zktee_enclave::SessionError;
use zktee_enclave_protocol::{Answer, Ask, ClientError, Drained, ErrorKind, Generate, Next, Nonce, Over, Piece};

use crate::fixture::{Fixture, LONG, PATIENCE, ask, asked, attest, completion, generate, kind, named, native, recipe};

#[test]
fn the_enclave_says_what_the_engine_says_in_the_open_and_in_a_session() {
    let file = recipe(128, 1);
    let (fixture, client) = Fixture::with_model(&file);
    for asked in [asked(), Generation { temperature: 0.8, seed: 9, max_tokens: 20, ..asked() }] {
        let expected = native(&file, &asked);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut keep = |piece: &Piece| {
            pieces.push(piece.clone());
            ControlFlow::Continue(())
        };
        let (_, generated) = client.generate(ask(named(&file), &asked), &PATIENCE, &mut keep).unwrap();
        assert_eq!(completion(&generated), expected);
        assert_eq!(pieces.iter().map(|piece| piece.token).collect::<Vec<_>>(), expected.tokens);
        assert!(generated.load_ns > 0 && generated.prompt_eval_ns > 0 && generated.eval_ns > 0);
        let (_, whole) = generate(&client, Generate { stream: false, ..ask(named(&file), &asked) }).unwrap();
        assert_eq!(completion(&whole), expected);
        let sealed = fixture.client();
        let session = fixture.session(&sealed);
        for stream in [true, false, true] {
            let ask = Generate { stream, ..ask(named(&file), &asked) };
            let (request, generated) = session.generate(ask, &PATIENCE, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(completion(&generated), expected);
            let over = Over::Request(request);
            let (_, answer) = session.call(Ask::Attest { nonce: Nonce::new([5; 16]).unwrap(), over }, LONG).unwrap();
            assert!(matches!(answer, Answer::Attested { .. }));
        }
        // What has a session is not asked in the open.
        assert_eq!(kind(generate(&sealed, ask(named(&file), &asked))), ErrorKind::Unsupported);
    }
    assert_eq!(fixture.server.shut_down(LONG), Drained::All);
}

#[test]
fn many_clients_have_their_own_responses() {
    let file = recipe(128, 1);
    let (fixture, _first) = Fixture::with_model(&file);
    std::thread::scope(|scope| {
        for number in 0..8_u64 {
            let (fixture, file) = (&fixture, &file);
            scope.spawn(move || {
                let client = fixture.client();
                let asked =
                    Generation { prompt: format!("client {number}"), seed: number, temperature: 1.0, ..asked() };
                let expected = native(file, &asked);
                for _ in 0..3 {
                    let (request, generated) = generate(&client, ask(named(file), &asked)).unwrap();
                    assert_eq!(completion(&generated), expected, "client {number}");
                    let document = attest(&client, request, &[1; 16]).unwrap();
                    let expectation = fixture.expectation(&named(file));
                    let verdict = expectation.check_response(&document, &asked, &expected, &[1; 16], Clock::Now);
                    assert_eq!(verdict.unwrap(), Ok(()));
                }
            });
        }
    });
}

/// A response that nobody waits for any more ends with its next token, and was never given.
#[test]
fn a_client_that_gives_up_or_goes_ends_the_work() {
    let file = recipe(8192, 1);
    let (fixture, client) = Fixture::with_model(&file);
    let endless = ask(named(&file), &Generation { max_tokens: 8000, ..asked() });
    let mut pending = client.start(Ask::Generate(Box::new(endless.clone()))).unwrap();
    let request = pending.id();
    assert!(matches!(pending.next(LONG), Ok(Next::Partial(_))));
    drop(pending);
    // Waits until the model is free again.
    generate(&client, ask(named(&file), &asked())).unwrap();
    assert_eq!(kind(attest(&client, request, &[1; 16])), ErrorKind::BadInput, "it was answered to its end");
    let gone = fixture.client();
    let mut pending = gone.start(Ask::Generate(Box::new(endless.clone()))).unwrap();
    assert!(matches!(pending.next(LONG), Ok(Next::Partial(_))));
    drop((pending, gone));
    generate(&client, ask(named(&file), &asked())).unwrap();
    // In a session as well, which ends with it.
    let sealed = fixture.client();
    let session = fixture.session(&sealed);
    let broken = session.generate(endless, &PATIENCE, &mut |_| ControlFlow::Break(()));
    assert!(matches!(broken, Err(SessionError::Channel(ClientError::Abandoned))), "{broken:?}");
    generate(&client, ask(named(&file), &asked())).unwrap();
    drop((session, sealed, client));
    assert_eq!(fixture.server.shut_down(LONG), Drained::All);
}
