//! The worker inside: the security module, the models, the port.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use thiserror::Error;
use zktee_attestation::{NitroNsm, Nsm as _, NsmError};
use zktee_enclave::{EnclaveService, LanguageLimits, Model, binding};
use zktee_enclave_protocol::{DEFAULT_PORT, Listener, Options, Server};
use zktee_models::reference::ReferenceError;

use crate::manifest::{ManifestError, read_manifest};

/// What the worker calls itself. Only a verified document shows hardware.
pub const PLATFORM: &str = "nitro-enclave";

/// Why nothing is served.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The security module.
    #[error(transparent)]
    Nsm(#[from] NsmError),
    /// The models' files.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A model.
    #[error("{name}: {source}")]
    Model {
        /// Which.
        name: String,
        /// Why.
        source: Box<ReferenceError>,
    },
    /// The port, or threads.
    #[error("{what}: {source}")]
    Io {
        /// Which.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Serves the application's models on vsock port 5005, for whichever context connects, for as long as the enclave is.
///
/// # Errors
///
/// [`WorkerError`], before anything is served.
pub fn serve(application: &Path) -> Result<Infallible, WorkerError> {
    let nsm = NitroNsm::open()?;
    for (index, register) in nsm.pcrs()?.into_iter().take(3) {
        println!("zktee-enclave-guest: PCR{index} {}", binding::hex(&register));
    }
    let mut models = Vec::new();
    for (named, onnx) in read_manifest(application)? {
        let loaded = Model::load(&named.name, &onnx, named.batch);
        models.push(loaded.map_err(|source| WorkerError::Model { name: named.name, source: Box::new(source) })?);
    }
    let count = models.len();
    let io = |what| move |source| WorkerError::Io { what, source };
    let limits = LanguageLimits {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: free_memory().map_err(io("the enclave's memory"))? / 10 * 9,
    };
    let service = EnclaveService::new(PLATFORM, models, Box::new(nsm)).with_languages(limits);
    let mut server = Server::start(service, Options::default()).map_err(io("threads"))?;
    let listener = Listener::vsock(DEFAULT_PORT).map_err(io("the vsock port"))?;
    server.listen(listener).map_err(io("the vsock port"))?;
    println!(
        "zktee-enclave-guest: {count} models on vsock port {DEFAULT_PORT}, {} bytes for language models",
        limits.memory_bytes
    );
    loop {
        // Until whoever owns the machine ends it.
        std::thread::park();
    }
}

/// Memory that nothing has taken yet: the enclave has no swap, and no page cache that would give any back.
fn free_memory() -> io::Result<u64> {
    let info = nix::sys::sysinfo::sysinfo()?;
    Ok(info.ram_unused())
}
