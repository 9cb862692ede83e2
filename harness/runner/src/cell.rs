//! One phase of one cell: a fresh worker, a warm-up, a sample, its checks, and the files that pass to the next phase.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zktee_core::protocol::{Description, File, FileRole, Generated, Job, PhaseReport};
use zktee_core::provider::WorkerCommand;
use zktee_core::record::{CellPlan, Sample, Settings};
use zktee_core::tensor::TensorError;
use zktee_core::vocabulary::{CellId, Hardware, Outcome, Phase};
use zktee_report::RowsError;
use zktee_report::samples::JournalError;

use crate::asked::Answer;
use crate::check;
use crate::clocks::clock_flags;
use crate::estimate::estimate;
use crate::evidence;
use crate::failure::Failure;
use crate::folder::{FolderError, Log, RunFolder, io, now, read_json, write_json};
use crate::language;
use crate::process::{Exchange, Interrupt, Limits, WorkerProcess};
use crate::workload::WorkloadFiles;

/// Calls longer than this are not warmed up: their first-time costs are small beside them, and a second call is dear.
const WARM_UP_BELOW_S: f64 = 0.5;

/// What every cell of a run shares.
pub(crate) struct Context<'a> {
    pub(crate) folder: &'a RunFolder,
    pub(crate) cache: &'a Path,
    pub(crate) settings: &'a Settings,
    pub(crate) log: &'a Arc<Log>,
    pub(crate) interrupt: &'a Interrupt,
}

impl Context<'_> {
    /// What any request of this run may take.
    pub(crate) fn limits(&self) -> Limits {
        let Settings { timeout_s, memory_limit_bytes, disk_limit_bytes, .. } = *self.settings;
        let timeout = Duration::from_secs_f64(timeout_s);
        Limits { timeout, memory_bytes: memory_limit_bytes, disk_bytes: disk_limit_bytes }
    }
}

/// A cell that is being worked on.
pub(crate) struct Cell<'a> {
    pub(crate) plan: &'a CellPlan,
    pub(crate) workload: &'a WorkloadFiles,
    pub(crate) command: &'a WorkerCommand,
    pub(crate) context: &'a Context<'a>,
}

/// What one phase leaves for the next, kept beside the keys so that a resumed run finds it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) setup_files: Vec<File>,
    pub(crate) proved: Option<Proved>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Proved {
    pub(crate) call: usize,
    nonce: String,
    files: Vec<File>,
    evidence: PathBuf,
    pub(crate) answer: Option<Answer>,
    /// Whether only a part was proven: what is estimated has no evidence.
    #[serde(default)]
    pub(crate) part: bool,
}

/// A sample as it was taken.
pub(crate) struct Taken {
    /// The phase's row first, then a row for each of its stages.
    pub(crate) rows: Vec<Sample>,
    /// What a language model said in the infer phase.
    pub(crate) generated: Option<Generated>,
}

/// Why a phase gave no sample: the cell's fault, or that of the place where it is recorded.
pub(crate) enum PhaseError {
    Failed(Failure),
    Folder(FolderError),
    Journal(JournalError),
    Rows(RowsError),
}

impl From<RowsError> for PhaseError {
    fn from(error: RowsError) -> Self {
        Self::Rows(error)
    }
}

impl From<JournalError> for PhaseError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<Failure> for PhaseError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<FolderError> for PhaseError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl From<TensorError> for PhaseError {
    fn from(error: TensorError) -> Self {
        match error {
            TensorError::Io { path, source } => Self::Folder(FolderError::Io { path, source }),
            error => Self::Failed(Failure::crashed(error.to_string())),
        }
    }
}

