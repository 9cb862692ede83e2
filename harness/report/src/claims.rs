//! The article's claims, which are data: `reports/claims.toml`, built in.

use serde::Deserialize;

use crate::language::LanguageCell;
use crate::units;

const TEXT: &str = include_str!("../../../reports/claims.toml");

/// All claims and where they come from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The layout of the file.
    pub schema: u32,
    /// Who claims.
    pub source: Source,
    /// The article's rows, in its order.
    #[serde(rename = "row")]
    pub rows: Vec<ClaimRow>,
    /// What others publish of language models.
    pub published: Vec<Published>,
}

/// Who claims.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The article's title.
    pub title: String,
    /// Who published it.
    pub publisher: String,
    /// The title under which the figures first appeared.
    pub earlier: String,
    /// What to bear in mind when comparing.
    pub note: String,
}

/// A row of the article: a model on a data set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRow {
    /// The row's name.
    pub id: String,
    /// The model.
    pub model: String,
    /// The data set.
    pub data: String,
    /// Number of inputs.
    pub inputs: Figure,
    /// Patterns of our workloads that belong to it.
    pub workloads: Vec<String>,
    /// The machine, where the article names one.
    pub machine: Option<String>,
    /// What belongs beside the row.
    pub note: Option<String>,
    /// The TEE's total, seconds.
    pub tee_total_s: Figure,
    /// Tokens a second, for a language model.
    pub tokens_per_s: Option<Figure>,
    /// Tokens of the answer, for a language model.
    pub tokens: Option<Figure>,
    /// Patterns of those of `workloads` whose model is the article's: no other one's time is set against its claim. None: all.
    pub same_model: Option<Vec<String>>,
    /// Workloads of a run whose responses have another number of tokens than the article's: set by [`Claims::beside`].
    #[serde(skip)]
    pub other_length: Vec<String>,
    /// Patterns of our backends that stand beside the TEE's claim.
    pub tee_beside: Vec<String>,
    /// Patterns of our backends that show what the answer costs without evidence.
    pub floor: Vec<String>,
    /// Patterns of our backends that the article has no claim for.
    pub added: Vec<String>,
    /// The zkML frameworks of the row.
    #[serde(default)]
    pub zk: Vec<ZkClaim>,
}

/// What the article says of one zkML framework on one row.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZkClaim {
    /// The framework, as the article names it.
    pub framework: String,
    /// What belongs beside the claim.
    pub note: Option<String>,
    /// Proving, seconds.
    pub prove_s: Figure,
    /// Verifying, seconds.
    pub verify_s: Figure,
    /// Proving and verifying, seconds.
    pub total_s: Figure,
    /// How many times the TEE's total.
    pub over_tee: Figure,
    /// Patterns of our backends that stand beside it.
    pub beside: Vec<String>,
}

/// A figure that somebody else than the article publishes of a language model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The entry's name.
    pub id: String,
    /// What is published.
    pub kind: PublishedKind,
    /// The system.
    pub system: String,
    /// The model.
    pub model: String,
    /// What one figure is of: how much the model was asked.
    pub answers: String,
    /// The machine.
    pub machine: String,
    /// Proving, seconds.
    pub prove_s: Option<Stated>,
    /// Verifying, seconds.
    pub verify_s: Option<Stated>,
    /// The proof, bytes.
    pub proof_bytes: Option<Stated>,
    /// Share of the throughput that isolation costs.
    pub slowdown: Option<Stated>,
    /// Share by which latency grows with isolation.
    pub delay: Option<Stated>,
    /// Where it is published.
    pub source: String,
    /// Its address.
    pub url: Option<String>,
    /// The day on which the figure was read there; none where it was taken over.
    pub seen: Option<String>,
    /// What belongs beside it.
    pub note: Option<String>,
}

/// What a published figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedKind {
    /// A proof of a model's answer.
    Proof,
    /// What isolation by hardware costs.
    Enclave,
}

/// A figure of the article, or why it has none.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    /// The text has it.
    Stated(Stated),
    /// The text does not have it.
    Absent(Absent),
}

/// A figure that the text has.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// The number.
    pub value: f64,
    /// How it is meant.
    #[serde(default)]
    pub bound: Bound,
}

