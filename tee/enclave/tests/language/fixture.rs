//! The service that is inside an enclave, behind sockets, and small models of random weights.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use sha2::{Digest as _, Sha384};
use zktee_attestation::{Pcr, Policy, SoftwareNsm, TestRoot};
use zktee_core::protocol::{Completion, Finish, Generation};
use zktee_enclave::{EnclaveService, Expectation, LanguageLimits, Session};
use zktee_enclave_protocol::{
    Answer, Ask, Client, ClientError, ClientOptions, ErrorKind, Finish as WireFinish, Generate, Generated,
    LanguageFiles, Model, ModelId, Nonce, Options, Over, Patience, Server, Stream,
};
use zktee_llm::{LanguageModel, LoadOptions, ModelFiles};

pub(crate) const LONG: Duration = Duration::from_mins(1);
pub(crate) const PATIENCE: Patience = Patience { first: LONG, piece: LONG, total: LONG };
pub(crate) const ROOM: u64 = 64 << 20;

pub(crate) fn recipe(context: usize, seed: u64) -> Vec<u8> {
    format!(
        r#"{{"zktee_recipe":1,"family":"gpt2","layers":2,"width":64,"heads":2,"context":{context},"vocabulary":300,"weights":"f32","seed":{seed}}}"#
    )
    .into_bytes()
}

pub(crate) fn id(file: &[u8]) -> ModelId {
    ModelId(Sha384::digest(file).into())
}

pub(crate) fn named(file: &[u8]) -> LanguageFiles {
    LanguageFiles { model: id(file), config: None, tokenizer: None }
}

pub(crate) fn asked() -> Generation {
    Generation { prompt: "Ethereum is".into(), max_tokens: 36, temperature: 0.0, seed: 0 }
}

pub(crate) fn ask(files: LanguageFiles, asked: &Generation) -> Generate {
    let Generation { prompt, max_tokens, temperature, seed } = asked.clone();
    let nonce = Nonce::new([7; 32]).unwrap();
    Generate { files, nonce, prompt, max_tokens, temperature, seed, stream: true }
}

pub(crate) fn native(file: &[u8], asked: &Generation) -> Completion {
    let files = ModelFiles { model: file.to_vec(), config: None, tokenizer: None };
    let mut model = LanguageModel::load(files, &LoadOptions { threads: 2, memory_limit: None }).unwrap();
    model.generate(asked, &mut |_| ControlFlow::Continue(())).unwrap().completion
}

pub(crate) fn completion(generated: &Generated) -> Completion {
    let Generated { prompt_tokens, tokens, text, finish, .. } = generated.clone();
    let finish = match finish {
        WireFinish::Stop => Finish::Stop,
        WireFinish::Length => Finish::Length,
    };
    Completion { prompt_tokens, tokens, text, finish }
}

/// An enclave without walls: the service that is inside one, behind sockets.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) root: TestRoot,
    pub(crate) pcrs: BTreeMap<u8, Pcr>,
}

impl Fixture {
    pub(crate) fn with(memory_bytes: u64) -> Self {
        let root = TestRoot::generate().unwrap();
        let pcrs = BTreeMap::from([(0, [1; 48]), (1, [2; 48]), (2, [3; 48])]);
        let nsm = SoftwareNsm::new(&root, pcrs.clone()).unwrap();
        let service = EnclaveService::new("test", Vec::new(), Box::new(nsm));
        let service = service.with_languages(LanguageLimits { threads: 2, memory_bytes });
        let server = Server::start(service, Options { workers: 2, ..Options::default() }).unwrap();
        Self { server, root, pcrs }
    }

    pub(crate) fn client(&self) -> Client {
        let (near, far) = Stream::pair().unwrap();
        self.server.attach(far).unwrap();
        Client::new(near, &ClientOptions::default())
    }

    pub(crate) fn with_model(file: &[u8]) -> (Self, Client) {
        let fixture = Self::with(ROOM);
        let client = fixture.client();
        bring(&client, file).unwrap();
        (fixture, client)
    }

    pub(crate) fn expectation(&self, files: &LanguageFiles) -> Expectation {
        Expectation::of_language(Some(&self.root.root()), &self.pcrs, files)
    }

    pub(crate) fn session(&self, client: &Client) -> Session {
        let policy = Policy { pcrs: self.pcrs.clone(), ..Policy::new(self.root.root()) };
        Session::open(client, &policy, &Nonce::new([3; 32]).unwrap(), LONG).unwrap()
    }
}

pub(crate) fn bring(client: &Client, file: &[u8]) -> Result<(), ClientError> {
    client.load_model(&Model { id: id(file), name: "a model".into() }, file, LONG)
}

pub(crate) fn generate(client: &Client, ask: Generate) -> Result<(u64, Generated), ClientError> {
    client.generate(ask, &PATIENCE, &mut |_| ControlFlow::Continue(()))
}

pub(crate) fn attest(client: &Client, request: u64, nonce: &[u8]) -> Result<Vec<u8>, ClientError> {
    let nonce = Nonce::new(nonce).unwrap();
    match client.call(Ask::Attest { nonce, over: Over::Request(request) }, LONG)? {
        Answer::Attested { document, .. } => Ok(document),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorKind {
    match result {
        Err(ClientError::Worker { kind, .. }) => kind,
        other => panic!("{other:?}"),
    }
}
