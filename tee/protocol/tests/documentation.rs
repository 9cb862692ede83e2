//! The example in `docs/enclave-protocol.md` is what this crate sends and reads.

use zktee_enclave_protocol::{
    Answer, Ask, ErrorKind, Event, Finish, Framing, Generate, Generated, LanguageFiles, ModelId, Nonce, Over, Piece,
    Reader, Request, Response, Tensor, frames,
};

const PAGE: &str = include_str!("../../../docs/enclave-protocol.md");

/// The bytes of an example: in each line as many two-digit numbers as there are before the remark.
fn example(name: &str) -> Vec<u8> {
    let fence = format!("```hex {name}\n");
    let (_, after) = PAGE.split_once(&fence).expect("an example of that name");
    let (block, _) = after.split_once("```").expect("its end");
    let bytes = |line: &'static str| line.split("    ").next().unwrap_or_default().split_whitespace();
    block.lines().flat_map(bytes).map(|byte| u8::from_str_radix(byte, 16).expect("a byte")).collect()
}

fn content(bytes: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(1000);
    reader.fill(&mut &bytes[..]).expect("a slice gives its bytes");
    match reader.next_event() {
        Ok(Some(Event::Message(content))) => content.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn request(name: &str, id: u64, ask: Ask) {
    let request = Request { id, ask };
    let mut message = vec![0; 4];
    request.encode(&mut message).expect("within the limits");
    assert_eq!(frames(message, Framing::Whole), [example(name)], "{name}");
    assert_eq!(Request::decode(&content(&example(name))), Ok(request), "{name}");
}

fn response(name: &str, id: u64, answer: Answer) {
    let response = Response { id, answer };
    let mut message = vec![0; 4];
    response.encode(&mut message).expect("within the limits");
    assert_eq!(frames(message, Framing::Parts), [example(name)], "{name}");
    assert_eq!(Response::decode(&content(&example(name))), Ok(response), "{name}");
}

#[test]
fn the_example_is_what_goes_over_the_wire() {
    let nonce = || Nonce::new((0..16).collect::<Vec<u8>>()).expect("16 bytes");
    request("hello", 1, Ask::Hello { newest: 1 });
    response(
        "hello-answer",
        1,
        Answer::Hello { version: 1, platform: "process".into(), models: Vec::new(), message_limit: 65_536 },
    );
    let input = Tensor::new(vec![1, 2], vec![1.0, -2.5]).expect("two values");
    request("infer", 2, Ask::Infer { model: ModelId([0xaa; 48]), nonce: nonce(), input });
    request("attest", 3, Ask::Attest { nonce: nonce(), over: Over::Request(2) });
    let generate = Generate {
        files: LanguageFiles { model: ModelId([0xaa; 48]), config: None, tokenizer: None },
        nonce: nonce(),
        prompt: "Hi".into(),
        max_tokens: 2,
        temperature: 0.5,
        seed: 7,
        stream: true,
    };
    request("generate", 4, Ask::Generate(Box::new(generate)));
    let piece = Piece { position: 0, token: 33, bytes: b"!".to_vec(), latency_ns: 1000 };
    response("piece", 4, Answer::Piece(piece));
    let generated = Generated {
        prompt_tokens: vec![72, 105],
        tokens: vec![33],
        text: "!".into(),
        finish: Finish::Stop,
        load_ns: 5,
        prompt_eval_ns: 6,
        eval_ns: 1500,
        token_ns: vec![1000],
        queue_ns: 8,
    };
    response("generated", 4, Answer::Generated(Box::new(generated)));
    request("cancel", 4, Ask::Cancel);
    response("error", 2, Answer::error(ErrorKind::UnknownModel, "no such model"));
}

/// The page's table of errors has the numbers and names of this crate.
#[test]
fn the_page_lists_every_error() {
    for (number, kind) in (1..).zip(ErrorKind::ALL) {
        assert!(PAGE.contains(&format!("| {number} | `{kind:?}` |")), "{kind:?}");
    }
}
