//! Language models in enclaves of the process platform: the phases of a cell, through the real binary.
#![cfg(target_os = "linux")]

use std::ops::ControlFlow;
use std::path::Path;

use zktee_core::protocol::{
    Completion, ErrorKind, Finish, Generation, Job, PhaseReport, Timed, Worker as _, WorkerError,
};
use zktee_core::vocabulary::Phase;
use zktee_enclave::{PROCESS, PROCESS_SEALED, worker};
use zktee_llm::{LanguageModel, LoadOptions, ModelFiles};

const RECIPE: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":2,"width":64,"heads":2,"context":128,"vocabulary":300,"weights":"f32","seed":1}"#;
const NONCE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn asked() -> Generation {
    Generation { prompt: "Ethereum is".into(), max_tokens: 36, temperature: 0.0, seed: 0 }
}

fn job(folder: &Path, backend: &str) -> Job {
    let model = folder.join("recipe.json");
    std::fs::write(&model, RECIPE).unwrap();
    Job {
        workload: "llm-tiny".into(),
        backend: backend.into(),
        dir: folder.to_owned(),
        threads: 2,
        cache: folder.to_owned(),
        batch: 1,
        model: Some(model),
        generation: Some(asked()),
        nonce: Some(NONCE.into()),
        ..Job::default()
    }
}

/// One phase in a worker of its own, as the runner does it.
fn phase(phase: Phase, job: &Job) -> Result<PhaseReport, WorkerError> {
    let mut worker = worker(&job.backend, env!("CARGO_BIN_EXE_zktee").into()).expect("an enclave's worker");
    let mut timed = Timed::default();
    let report = worker.run(phase, job, &mut timed)?;
    assert!(timed.reading().is_some_and(|reading| reading.wall_s > 0.0), "{phase} timed nothing");
    Ok(report)
}

fn names(report: &PhaseReport) -> Vec<&str> {
    report.stages.iter().map(|stage| stage.name.as_str()).collect()
}

/// What a verifier makes of a claim; none where it is accepted, else the reason.
fn verdict(job: &Job, said: &Completion) -> Option<String> {
    let path = job.dir.join("claimed.json");
    std::fs::write(&path, serde_json::to_vec(said).unwrap()).unwrap();
    let report = phase(Phase::Verify, &Job { completion: Some(path), ..job.clone() }).unwrap();
    if report.valid == Some(true) {
        assert_eq!(report.bound, Some((job.generation.clone().unwrap(), said.clone())));
        return None;
    }
    assert_eq!((report.valid, &report.bound), (Some(false), &None), "what a rejected document says is nothing");
    Some(report.notes.join(" "))
}

