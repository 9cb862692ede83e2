//! Enclaves on the process platform: the real binary inside, real documents, and what may go wrong around them.
#![cfg(target_os = "linux")]

mod support;

use std::io::BufRead as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::House;
use zktee_attestation::{Policy, Rejected, Root, TestRoot, verify};
use zktee_config::Tensors;
use zktee_enclave::binding::{self, Statement};
use zktee_enclave::{Enclave, Launch, Session, SessionError};
use zktee_enclave_protocol::{
    Answer, Ask, Client, ClientError, ClientOptions, ErrorKind, ModelId, Nonce, Over, Stream, Tensor,
};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_mins(1);

/// A running enclave with one workload, and what its verifier knows.
struct Fixture {
    enclave: Enclave,
    model: ModelId,
    input: Tensor,
    root: Root,
    _folder: tempfile::TempDir,
}

fn workload(name: &str) -> Tensors {
    zktee_config::builtin(name).expect("a built-in workload").tensors().expect("tensors").clone()
}

fn launch(folder: &std::path::Path, name: &str, workload: &Tensors, root: &TestRoot) -> Launch {
    let (pem, onnx) = (folder.join("root.pem"), folder.join("model.onnx"));
    std::fs::write(&pem, root.to_pem()).expect("the root");
    std::fs::write(&onnx, &workload.onnx).expect("the model");
    let model = format!("{name}={}={}", workload.batch, onnx.display());
    let arguments = vec!["enclave".into(), "--root".into(), pem.into(), "--model".into(), model.into()];
    Launch { program: env!("CARGO_BIN_EXE_zktee").into(), arguments }
}

fn tensor(call: zktee_core::tensor::Tensor) -> Tensor {
    let shape = call.shape.iter().map(|dimension| u32::try_from(*dimension).expect("a small shape")).collect();
    Tensor::new(shape, call.data).expect("a small tensor")
}

impl Fixture {
    fn boot(name: &str) -> Self {
        let workload = workload(name);
        let folder = tempfile::tempdir().expect("a folder");
        let root = TestRoot::generate().expect("a root");
        let enclave = Enclave::boot(&launch(folder.path(), name, &workload, &root)).expect("a boot");
        Self {
            enclave,
            model: ModelId(binding::model(&workload.onnx)),
            input: tensor(workload.call(0)),
            root: root.root(),
            _folder: folder,
        }
    }

    fn ask(&self, nonce: &[u8]) -> Ask {
        let nonce = Nonce::new(nonce).expect("a nonce");
        Ask::InferAndAttest { model: self.model, nonce, input: self.input.clone() }
    }

    /// What a third party expects of a document about the fixture's input and this output.
    fn policy(&self, output: &Tensor, nonce: &[u8]) -> Policy {
        let digest = |tensor: &Tensor| {
            let shape: Vec<usize> = tensor.shape().iter().map(|dimension| *dimension as usize).collect();
            binding::tensor(&shape, tensor.values())
        };
        let statement = Statement { model: self.model.0, input: digest(&self.input), output: digest(output) };
        Policy {
            pcrs: self.enclave.pcrs().clone(),
            nonce: Some(nonce.to_vec()),
            user_data: Some(statement.user_data(nonce).to_vec()),
            ..Policy::new(self.root.clone())
        }
    }
}

