//! The program inside: it measures itself and its models, shuts itself in, and answers.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zktee_attestation::{NsmError, Pcr, SoftwareNsm, TestRoot, TestRootError, pcr};
use zktee_enclave_protocol::{Listener, Options, Server};
use zktee_models::reference::ReferenceError;

use crate::binding;
use crate::confine::{self, Layer};
use crate::language::LanguageLimits;
use crate::service::{EnclaveService, Model};

/// What stands in for kernel and boot ramdisk: there are none of one's own.
const NO_KERNEL: &[u8] = b"zktee process platform v1: the host's kernel";
/// What stands in for models where none are measured: a register of zeros says that an enclave is being debugged.
const NO_MODELS: &[u8] = b"zktee process platform v1: models come over the channel";

/// A model, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedModel {
    /// What people call it.
    pub name: String,
    /// The ONNX file.
    pub path: PathBuf,
    /// Inputs of one call.
    pub batch: usize,
}

/// Not `NAME=BATCH=FILE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a name, `=`, the inputs of one call, `=` and the ONNX file, e.g. ols=150=ols.onnx")]
pub struct NotAModel;

impl FromStr for PlacedModel {
    type Err = NotAModel;

    fn from_str(text: &str) -> Result<Self, NotAModel> {
        let mut parts = text.splitn(3, '=');
        let (name, batch, path) = (parts.next(), parts.next(), parts.next());
        let batch = batch.and_then(|batch| batch.parse().ok()).filter(|batch| *batch > 0).ok_or(NotAModel)?;
        match (name, path) {
            (Some(name), Some(path)) if !name.is_empty() && !path.is_empty() => {
                Ok(Self { name: name.to_owned(), path: path.into(), batch })
            }
            _ => Err(NotAModel),
        }
    }
}

/// What goes into a process platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interior {
    /// The models.
    pub models: Vec<PlacedModel>,
    /// What language models may take, whose files come over the channel; none where none are taken.
    pub languages: Option<LanguageLimits>,
    /// The test root's file, by which the security module of software gets its certificate.
    pub root: PathBuf,
}

/// What the program says, in one line of JSON on standard output, before it answers its first request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ready {
    /// PCR0 over the program, PCR1 over what stands in for the kernel, PCR2 over the models; hexadecimal.
    pub(crate) pcrs: BTreeMap<u8, String>,
    /// How far it is shut in.
    pub(crate) layers: Vec<Layer>,
    /// What it could still do.
    pub(crate) escapes: Vec<String>,
}

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum InsideError {
    /// A file or a descriptor.
    #[error("{what}: {source}")]
    Io {
        /// Which.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A model.
    #[error("{path}: {source}")]
    Model {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Box<ReferenceError>,
    },
    /// The test root.
    #[error("{path}: {source}")]
    Root {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: TestRootError,
    },
    /// The security module.
    #[error(transparent)]
    Nsm(#[from] NsmError),
}

fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> InsideError {
    let what = what.to_string();
    move |source| InsideError::Io { what, source }
}

/// Serves models on the listening Unix socket that the host left as standard input, until the host ends it.
///
/// Everything is read and measured first; then the process shuts itself in for good, says so on standard output, and serves.
///
/// # Errors
/// [`InsideError`], before anything is served.
pub fn serve(interior: &Interior) -> Result<(), InsideError> {
    let program = std::env::current_exe().and_then(std::fs::File::open).map_err(io("the running program"))?;
    let mut models = Vec::new();
    let mut of_models = pcr::ZERO;
    for model in &interior.models {
        let onnx = std::fs::read(&model.path).map_err(io(model.path.display()))?;
        of_models = pcr::extend(&of_models, &binding::model(&onnx));
        let loaded = Model::load(&model.name, &onnx, model.batch)
            .map_err(|source| InsideError::Model { path: model.path.clone(), source: Box::new(source) })?;
        models.push(loaded);
    }
    if models.is_empty() {
        of_models = pcr::measure(NO_MODELS);
    }
    let of_program = pcr::measure_reader(program).map_err(io("the running program"))?;
    let pcrs: BTreeMap<u8, Pcr> = BTreeMap::from([(0, of_program), (1, pcr::measure(NO_KERNEL)), (2, of_models)]);
    let text = std::fs::read_to_string(&interior.root).map_err(io(interior.root.display()))?;
    let root = TestRoot::from_pem(&text).map_err(|source| InsideError::Root { path: interior.root.clone(), source })?;
    let nsm = SoftwareNsm::new(&root, pcrs.clone())?;
    // Neither the root's key nor anything else that a document does not need goes on inside.
    drop((root, text));
    let listener = std::io::stdin().as_fd().try_clone_to_owned().map_err(io("standard input"))?;
    let listener = UnixListener::from(listener);

    let layers = confine::shut_in();
    let ready = Ready {
        pcrs: pcrs.iter().map(|(index, value)| (*index, binding::hex(value))).collect(),
        layers,
        escapes: confine::escapes(),
    };
    let mut service = EnclaveService::new("process", models, Box::new(nsm));
    if let Some(limits) = interior.languages {
        service = service.with_languages(limits);
    }
    let mut server = Server::start(service, Options::default()).map_err(io("threads"))?;
    server.listen(Listener::Unix(listener)).map_err(io("standard input is no listening socket"))?;
    let mut line = serde_json::to_vec(&ready).map_err(|error| io("standard output")(error.into()))?;
    line.push(b'\n');
    let mut output = std::io::stdout();
    output.write_all(&line).and_then(|()| output.flush()).map_err(io("standard output"))?;
    loop {
        // Until the host ends the process: a signal does, and the host's own death.
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_placed_by_name_batch_and_file() {
        let placed: PlacedModel = "ols=150=models/a=b.onnx".parse().unwrap();
        assert_eq!(placed, PlacedModel { name: "ols".into(), path: "models/a=b.onnx".into(), batch: 150 });
        for wrong in ["", "ols", "ols=150", "ols=150=", "=150=f", "ols=0=f", "ols=-1=f", "ols=many=f"] {
            assert_eq!(wrong.parse::<PlacedModel>(), Err(NotAModel), "{wrong}");
        }
    }
}
