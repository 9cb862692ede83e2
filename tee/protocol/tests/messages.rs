//! Messages there and back, and bytes that are none.

use proptest::collection::vec;
use proptest::prelude::*;
use zktee_enclave_protocol::{
    Answer, Ask, Assembly, AssemblyError, ErrorKind, Finish, Generate, Generated, LanguageFiles, MAX_ELEMENTS,
    MAX_PART, MAX_TOKENS, Malformed, MessageError, Model, ModelId, Nonce, Over, Piece, Request, Response, Tensor,
    parts,
};

fn digest() -> impl Strategy<Value = [u8; 48]> {
    vec(any::<u8>(), 48).prop_map(|bytes| bytes.try_into().expect("48 bytes"))
}

fn model() -> impl Strategy<Value = Model> {
    (digest(), "\\PC{0,64}").prop_map(|(id, name)| Model { id: ModelId(id), name })
}

fn nonce() -> impl Strategy<Value = Nonce> {
    vec(any::<u8>(), 16..=64).prop_map(|bytes| Nonce::new(bytes).expect("16 to 64 bytes"))
}

/// Finite values: NaN is unequal to itself, and has a test of its own.
fn tensor() -> impl Strategy<Value = Tensor> {
    vec(0_u32..5, 0..=4).prop_flat_map(|shape| {
        let count = shape.iter().product::<u32>() as usize;
        vec(-1e30_f32..1e30, count).prop_map(move |values| Tensor::new(shape.clone(), values).expect("its shape"))
    })
}

fn files() -> impl Strategy<Value = LanguageFiles> {
    let file = || proptest::option::of(digest().prop_map(ModelId));
    (digest(), file(), file()).prop_map(|(model, config, tokenizer)| LanguageFiles {
        model: ModelId(model),
        config,
        tokenizer,
    })
}

fn generate() -> impl Strategy<Value = Generate> {
    let request = ("\\PC{0,100}", 1..=MAX_TOKENS, 0_f32..=f32::MAX, any::<u64>(), any::<bool>());
    (files(), nonce(), request).prop_map(|(files, nonce, (prompt, max_tokens, temperature, seed, stream))| Generate {
        files,
        nonce,
        prompt,
        max_tokens,
        temperature,
        seed,
        stream,
    })
}

fn piece() -> impl Strategy<Value = Piece> {
    (0..MAX_TOKENS, any::<u32>(), vec(any::<u8>(), 0..100), any::<u64>())
        .prop_map(|(position, token, bytes, latency_ns)| Piece { position, token, bytes, latency_ns })
}

fn generated() -> impl Strategy<Value = Generated> {
    let tokens = vec((any::<u32>(), any::<u64>()), 0..50);
    let finish = proptest::sample::select(vec![Finish::Stop, Finish::Length]);
    (vec(any::<u32>(), 0..50), tokens, "\\PC{0,200}", finish, any::<[u64; 4]>()).prop_map(
        |(prompt_tokens, tokens, text, finish, [load_ns, prompt_eval_ns, eval_ns, queue_ns])| {
            let (tokens, token_ns) = tokens.into_iter().unzip();
            Generated { prompt_tokens, tokens, text, finish, load_ns, prompt_eval_ns, eval_ns, token_ns, queue_ns }
        },
    )
}

