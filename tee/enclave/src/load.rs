//! How an enclave does when many ask at once.

use std::time::Duration;

use zktee_core::record::{LoadRequest, LoadRow};
use zktee_enclave_protocol::load::{Load, LoadError, run};
use zktee_enclave_protocol::{Answer, Ask, Client, ClientError, ClientOptions, ModelId, Nonce, Stream, Tensor};

use crate::host::{BootError, Enclave};

/// The longest that a client waits for one answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// One kind of request for one model.
#[derive(Debug, Clone)]
pub struct Requests {
    /// The workload's name, for the row.
    pub workload: String,
    /// The backend's, for the row.
    pub backend: String,
    /// The model.
    pub model: ModelId,
    /// Its input.
    pub input: Tensor,
    /// The answer that is right, bit for bit.
    pub output: Tensor,
    /// What is asked for.
    pub request: LoadRequest,
}

/// Lets `clients` clients, each on a channel of its own with one request at a time, make `count` requests together. A request counts
/// as answered when output and nonce are right; documents are not verified here, which is the work of those who rely on them.
///
/// # Errors
/// When there is nothing to do or a channel cannot be had; nothing has been asked then.
pub fn load(enclave: &Enclave, requests: &Requests, clients: u32, count: u64) -> Result<LoadRow, LoadError<BootError>> {
    let load = run(clients as usize, count, |client| {
        let stream = Stream::connect(enclave.address(), PATIENCE)
            .map_err(|source| BootError::Io { what: "connecting to the enclave", source })?;
        let channel = Client::new(stream, &ClientOptions::default());
        channel.hello(PATIENCE)?;
        Ok(move |number| one(&channel, requests, client, number).is_ok_and(|right| right))
    })?;
    Ok(row(requests, clients, &load))
}

/// Whether the request is answered as it should be.
fn one(channel: &Client, requests: &Requests, client: usize, number: u64) -> Result<bool, ClientError> {
    let (model, input) = (requests.model, requests.input.clone());
    let nonce = [(client as u64).to_le_bytes(), number.to_le_bytes()].concat();
    let with_nonce = Nonce::new(nonce.clone())?;
    let ask = match requests.request {
        LoadRequest::Infer => Ask::Infer { model, nonce: with_nonce, input },
        LoadRequest::InferAndAttest => Ask::InferAndAttest { model, nonce: with_nonce, input },
    };
    Ok(match channel.call(ask, PATIENCE)? {
        Answer::Inferred { output, .. } => output == requests.output,
        Answer::InferredAndAttested { output, document, .. } => {
            let document = zktee_attestation::document::parse(&document);
            let named = document.is_ok_and(|document| document.unverified_content().nonce.as_ref() == Some(&nonce));
            output == requests.output && named
        }
        _ => false,
    })
}

fn row(requests: &Requests, clients: u32, load: &Load) -> LoadRow {
    LoadRow {
        workload: requests.workload.clone(),
        backend: requests.backend.clone(),
        request: requests.request,
        clients,
        answered: load.answered,
        failed: load.failed,
        elapsed_s: load.elapsed.as_secs_f64(),
        p50_s: load.p50.as_secs_f64(),
        p90_s: load.p90.as_secs_f64(),
        p99_s: load.p99.as_secs_f64(),
        max_s: load.max.as_secs_f64(),
    }
}