#[test]
fn a_language_model_goes_through_all_phases() {
    let files = ModelFiles { model: RECIPE.into(), config: None, tokenizer: None };
    let mut native = LanguageModel::load(files, &LoadOptions { threads: 2, memory_limit: None }).unwrap();
    let expected = native.generate(&asked(), &mut |_| ControlFlow::Continue(())).unwrap().completion;
    for backend in [PROCESS, PROCESS_SEALED] {
        let folder = tempfile::tempdir().unwrap();
        let job = job(folder.path(), backend);
        // In setup nothing is asked yet.
        let setup = phase(Phase::Setup, &Job { generation: None, ..job.clone() }).unwrap();
        assert_eq!(names(&setup), ["name", "boot", "transfer", "load"]);
        assert!(setup.notes.iter().any(|note| note.contains("shut in by") && note.contains("seccomp")), "{setup:?}");
        assert!(!setup.notes.iter().any(|note| note.contains("it can ")), "{setup:?}");
        assert!(setup.files.iter().any(|file| file.name == "expectation.json" && file.verifier));

        let infer = phase(Phase::Infer, &job).unwrap();
        let generated = infer.generated.as_ref().expect("a response");
        assert_eq!(generated.completion, expected, "{backend}");
        assert_eq!(generated.times.token_ns.len(), expected.tokens.len());
        assert!(generated.times.load_ns > 0 && generated.times.prompt_eval_ns > 0 && generated.times.eval_ns > 0);
        assert_eq!(names(&infer), ["inside"]);

        let prove = phase(Phase::Prove, &job).unwrap();
        assert_eq!(prove.generated.expect("a response").completion, expected);
        let job = Job { evidence: prove.evidence, ..job };
        assert_eq!(verdict(&job, &expected), None, "{backend}");

        let other = |change: &dyn Fn(&mut Completion)| {
            let mut said = expected.clone();
            change(&mut said);
            verdict(&job, &said)
        };
        assert!(other(&|said| said.tokens[0] ^= 1).is_some());
        assert!(other(&|said| said.prompt_tokens[0] ^= 1).is_some());
        assert!(other(&|said| said.text.push('!')).is_some());
        assert!(other(&|said| said.finish = Finish::Stop).is_some());
        let requests = [
            Generation { prompt: "Ethereum was".into(), ..asked() },
            Generation { max_tokens: 35, ..asked() },
            Generation { temperature: 0.1, ..asked() },
            Generation { seed: 1, ..asked() },
        ];
        for asked in requests {
            assert!(verdict(&Job { generation: Some(asked.clone()), ..job.clone() }, &expected).is_some(), "{asked:?}");
        }
        let other_nonce = Job { nonce: Some(NONCE.replace("00", "01")), ..job.clone() };
        assert!(verdict(&other_nonce, &expected).is_some());

        // Another model, or another register, in what the verifier was handed.
        let path = folder.path().join("expectation.json");
        let honest = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&honest).unwrap();
        let flipped = |digest: &serde_json::Value| {
            let text = digest.as_str().unwrap();
            let first = if text.starts_with('0') { "1" } else { "0" };
            serde_json::Value::from(first.to_owned() + &text[1..])
        };
        for pointer in ["/model", "/pcrs/0", "/pcrs/1", "/pcrs/2"] {
            let mut changed = value.clone();
            let at = changed.pointer_mut(pointer).unwrap();
            *at = flipped(at);
            std::fs::write(&path, changed.to_string()).unwrap();
            assert!(verdict(&job, &expected).is_some(), "{pointer}");
        }
        std::fs::write(&path, honest).unwrap();
        assert_eq!(verdict(&job, &expected), None);
    }
}

#[test]
fn what_an_enclave_does_not_take_is_an_error_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let kind = |job: &Job| {
        let error = phase(Phase::Setup, job).expect_err("a refusal");
        (error.kind, error.message)
    };
    let honest = job(folder.path(), PROCESS);
    let damaged = folder.path().join("damaged.gguf");
    std::fs::write(&damaged, b"GGUF and nothing else").unwrap();
    assert_eq!(kind(&Job { model: Some(damaged), ..honest.clone() }).0, ErrorKind::Refused);
    let tokenizer = Some(folder.path().join("recipe.json"));
    assert_eq!(kind(&Job { tokenizer, ..honest.clone() }).0, ErrorKind::Refused);
    let missing = Some(folder.path().join("missing"));
    assert_eq!(kind(&Job { model: missing, ..honest.clone() }).0, ErrorKind::InvalidInput);
    let empty = folder.path().join("empty");
    std::fs::write(&empty, b"").unwrap();
    assert_eq!(kind(&Job { model: Some(empty), ..honest.clone() }).0, ErrorKind::InvalidInput);
    // The limit in bytes is that of files, and of weights that are made of them.
    let with = |bytes: u64| {
        let options = [("memory_limit_bytes".to_owned(), serde_json::Value::from(bytes))];
        Job { options: options.into(), ..honest.clone() }
    };
    for bytes in [10, 100_000] {
        let (kind, message) = kind(&with(bytes));
        assert_eq!(kind, ErrorKind::OutOfMemory, "{message}");
    }
    phase(Phase::Setup, &with(100_000_000)).unwrap();
    // The request is the model's to refuse, or the protocol's.
    let refused = |asked: Generation| {
        let job = Job { generation: Some(asked), ..honest.clone() };
        phase(Phase::Setup, &honest).unwrap();
        phase(Phase::Infer, &job).expect_err("a refusal").kind
    };
    assert_eq!(refused(Generation { prompt: "p".repeat(500), ..asked() }), ErrorKind::InvalidInput);
    assert_eq!(refused(Generation { max_tokens: 100_000, ..asked() }), ErrorKind::InvalidInput);
    assert_eq!(refused(Generation { temperature: -1.0, ..asked() }), ErrorKind::InvalidInput);
    assert_eq!(refused(Generation { prompt: String::new(), ..asked() }), ErrorKind::InvalidInput);
}