fn asks() -> impl Strategy<Value = Ask> {
    let over = prop_oneof![
        any::<u64>().prop_map(Over::Request),
        (digest(), digest(), digest()).prop_map(|(model, input, output)| Over::Digests { model, input, output }),
    ];
    prop_oneof![
        any::<u16>().prop_map(|newest| Ask::Hello { newest }),
        (model(), any::<u64>(), any::<u64>(), vec(any::<u8>(), 1..300))
            .prop_map(|(model, total, offset, part)| Ask::LoadModel { model, total, offset, part }),
        (digest(), nonce(), tensor()).prop_map(|(id, nonce, input)| Ask::Infer { model: ModelId(id), nonce, input }),
        (nonce(), over).prop_map(|(nonce, over)| Ask::Attest { nonce, over }),
        (digest(), nonce(), tensor()).prop_map(|(id, nonce, input)| Ask::InferAndAttest {
            model: ModelId(id),
            nonce,
            input
        }),
        vec(any::<u8>(), 0..300).prop_map(|payload| Ask::OpenSession { payload }),
        vec(any::<u8>(), 0..300).prop_map(|payload| Ask::Sealed { payload }),
        generate().prop_map(|generate| Ask::Generate(Box::new(generate))),
        files().prop_map(Ask::Prepare),
        Just(Ask::Cancel),
    ]
}

fn answers() -> impl Strategy<Value = Answer> {
    let document = || vec(any::<u8>(), 0..300);
    prop_oneof![
        (any::<u16>(), "\\PC{0,64}", vec(model(), 0..4), any::<u64>()).prop_map(
            |(version, platform, models, message_limit)| Answer::Hello { version, platform, models, message_limit }
        ),
        (any::<u64>(), any::<u64>()).prop_map(|(received, total)| Answer::Loaded { received, total }),
        (tensor(), any::<u64>(), any::<u64>()).prop_map(|(output, inference_ns, queue_ns)| Answer::Inferred {
            output,
            inference_ns,
            queue_ns
        }),
        (document(), any::<u64>()).prop_map(|(document, attest_ns)| Answer::Attested { document, attest_ns }),
        (tensor(), any::<u64>(), any::<u64>(), document(), any::<u64>()).prop_map(
            |(output, inference_ns, queue_ns, document, attest_ns)| Answer::InferredAndAttested {
                output,
                inference_ns,
                queue_ns,
                document,
                attest_ns
            }
        ),
        document().prop_map(|payload| Answer::SessionOpened { payload }),
        document().prop_map(|payload| Answer::Sealed { payload }),
        generated().prop_map(|generated| Answer::Generated(Box::new(generated))),
        any::<u64>().prop_map(|load_ns| Answer::Prepared { load_ns }),
        piece().prop_map(Answer::Piece),
        document().prop_map(|payload| Answer::SealedPiece { payload }),
        (proptest::sample::select(ErrorKind::ALL.to_vec()), "\\PC{0,400}")
            .prop_map(|(kind, message)| Answer::error(kind, message)),
    ]
}

fn encoded(id: u64, ask: Ask) -> Vec<u8> {
    let mut bytes = Vec::new();
    Request { id, ask }.encode(&mut bytes).expect("within the limits");
    bytes
}

