//! A row of `probes.csv`: a forgery that a cell's verifier was shown, and what it said.

use serde::{Deserialize, Serialize};

/// What became of a forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeVerdict {
    /// It was refused, as it should be.
    Rejected,
    /// It was taken.
    Accepted,
    /// The verifier died, hung or broke the protocol over it: neither taken nor refused.
    Crashed,
}

impl ProbeVerdict {
    /// The name used in the CSV files and the docs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Accepted => "accepted",
            Self::Crashed => "crashed",
        }
    }
}

/// One forgery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRow {
    /// The workload's name.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// What was changed, e.g. `evidence-flip-37%` or `other-output`.
    pub probe: String,
    /// Whether the changed thing says something else than the honest one. Bytes that nobody reads may be changed without that; a
    /// verifier that takes them is malleable, one that takes another statement is unsound.
    pub changes_statement: bool,
    /// What the verifier said.
    pub verdict: ProbeVerdict,
    /// The verifier's words.
    pub detail: Option<String>,
}
