//! How a backend's worker and a language model's files are come by: set up where that is allowed.

use std::path::Path;

use zktee_config::{Source, Workload};
use zktee_core::provider::{Availability, Unavailable, WorkerCommand};
use zktee_core::record::backend_without_machine;

use super::{Providers, SetupPolicy};

/// Why a run does without a backend whose setup is dear.
pub(super) fn not_asked_for(backend: &str) -> Unavailable {
    let family = backend.split('/').next().unwrap_or(backend);
    Unavailable {
        reason: "it is not set up, and its setup is too dear for a run that does not ask for it".to_owned(),
        fix: format!("zktee run --backend {family}"),
    }
}

/// Why a run does without a backend for a language model.
pub(super) fn no_language_models(backend: &str) -> String {
    let family = backend.split('/').next().unwrap_or(backend);
    format!("{family} does no language models here; published figures of zkML systems that do stand beside the table")
}

/// Has a language model's files at hand.
pub(super) fn provide_model(
    workload: Option<&Workload>,
    cache: &Path,
    policy: &mut SetupPolicy<'_>,
) -> Result<(), Unavailable> {
    let language = workload.and_then(Workload::language);
    let Some(Source::Package(package)) = language.map(|language| &language.source) else { return Ok(()) };
    match package.availability(cache) {
        Availability::Ready => Ok(()),
        Availability::Unavailable(error) => Err(error),
        Availability::NeedsSetup { what, .. } if !policy.allowed => Err(forbidden(&what)),
        Availability::NeedsSetup { .. } => package.provision(cache, policy.say),
    }
}

fn forbidden(what: &str) -> Unavailable {
    let reason = format!("it needs a setup, which --no-setup forbids: {what}");
    Unavailable { reason, fix: "run without --no-setup".to_owned() }
}

/// A backend's worker, set up where that is allowed.
pub(crate) fn find_worker(
    backend: &str,
    of_language: bool,
    providers: &Providers,
    policy: &mut SetupPolicy<'_>,
) -> Result<WorkerCommand, Unavailable> {
    // In a merged run the name may say on which machine it was measured.
    let backend = backend_without_machine(backend);
    let Some(family) = providers.family_of(backend) else {
        let fix = "give the same --config as when the run was begun".to_owned();
        return Err(Unavailable { reason: format!("no backend is named `{backend}`"), fix });
    };
    match family.availability() {
        Availability::Ready => {}
        Availability::Unavailable(error) => return Err(error),
        Availability::NeedsSetup { what, .. } if !policy.allowed => return Err(forbidden(&what)),
        Availability::NeedsSetup { what, estimate } => {
            (policy.say)(&format!("setting up {backend}: {what} (about {} s, once)", estimate.as_secs()));
            family.provision(policy.say)?;
        }
    }
    if of_language { family.language_command(backend) } else { family.command(backend) }
}