fn why(bytes: &[u8]) -> Malformed {
    match Request::decode(bytes) {
        Err(MessageError::Malformed { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn requests_come_back(id in any::<u64>(), ask in asks()) {
        let request = Request { id, ask };
        let mut bytes = Vec::new();
        request.encode(&mut bytes).expect("within the limits");
        prop_assert_eq!(Request::decode(&bytes).expect("a request"), request);
        // Nothing but the whole is the message, and an answer it never is.
        prop_assert!(Request::decode(&bytes[..bytes.len() - 1]).is_err());
        prop_assert!(Response::decode(&bytes).is_err());
        bytes.push(0);
        prop_assert!(Request::decode(&bytes).is_err());
    }

    #[test]
    fn responses_come_back(id in any::<u64>(), answer in answers()) {
        let response = Response { id, answer };
        let mut bytes = Vec::new();
        response.encode(&mut bytes).expect("within the limits");
        prop_assert_eq!(Response::decode(&bytes).expect("a response"), response);
        prop_assert!(Response::decode(&bytes[..bytes.len() - 1]).is_err());
        prop_assert!(Request::decode(&bytes).is_err());
        bytes.push(0);
        prop_assert!(Response::decode(&bytes).is_err());
    }

    #[test]
    fn bytes_of_any_kind_do_not_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Request::decode(&bytes);
        let _ = Response::decode(&bytes);
    }

    /// A message has one encoding: what an edited one decodes to encodes to just these bytes.
    #[test]
    fn edited_messages_are_refused_or_canonical(ask in asks(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encoded(7, ask);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(request) = Request::decode(&bytes) {
            prop_assert_eq!(encoded(request.id, request.ask), bytes);
        }
    }
}

#[test]
fn values_keep_their_bits() {
    let values: Vec<f32> = [0x7fc0_0001, 0xff80_0000, 0x8000_0000, 1].map(f32::from_bits).to_vec();
    let input = Tensor::new(vec![2, 2], values.clone()).expect("four values");
    let nonce = Nonce::new([1; 16]).expect("16 bytes");
    let Request { ask: Ask::Infer { input, .. }, .. } =
        Request::decode(&encoded(1, Ask::Infer { model: ModelId([0; 48]), nonce, input })).expect("a request")
    else {
        panic!("another kind");
    };
    assert!(input.values().iter().zip(&values).all(|(one, other)| one.to_bits() == other.to_bits()));
    assert_eq!(input.to_le_bytes()[12..], [1, 0, 0, 0]);
}

#[test]
fn other_versions_are_refused_with_their_id() {
    // [2, 9, "what a later version may have here"]
    assert_eq!(Request::decode(&[0x83, 2, 9, 0x61, b'?']), Err(MessageError::Version { id: 9, got: 2 }));
    let text = Request::decode(&[0x83, 2, 9, 0x61, b'?']).expect_err("another version").to_string();
    assert_eq!(text, "protocol version 2 is not spoken here; version 1 is");
}

#[test]
fn only_the_shortest_form_with_its_length_up_front_is_read() {
    assert_eq!(encoded(1, Ask::Hello { newest: 1 }), [0x84, 1, 1, 1, 1]);
    assert_eq!(why(&[0x84, 1, 1, 1, 0x18, 1]), Malformed::Item("newest"), "a number with a byte to spare");
    assert_eq!(why(&[0x9f, 1, 1, 1, 1, 0xff]), Malformed::Item("message"), "an array without a length");
    assert_eq!(why(&[0x84, 1, 1, 1, 0x20]), Malformed::Item("newest"), "a negative number");
    assert_eq!(why(&[0x84, 1, 1, 1, 0x1a, 0, 1, 0, 0]), Malformed::Bounds("newest"));
    assert_eq!(why(&[0x84, 1, 1, 1, 0x1c]), Malformed::Item("newest"), "a reserved head");
    assert_eq!(why(&[0x84, 1, 1, 1, 1, 0]), Malformed::Trailing(1));
    assert_eq!(why(&[0x85, 1, 1, 1, 1, 0]), Malformed::Fields(1));
    assert_eq!(why(&[0x82, 1, 1, 1]), Malformed::Fields(1));
    assert_eq!(why(&[0x84, 1, 1, 23, 1]), Malformed::Kind(23));
    assert_eq!(why(&[]), Malformed::Truncated);
}

#[test]
fn limits_hold_in_both_directions() {
    assert_eq!(Nonce::new([0; 15]), Err(Malformed::Bounds("nonce")));
    assert_eq!(Nonce::new([0; 65]), Err(Malformed::Bounds("nonce")));
    assert_eq!(Tensor::new(vec![1; 9], vec![0.0]), Err(Malformed::Bounds("shape")));
    assert_eq!(Tensor::new(vec![MAX_ELEMENTS as u32 + 1], Vec::new()), Err(Malformed::Bounds("shape")));
    assert_eq!(Tensor::new(vec![u32::MAX, u32::MAX, u32::MAX], Vec::new()), Err(Malformed::Bounds("shape")));
    assert_eq!(Tensor::new(vec![0, u32::MAX], Vec::new()), Err(Malformed::Bounds("shape")));
    assert_eq!(Tensor::new(vec![2, 2], vec![0.0; 3]), Err(Malformed::Shape));
    let model = Model { id: ModelId([0; 48]), name: "n".repeat(257) };
    let ask = |model: &Model, part| Ask::LoadModel { model: model.clone(), total: 1, offset: 0, part };
    let mut buffer = b"before".to_vec();
    for (ask, field) in [
        (ask(&model, vec![0]), "name"),
        (ask(&Model { name: String::new(), ..model.clone() }, Vec::new()), "part"),
        (ask(&Model { name: String::new(), ..model.clone() }, vec![0; MAX_PART + 1]), "part"),
    ] {
        assert_eq!(Request { id: 1, ask }.encode(&mut buffer), Err(Malformed::Bounds(field)));
    }
    assert_eq!(buffer, b"before");
    // A claim of 4 GiB that is not there: refused by the limit; one within the limit by the bytes at hand.
    assert_eq!(why(&[&[0x84, 1, 1, 7][..], &[0x5a, 0xff, 0xff, 0xff, 0xff]].concat()), Malformed::Bounds("payload"));
    assert_eq!(why(&[&[0x84, 1, 1, 7][..], &[0x5a, 0x03, 0xff, 0xff, 0xff]].concat()), Malformed::Truncated);
    assert_eq!(why(&[0x85, 1, 1, 4, 0x50]), Malformed::Truncated);
    assert_eq!(why(&[&[0x85, 1, 1, 4, 0x4f][..], &[0; 15]].concat()), Malformed::Bounds("nonce"));
}

#[test]
fn long_words_are_cut_at_a_character() {
    let Answer::Error { message, .. } = Answer::error(ErrorKind::Failed, "é".repeat(200)) else { panic!("no error") };
    assert_eq!(message.len(), 256);
    let Answer::Error { message, .. } = Answer::error(ErrorKind::Failed, format!("x{}", "é".repeat(200))) else {
        panic!("no error")
    };
    assert_eq!(message.len(), 255);
}

#[test]
fn a_model_comes_in_parts_and_is_held_against_its_digest() {
    use sha2::{Digest, Sha384};
    let file: Vec<u8> = (0..2 * MAX_PART + 5).map(|at| (at % 251) as u8).collect();
    let model = Model { id: ModelId(Sha384::digest(&file).into()), name: "lenet".into() };
    let feed = |id, change: &dyn Fn(usize, &mut u64, &mut Vec<u8>)| {
        let mut assembly = Assembly::new(id, file.len() as u64, 1 << 30)?;
        for (index, ask) in parts(&model, &file).enumerate() {
            let Ask::LoadModel { total, mut offset, mut part, .. } = ask else { panic!("another kind") };
            change(index, &mut offset, &mut part);
            if let Some(file) = assembly.accept(total, offset, &part)? {
                return Ok(file);
            }
        }
        panic!("no end")
    };
    assert_eq!(feed(model.id, &|_, _, _| ()), Ok(file.clone()));
    assert!(matches!(feed(model.id, &|_, _, part| part[0] ^= 1), Err(AssemblyError::Digest(_))));
    assert!(matches!(feed(ModelId([0; 48]), &|_, _, _| ()), Err(AssemblyError::Digest(id)) if id == model.id));
    let skipped = |index: usize, offset: &mut u64, _: &mut Vec<u8>| *offset += u64::from(index == 1);
    assert!(matches!(feed(model.id, &skipped), Err(AssemblyError::OutOfOrder { .. })));
    let longer = |index: usize, _: &mut u64, part: &mut Vec<u8>| part.extend((index == 2).then_some(0));
    assert!(matches!(feed(model.id, &longer), Err(AssemblyError::OutOfOrder { .. })));
    assert!(matches!(Assembly::new(model.id, 11, 10), Err(AssemblyError::TooLarge { .. })));
}