impl Cell<'_> {
    /// Asks a fresh worker who it is.
    pub(crate) fn describe(&self) -> Result<Description, PhaseError> {
        let dir = self.context.folder.cell_dir(&self.plan.id)?;
        let mut worker = self.spawn(&dir)?;
        let description = worker.describe()?;
        worker.finish()?;
        Ok(description)
    }

    /// Takes one sample of one phase.
    pub(crate) fn sample(
        &self,
        description: &Description,
        phase: Phase,
        round: u32,
        index: u32,
    ) -> Result<Taken, PhaseError> {
        let call = self.workload.call_of_sample(index, self.context.settings.samples);
        let mut state = self.state()?;
        if phase != Phase::Setup && description.phases.contains(&Phase::Setup) && state.is_none() {
            // A resumed run whose scratch space was removed: the setup is done again, its samples stand as they are.
            self.attempt(description, Phase::Setup, call, &mut State::default())?;
            state = self.state()?;
        }
        let mut state = state.unwrap_or_default();
        let mut sample = blank_sample(&self.plan.id, phase, round, index);
        let done = self.attempt(description, phase, call, &mut state)?;
        let part = state.proved.as_ref().is_some_and(|proved| proved.part);
        self.fill(&mut sample, &done, part);
        let expected = self.workload.expected(call, self.plan.batch)?;
        let claimed = state.proved.as_ref().and_then(|proved| proved.answer.as_ref());
        let checked = match (phase, Answer::of(&done.report)) {
            (Phase::Setup, _) => Ok(()),
            (Phase::Verify, _) if part => check::part(&done.report),
            (Phase::Verify, _) => check::verified(&done.report, claimed, &expected.question, &description.trust),
            (_, Some(answer)) => check::answer(&answer, &expected, self.plan, &mut sample),
            (Phase::Prove, None) if !description.prove_includes_infer => Ok(()),
            (_, None) => Err(Failure::crashed(format!("protocol: `{phase}` reports no answer"))),
        };
        if phase == Phase::Verify && !part {
            sample.verified = Some(checked.is_ok());
            let to = self.context.folder.evidence_dir(&self.plan.id)?;
            evidence::keep(&done.dir, &to, &done.job, &expected.question, claimed)?;
        }
        match checked {
            // The times stand beside the verdict, also beside an estimate's.
            Err(Failure::Cell { outcome, reason }) => (sample.outcome, sample.reason) = (outcome, Some(reason)),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted.into()),
            Ok(()) => {}
        }
        let stages = done.report.stages.iter().map(|stage| {
            let mut row = blank_sample(&self.plan.id, phase, round, index);
            row.started_at.clone_from(&sample.started_at);
            row.stage = Some(stage.name.clone());
            row.wall_s = Some(stage.wall_s);
            row.user_s = Some(stage.cpu_s);
            row.system_s = Some(0.0);
            row
        });
        let stages: Vec<_> = stages.collect();
        let rows = std::iter::once(sample).chain(stages).collect();
        Ok(Taken { rows, generated: done.report.generated.filter(|_| phase == Phase::Infer) })
    }

    pub(crate) fn spawn(&self, dir: &Path) -> Result<WorkerProcess, Failure> {
        let Context { settings, log, interrupt, .. } = self.context;
        WorkerProcess::spawn(self.command, &self.plan.id, dir, settings.threads, log, interrupt)
    }

    fn attempt(
        &self,
        description: &Description,
        phase: Phase,
        call: usize,
        state: &mut State,
    ) -> Result<Attempt, PhaseError> {
        let settings = self.context.settings;
        let (dir, job) = self.job(phase, call, state)?;
        let limits = self.context.limits();
        let load_1m = load_1m();
        let mut worker = self.spawn(&dir)?;
        if worker.describe()? != *description {
            return Err(Failure::crashed("protocol: it describes itself otherwise than before").into());
        }
        let (mut report, mut exchange) = worker.phase(phase, &job, limits)?;
        let first_wall_s = estimate(&report).map_or(report.wall_s, |whole| whole.wall_s);
        for _ in 0..settings.warmup {
            if report.wall_s * report.iterations as f64 > WARM_UP_BELOW_S {
                break;
            }
            (report, exchange) = worker.phase(phase, &job, limits)?;
        }
        if let (Some(generated), Some(asked)) = (&report.generated, &job.generation) {
            language::check(generated, asked)?;
        }
        let left = worker.finish()?;
        if left > 0 {
            report.notes.push(format!("left {left} of its processes running when it ended; they were ended"));
        }
        let metrics = serde_json::to_string(&report.metrics).unwrap_or_default();
        self.context.log.line(&format!("{} {phase}: {:.6} s, metrics {metrics}", self.plan.id, report.wall_s));
        for file in &report.files {
            inside(&dir, Path::new(&file.name))?;
        }
        match phase {
            Phase::Setup => {
                *state = State { setup_files: report.files.clone(), proved: None };
                self.write_state(state)?;
            }
            Phase::Prove => {
                let evidence = report.evidence.clone();
                let evidence = evidence.ok_or_else(|| Failure::crashed("protocol: `prove` names no evidence"))?;
                let evidence = inside(&dir, &evidence)?;
                if description.trust.hardware != Hardware::None {
                    evidence::remember(&dir, &evidence)?;
                }
                state.proved = Some(Proved {
                    call,
                    nonce: job.nonce.clone().unwrap_or_default(),
                    files: report.files.clone(),
                    evidence,
                    answer: Answer::of(&report).or_else(|| WorkloadFiles::kept_answer(&dir)),
                    part: estimate(&report).is_some(),
                });
                self.write_state(state)?;
            }
            Phase::Infer => {
                if let Some(answer) = Answer::of(&report) {
                    WorkloadFiles::keep_answer(&dir, &answer)?;
                }
            }
            Phase::Verify => {}
        }
        Ok(Attempt { report, first_wall_s, exchange, dir, load_1m, job })
    }

    /// What a phase is asked; for `verify` a folder of its own is laid out anew.
    pub(crate) fn job(&self, phase: Phase, call: usize, state: &State) -> Result<(PathBuf, Job), PhaseError> {
        let context = self.context;
        let mut job = Job {
            workload: self.plan.id.workload.clone(),
            backend: self.plan.id.backend.clone(),
            threads: context.settings.threads,
            cache: context.cache.to_owned(),
            batch: self.plan.batch,
            ..Job::default()
        };
        self.workload.options(&mut job);
        let cell_dir = context.folder.cell_dir(&self.plan.id)?;
        if phase == Phase::Verify {
            let proved = state.proved.as_ref().ok_or_else(|| Failure::crashed("there is no evidence to verify"))?;
            if proved.call != call {
                return Err(Failure::crashed("the evidence at hand is about another call").into());
            }
            let dir = context.folder.fresh_verifier_dir(&self.plan.id)?;
            for file in state.setup_files.iter().chain(&proved.files).filter(|file| file.verifier) {
                hand_over(&inside(&cell_dir, Path::new(&file.name))?, &dir.join(&file.name))?;
            }
            let evidence = dir.join(proved.evidence.file_name().unwrap_or_default());
            hand_over(&proved.evidence, &evidence)?;
            if let Some(answer) = &proved.answer {
                answer.hand_over(&dir, &mut job)?;
            }
            self.workload.expected(call, self.plan.batch)?.question.hand_over(&dir, &mut job)?;
            job.evidence = Some(evidence);
            job.nonce = Some(proved.nonce.clone());
            job.dir.clone_from(&dir);
            return Ok((dir, job));
        }
        self.workload.fill(phase, call, &cell_dir, context, &mut job)?;
        if phase == Phase::Prove {
            job.nonce = Some(fresh_nonce());
        }
        job.dir.clone_from(&cell_dir);
        Ok((cell_dir, job))
    }

    /// `part` says that what there is to verify is a part, and so no evidence.
    fn fill(&self, sample: &mut Sample, done: &Attempt, part: bool) {
        let Attempt { report, exchange, .. } = done;
        sample.wall_s = Some(report.wall_s);
        sample.user_s = Some(report.user_s);
        sample.system_s = Some(report.system_s);
        sample.first_wall_s = Some(done.first_wall_s);
        sample.instructions = report.instructions;
        sample.iterations = Some(report.iterations);
        sample.untimed_s = Some(report.untimed_s);
        sample.runner_wall_s = Some(exchange.wall_s);
        sample.peak_rss_bytes = Some(report.peak_rss_bytes);
        sample.group_rss_bytes = exchange.group_rss_bytes;
        let size = |role| {
            let files = report.files.iter().filter(|file| file.role == role);
            let bytes = |file: &File| file.bytes.or_else(|| Some(fs::metadata(done.dir.join(&file.name)).ok()?.len()));
            files.filter_map(bytes).reduce(u64::saturating_add)
        };
        let evidence = report.evidence.as_ref().or(done.job.evidence.as_ref());
        let wrapped = || Some(fs::metadata(evidence?).ok()?.len());
        if sample.phase == Phase::Prove {
            sample.proof_bytes = size(FileRole::Proof).or_else(wrapped);
        }
        sample.evidence_sha256 = evidence.filter(|_| !part).and_then(|path| sha256_hex(path).ok());
        sample.proving_key_bytes = size(FileRole::ProvingKey);
        sample.verifying_key_bytes = size(FileRole::VerifyingKey);
        sample.witness_bytes = size(FileRole::Witness);
        sample.srs_bytes = size(FileRole::Srs);
        let metric = |name: &str| report.metrics.get(name).map(|x| x.max(0.0) as u64);
        sample.rows = metric("rows");
        sample.cycles = metric("cycles");
        sample.load_1m = done.load_1m;
        let flags = clock_flags(report, *exchange, self.context.settings.threads);
        sample.flags = (!flags.is_empty()).then(|| flags.join(";"));
        if let Some(whole) = estimate(report) {
            (sample.outcome, sample.reason) = (Outcome::Estimated, Some(whole.how));
            (sample.wall_s, sample.user_s, sample.system_s) =
                (Some(whole.wall_s), Some(whole.user_s), Some(whole.system_s));
            // They were counted over the part, and do not say of which stage.
            sample.instructions = None;
        }
        sample.notes = (!report.notes.is_empty()).then(|| report.notes.join(" | "));
    }

    fn state_path(&self) -> Result<PathBuf, FolderError> {
        Ok(self.context.folder.cell_dir(&self.plan.id)?.join("zktee-state.json"))
    }

    pub(crate) fn state(&self) -> Result<Option<State>, FolderError> {
        let path = self.state_path()?;
        if path.is_file() { read_json(&path).map(Some) } else { Ok(None) }
    }

    fn write_state(&self, state: &State) -> Result<(), FolderError> {
        write_json(&self.state_path()?, state)
    }
}

