//! Files that are damaged or made up: reading them ends in an error or in a model that answers, never in a panic, and takes no memory that
//! they only claim to need.

use std::ops::ControlFlow;

use proptest::prelude::*;
use zktee_core::protocol::Generation;
use zktee_llm::{LanguageModel, LoadOptions, ModelFiles};

const WEIGHTS: &[u8] = include_bytes!("fixtures/gpt2-small/model.safetensors");
const CONFIG: &[u8] = include_bytes!("fixtures/gpt2-small/config.json");
const TOKENIZER: &[u8] = include_bytes!("fixtures/gpt2-small/tokenizer.json");
const GGUF: &[u8] = include_bytes!("fixtures/tiny.gguf");
const RECIPE: &[u8] =
    br#"{"zktee_recipe":1,"family":"gpt2","layers":2,"width":32,"heads":2,"context":32,"vocabulary":256,"weights":"q8_0","seed":1}"#;

/// Enough for each of the files, and for nothing that is much larger.
const OPTIONS: LoadOptions = LoadOptions { threads: 1, memory_limit: Some(8 << 20) };

/// Loads files, and if that is possible asks what they make.
fn read(model: &[u8], config: Option<&[u8]>, tokenizer: Option<&[u8]>) -> bool {
    let files =
        ModelFiles { model: model.into(), config: config.map(Into::into), tokenizer: tokenizer.map(Into::into) };
    let Ok(mut model) = LanguageModel::load(files, &OPTIONS) else { return false };
    let request = Generation { prompt: "A prompt.".into(), max_tokens: 3, temperature: 0.5, seed: 1 };
    // Of damaged weights no answer is right; there is one, or a reason why not.
    let _ = model.generate(&request, &mut |_| ControlFlow::Continue(()));
    true
}

/// A change of some bytes.
#[derive(Clone, Debug)]
enum Damage {
    /// Only the first part, of so many 65536ths.
    End(u16),
    /// Another byte at a place, of so many 65536ths of the first bytes: heads are where most is decided.
    Byte(u16, u8),
    /// A number of JSON or a run of digits in its place.
    Digits(u16, u64),
    /// Bytes that are there twice.
    Again(u16, u8),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>, head: usize) {
        let place = |part: u16, of: usize| of * usize::from(part) / 65536;
        let head = head.min(bytes.len());
        match *self {
            Self::End(part) => bytes.truncate(place(part, bytes.len())),
            Self::Byte(part, byte) => {
                if let Some(at) = bytes.get_mut(place(part, head)) {
                    *at = byte;
                }
            }
            Self::Digits(part, number) => {
                let from = place(part, head);
                let Some(start) = bytes[from..head].iter().position(u8::is_ascii_digit).map(|at| from + at) else {
                    return;
                };
                let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(start..start + length, number.to_string().into_bytes());
            }
            Self::Again(part, count) => {
                let from = place(part, head);
                let again = bytes[from..(from + usize::from(count)).min(head)].to_vec();
                bytes.splice(from..from, again);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let number = prop_oneof![any::<u64>(), 0..1000_u64, Just(u64::MAX), Just(1 << 32), Just(1 << 63)];
    let one = prop_oneof![
        any::<u16>().prop_map(Damage::End),
        (any::<u16>(), any::<u8>()).prop_map(|(part, byte)| Damage::Byte(part, byte)),
        (any::<u16>(), number).prop_map(|(part, number)| Damage::Digits(part, number)),
        (any::<u16>(), any::<u8>()).prop_map(|(part, count)| Damage::Again(part, count)),
    ];
    prop::collection::vec(one, 1..4)
}

fn damaged(bytes: &[u8], head: usize, damage: &[Damage]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for damage in damage {
        damage.apply(&mut bytes, head);
    }
    bytes
}

#[test]
fn undamaged_files_are_read() {
    assert!(read(RECIPE, None, None));
    assert!(read(WEIGHTS, Some(CONFIG), Some(TOKENIZER)));
    assert!(read(GGUF, None, None));
}

#[test]
fn heads_that_claim_the_most_are_refused() {
    for length in [u64::MAX, u64::MAX - 8, 1 << 63, 1 << 40, WEIGHTS.len() as u64] {
        let file = [&length.to_le_bytes(), &WEIGHTS[8..]].concat();
        assert!(!read(&file, Some(CONFIG), Some(TOKENIZER)));
    }
    // Tensors whose sizes wrap around.
    for (shape, end) in [
        ("[4611686018427387904,4]", 0),
        ("[18446744073709551615]", u64::MAX),
        ("[2305843009213693950]", 9_223_372_036_854_775_800),
    ] {
        let head = format!(r#"{{"wte.weight":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
        let file = [&(head.len() as u64).to_le_bytes()[..], head.as_bytes()].concat();
        assert!(!read(&file, Some(CONFIG), Some(TOKENIZER)));
    }
    let nested = "[".repeat(100_000);
    assert!(!read(format!("{{{nested}").as_bytes(), None, None));
    assert!(!read(WEIGHTS, Some(nested.as_bytes()), Some(TOKENIZER)));
    assert!(!read(WEIGHTS, Some(CONFIG), Some(nested.as_bytes())));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600), tokenizer in prop::collection::vec(any::<u8>(), 0..100)) {
        read(&bytes, None, None);
        read(&bytes, Some(CONFIG), Some(TOKENIZER));
        read(&[b"GGUF\x03\0\0\0", &bytes[..]].concat(), None, None);
        read(WEIGHTS, Some(&bytes), Some(TOKENIZER));
        read(WEIGHTS, Some(CONFIG), Some(&tokenizer));
    }

    #[test]
    fn damaged_recipes(damage in damage()) {
        read(&damaged(RECIPE, RECIPE.len(), &damage), None, None);
    }

    #[test]
    fn damaged_safetensors(damage in damage()) {
        // The head with its length is some 4 kB.
        read(&damaged(WEIGHTS, 5000, &damage), Some(CONFIG), Some(TOKENIZER));
    }

    #[test]
    fn damaged_configurations(damage in damage()) {
        read(WEIGHTS, Some(&damaged(CONFIG, CONFIG.len(), &damage)), Some(TOKENIZER));
    }

    #[test]
    fn damaged_tokenizers(damage in damage()) {
        read(WEIGHTS, Some(CONFIG), Some(&damaged(TOKENIZER, TOKENIZER.len(), &damage)));
    }

    #[test]
    fn damaged_gguf(damage in damage()) {
        read(&damaged(GGUF, 9000, &damage), None, None);
    }
}
