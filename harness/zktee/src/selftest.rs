//! The `selftest` backend: workers whose cost is known, for calibrating the harness itself. Never part of a table that is not asked for.
//!
//! Each profile does one kind of work in its timed call and takes the truth about it with clocks of its own ([`work`]). The truth travels
//! as a note of the sample, so that what is compared with it has gone the whole way: worker, pipe, runner, `samples.csv`.

mod finding;
mod lie;
mod work;

use std::io::{stdin, stdout};
use std::path::PathBuf;

use zktee_core::protocol::{Description, Job, PhaseReport, Timed, Worker, WorkerError, serve as serve_requests};
use zktee_core::provider::{Availability, Provider, Unavailable, WorkerCommand};
use zktee_core::vocabulary::{Phase, Trust};
use zktee_native::NativeWorker;

pub(crate) use finding::{Finding, Findings, Overhead};
pub(crate) use lie::Lie;
pub(crate) use work::Truth;

use crate::program::this_program;

/// The name in `--backend`, for all profiles.
pub(crate) const NAME: &str = "selftest";
/// The worker that is no backend: a child of [`Profile::Children`].
const CHILD: &str = "selftest/child";

/// What a worker does in its timed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Nothing: what is left is the harness's own cost.
    Nothing,
    /// Sleeps: wall time without CPU time.
    Sleep,
    /// Keeps one core busy, in two stages.
    Spin,
    /// Keeps as many threads busy as it is allowed.
    Threads,
    /// Takes and touches memory, after it has let go of more.
    Allocate,
    /// Starts processes that are busy, and waits for them.
    Children,
    /// Keeps one core busy and says otherwise.
    Liar(Lie),
}

impl Profile {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 9] = [
        Self::Nothing,
        Self::Sleep,
        Self::Spin,
        Self::Threads,
        Self::Allocate,
        Self::Children,
        Self::Liar(Lie::Wall),
        Self::Liar(Lie::Cpu),
        Self::Liar(Lie::Stages),
    ];

    /// The backend with its profile.
    pub(crate) fn backend(self) -> String {
        let profile = match self {
            Self::Nothing => "nothing",
            Self::Sleep => "sleep",
            Self::Spin => "spin",
            Self::Threads => "threads",
            Self::Allocate => "allocate",
            Self::Children => "children",
            Self::Liar(lie) => lie.profile(),
        };
        format!("{NAME}/{profile}")
    }

    /// The profile of a backend's name.
    pub(crate) fn of(backend: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.backend() == backend)
    }

    fn summary(self) -> String {
        let summary = match self {
            Self::Nothing => "an empty call: what the harness itself costs",
            Self::Sleep => "sleeps 50 ms",
            Self::Spin => "50 ms of CPU time on one thread",
            Self::Threads => "50 ms of CPU time on each thread",
            Self::Allocate => "touches 64 MiB, after 192 MiB that the call does not have any more",
            Self::Children => "two child processes with 100 ms of CPU time each",
            Self::Liar(lie) => lie.summary(),
        };
        format!("calibration, only by name: {summary}")
    }
}

/// All profiles as a family.
pub(crate) struct Selftest {
    program: PathBuf,
}

impl Selftest {
    /// The profiles whose workers are this program's.
    pub(crate) const fn new(program: PathBuf) -> Self {
        Self { program }
    }
}

impl Provider for Selftest {
    fn profiles(&self) -> Vec<zktee_core::provider::Profile> {
        let profile = |it: Profile| zktee_core::provider::Profile { backend: it.backend(), summary: it.summary() };
        Profile::ALL.map(profile).into()
    }

    fn availability(&self) -> Availability {
        Availability::Ready
    }

    fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
        Ok(())
    }

    fn command(&self, backend: &str) -> Result<WorkerCommand, Unavailable> {
        let args = vec!["worker".into(), backend.into()];
        Ok(WorkerCommand { program: self.program.clone(), args, env: Vec::new() })
    }

    fn only_by_name(&self) -> bool {
        true
    }
}

/// Is the worker of one of these profiles, or a child of one, until the input ends; none where the name is another backend's.
pub(crate) fn serve(backend: &str) -> Option<anyhow::Result<()>> {
    if backend == CHILD {
        return Some(work::child().map_err(Into::into));
    }
    let profile = Profile::of(backend)?;
    Some(serve_profile(profile))
}

fn serve_profile(profile: Profile) -> anyhow::Result<()> {
    let mut worker = SelftestWorker { profile, native: NativeWorker::new(), program: this_program()? };
    match profile {
        Profile::Liar(lie) => serve_requests(&mut worker, stdin(), lie::Liar::new(lie, stdout()))?,
        _ => serve_requests(&mut worker, stdin(), stdout())?,
    }
    Ok(())
}

struct SelftestWorker {
    profile: Profile,
    native: NativeWorker,
    program: PathBuf,
}

impl Worker for SelftestWorker {
    fn describe(&self) -> Description {
        Description {
            name: "zktee selftest".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phases: vec![Phase::Infer],
            prove_includes_infer: false,
            trust: Trust { notes: vec!["work of a known size and no inference".to_owned()], ..Trust::no_evidence() },
        }
    }

    fn run(&mut self, phase: Phase, job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
        // The answer has to be right, as every backend's; it is none of what is timed here.
        let mut report = self.native.run(phase, job, &mut Timed::default())?;
        let work = self.profile.work(&self.program, job.threads);
        work.before();
        let (truth, stages) = timed.call(|| work.call())?;
        report.notes.push(truth.to_note());
        report.stages = stages;
        Ok(report)
    }
}

impl Profile {
    fn work(self, program: &std::path::Path, threads: usize) -> work::Work<'_> {
        match self {
            Self::Nothing => work::Work::Nothing,
            Self::Sleep => work::Work::Sleep,
            Self::Spin => work::Work::Spin(work::THREAD_CPU_S),
            Self::Liar(_) => work::Work::Spin(work::LIAR_CPU_S),
            Self::Threads => work::Work::Threads(threads),
            Self::Allocate => work::Work::Allocate,
            Self::Children => work::Work::Children(program),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_a_name_of_its_own() {
        for profile in Profile::ALL {
            assert_eq!(Profile::of(&profile.backend()), Some(profile));
            assert!(serve("native").is_none(), "another backend's");
        }
        assert_eq!(Profile::of(CHILD), None, "no backend");
    }
}