struct Attempt {
    report: PhaseReport,
    /// The first call of the process; the report is of the last.
    first_wall_s: f64,
    exchange: Exchange,
    dir: PathBuf,
    load_1m: Option<f64>,
    job: Job,
}

/// A row with its names and nothing measured.
pub(crate) fn blank_sample(cell: &CellId, phase: Phase, round: u32, index: u32) -> Sample {
    Sample { round, sample: index, started_at: now(), ..Sample::blank(cell, phase) }
}

/// A worker may name only files below its own folder.
fn inside(dir: &Path, path: &Path) -> Result<PathBuf, Failure> {
    let full = dir.join(path);
    let below = full.strip_prefix(dir).is_ok_and(|rest| rest.components().all(|c| matches!(c, Component::Normal(_))));
    match full.symlink_metadata() {
        Ok(meta) if below && meta.is_file() => Ok(full),
        Ok(_) => Err(Failure::crashed(format!("protocol: {} is no file in the job's folder", path.display()))),
        Err(error) => Err(Failure::crashed(format!("protocol: {} was named but: {error}", path.display()))),
    }
}

/// Gives the verifier a file: a link where it can be had, keys are large.
pub(crate) fn hand_over(from: &Path, to: &Path) -> Result<(), FolderError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(io(parent))?;
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).map_err(io(to))
}

pub(crate) fn sha256_hex(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let (mut hasher, mut block) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&block[..read]),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn fresh_nonce() -> String {
    hex(&rand::random::<[u8; 32]>())
}

fn load_1m() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_may_not_name_files_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("job")).unwrap();
        fs::write(dir.path().join("secret"), "x").unwrap();
        fs::write(dir.path().join("job/vk"), "x").unwrap();
        let job = dir.path().join("job");
        assert!(inside(&job, Path::new("vk")).is_ok());
        assert!(inside(&job, &job.join("vk")).is_ok());
        assert!(inside(&job, Path::new("../secret")).is_err());
        assert!(inside(&job, &dir.path().join("secret")).is_err());
        assert!(inside(&job, Path::new("missing")).is_err());
    }
}
