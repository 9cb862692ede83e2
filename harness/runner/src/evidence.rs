//! What a run keeps of a cell's last evidence, and verifying it again from that alone.
//!
//! `evidence/CELL/` holds what a third party needs: the verifier's files, the evidence, the claimed inputs and outputs, and `statement.json`
//! with the rest of what the verifier was asked and a digest of every file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zktee_core::protocol::Job;
use zktee_core::provider::WorkerCommand;
use zktee_core::record::{CellPlan, RunRecord, backend_without_machine};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{CellId, Phase};

use crate::cell::sha256_hex;
use crate::check::{self, Expected};
use crate::failure::{Failure, with_fix};
use crate::folder::{FolderError, Log, io, now, read_json, write_json};
use crate::plan::{Providers, SetupPolicy, find_worker};
use crate::process::{Interrupt, Limits, WorkerProcess};

/// Claimed inputs, in a cell's folder of evidence.
pub(crate) const INPUTS: &str = "claimed-inputs.json";
/// Claimed outputs.
pub(crate) const OUTPUTS: &str = "claimed-outputs.json";
const STATEMENT: &str = "statement.json";

/// What the verifier was asked beside the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// The evidence's file.
    evidence: String,
    /// The nonce that it was asked for with.
    nonce: String,
    /// When it was verified, RFC 3339: documents are checked again as of then, since they age.
    verified_at: String,
    /// SHA-256 of every other file.
    sha256: BTreeMap<String, String>,
}

impl Statement {
    /// Whether it names files of its own folder alone.
    fn is_plain(&self) -> bool {
        self.sha256.keys().all(|name| is_plain(name))
    }
}

/// The files that a statement's bytes name, where they would be looked at.
pub(crate) fn names_of_statement(bytes: &[u8]) -> Vec<String> {
    let statement = serde_json::from_slice::<Statement>(bytes).ok().filter(Statement::is_plain);
    statement.map(|statement| statement.sha256.into_keys().collect()).unwrap_or_default()
}

/// Keeps what is in a verifier's folder, over what was kept before.
pub(crate) fn keep(
    verifier_dir: &Path,
    to: &Path,
    job: &Job,
    inputs: &Tensor,
    claimed: Option<&Tensor>,
) -> Result<(), FolderError> {
    let Some(evidence) = job.evidence.as_ref().and_then(|path| path.file_name()) else { return Ok(()) };
    for entry in fs::read_dir(verifier_dir).map_err(io(verifier_dir))?.flatten() {
        if entry.path().is_file() {
            let target = to.join(entry.file_name());
            fs::copy(entry.path(), &target).map_err(io(&target))?;
        }
    }
    let write = |tensor: &Tensor, name: &str| {
        tensor.write(&to.join(name)).map_err(|error| io(&to.join(name))(std::io::Error::other(error.to_string())))
    };
    write(inputs, INPUTS)?;
    claimed.map(|claimed| write(claimed, OUTPUTS)).transpose()?;
    let mut sha256 = BTreeMap::new();
    for entry in fs::read_dir(to).map_err(io(to))?.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_file() && name != STATEMENT {
            sha256.insert(name, sha256_hex(&path).map_err(io(&path))?);
        }
    }
    let statement = Statement {
        evidence: evidence.to_string_lossy().into_owned(),
        nonce: job.nonce.clone().unwrap_or_default(),
        verified_at: now(),
        sha256,
    };
    write_json(&to.join(STATEMENT), &statement)
}

/// What became of a cell's evidence when it was verified again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reverified {
    /// The cell.
    pub cell: CellId,
    /// Whether it was accepted and is about the claimed inputs and outputs.
    pub accepted: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Seconds that the verifier took, by its own clock.
    pub wall_s: Option<f64>,
}

/// Verifies again.
pub struct Reverifier<'a> {
    /// The run's folder. It is only read.
    pub root: &'a Path,
    /// The run's record.
    pub record: &'a RunRecord,
    /// Where workers come from.
    pub providers: &'a Providers,
    /// The folder kept between runs.
    pub cache: &'a Path,
    /// Where verifiers work: a folder of their own, which is emptied between them.
    pub scratch: &'a Path,
}

