//! What a run keeps of a cell's last evidence, and verifying it again from that alone.
//!
//! `evidence/CELL/` holds what a third party needs: the verifier's files, the evidence, the claimed inputs and outputs, and `statement.json`
//! with the rest of what the verifier was asked and a digest of every file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use zktee_core::protocol::Job;
use zktee_core::provider::WorkerCommand;
use zktee_core::record::{CellPlan, RunRecord, Sample, backend_without_machine};
use zktee_core::vocabulary::{CellId, Outcome, Phase};

use crate::asked::{Answer, Question};
use crate::cell::sha256_hex;
use crate::check;
use crate::failure::Failure;
use crate::folder::{FolderError, Log, io, now, write_json};
use crate::plan::{Providers, SetupPolicy, find_worker};
use crate::process::{Interrupt, Limits, WorkerProcess};
use crate::statement::{STATEMENT, Statement};

/// A cell's last evidence, in its own folder.
const LAST: &str = "zktee-last-evidence";
/// The evidence of the sample before that.
const EARLIER: &str = "zktee-earlier-evidence";

/// Keeps evidence until the next: what answers one nonce must not answer another.
pub(crate) fn remember(cell_dir: &Path, evidence: &Path) -> Result<(), FolderError> {
    let (last, earlier) = (cell_dir.join(LAST), cell_dir.join(EARLIER));
    if last.is_file() {
        fs::rename(&last, &earlier).map_err(io(&earlier))?;
    }
    fs::copy(evidence, &last).map(drop).map_err(io(&last))
}

/// The evidence of the sample before the last, where there was one.
pub(crate) fn earlier(cell_dir: &Path) -> Option<PathBuf> {
    Some(cell_dir.join(EARLIER)).filter(|path| path.is_file())
}

/// Keeps what is in a verifier's folder, over what was kept before.
pub(crate) fn keep(
    verifier_dir: &Path,
    to: &Path,
    job: &Job,
    question: &Question,
    claimed: Option<&Answer>,
) -> Result<(), FolderError> {
    let Some(evidence) = job.evidence.as_ref().and_then(|path| path.file_name()) else { return Ok(()) };
    for entry in fs::read_dir(verifier_dir).map_err(io(verifier_dir))?.flatten() {
        if entry.path().is_file() {
            let target = to.join(entry.file_name());
            fs::copy(entry.path(), &target).map_err(io(&target))?;
        }
    }
    question.write(to)?;
    claimed.map(|claimed| claimed.write(to)).transpose()?;
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
        gzip_bytes: BTreeMap::new(),
        left_out_bytes: None,
    };
    write_json(&to.join(STATEMENT), &statement)
}

/// What became of a cell's evidence when it was verified again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was accepted and is about the claimed inputs and outputs.
    Accepted,
    /// It was not, or is not what the run left.
    Rejected,
    /// There is no evidence, though the run has a verified sample.
    Missing,
    /// Its files were left out of a published folder.
    LeftOut,
    /// The verifier cannot be had on this machine.
    Unchecked,
    /// The cell is estimated from a part, so that there is no evidence.
    Nothing,
}

/// A cell whose evidence was verified again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reverified {
    /// The cell.
    pub cell: CellId,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it was not accepted, with the fix where one is known.
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
    /// Its samples: evidence has to be of one of them.
    pub samples: &'a [Sample],
    /// Where workers come from.
    pub providers: &'a Providers,
    /// The folder kept between runs.
    pub cache: &'a Path,
    /// Where verifiers work: a folder of their own, which is emptied between them.
    pub scratch: &'a Path,
}

