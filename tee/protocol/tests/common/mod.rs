//! A worker for tests: it doubles its input, puts the nonce into the document, and does what else a test asks it by a model's first byte.

use std::thread;
use std::time::Duration;

use zktee_enclave_protocol::{Answer, Ask, Caller, ErrorKind, Model, ModelId, Nonce, Service, Tensor, VERSION};

/// Doubles at once.
pub(crate) const QUICK: ModelId = ModelId([0; 48]);
/// Takes the first value of its input in milliseconds.
pub(crate) const SLOW: ModelId = ModelId([1; 48]);
/// Panics.
pub(crate) const PANIC: ModelId = ModelId([2; 48]);
/// Answers with as many values as the input's first value says.
pub(crate) const LARGE: ModelId = ModelId([3; 48]);

/// How long anything in a test may take before something hangs.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The worker.
pub(crate) struct Doubler;

impl Service for Doubler {
    fn handle(&self, caller: Caller, ask: Ask) -> Answer {
        let queue_ns = caller.queue_ns();
        match ask {
            Ask::Hello { .. } => Answer::Hello {
                version: VERSION,
                platform: "test".into(),
                models: vec![Model { id: QUICK, name: "doubler".into() }],
                message_limit: 1 << 20,
            },
            Ask::Infer { model, input, .. } => {
                Answer::Inferred { output: double(model, &input), inference_ns: 1, queue_ns }
            }
            Ask::InferAndAttest { model, nonce, input } => Answer::InferredAndAttested {
                output: double(model, &input),
                inference_ns: 1,
                queue_ns,
                document: nonce.as_bytes().to_vec(),
                attest_ns: 2,
            },
            Ask::Attest { nonce, .. } => Answer::Attested { document: nonce.as_bytes().to_vec(), attest_ns: 2 },
            Ask::LoadModel { .. }
            | Ask::OpenSession { .. }
            | Ask::Sealed { .. }
            | Ask::Generate(_)
            | Ask::Prepare(_)
            | Ask::Cancel => Answer::error(ErrorKind::Unsupported, "not here"),
        }
    }
}

fn double(model: ModelId, input: &Tensor) -> Tensor {
    let first = input.values().first().copied().unwrap_or_default();
    match model {
        SLOW => thread::sleep(Duration::from_millis(first as u64)),
        PANIC => panic!("asked to"),
        LARGE => {
            let count = first as u32;
            return Tensor::new(vec![count], (0..count).map(|value| value as f32).collect()).expect("a tensor");
        }
        _ => {}
    }
    let values = input.values().iter().map(|value| value * 2.0).collect();
    Tensor::new(input.shape().to_vec(), values).expect("the same shape")
}

/// A nonce that only this number has.
pub(crate) fn nonce(number: u64) -> Nonce {
    Nonce::new([number.to_le_bytes(), (!number).to_le_bytes()].concat()).expect("16 bytes")
}

/// One value.
pub(crate) fn scalar(value: f32) -> Tensor {
    Tensor::new(vec![1], vec![value]).expect("one value")
}

/// Infer and attest with a value and a number's nonce.
pub(crate) fn ask(model: ModelId, number: u64, value: f32) -> Ask {
    Ask::InferAndAttest { model, nonce: nonce(number), input: scalar(value) }
}

/// Whether the answer is the one to [`ask`] of a quick or slow model.
pub(crate) fn is_answer(answer: &Answer, number: u64, value: f32) -> bool {
    matches!(answer, Answer::InferredAndAttested { output, document, .. }
        if output.values() == [value * 2.0] && document == nonce(number).as_bytes())
}
