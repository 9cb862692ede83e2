//! Language models in a list.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use zktee_config::{SHAPE_NAME, Source, Workload};
use zktee_core::protocol::Generation;
use zktee_core::provider::Availability;

use super::{below, in_words};

/// A language workload in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LanguageLine {
    name: String,
    summary: String,
    /// Where the model came from: a path, or `built-in`.
    model: String,
    /// Bytes of the model's files; none where they are not there.
    bytes: Option<u64>,
    /// Whether its weights are drawn at random.
    random_weights: bool,
    /// What it is asked.
    generation: Generation,
    availability: &'static str,
    /// What is missing, or what a setup will do.
    detail: Option<String>,
    /// What mends it.
    fix: Option<String>,
}

pub(super) fn language(workload: &Workload, cache: &Path) -> Option<LanguageLine> {
    let language = workload.language()?;
    let here = match &language.source {
        Source::Package(package) => package.availability(cache),
        Source::Files(_) | Source::Recipe(_) => Availability::Ready,
    };
    let (availability, detail, fix) = in_words(here);
    Some(LanguageLine {
        name: workload.name.clone(),
        summary: workload.summary.clone(),
        model: workload.origin.clone(),
        bytes: language.bytes().ok(),
        random_weights: language.has_random_weights(),
        generation: language.generation.clone(),
        availability,
        detail,
        fix,
    })
}

/// A line a language model, where there are any.
pub(super) fn show(languages: &[LanguageLine], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if languages.is_empty() {
        return Ok(());
    }
    let heading = "language model";
    let width = languages.iter().map(|it| it.name.chars().count()).max().unwrap_or(0).max(heading.len());
    writeln!(f, "\n{heading:<width$}  {:>8}  {:<11}  what", "size", "here")?;
    for line in languages {
        let LanguageLine { name, summary, model, bytes, availability, detail, fix, .. } = line;
        let size = bytes.map_or_else(|| "?".to_owned(), zktee_report::units::bytes);
        let by_name = if name == SHAPE_NAME { " (only by name)" } else { "" };
        let from = if model == "built-in" { String::new() } else { format!(" ({model})") };
        writeln!(f, "{name:<width$}  {size:>8}  {availability:<11}  {summary}{by_name}{from}")?;
        below(f, width + 25, detail.as_deref(), fix.as_deref())?;
    }
    Ok(())
}
