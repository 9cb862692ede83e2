//! `zktee doctor`: what this machine lacks for a run and for numbers that count, and the command that mends it. Nothing is changed.

mod machine;
mod storage;
mod text;

use std::path::Path;

use serde::Serialize;
use zktee_config::PACKAGES;
use zktee_core::provider::{Availability, Provider};
use zktee_runner::Providers;

use crate::environment::Machine;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be, or just good to know.
    Ok,
    /// A run goes through, but cells are missing or numbers are worth less.
    Warn,
    /// A run would fail.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What, in a word or two.
    pub(crate) name: String,
    /// How bad it is.
    pub(crate) status: Status,
    /// What was found.
    pub(crate) found: String,
    /// Why it matters.
    pub(crate) why: String,
    /// What mends it, a command where there is one.
    pub(crate) fix: Option<String>,
}

impl Check {
    fn new(name: impl Into<String>, found: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, found: found.into(), why: why.into(), fix: None }
    }

    fn with(mut self, status: Status, fix: impl Into<String>) -> Self {
        self.status = status;
        self.fix = Some(fix.into());
        self
    }

    /// A warning when the condition holds.
    fn warn_if(self, condition: bool, fix: impl Into<String>) -> Self {
        if condition { self.with(Status::Warn, fix) } else { self }
    }
}

/// What a user must know of the licence of some backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    /// The backends with their profiles.
    pub(crate) backends: Vec<String>,
    /// The notice.
    pub(crate) text: String,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Findings {
    /// In the order of what a run needs first.
    pub(crate) checks: Vec<Check>,
    /// Notices of licences that are not this project's own.
    pub(crate) licences: Vec<Notice>,
}

impl Findings {
    /// Whether a run would fail.
    pub(crate) fn any_failed(&self) -> bool {
        self.checks.iter().any(|check| check.status == Status::Fail)
    }
}

/// Looks at this machine, at these backends, and at the folders that a run writes to.
pub(crate) fn examine(providers: &Providers, cache: &Path, out: &Path) -> Findings {
    let families: Vec<_> = providers.families().collect();
    let mut findings = examine_at(&Machine::here(), &families, cache, out);
    let models =
        PACKAGES.into_iter().map(|(workload, package)| available(workload.to_owned(), package.availability(cache)));
    findings.checks.splice(families.len()..families.len(), models);
    findings
}

fn examine_at(machine: &Machine, families: &[&dyn Provider], cache: &Path, out: &Path) -> Findings {
    let mut checks: Vec<_> = families.iter().map(|family| backend(*family)).collect();
    checks.extend(storage::checks(cache, out));
    checks.extend(machine::checks(machine));
    let notice =
        |family: &&dyn Provider| Some(Notice { backends: names(*family), text: family.licence_notice()?.to_owned() });
    Findings { checks, licences: families.iter().filter_map(notice).collect() }
}

fn names(family: &dyn Provider) -> Vec<String> {
    family.profiles().into_iter().map(|profile| profile.backend).collect()
}

fn backend(family: &dyn Provider) -> Check {
    available(names(family).join(", "), family.availability())
}

/// Something without which cells cannot be had.
fn available(name: String, availability: Availability) -> Check {
    let check = |found: String| Check::new(name, found, "its cells are `unavailable` without it");
    match availability {
        Availability::Ready => check("ready".into()),
        Availability::NeedsSetup { what, estimate } => {
            let estimate = humantime::format_duration(std::time::Duration::from_secs(estimate.as_secs()));
            check(format!("the next run sets it up (about {estimate}): {what}"))
        }
        Availability::Unavailable(why) => check(why.reason).with(Status::Warn, why.fix),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zktee_core::provider::{Profile, Unavailable, WorkerCommand};

    use super::*;

    struct Family(Availability);

    impl Provider for Family {
        fn profiles(&self) -> Vec<Profile> {
            ["x/a", "x/b"].map(|backend| Profile { backend: backend.into(), summary: String::new() }).into()
        }

        fn availability(&self) -> Availability {
            self.0.clone()
        }

        fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
            unreachable!("doctor changes nothing")
        }

        fn command(&self, _backend: &str) -> Result<WorkerCommand, Unavailable> {
            unreachable!("doctor starts nothing")
        }

        fn licence_notice(&self) -> Option<&str> {
            Some("not free")
        }
    }

    fn findings(availability: Availability) -> Findings {
        let dir = tempfile::tempdir().unwrap();
        examine_at(&Machine::here(), &[&Family(availability)], &dir.path().join("cache"), dir.path())
    }

    #[test]
    fn a_backend_that_cannot_be_had_is_a_warning_with_its_fix() {
        let why = Unavailable { reason: "no python3".into(), fix: "apt-get install python3-venv".into() };
        let findings = findings(Availability::Unavailable(why));
        let check = &findings.checks[0];
        assert_eq!((check.name.as_str(), check.status, check.found.as_str()), ("x/a, x/b", Status::Warn, "no python3"));
        assert_eq!(check.fix.as_deref(), Some("apt-get install python3-venv"));
        assert!(!findings.any_failed(), "{findings:?}");
    }

    #[test]
    fn a_backend_that_a_run_sets_up_is_as_it_should_be() {
        let findings =
            findings(Availability::NeedsSetup { what: "a wheel".into(), estimate: Duration::from_millis(90_500) });
        assert_eq!(findings.checks[0].found, "the next run sets it up (about 1m 30s): a wheel");
        assert_eq!(findings.checks[0].status, Status::Ok);
    }

    #[test]
    fn licences_are_told_and_json_has_every_field() {
        let findings = findings(Availability::Ready);
        assert_eq!(findings.licences, [Notice { backends: vec!["x/a".into(), "x/b".into()], text: "not free".into() }]);
        let json = serde_json::to_value(&findings).unwrap();
        assert_eq!(json["checks"][0]["status"], "ok");
        assert!(json["checks"][0]["fix"].is_null() && json["checks"][0]["why"].is_string());
        let names: Vec<_> = findings.checks.iter().map(|check| check.name.as_str()).collect();
        for name in [
            "cache folder",
            "output folder",
            "memory",
            "peak memory",
            "cores",
            "CPU",
            "frequency",
            "load",
            "instructions",
            "open files",
            "enclave",
        ] {
            assert!(names.contains(&name), "{name} in {names:?}");
        }
    }
}
