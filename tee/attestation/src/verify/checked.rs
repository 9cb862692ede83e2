//! What was checked, for people and programs.

use std::fmt;

use serde::Serialize;

use crate::{Content, Root};

/// One check that held, or one that was not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which.
    pub name: &'static str,
    /// What was compared, or why nothing was.
    pub compared: String,
}

/// A document that held, with all that was checked. Only [`verify()`](super::verify()) makes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Whether the root is AWS's: otherwise nothing is said about hardware.
    hardware: bool,
    root_sha256: String,
    /// Milliseconds since 1970.
    time: u64,
    checks: Vec<Check>,
    unchecked: Vec<Check>,
    content: Content,
}

/// What has been checked so far.
#[derive(Default)]
pub(super) struct Report {
    checks: Vec<Check>,
    unchecked: Vec<Check>,
}

impl Report {
    pub(super) fn checked(&mut self, name: &'static str, compared: String) {
        self.checks.push(Check { name, compared });
    }

    pub(super) fn unchecked(&mut self, name: &'static str, why: &str) {
        self.unchecked.push(Check { name, compared: why.to_owned() });
    }

    /// To be called when every check has held.
    pub(super) fn verified(self, root: &Root, time: u64, content: Content) -> Verified {
        let Self { checks, unchecked } = self;
        Verified { hardware: root.is_aws(), root_sha256: root.fingerprint(), time, checks, unchecked, content }
    }
}

impl Verified {
    /// What the document says.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The checks that held, in their order.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// What the policy did not ask for.
    pub fn not_checked(&self) -> &[Check] {
        &self.unchecked
    }

    /// Whether the chain ends at AWS's root, so that hardware has spoken.
    pub fn hardware(&self) -> bool {
        self.hardware
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict =
            if self.hardware { "verified" } else { "verified under a given root: nothing is said about hardware" };
        write!(f, "{verdict}, module {:?}", self.content.module_id)?;
        for check in &self.checks {
            write!(f, "\n  held         {:<12} {}", check.name, check.compared)?;
        }
        for check in &self.unchecked {
            write!(f, "\n  not checked  {:<12} {}", check.name, check.compared)?;
        }
        Ok(())
    }
}
