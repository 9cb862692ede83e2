//! What is refused, and how much memory is taken.

use std::time::{Duration, Instant};

use zktee_attestation::SoftwareNsm;
use zktee_core::protocol::Generation;
use zktee_enclave::EnclaveService;
use zktee_enclave_protocol::{
    Answer, Ask, Client, ClientOptions, ErrorKind, LanguageFiles, MAX_PART, Model, ModelId, Options, Server, Stream,
};

use crate::fixture::{Fixture, LONG, ROOM, ask, asked, bring, generate, id, kind, named, recipe};

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let file = recipe(128, 1);
    let (_fixture, client) = Fixture::with_model(&file);
    let files = named(&file);
    let missing = LanguageFiles { model: ModelId([0; 48]), ..files };
    assert_eq!(kind(generate(&client, ask(missing, &asked()))), ErrorKind::UnknownModel);
    let missing = LanguageFiles { tokenizer: Some(ModelId([0; 48])), ..files };
    assert_eq!(kind(generate(&client, ask(missing, &asked()))), ErrorKind::UnknownModel);
    for prompt in [String::new(), "p".repeat(128), "p".repeat(60_000)] {
        let asked = Generation { prompt, ..asked() };
        assert_eq!(kind(generate(&client, ask(files, &asked))), ErrorKind::BadInput);
    }
    // One that leaves room for a single token has one.
    let tight = Generation { prompt: "p".repeat(127), ..asked() };
    assert_eq!(generate(&client, ask(files, &tight)).unwrap().1.tokens.len(), 1);

    for damaged in [
        &b"GGUF"[..],
        b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"{}",
        b"no model at all",
        b"{\"zktee_recipe\":9}",
    ] {
        bring(&client, damaged).unwrap();
        assert_eq!(kind(client.call(Ask::Prepare(named(damaged)), LONG)), ErrorKind::BadModel, "{damaged:?}");
    }
    // A damaged one has taken the place of the good one, whose file is gone: it can be brought in again.
    assert_eq!(kind(generate(&client, ask(files, &asked()))), ErrorKind::UnknownModel);
    bring(&client, &file).unwrap();
    generate(&client, ask(files, &asked())).unwrap();
    // A recipe needs no tokenizer, and one that is named is not ignored.
    bring(&client, b"a tokenizer").unwrap();
    bring(&client, &recipe(64, 2)).unwrap();
    let with = LanguageFiles { tokenizer: Some(id(b"a tokenizer")), ..named(&recipe(64, 2)) };
    assert_eq!(kind(client.call(Ask::Prepare(with), LONG)), ErrorKind::BadModel);
}

#[test]
fn an_enclave_takes_no_more_than_its_memory() {
    let fixture = Fixture::with(ROOM);
    let client = fixture.client();
    let part = |model: ModelId, total, offset| Ask::LoadModel {
        model: Model { id: model, name: String::new() },
        total,
        offset,
        part: vec![0; MAX_PART],
    };
    let one = ModelId([1; 48]);
    assert_eq!(kind(client.call(part(one, ROOM + 1, 0), LONG)), ErrorKind::TooLarge, "beyond all memory");
    assert_eq!(kind(client.call(part(one, u64::MAX, 0), LONG)), ErrorKind::TooLarge);
    // What is on its way counts whole, whoever sends it.
    assert!(matches!(client.call(part(one, ROOM - 1000, 0), LONG), Ok(Answer::Loaded { .. })));
    let other = fixture.client();
    assert_eq!(kind(other.call(part(ModelId([2; 48]), MAX_PART as u64 * 2, 0), LONG)), ErrorKind::TooLarge);
    // Out of order, and over its end: the file is forgotten, and there is room again.
    assert_eq!(kind(client.call(part(one, ROOM - 1000, 5), LONG)), ErrorKind::BadModel);
    assert!(matches!(other.call(part(ModelId([2; 48]), MAX_PART as u64 * 2, 0), LONG), Ok(Answer::Loaded { .. })));
    // The second part ends it, and it is not what it was called.
    let last = part(ModelId([2; 48]), MAX_PART as u64 * 2, MAX_PART as u64);
    assert_eq!(kind(other.call(last, LONG)), ErrorKind::BadModel);
    // Weights that are in no file count when they are made.
    let large = String::from_utf8(recipe(128, 1)).unwrap().replace("\"vocabulary\":300", "\"vocabulary\":500000");
    bring(&client, large.as_bytes()).unwrap();
    assert_eq!(kind(client.call(Ask::Prepare(named(large.as_bytes())), LONG)), ErrorKind::OutOfMemory);
    // An enclave that was not made for them takes none.
    let nsm = SoftwareNsm::new(&fixture.root, fixture.pcrs.clone()).unwrap();
    let service = EnclaveService::new("test", Vec::new(), Box::new(nsm));
    let server = Server::start(service, Options { workers: 1, ..Options::default() }).unwrap();
    let (near, far) = Stream::pair().unwrap();
    server.attach(far).unwrap();
    let client = Client::new(near, &ClientOptions::default());
    assert_eq!(kind(bring(&client, b"a file")), ErrorKind::Unsupported);
    assert_eq!(kind(generate(&client, ask(named(b"a file"), &asked()))), ErrorKind::Unsupported);
}

#[test]
fn files_are_shared_by_their_digest_and_go_with_their_channel() {
    let file = recipe(128, 1);
    let (fixture, client) = Fixture::with_model(&file);
    let load_ns = |client: &Client| match client.call(Ask::Prepare(named(&file)), LONG).unwrap() {
        Answer::Prepared { load_ns } => load_ns,
        other => panic!("{other:?}"),
    };
    assert!(load_ns(&client) > 0);
    assert_eq!(load_ns(&client), 0, "it was ready");
    // Of one that is here the first part is answered with the whole.
    let other = fixture.client();
    let part = Ask::LoadModel {
        model: Model { id: id(&file), name: String::new() },
        total: 5_000_000,
        offset: 0,
        part: vec![0],
    };
    assert_eq!(other.call(part, LONG).unwrap(), Answer::Loaded { received: 5_000_000, total: 5_000_000 });
    drop(client);
    // The model stays, whose channel has gone.
    assert_eq!(load_ns(&other), 0);
    let gone = fixture.client();
    let unused = recipe(64, 2);
    bring(&gone, &unused).unwrap();
    drop(gone);
    while fixture.server.channels() > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // The service hears of it a moment after it is counted off. Of a file that is here the first part is answered with the whole.
    let begin = Instant::now();
    let part = Ask::LoadModel {
        model: Model { id: id(&unused), name: String::new() },
        total: 5_000_000,
        offset: 0,
        part: vec![0],
    };
    while other.call(part.clone(), LONG).unwrap() != (Answer::Loaded { received: 1, total: 5_000_000 }) {
        assert!(begin.elapsed() < LONG, "the file outlived its channel");
        std::thread::sleep(Duration::from_millis(1));
    }
}
