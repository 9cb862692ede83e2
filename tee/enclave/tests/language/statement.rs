//! What a document says of a response.

use zktee_attestation::{Clock, TestRoot};
use zktee_core::protocol::{Completion, Finish, Generation};
use zktee_enclave::Expectation;
use zktee_enclave_protocol::{ErrorKind, LanguageFiles, ModelId};

use crate::fixture::{Fixture, ask, asked, attest, completion, generate, kind, named, recipe};

/// Each bound thing is changed alone, and the document no longer holds.
#[test]
fn a_third_party_takes_the_document_about_this_response_and_no_other() {
    let file = recipe(128, 1);
    let (fixture, client) = Fixture::with_model(&file);
    let asked = Generation { temperature: 0.7, ..asked() };
    let (request, generated) = generate(&client, ask(named(&file), &asked)).unwrap();
    let said = completion(&generated);
    let nonce = [9; 32];
    let document = attest(&client, request, &nonce).unwrap();
    let verdict = |expectation: &Expectation, asked: &Generation, said: &Completion, nonce: &[u8]| {
        expectation.check_response(&document, asked, said, nonce, Clock::Now).unwrap()
    };
    let files = named(&file);
    let expectation = fixture.expectation(&files);
    assert_eq!(verdict(&expectation, &asked, &said, &nonce), Ok(()));

    let other = ModelId([4; 48]);
    let of_files = [
        ("model", LanguageFiles { model: other, ..files }),
        ("config", LanguageFiles { config: Some(other), ..files }),
        ("tokenizer", LanguageFiles { tokenizer: Some(other), ..files }),
    ];
    for (what, files) in of_files {
        assert!(verdict(&fixture.expectation(&files), &asked, &said, &nonce).is_err(), "another {what}");
    }
    let requests = [
        ("prompt", Generation { prompt: "Ethereum as".into(), ..asked.clone() }),
        ("max_tokens", Generation { max_tokens: 37, ..asked.clone() }),
        ("temperature", Generation { temperature: 0.700_000_1, ..asked.clone() }),
        ("seed", Generation { seed: 1, ..asked.clone() }),
    ];
    for (what, asked) in requests {
        assert!(verdict(&expectation, &asked, &said, &nonce).is_err(), "another {what}");
    }
    let changed = |tokens: &[u32]| {
        let mut tokens = tokens.to_vec();
        tokens[0] ^= 1;
        tokens
    };
    let responses = [
        ("prompt's token", Completion { prompt_tokens: changed(&said.prompt_tokens), ..said.clone() }),
        ("token", Completion { tokens: changed(&said.tokens), ..said.clone() }),
        ("length", Completion { tokens: said.tokens[1..].to_vec(), ..said.clone() }),
        ("text", Completion { text: said.text.clone() + "!", ..said.clone() }),
        ("finish", Completion { finish: Finish::Stop, ..said.clone() }),
    ];
    assert_eq!(said.finish, Finish::Length);
    for (what, said) in responses {
        assert!(verdict(&expectation, &asked, &said, &nonce).is_err(), "another {what}");
    }
    assert!(verdict(&expectation, &asked, &said, &[8; 32]).is_err(), "another nonce");
    for register in 0..3 {
        let mut pcrs = fixture.pcrs.clone();
        pcrs.entry(register).and_modify(|pcr| pcr[7] ^= 1);
        let expectation = Expectation::of_language(Some(&fixture.root.root()), &pcrs, &files);
        assert!(verdict(&expectation, &asked, &said, &nonce).is_err(), "another PCR{register}");
    }
    let root = TestRoot::generate().unwrap().root();
    let expectation = Expectation::of_language(Some(&root), &fixture.pcrs, &files);
    assert!(verdict(&expectation, &asked, &said, &nonce).is_err(), "another root");

    // Nor does a document about a tensor stand for a response, and no channel has another's response attested.
    let tensor = fixture.expectation(&files).check(&document, &[1; 48], &[2; 48], &nonce, Clock::Now).unwrap();
    assert!(tensor.is_err());
    assert_eq!(kind(attest(&fixture.client(), request, &nonce)), ErrorKind::BadInput);
    assert_eq!(kind(attest(&client, request + 100, &nonce)), ErrorKind::BadInput);
}