/// Why a figure is not there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// `image-only` or `not stated`.
    pub absent: String,
}

/// How a figure is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// As it stands.
    #[default]
    Exact,
    /// A lower bound.
    MoreThan,
    /// An upper bound.
    LessThan,
    /// Rounded by the article.
    About,
}

impl Claims {
    /// The claims that this version ships.
    pub fn built_in() -> Self {
        // A test parses the same text, so a file that does not parse never leaves the project.
        toml::from_str(TEXT).expect("reports/claims.toml parses")
    }

    /// The same claims, knowing which responses of a run are as long as the article's.
    #[must_use]
    pub fn beside(mut self, language: &[LanguageCell]) -> Self {
        for row in &mut self.rows {
            let Some(tokens) = row.tokens.as_ref().and_then(Figure::stated) else { continue };
            let other = language.iter().filter(|of| of.eval_count.is_some_and(|n| n as f64 != tokens.value));
            row.other_length = other.map(|of| of.workload.clone()).collect();
        }
        self
    }

    /// The row that a workload belongs to.
    pub fn row_of(&self, workload: &str) -> Option<&ClaimRow> {
        self.rows.iter().find(|row| matches_any(&row.workloads, workload))
    }
}

impl ClaimRow {
    /// Why no quotient is made of the claims and the times of a workload of this row; none where they are of the same.
    pub fn apart(&self, workload: &str) -> Option<String> {
        if self.same_model.as_ref().is_some_and(|patterns| !matches_any(patterns, workload)) {
            return Some(format!("another model than {}: not compared", self.model));
        }
        let length = self.other_length.iter().any(|other| other == workload);
        length.then(|| "a response of another length: not compared".to_owned())
    }
}

impl Figure {
    /// The figure, where there is one.
    pub fn stated(&self) -> Option<Stated> {
        match self {
            Self::Stated(stated) => Some(*stated),
            Self::Absent(_) => None,
        }
    }

    /// The figure as text, or why there is none.
    pub fn text(&self, unit: impl Fn(f64) -> String) -> String {
        match self {
            Self::Stated(stated) => stated.text(unit),
            Self::Absent(absent) => absent.absent.clone(),
        }
    }
}

impl Stated {
    /// The figure as text, e.g. `> 212 s`.
    pub fn text(&self, unit: impl Fn(f64) -> String) -> String {
        // No more digits than the article gives.
        format!("{}{}", self.bound.prefix(), units::trimmed(&unit(self.value)))
    }

    /// This claimed time over a measured one, as a number with the claim's bound, e.g. `> 6.2x`.
    pub fn over(&self, measured: f64) -> String {
        format!("{}{}", self.bound.prefix(), units::ratio(self.value / measured))
    }

    /// The same in words that say which way.
    pub fn in_words(&self, measured: f64) -> String {
        let ratio = self.value / measured;
        let about = if self.bound == Bound::About { "about " } else { "" };
        match self.bound {
            // Above a lower bound nothing follows: the claimed time may be anything up there.
            Bound::MoreThan if ratio < 1.0 => {
                format!("{} the claimed lower bound, so it does not contradict the claim", units::ratio(1.0 / ratio))
            }
            Bound::MoreThan => format!("more than {} faster than claimed", units::ratio(ratio)),
            // Likewise below an upper one.
            Bound::LessThan if ratio > 1.0 => {
                format!("{} of the claimed upper bound, so it does not contradict the claim", units::ratio(1.0 / ratio))
            }
            Bound::LessThan => format!("more than {} slower than claimed", units::ratio(1.0 / ratio)),
            _ if (0.995..1.005).contains(&ratio) => "as claimed".to_owned(),
            _ if ratio < 1.0 => format!("{about}{} slower than claimed", units::ratio(1.0 / ratio)),
            _ => format!("{about}{} faster than claimed", units::ratio(ratio)),
        }
    }
}

impl Bound {
    /// What stands before the number.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::MoreThan => "> ",
            Self::LessThan => "< ",
            Self::About => "about ",
        }
    }
}

/// Whether a name matches one of some patterns, each a name or the beginning of names followed by `*`.
pub fn matches_any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    })
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
