//! What differs between the two sides beside the times: said loudly, since it may be what the times differ by.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use zktee_core::record::Environment;
use zktee_report::{Run, units};

use crate::side::Side;

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The machine and its system: times of two machines do not compare.
    Machine,
    /// How the runs were set: threads, limits.
    Settings,
    /// The code, its compiler, the backends' versions: what a comparison is mostly about.
    Code,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about.
    pub about: About,
    /// What differs.
    pub what: String,
    /// On the one side; several values where its own runs differ.
    pub base: String,
    /// On the other.
    pub new: String,
}

const UNKNOWN: &str = "not recorded";
/// Between values of runs of one side.
const SEVERAL: &str = " | ";
const BACKEND: &str = "backend ";

/// All differences, the machine's first. A side whose own runs differ among themselves differs too.
pub(crate) fn differences(base: &Side, new: &Side) -> Vec<Difference> {
    let (base, new) = (facts_of(base), facts_of(new));
    let keys: BTreeSet<&(About, String)> = base.keys().chain(new.keys()).collect();
    let said = |facts: &Facts, key: &(About, String)| {
        facts
            .get(key)
            .map_or_else(|| UNKNOWN.to_owned(), |values| values.iter().cloned().collect::<Vec<_>>().join(SEVERAL))
    };
    keys.into_iter()
        .map(|key| Difference { about: key.0, what: key.1.clone(), base: said(&base, key), new: said(&new, key) })
        .filter(|it| it.base != it.new || it.base.contains(SEVERAL))
        // A backend that one side does not have is told of by its cells.
        .filter(|it| !(it.what.starts_with(BACKEND) && [&it.base, &it.new].iter().any(|said| *said == UNKNOWN)))
        .collect()
}

/// Every value that the runs of a side have of a thing.
type Facts = BTreeMap<(About, String), BTreeSet<String>>;

fn facts_of(side: &Side) -> Facts {
    let mut facts = Facts::new();
    let runs = side.count();
    for run in side.runs_of() {
        for (key, value) in facts_of_run(run) {
            facts.entry(key).or_default().insert(value);
        }
    }
    // A backend that some runs do not have is no difference within the side; a machine that is not recorded is.
    let unrecorded = side.runs_of().filter(|run| run.environment.is_none()).count();
    if unrecorded > 0 && unrecorded < runs {
        facts.entry((About::Machine, "CPU".to_owned())).or_default().insert(UNKNOWN.to_owned());
    }
    facts
}

fn facts_of_run(run: &Run) -> Vec<((About, String), String)> {
    let mut facts: Vec<((About, String), String)> = Vec::new();
    let mut say = |about, what: &str, value: String| facts.push(((about, what.to_owned()), value));
    let settings = &run.record.settings;
    say(About::Settings, "threads", settings.threads.to_string());
    say(About::Settings, "warm-up calls", settings.warmup.to_string());
    say(About::Code, "zktee", run.record.zktee_version.clone());
    for (backend, description) in &run.record.descriptions {
        say(About::Code, &format!("{BACKEND}{backend}"), format!("{} {}", description.name, description.version));
    }
    for (backend, description) in &run.record.language_descriptions {
        let what = format!("{BACKEND}{backend} on language models");
        say(About::Code, &what, format!("{} {}", description.name, description.version));
    }
    match &run.environment {
        Some(environment) => facts.extend(facts_of_environment(environment)),
        None => say(About::Machine, "CPU", UNKNOWN.to_owned()),
    }
    facts
}

fn facts_of_environment(it: &Environment) -> Vec<((About, String), String)> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let mut facts = vec![
        (About::Machine, "CPU", it.cpu.clone()),
        (About::Machine, "CPU features", it.cpu_features.join(" ")),
        (About::Machine, "cores", it.cores.to_string()),
        // To three digits: the same machine reports some pages more or less after another boot.
        (About::Machine, "memory", units::bytes(it.memory_bytes)),
        (About::Machine, "system", it.os.clone()),
        (About::Machine, "kernel", it.kernel.clone()),
        (About::Machine, "virtualisation", or_none(&it.virtualisation)),
        (About::Machine, "frequency governor", or_none(&it.governor)),
        (About::Code, "commit", or_none(&it.commit)),
        (About::Code, "compiler", it.rustc.clone()),
        (About::Code, "build", it.build.clone()),
    ]
    .into_iter()
    .map(|(about, what, value)| ((about, what.to_owned()), value))
    .collect::<Vec<_>>();
    facts.extend(
        it.versions.iter().map(|(name, version)| ((About::Code, format!("{name} (version)")), version.clone())),
    );
    facts
}
