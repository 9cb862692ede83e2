//! `zktee load`: an enclave that many ask at once.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use zktee_config::{Tensors, Workload};
use zktee_core::record::{LoadRequest, LoadRow, files};
use zktee_enclave::{Enclave, Launch, PROCESS, Requests, binding, load as run_load};
use zktee_enclave_protocol::{Answer, Ask, ModelId, Nonce, Tensor};
use zktee_runner::Selection;

use crate::backends;
use crate::cli::LoadArguments;
use crate::exit::{Code, UsageError};
use crate::program::this_program;
use crate::progress::Progress;

/// The longest that the one answer may take by which all others are judged.
const PATIENCE: Duration = Duration::from_mins(2);

/// Loads an enclave, prints the table, and leaves it in a run's folder where one is named.
pub(crate) fn load(arguments: &LoadArguments) -> anyhow::Result<Code> {
    let known = backends::known(&arguments.config)?;
    let names: Vec<_> = known.workloads.iter().map(|workload| workload.name.clone()).collect();
    let wanted = Selection::new("--workload", &arguments.workload, &names)?;
    let asked = known.workloads.iter().filter(|workload| wanted.takes(&workload.name));
    if let Some(language) = asked.filter(|_| !arguments.workload.is_empty()).find(|it| it.language().is_some()) {
        let what =
            format!("`{}` is a language model, which many clients are not let ask at a time here", language.name);
        return Err(UsageError(format!("--workload: {what}; name workloads of tensors")).into());
    }
    let progress = Progress::new();
    let mut rows = Vec::new();
    for workload in known.workloads.iter().filter(|workload| wanted.takes(&workload.name)) {
        rows.extend(measure(workload, &arguments.clients, arguments.requests, &mut |text| progress.line(text))?);
    }
    progress.finish();
    if let Some(dir) = &arguments.out {
        let path = dir.join(files::LOAD);
        zktee_report::write_rows(&path, &rows)?;
        eprintln!("zktee: {}", path.display());
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", zktee_report::load_text(&rows));
    }
    Ok(if rows.iter().any(|row| row.failed > 0) { Code::CellsFailed } else { Code::Success })
}

/// Loads an enclave of the process platform with one workload: each kind of request at each number of clients.
pub(crate) fn measure(
    workload: &Workload,
    clients: &[u32],
    requests: u64,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<Vec<LoadRow>> {
    let tensors = workload.tensors().context("a language model is not loaded")?;
    let folder = tempfile::tempdir().context("a folder for the enclave's files")?;
    let enclave = boot(&workload.name, tensors, folder.path())?;
    let call = tensors.call(0);
    let shape: Result<Vec<u32>, _> = call.shape.iter().map(|dimension| u32::try_from(*dimension)).collect();
    let input = Tensor::new(shape?, call.data)?;
    let model = ModelId(binding::model(&tensors.onnx));
    let ask = Ask::Infer { model, nonce: Nonce::new([0; Nonce::MIN])?, input: input.clone() };
    let Answer::Inferred { output, .. } = enclave.client().call(ask, PATIENCE)? else {
        anyhow::bail!("the enclave answered something else");
    };
    let mut rows = Vec::new();
    for request in [LoadRequest::Infer, LoadRequest::InferAndAttest] {
        let (workload, backend) = (workload.name.clone(), PROCESS.to_owned());
        let kind = Requests { workload, backend, model, input: input.clone(), output: output.clone(), request };
        for &clients in clients {
            say(&format!("{} {}: {requests} requests by {clients} client(s)", kind.workload, request.as_str()));
            rows.push(run_load(&enclave, &kind, clients, requests)?);
        }
    }
    Ok(rows)
}

fn boot(name: &str, workload: &Tensors, folder: &Path) -> anyhow::Result<Enclave> {
    let (root, model) = (folder.join("root.pem"), folder.join("model.onnx"));
    std::fs::write(&root, zktee_attestation::TestRoot::generate()?.to_pem())?;
    std::fs::write(&model, &workload.onnx)?;
    let mut placed = std::ffi::OsString::from(format!("{name}={}=", workload.batch));
    placed.push(&model);
    let arguments = vec!["enclave".into(), "--root".into(), root.into(), "--model".into(), placed];
    Ok(Enclave::boot(&Launch { program: this_program()?, arguments })?)
}
