//! Limits of what is said to language models, and by them.

use zktee_enclave_protocol::{
    Answer, Ask, Finish, Generate, Generated, LanguageFiles, MAX_PIECE, MAX_PROMPT, MAX_PROMPT_TOKENS, MAX_RESPONSE,
    MAX_SEALED_PIECE, MAX_TOKENS, Malformed, MessageError, ModelId, Nonce, Piece, Request, Response,
};

fn why(bytes: &[u8]) -> Malformed {
    match Request::decode(bytes) {
        Err(MessageError::Malformed { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_of_language_models_hold_in_both_directions() {
    let files = LanguageFiles { model: ModelId([1; 48]), config: None, tokenizer: None };
    let nonce = Nonce::new([0; 16]).expect("16 bytes");
    let (prompt, max_tokens) = ("p".repeat(MAX_PROMPT), MAX_TOKENS);
    let most = Generate { files, nonce, prompt, max_tokens, temperature: f32::MAX, seed: u64::MAX, stream: true };
    let ask = |generate: Generate| {
        let mut bytes = Vec::new();
        Request { id: 1, ask: Ask::Generate(Box::new(generate)) }.encode(&mut bytes).map(|()| bytes)
    };
    assert!(Request::decode(&ask(most.clone()).expect("at its limits")).is_ok());
    let beyond = [
        ("prompt", Generate { prompt: "p".repeat(MAX_PROMPT + 1), ..most.clone() }),
        ("max_tokens", Generate { max_tokens: 0, ..most.clone() }),
        ("max_tokens", Generate { max_tokens: MAX_TOKENS + 1, ..most.clone() }),
        ("temperature", Generate { temperature: -0.0, ..most.clone() }),
        ("temperature", Generate { temperature: -1.0, ..most.clone() }),
        ("temperature", Generate { temperature: f32::INFINITY, ..most.clone() }),
        ("temperature", Generate { temperature: f32::NAN, ..most.clone() }),
    ];
    for (field, generate) in beyond {
        assert_eq!(ask(generate), Err(Malformed::Bounds(field)));
    }
    // The last three numbers, as bytes: max_tokens 1, temperature 0, seed 0, stream.
    let plain = Generate { prompt: String::new(), max_tokens: 1, temperature: 0.0, seed: 0, stream: false, ..most };
    let bytes = ask(plain).expect("within the limits");
    let with = |last: &[u8]| why(&[&bytes[..bytes.len() - 4], last].concat());
    assert_eq!(with(&[1, 0, 0, 2]), Malformed::Bounds("stream"));
    assert_eq!(with(&[0, 0, 0, 0]), Malformed::Bounds("max_tokens"));
    assert_eq!(with(&[1, 0x1a, 0x80, 0, 0, 0, 0, 0]), Malformed::Bounds("temperature"), "-0");
    assert_eq!(with(&[1, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Malformed::Bounds("temperature"), "above 2^32");
    // A digest is whole or is not there.
    let short = [&bytes[..4 + 50], &[0x41, 0], &bytes[4 + 50 + 1..]].concat();
    assert_eq!(why(&short), Malformed::Bounds("config"));

    let answer = |answer: Answer| {
        let mut bytes = Vec::new();
        Response { id: 1, answer }.encode(&mut bytes).map(|()| bytes)
    };
    let piece = Piece { position: MAX_TOKENS - 1, token: u32::MAX, bytes: vec![0; MAX_PIECE], latency_ns: u64::MAX };
    let bytes = answer(Answer::Piece(piece.clone())).expect("at its limits");
    // In a session its message must fit with a tag.
    assert!(Response::decode(&bytes).is_ok() && bytes.len() + 64 < MAX_SEALED_PIECE, "{}", bytes.len());
    let beyond = [
        ("position", Piece { position: MAX_TOKENS, ..piece.clone() }),
        ("bytes", Piece { bytes: vec![0; MAX_PIECE + 1], ..piece }),
    ];
    for (field, piece) in beyond {
        assert_eq!(answer(Answer::Piece(piece)), Err(Malformed::Bounds(field)));
    }
    let payload = vec![0; MAX_SEALED_PIECE + 1];
    assert_eq!(answer(Answer::SealedPiece { payload }), Err(Malformed::Bounds("payload")));

    let most = Generated {
        prompt_tokens: vec![u32::MAX; MAX_PROMPT_TOKENS],
        tokens: vec![u32::MAX; MAX_TOKENS as usize],
        text: "t".repeat(MAX_RESPONSE),
        finish: Finish::Stop,
        load_ns: u64::MAX,
        prompt_eval_ns: u64::MAX,
        eval_ns: u64::MAX,
        token_ns: vec![u64::MAX; MAX_TOKENS as usize],
        queue_ns: u64::MAX,
    };
    let whole = |generated: Generated| answer(Answer::Generated(Box::new(generated)));
    assert!(Response::decode(&whole(most.clone()).expect("at its limits")).is_ok());
    let long = |count: usize| vec![0; count];
    let beyond = [
        ("prompt_tokens", Generated { prompt_tokens: vec![0; MAX_PROMPT_TOKENS + 1], ..most.clone() }),
        ("tokens", Generated { tokens: vec![0; MAX_TOKENS as usize + 1], ..most.clone() }),
        ("text", Generated { text: "t".repeat(MAX_RESPONSE + 1), ..most.clone() }),
        ("token_ns", Generated { token_ns: long(3), ..most.clone() }),
    ];
    for (field, generated) in beyond {
        assert_eq!(whole(generated), Err(Malformed::Bounds(field)));
    }
    // A claim of more tokens than there are bytes allocates nothing.
    let claim = [0x8c, 1, 1, 0x18, 72, 0x99, 0xff, 0xff];
    let refused = Response::decode(&claim).expect_err("no tokens are there");
    assert_eq!(refused, MessageError::Malformed { id: 1, why: Malformed::Truncated });
}