impl Reverifier<'_> {
    /// Cells that came to a verified sample, so that there must be evidence.
    pub fn cells(&self, verified: impl Fn(&CellId) -> bool) -> Vec<&CellPlan> {
        self.record.cells.iter().filter(|cell| cell.decided.is_none() && verified(&cell.id)).collect()
    }

    /// Verifies one cell's evidence in a fresh process that sees nothing else.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] alone; everything else is an answer.
    pub fn verify(
        &self,
        plan: &CellPlan,
        policy: &mut SetupPolicy<'_>,
        interrupt: &Interrupt,
    ) -> Result<Reverified, Failure> {
        let cell = plan.id.clone();
        match self.one(plan, policy, interrupt) {
            Ok(wall_s) => Ok(Reverified { cell, accepted: true, reason: None, wall_s: Some(wall_s) }),
            Err(Failure::Interrupted) => Err(Failure::Interrupted),
            Err(Failure::Cell { outcome, reason }) => {
                let reason = Some(format!("{outcome}: {reason}"));
                Ok(Reverified { cell, accepted: false, reason, wall_s: None })
            }
        }
    }

    fn one(&self, plan: &CellPlan, policy: &mut SetupPolicy<'_>, interrupt: &Interrupt) -> Result<f64, Failure> {
        let kept = self.root.join(zktee_core::record::files::EVIDENCE).join(plan.id.folder());
        let description = self.record.descriptions.get(&plan.id.backend);
        let description = description.ok_or_else(|| Failure::wrong("the run has no description of its backend"))?;
        let job = self.lay_out(plan, &kept).map_err(|error| Failure::wrong(error.to_string()))?;
        let command = find_worker(&plan.id.backend, self.providers, policy)
            .map_err(|error| Failure::crashed(with_fix(&error.reason, Some(&error.fix))))?;
        let inputs = Tensor::read(&job.dir.join(INPUTS)).map_err(|error| Failure::wrong(error.to_string()))?;
        let claimed = job.outputs.as_ref().map(|path| Tensor::read(path)).transpose();
        let claimed = claimed.map_err(|error| Failure::wrong(error.to_string()))?;
        let report = self.ask(plan, &command, &job, interrupt)?;
        let expected = Expected { inputs: &inputs, reference: &inputs, labels: None };
        check::verified(&report, claimed.as_ref(), &expected, &description.trust)?;
        Ok(report.wall_s)
    }

    /// The verifier's folder, and what it is asked. Files that are not what the run left are named.
    fn lay_out(&self, plan: &CellPlan, kept: &Path) -> Result<Job, FolderError> {
        let damaged = |path: &Path, what: &str| io(path)(std::io::Error::other(what.to_owned()));
        let statement: Statement = read_json(&kept.join(STATEMENT))?;
        if self.scratch.exists() {
            fs::remove_dir_all(self.scratch).map_err(io(self.scratch))?;
        }
        fs::create_dir_all(self.scratch).map_err(io(self.scratch))?;
        if !statement.is_plain() {
            return Err(damaged(&kept.join(STATEMENT), "it names a file elsewhere"));
        }
        for (name, digest) in &statement.sha256 {
            let path = kept.join(name);
            if sha256_hex(&path).map_err(io(&path))? != *digest {
                return Err(damaged(&path, "it is not the file that the run left: its digest differs"));
            }
            hand_over_copy(&path, &self.scratch.join(name))?;
        }
        if !statement.sha256.contains_key(&statement.evidence) {
            return Err(damaged(&kept.join(STATEMENT), "its evidence is not among its files"));
        }
        let at = |name: &str| self.scratch.join(name);
        let options = BTreeMap::from([("verified_at".to_owned(), serde_json::Value::from(statement.verified_at))]);
        Ok(Job {
            workload: plan.id.workload.clone(),
            backend: backend_without_machine(&plan.id.backend).to_owned(),
            dir: self.scratch.to_owned(),
            threads: self.record.settings.threads,
            cache: self.cache.to_owned(),
            batch: plan.batch,
            inputs: Some(at(INPUTS)),
            outputs: statement.sha256.contains_key(OUTPUTS).then(|| at(OUTPUTS)),
            evidence: Some(at(&statement.evidence)),
            nonce: Some(statement.nonce),
            options,
            ..Job::default()
        })
    }

    fn ask(
        &self,
        plan: &CellPlan,
        command: &WorkerCommand,
        job: &Job,
        interrupt: &Interrupt,
    ) -> Result<zktee_core::protocol::PhaseReport, Failure> {
        let settings = &self.record.settings;
        let limits =
            Limits { timeout: Duration::from_secs_f64(settings.timeout_s), memory_bytes: None, disk_bytes: None };
        let log = Arc::new(Log::nowhere());
        let mut worker = WorkerProcess::spawn(command, &plan.id, self.scratch, settings.threads, &log, interrupt)?;
        let (report, _) = worker.phase(Phase::Verify, job, limits)?;
        worker.finish()?;
        Ok(report)
    }
}

/// Whether a name is a file's name and no path.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

/// A copy and no link: a verifier that writes must not change what is kept.
fn hand_over_copy(from: &Path, to: &Path) -> Result<(), FolderError> {
    fs::copy(from, to).map(drop).map_err(io(to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_of_files_are_plain() {
        assert!(is_plain("proof.bin"));
        for name in ["", ".", "..", "../x", "/x", "a/b"] {
            assert!(!is_plain(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_statement_panic_or_lead_elsewhere(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            name in "[./a\\\\\u{0}-]{0,6}",
            evidence in "[./a]{0,4}",
        ) {
            crate::fuzzing::statement(&bytes);
            let statement = Statement {
                evidence,
                nonce: String::new(),
                verified_at: String::new(),
                sha256: BTreeMap::from([(name, String::new())]),
            };
            crate::fuzzing::statement(&serde_json::to_vec(&statement).unwrap());
        }
    }
}
