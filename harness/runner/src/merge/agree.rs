//! What must be the same in runs that are put together.

use std::collections::BTreeMap;
use std::path::Path;

use zktee_core::record::{CellPlan, LanguagePlan};

use super::{MergeError, Part};

/// A thing that must be the same, with its value.
type Fact = (String, String);

/// Refuses runs of differing code, settings, plans, models or inputs.
pub(super) fn check(parts: &[Part]) -> Result<(), MergeError> {
    let mut known: BTreeMap<String, (String, &Path)> = BTreeMap::new();
    for part in parts {
        for (what, value) in facts(part) {
            let (one, first) = known.entry(what.clone()).or_insert_with(|| (value.clone(), &part.path));
            if *one != value {
                let (one, first) = (one.clone(), first.to_owned());
                return Err(MergeError::Differ { what, one, first, other: value, second: part.path.clone() });
            }
        }
    }
    Ok(())
}

fn facts(part: &Part) -> Vec<Fact> {
    let (record, environment) = (&part.run.record, &part.environment);
    let settings = &record.settings;
    let mut facts: Vec<Fact> = Vec::new();
    let mut say = |what: &str, value: String| facts.push((what.to_owned(), value));
    // The code.
    say("the version of zktee", record.zktee_version.clone());
    say("the commit", environment.commit.clone().unwrap_or_else(|| "not known".to_owned()));
    say("the compiler", environment.rustc.clone());
    say("the build", environment.build.clone());
    for (name, version) in &environment.versions {
        say(&format!("the version of {name}"), version.clone());
    }
    for (kind, descriptions) in [("", &record.descriptions), (" for language models", &record.language_descriptions)] {
        for (backend, it) in descriptions {
            say(&format!("the system of {backend}{kind}"), format!("{} {}", it.name, it.version));
        }
    }
    // The settings, but for the limits of memory and disk: they are shares of the machine's where nobody says them.
    say("--threads", settings.threads.to_string());
    say("--samples", settings.samples.to_string());
    say("the least number of samples", settings.min_samples.to_string());
    say("the number of warm-up calls", settings.warmup.to_string());
    say("--time-budget", settings.time_budget_s.map_or_else(|| "none".to_owned(), |s| format!("{s} s")));
    say("--timeout", format!("{} s", settings.timeout_s));
    say("--instance", settings.assumed_instance.clone().unwrap_or_else(|| "none".to_owned()));
    say("--quick", settings.quick.to_string());
    say("showing forgeries (--no-probes)", settings.probes.to_string());
    // The plan.
    if let Some(shard) = &record.shard {
        say("the number of parts", shard.count.to_string());
        let cells: Vec<String> = shard.plan.iter().map(ToString::to_string).collect();
        say("the whole plan", cells.join(", "));
    }
    for plan in &record.cells {
        let workload = &plan.id.workload;
        facts.extend(of_workload(plan).map(|(what, value)| (format!("the {what} of `{workload}`"), value)));
    }
    facts
}

fn of_workload(plan: &CellPlan) -> [(&'static str, String); 9] {
    let beside = |digest: fn(&LanguagePlan) -> &Option<String>| {
        plan.language.as_ref().and_then(|it| digest(it).clone()).unwrap_or_else(|| "none".to_owned())
    };
    [
        ("model (SHA-256)", plan.model_sha256.clone()),
        ("set of inputs (SHA-256)", plan.inputs_sha256.clone()),
        ("model's configuration (SHA-256)", beside(|it| &it.config_sha256)),
        ("tokenizer (SHA-256)", beside(|it| &it.tokenizer_sha256)),
        ("batch", plan.batch.to_string()),
        ("number of calls", plan.repeat.to_string()),
        ("task", format!("{:?}", plan.task)),
        ("tolerance", plan.tolerance.to_string()),
        ("least class agreement", plan.min_class_agreement.to_string()),
    ]
}