fn attested(answer: Result<Answer, ClientError>) -> (Tensor, Vec<u8>) {
    match answer.expect("an answer") {
        Answer::InferredAndAttested { output, document, .. } => (output, document),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_has_simulated_cells_that_agree_with_the_reference() {
    let house = House::new();
    let workloads = ["--workload", "ols-iris", "--workload", "mlp-iris", "--workload", "lenet-mnist"];
    let common = ["run", "--backend", "enclave/process*", "--samples", "1", "--out", "r", "--quick"];
    house.zktee(&[&common[..], &workloads].concat()).exits(0).says("simulated");
    let cells = house.csv("r/cells.csv");
    assert_eq!(cells.len(), 6);
    for cell in cells {
        assert_eq!(cell["outcome"], "simulated", "{cell:?}");
        assert!(cell["max_abs_error"].parse::<f64>().unwrap() < 1e-5, "{cell:?}");
        assert!(cell["proof_bytes"].parse::<u64>().unwrap() > 1000, "{cell:?}");
        assert!(cell["notes"].contains("shut in by"), "{cell:?}");
    }
    let loads = house.csv("r/load.csv");
    assert_eq!(loads.len(), 18, "three workloads, two kinds of request, three numbers of clients");
    assert!(loads.iter().all(|load| load["failed"] == "0"), "{loads:?}");
    let report = std::fs::read_to_string(house.path("r/report.md")).unwrap();
    assert!(report.contains("Many clients at once") && report.contains("infer-and-attest"));
}

#[test]
fn a_third_party_takes_the_document_and_nothing_else() {
    let fixture = Fixture::boot("ols-iris");
    let nonce = [7; 32];
    let (output, document) = attested(fixture.enclave.client().call(fixture.ask(&nonce), LONG));
    let policy = fixture.policy(&output, &nonce);
    let verified = verify(&document, &policy).expect("a document that holds");
    assert!(!verified.hardware());

    let changed = |tensor: &Tensor| {
        let mut values = tensor.values().to_vec();
        values[3] = f32::from_bits(values[3].to_bits() ^ 1);
        Tensor::new(tensor.shape().to_vec(), values).unwrap()
    };
    let other_input = Fixture { input: changed(&fixture.input), ..Fixture::boot("ols-iris") };
    let mut other_pcr = policy.clone();
    other_pcr.pcrs.entry(2).and_modify(|pcr| pcr[0] ^= 1);
    let other_root = TestRoot::generate().unwrap().root();
    let refusals = [
        ("another output", fixture.policy(&changed(&output), &nonce)),
        ("another input", Policy { root: fixture.root.clone(), ..other_input.policy(&output, &nonce) }),
        ("another nonce", fixture.policy(&output, &[8; 32])),
        ("another model's register", other_pcr),
        ("another root", Policy { root: other_root, ..policy.clone() }),
        ("AWS's root", Policy { root: Root::aws(), ..policy.clone() }),
    ];
    for (what, policy) in refusals {
        assert!(verify(&document, &policy).is_err(), "{what}");
    }
    for at in (0..document.len()).step_by(7) {
        let mut document = document.clone();
        document[at] ^= 1;
        assert!(verify(&document, &policy).is_err(), "byte {at}");
    }
    // A document about another input of the same model does not stand for this one.
    let (_, replayed) = attested(other_input.enclave.client().call(other_input.ask(&nonce), LONG));
    assert!(verify(&replayed, &Policy { root: other_input.root.clone(), ..policy }).is_err());
}

#[test]
fn registers_tell_models_and_programs_apart() {
    let (ols, again, mlp) = (Fixture::boot("ols-iris"), Fixture::boot("ols-iris"), Fixture::boot("mlp-iris"));
    assert_eq!(ols.enclave.pcrs(), again.enclave.pcrs());
    let pcr = |fixture: &Fixture, index: u8| fixture.enclave.pcrs()[&index];
    assert_eq!(pcr(&ols, 0), pcr(&mlp, 0), "the same program");
    assert_ne!(pcr(&ols, 2), pcr(&mlp, 2), "other models");
}

#[test]
fn nothing_that_was_tried_gets_out() {
    let fixture = Fixture::boot("ols-iris");
    let layers = fixture.enclave.layers();
    // Attempts that succeeded stand as a layer of this name.
    assert!(layers.iter().all(|layer| layer.name != "confinement"), "{layers:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", fixture.enclave.pid().unwrap())).unwrap();
    let field = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(field("NoNewPrivs:").ends_with('1') && field("Seccomp:").ends_with('2'), "{status}");
    assert!(!field("Uid:").split_whitespace().any(|id| id == "0"), "{status}");
}

#[test]
fn only_an_answer_of_this_channel_is_attested() {
    let fixture = Fixture::boot("ols-iris");
    let nonce = || Nonce::new([1; 16]).unwrap();
    let attest = |client: &Client, over| client.call(Ask::Attest { nonce: nonce(), over }, LONG);
    let refused = |answer: Result<Answer, ClientError>, kind| {
        let error = answer.expect_err("a refusal");
        assert!(matches!(&error, ClientError::Worker { kind: found, .. } if *found == kind), "{error:?}");
    };
    let client = fixture.enclave.client();
    let ask = Ask::Infer { model: fixture.model, nonce: nonce(), input: fixture.input.clone() };
    let pending = client.start(ask).unwrap();
    let request = pending.id();
    pending.wait(LONG).unwrap();
    assert!(matches!(attest(client, Over::Request(request)), Ok(Answer::Attested { .. })));
    refused(attest(client, Over::Request(request + 1000)), ErrorKind::BadInput);
    let digests = Over::Digests { model: fixture.model.0, input: [0; 48], output: [0; 48] };
    refused(attest(client, digests), ErrorKind::Unsupported);
    let other = Client::new(Stream::connect(fixture.enclave.address(), LONG).unwrap(), &ClientOptions::default());
    refused(attest(&other, Over::Request(request)), ErrorKind::BadInput);
    let (model, input) = (ModelId([0; 48]), fixture.input.clone());
    refused(client.call(Ask::Infer { model, nonce: nonce(), input }, LONG), ErrorKind::UnknownModel);
    let input = Tensor::new(vec![1, 2], vec![0.0, 1.0]).unwrap();
    refused(client.call(Ask::Infer { model: fixture.model, nonce: nonce(), input }, LONG), ErrorKind::BadInput);
    let mut values = fixture.input.values().to_vec();
    values[0] = f32::NAN;
    let input = Tensor::new(fixture.input.shape().to_vec(), values).unwrap();
    refused(client.call(Ask::Infer { model: fixture.model, nonce: nonce(), input }, LONG), ErrorKind::BadInput);
}

#[test]
fn a_session_hides_its_requests_and_is_tied_to_its_document() {
    let fixture = Fixture::boot("ols-iris");
    let client = fixture.enclave.client();
    let policy = Policy { pcrs: fixture.enclave.pcrs().clone(), ..Policy::new(fixture.root.clone()) };
    let nonce = Nonce::new([3; 32]).unwrap();

    let session = Session::open(client, &policy, &nonce, LONG).expect("a session");
    let (request, answer) = session.call(fixture.ask(&[7; 32]), LONG).expect("an answer");
    let (output, document) = attested(Ok(answer));
    verify(&document, &fixture.policy(&output, &[7; 32])).expect("a document that holds");
    // In the open nothing of it is attested, and nothing else is asked.
    let over = Over::Request(request);
    let error = client.call(Ask::Attest { nonce: nonce.clone(), over }, LONG).expect_err("a refusal");
    assert!(matches!(error, ClientError::Worker { kind: ErrorKind::Unsupported, .. }), "{error:?}");
    let garbage = Ask::Sealed { payload: vec![5; 100] };
    assert!(matches!(client.call(garbage, LONG), Err(ClientError::Worker { kind: ErrorKind::BadInput, .. })));
    // A forged request ends the session: what comes after it is no longer known to be the next.
    assert!(matches!(session.call(fixture.ask(&[9; 32]), LONG), Err(SessionError::Channel(_))));

    let other = |client: &Client, policy: &Policy| Session::open(client, policy, &nonce, LONG).map(drop);
    other(client, &policy).expect("a new session on the same channel");
    let wrong_root = Policy { root: TestRoot::generate().unwrap().root(), ..policy.clone() };
    assert!(matches!(other(client, &wrong_root), Err(SessionError::Document(_))));
    let mut wrong_pcr = policy.clone();
    wrong_pcr.pcrs.entry(0).and_modify(|pcr| pcr[5] ^= 4);
    assert!(matches!(other(client, &wrong_pcr), Err(SessionError::Document(Rejected::Pcr { .. }))));
}

#[test]
fn an_enclave_that_is_killed_is_an_error_to_those_who_wait_and_another_boots() {
    let fixture = Fixture::boot("ols-iris");
    let client = fixture.enclave.client().clone();
    let pid = Pid::from_raw(fixture.enclave.pid().unwrap().cast_signed());
    kill(pid, Signal::SIGSTOP).unwrap();
    let pending = client.start(fixture.ask(&[7; 32])).unwrap();
    let begin = Instant::now();
    kill(pid, Signal::SIGKILL).unwrap();
    assert!(matches!(pending.wait(LONG), Err(ClientError::Closed | ClientError::Channel(_))));
    assert!(begin.elapsed() < LONG / 2, "it was waited for in vain");
    assert!(client.failure().is_some());
    let another = Fixture::boot("ols-iris");
    attested(another.enclave.client().call(another.ask(&[7; 32]), LONG));
}

#[test]
fn an_enclave_ends_with_its_host() {
    let house = House::new();
    let mut host = house.command(&["load", "--requests", "100000000", "--clients", "1"]);
    let mut host = host.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // It says what it does once the enclave is there.
    let mut said = std::io::BufReader::new(host.stderr.take().unwrap()).lines();
    assert!(said.next().expect("a line").unwrap().contains("ols-iris"));
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", host.id())).unwrap();
    let enclave: i32 = children.split_whitespace().next().expect("an enclave").parse().unwrap();
    host.kill().unwrap();
    host.wait().unwrap();
    let deadline = Instant::now() + LONG;
    // Whoever adopts it may take a moment to wait for it.
    let running = || {
        let stat = std::fs::read_to_string(format!("/proc/{enclave}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim().starts_with('Z'))
    };
    while running() {
        assert!(Instant::now() < deadline, "the enclave outlived its host");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// 100 000 requests of eight clients, each with an input of its own: every answer must be that of its request, every document name its
/// nonce and bind exactly its input and output.
#[test]
fn a_hundred_thousand_requests_are_neither_lost_nor_mixed_up() {
    const CLIENTS: usize = 8;
    const REQUESTS: u64 = 100_000;
    let fixture = Fixture::boot("ols-iris");
    let reference = zktee_models::reference::FloatModel::load(&workload("ols-iris").onnx, 150).unwrap();
    let (shape, values) = (fixture.input.shape().to_vec(), fixture.input.values());
    let load = zktee_enclave_protocol::load::run(CLIENTS, REQUESTS, |_| {
        let stream = Stream::connect(fixture.enclave.address(), LONG)?;
        let client = Client::new(stream, &ClientOptions::default());
        let (shape, reference, model) = (shape.clone(), &reference, fixture.model);
        Ok::<_, std::io::Error>(move |number: u64| {
            let mut input = values.to_vec();
            input[number as usize % values.len()] += number as f32 * 1e-3;
            let nonce = [number.to_le_bytes(), (!number).to_le_bytes()].concat();
            let expected = reference.infer(&input).expect("the reference");
            let sent = Tensor::new(shape.clone(), input).expect("a tensor");
            let ask = Ask::InferAndAttest { model, nonce: Nonce::new(nonce.clone()).unwrap(), input: sent.clone() };
            let Ok(Answer::InferredAndAttested { output, document, .. }) = client.call(ask, LONG) else { return false };
            let digest = |tensor: &Tensor| {
                let shape: Vec<usize> = tensor.shape().iter().map(|dimension| *dimension as usize).collect();
                binding::tensor(&shape, tensor.values())
            };
            let statement = Statement { model: model.0, input: digest(&sent), output: digest(&output) };
            let document = zktee_attestation::document::parse(&document).expect("a document");
            let content = document.unverified_content();
            output.values() == expected
                && content.nonce.as_deref() == Some(&nonce)
                && content.user_data.as_deref() == Some(&statement.user_data(&nonce))
        })
    });
    let load = load.expect("a load");
    assert_eq!((load.answered, load.failed), (REQUESTS, 0));
}
