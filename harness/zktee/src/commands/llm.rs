//! A language model that `--llm` names.

use std::collections::BTreeMap;

use zktee_config::{Files, Kind, Language, SHAPE_NAME, Source, Workload};
use zktee_core::vocabulary::Outcome;
use zktee_native::NAME as NATIVE;
use zktee_report::Cell;
use zktee_runner::PlanError;

use crate::cli::LlmArguments;
use crate::exit::UsageError;

/// Model files larger than this are announced before their digest is taken.
const LARGE_BYTES: u64 = 1_000_000_000;

/// The language model that `--llm` names.
pub(super) fn own_model(llm: &LlmArguments, known: &[Workload]) -> anyhow::Result<Option<Workload>> {
    let Some(path) = &llm.llm else { return Ok(None) };
    let files = Files::find(path).map_err(|source| PlanError::Model { workload: "--llm".to_owned(), source })?;
    let asked = zktee_config::generation(llm.llm_prompt.clone(), llm.llm_max_tokens, llm.llm_temperature, llm.llm_seed);
    let generation = asked.map_err(|problem| UsageError(format!("--llm-*: {problem}")))?;
    let name = zktee_config::name_for(path);
    if known.iter().any(|workload| workload.name == name) || name == SHAPE_NAME {
        return Err(UsageError(format!(
            "--llm {}: the workload `{name}` is there already; rename the file",
            path.display()
        ))
        .into());
    }
    Ok(Some(Workload {
        name,
        summary: format!("language model {}", path.display()),
        origin: files.model.display().to_string(),
        kind: Kind::Language(Language { source: Source::Files(files), generation }),
        options: BTreeMap::new(),
    }))
}

/// Why a language model that was named could not be used, where no backend took it.
pub(super) fn unusable(cells: &[Cell], workload: &str) -> Option<String> {
    let own = || cells.iter().filter(|cell| cell.workload == workload);
    let native = own().find(|cell| cell.backend == NATIVE).or_else(|| own().next())?;
    let refused = own().all(|cell| matches!(cell.outcome, Outcome::Refused | Outcome::Unavailable));
    (refused && native.outcome == Outcome::Refused).then(|| native.reason.clone().unwrap_or_default())
}

/// A model of some gigabytes is read once for its digest: whoever waits is told for what.
pub(super) fn announce_digests(workloads: &[Workload]) {
    for workload in workloads {
        let Some(Language { source: Source::Files(files), .. }) = workload.language() else { continue };
        if let Ok(bytes) = files.bytes()
            && bytes > LARGE_BYTES
        {
            eprintln!("zktee: reading {} ({:.1} GB) for its SHA-256", files.model.display(), bytes as f64 * 1e-9);
        }
    }
}