impl Reverifier<'_> {
    /// Cells that came to a sample of `verify`, so that there must be evidence but of what is estimated.
    pub fn cells(&self) -> Vec<&CellPlan> {
        let verified = |id: &CellId| self.of(id).any(|it| it.phase == Phase::Verify && it.is_whole_and_good());
        self.record.cells.iter().filter(|cell| cell.decided.is_none() && verified(&cell.id)).collect()
    }

    fn of<'s>(&'s self, id: &'s CellId) -> impl Iterator<Item = &'s Sample> {
        self.samples.iter().filter(move |it| (&it.workload, &it.backend) == (&id.workload, &id.backend))
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
        let (verdict, reason, wall_s) = match self.one(plan, policy, interrupt) {
            Ok(wall_s) => (Verdict::Accepted, None, Some(wall_s)),
            Err(Stopped::Short(verdict, reason)) => (verdict, Some(reason), None),
            Err(Stopped::Failed(Failure::Interrupted)) => return Err(Failure::Interrupted),
            Err(Stopped::Failed(Failure::Cell { outcome: Outcome::Unavailable, reason })) => {
                (Verdict::Unchecked, Some(reason), None)
            }
            Err(Stopped::Failed(Failure::Cell { outcome, reason })) => {
                (Verdict::Rejected, Some(format!("{outcome}: {reason}")), None)
            }
        };
        Ok(Reverified { cell: plan.id.clone(), verdict, reason, wall_s })
    }

    fn one(&self, plan: &CellPlan, policy: &mut SetupPolicy<'_>, interrupt: &Interrupt) -> Result<f64, Stopped> {
        if self.of(&plan.id).any(|it| it.phase == Phase::Prove && it.outcome == Outcome::Estimated) {
            let reason = "its times are worked out from a part of the proof: there is no evidence of the whole";
            return Err(Stopped::Short(Verdict::Nothing, reason.to_owned()));
        }
        let kept = self.root.join(zktee_core::record::files::EVIDENCE).join(plan.id.folder());
        let statement = Statement::read(&kept)?.ok_or_else(|| {
            let reason = format!("{} is not there; {}", kept.join(STATEMENT).display(), how_to_make(&plan.id));
            Stopped::Short(Verdict::Missing, reason)
        })?;
        if let Some(bytes) = statement.left_out_bytes {
            let reason = format!("its {bytes} bytes are not in this folder; {}", how_to_make(&plan.id));
            return Err(Stopped::Short(Verdict::LeftOut, reason));
        }
        let description = self.record.description(plan);
        let description = description.ok_or_else(|| Failure::wrong("the run has no description of its backend"))?;
        self.is_of_the_run(plan, &statement)?;
        let mut job = self.lay_out(plan, &kept, &statement)?;
        let of_language = plan.language.is_some();
        let command = find_worker(&plan.id.backend, of_language, self.providers, policy).map_err(Failure::from)?;
        let question = Question::read(&job.dir, of_language)?;
        // Where one call is the whole workload, the record has the digest of what was asked.
        if plan.repeat == 1 && question.sha256() != plan.inputs_sha256 {
            return Err(Failure::wrong("the claimed inputs are not those of the run: their digest differs").into());
        }
        let claimed = Answer::read(&job.dir, of_language)?;
        let dir = job.dir.clone();
        question.hand_over(&dir, &mut job)?;
        claimed.as_ref().map(|answer| answer.hand_over(&dir, &mut job)).transpose()?;
        let report = self.ask(plan, &command, &job, interrupt)?;
        check::verified(&report, claimed.as_ref(), &question, &description.trust)?;
        Ok(report.wall_s)
    }

    /// Whether a row of samples.csv has the digest of the evidence: a sound proof of something else is none of this table.
    fn is_of_the_run(&self, plan: &CellPlan, statement: &Statement) -> Result<(), Failure> {
        let digest = statement.sha256.get(&statement.evidence);
        let mut recorded = self.of(&plan.id).filter_map(|it| it.evidence_sha256.as_ref());
        if recorded.any(|it| Some(it) == digest) {
            return Ok(());
        }
        Err(Failure::wrong("no sample of the run has evidence of this digest"))
    }

    /// The verifier's folder, and what it is asked. Files that are not what the run left are named.
    fn lay_out(&self, plan: &CellPlan, kept: &Path, statement: &Statement) -> Result<Job, FolderError> {
        if self.scratch.exists() {
            fs::remove_dir_all(self.scratch).map_err(io(self.scratch))?;
        }
        fs::create_dir_all(self.scratch).map_err(io(self.scratch))?;
        for name in statement.sha256.keys() {
            // A copy and no link: a verifier that writes must not change what is kept.
            let to = self.scratch.join(name);
            fs::write(&to, statement.content(kept, name)?).map_err(io(&to))?;
        }
        let at = |name: &str| self.scratch.join(name);
        let then = serde_json::Value::from(statement.verified_at.as_str());
        Ok(Job {
            workload: plan.id.workload.clone(),
            backend: backend_without_machine(&plan.id.backend).to_owned(),
            dir: self.scratch.to_owned(),
            threads: self.record.settings.threads,
            cache: self.cache.to_owned(),
            batch: plan.batch,
            evidence: Some(at(&statement.evidence)),
            nonce: Some(statement.nonce.clone()),
            options: BTreeMap::from([("verified_at".to_owned(), then)]),
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

/// Why a verifier was not asked, or did not accept.
enum Stopped {
    /// There is nothing to ask it.
    Short(Verdict, String),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What is kept is not what it should be.
impl From<FolderError> for Stopped {
    fn from(error: FolderError) -> Self {
        Self::Failed(Failure::wrong(error.to_string()))
    }
}

fn how_to_make(id: &CellId) -> String {
    format!("evidence of your own: zktee run --samples 1 --workload {} --backend {}", id.workload, id.backend)
}
