//! Phases, outcomes, cells and what a backend says of the trust that its evidence asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A timed part of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Keys, images, boot: once a model.
    Setup,
    /// The answer alone, without evidence.
    Infer,
    /// ZK: witness and proof. TEE: attestation of the result.
    Prove,
    /// What a third party does with the evidence.
    Verify,
}

impl Phase {
    /// All phases in the order in which a cell goes through them.
    pub const ALL: [Self; 4] = [Self::Setup, Self::Infer, Self::Prove, Self::Verify];

    /// The name used in the protocol, the CSV files and the docs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Infer => "infer",
            Self::Prove => "prove",
            Self::Verify => "verify",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of a cell or a sample. A cell is never blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Timed here, verified, and within tolerance of the reference.
    Measured,
    /// Timed here, but without real isolation or with unsigned hardware.
    Simulated,
    /// Extrapolated from measurements of a part of the work.
    Estimated,
    /// Something is missing on this machine.
    Unavailable,
    /// The backend does not do this model or this input.
    Refused,
    /// It took longer than the time limit.
    Timeout,
    /// It took more memory than the limit or the machine has.
    OutOfMemory,
    /// The worker died, broke the protocol or reported a failure.
    Crashed,
    /// It answered, but the answer or its evidence does not hold: rejected by its own verifier, bound to other inputs than those
    /// sent, or farther from the reference than the tolerance.
    Wrong,
    /// Its verifier took evidence of something else: another output, another input, another model.
    Unsound,
    /// The run ended (interrupted, or out of time budget) before the cell had its samples.
    Unfinished,
    /// Somebody's claim, not measured here.
    Published,
}

impl Outcome {
    /// The name used in the CSV files and the docs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Simulated => "simulated",
            Self::Estimated => "estimated",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out-of-memory",
            Self::Crashed => "crashed",
            Self::Wrong => "wrong",
            Self::Unsound => "unsound",
            Self::Unfinished => "unfinished",
            Self::Published => "published",
        }
    }

    /// Whether the cell went through all its phases here.
    pub const fn has_times(self) -> bool {
        matches!(self, Self::Measured | Self::Simulated | Self::Estimated)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One workload on one backend profile, written `workload@backend`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CellId {
    /// The workload's name, e.g. `mlp-iris`.
    pub workload: String,
    /// The backend with its profile, e.g. `ezkl/tuned`, or `native` where there is only one.
    pub backend: String,
}

impl CellId {
    /// A cell by its two names.
    pub fn new(workload: impl Into<String>, backend: impl Into<String>) -> Self {
        Self { workload: workload.into(), backend: backend.into() }
    }

    /// The cell's name as a folder: no separator of paths in it.
    pub fn folder(&self) -> String {
        format!("{}@{}", self.workload, self.backend).replace(['/', '\\'], "+")
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.workload, self.backend)
    }
}

impl From<CellId> for String {
    fn from(id: CellId) -> Self {
        id.to_string()
    }
}

/// A text that is not `workload@backend`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a cell's name: expected `workload@backend`")]
pub struct NotACell(String);

impl FromStr for CellId {
    type Err = NotACell;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.split_once('@') {
            Some((workload, backend)) if !workload.is_empty() && !backend.is_empty() => {
                Ok(Self::new(workload, backend))
            }
            _ => Err(NotACell(s.to_owned())),
        }
    }
}

impl TryFrom<String> for CellId {
    type Error = NotACell;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

/// Who must be trusted for the setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetupTrust {
    /// A secret existed once; whoever kept it can forge proofs.
    Trusted,
    /// No secret.
    Transparent,
    /// The maker of the hardware and its keys.
    HardwareVendor,
    /// There is no evidence, so nothing is set up for it.
    None,
}

/// What a number of security bits rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityBasis {
    /// A theorem, in the random-oracle model where the scheme needs it.
    Proven,
    /// A conjecture or the best known attack.
    Conjectured,
    /// Keys in hardware and the good sense of its maker.
    Hardware,
    /// There is no evidence.
    None,
}

/// A part of the statement `output = model(input)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The model: its architecture and weights.
    Model,
    /// The input.
    Input,
    /// The output.
    Output,
}

/// Whether isolation by hardware is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardware {
    /// Real isolating hardware with signed attestation.
    Real,
    /// An emulation: a functional test, no isolation.
    Simulated,
    /// The backend makes no use of isolating hardware.
    None,
}

/// What a verifier of the evidence relies on, and what the evidence says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Who must be trusted for the setup.
    pub setup: SetupTrust,
    /// Bits of security of the evidence, where a number can be given.
    pub security_bits: Option<f64>,
    /// What that number rests on.
    pub security_basis: SecurityBasis,
    /// Does the evidence keep what it does not state secret from its verifier?
    pub zero_knowledge: bool,
    /// Does the evidence stand against a quantum computer?
    pub post_quantum: bool,
    /// What the evidence binds.
    pub binds: Vec<Part>,
    /// What stays hidden from the verifier.
    pub hides: Vec<Part>,
    /// Whether isolation by hardware is real.
    pub hardware: Hardware,
    /// Sentences that belong beside these words.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Trust {
    /// The trust columns of a backend that gives no evidence at all.
    pub const fn no_evidence() -> Self {
        Self {
            setup: SetupTrust::None,
            security_bits: None,
            security_basis: SecurityBasis::None,
            zero_knowledge: false,
            post_quantum: false,
            binds: Vec::new(),
            hides: Vec::new(),
            hardware: Hardware::None,
            notes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serde() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
        }
        for outcome in [Outcome::Measured, Outcome::OutOfMemory, Outcome::Wrong, Outcome::Unfinished] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }

    #[test]
    fn a_cell_name_round_trips_and_makes_a_safe_folder() {
        let id: CellId = "mlp-iris@ezkl/tuned".parse().unwrap();
        assert_eq!(id.to_string(), "mlp-iris@ezkl/tuned");
        assert_eq!(id.folder(), "mlp-iris@ezkl+tuned");
        assert!("mlp-iris".parse::<CellId>().is_err());
        assert!("@native".parse::<CellId>().is_err());
    }
}
