//! `zktee compare --ab`: two revisions built side by side, measured in turns on one machine.
//!
//! ```text
//!   CACHE/compare/COMMIT/tree, target    a git worktree and a target folder a revision; kept, so that the next time builds nothing
//!   OUT/base/01 .. N, OUT/new/01 .. N    the runs: base, new, new, base, base, new ...
//! ```
//!
//! The order turns round with each round, so that a machine that gets slower evenly is as unkind to the one as to the other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use zktee_core::record::files;
use zktee_core::vocabulary::CellId;

use crate::cli::CompareArguments;
use crate::exit::Code;

/// Why two revisions cannot take turns.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AbError {
    /// The working folder is in no checkout.
    #[error("--ab builds revisions of this project, and {0} is in no git checkout of it: go there first")]
    NoCheckout(PathBuf),
    /// A revision is none.
    #[error("--ab: `{revision}` is no revision of this repository: {why}")]
    NoRevision { revision: String, why: String },
    /// An argument that the turns set themselves.
    #[error("--ab sets {0} itself; leave it out after the --")]
    OwnArgument(String),
    /// The folder holds something.
    #[error("--out {0} is not empty; name a new folder")]
    NotEmpty(PathBuf),
    /// A revision does not build.
    #[error("{revision} ({commit}) does not build: {status}; the compiler's words are above")]
    NoBuild { revision: String, commit: String, status: ExitStatus },
    /// A run ended before it had anything to compare.
    #[error("the run of {revision} into {folder} ended with {status}; its words are above")]
    NoRun { revision: String, folder: PathBuf, status: ExitStatus },
    /// A program is of another commit than the one that it was to be built from.
    #[error("the program of {revision} ({commit}) says that it was built from {found}: delete {folder} and try again")]
    Stranger { revision: String, commit: String, found: String, folder: PathBuf },
}

/// What is going to be built and measured.
#[derive(Debug)]
pub(crate) struct Plan {
    repository: PathBuf,
    /// The two revisions as they were given, with their commits.
    revisions: [(String, String); 2],
    cache: PathBuf,
    out: PathBuf,
    rounds: u32,
    stopped: Arc<AtomicBool>,
}

/// Both programs.
#[derive(Debug)]
pub(crate) struct Built {
    plan: Plan,
    programs: [PathBuf; 2],
}

/// The two folders of runs.
#[derive(Debug)]
pub(crate) struct Sides {
    pub(crate) base: PathBuf,
    pub(crate) new: PathBuf,
}

const NAMES: [&str; 2] = ["base", "new"];

impl Plan {
    /// Checks everything that can be checked before an hour of building.
    pub(crate) fn new(arguments: &CompareArguments, a: &str, b: &str) -> anyhow::Result<Self> {
        let own = ["--out", "--resume", "--dry-run"];
        let given = |flag: &&str| arguments.run.iter().any(|it| it == flag || it.starts_with(&format!("{flag}=")));
        if let Some(flag) = own.iter().find(|flag| given(flag)) {
            return Err(AbError::OwnArgument((*flag).to_owned()).into());
        }
        let here = std::env::current_dir().context("the working folder is gone")?;
        let no_checkout = || AbError::NoCheckout(here.clone());
        let top = git(&here, &["rev-parse", "--show-toplevel"]).map_err(|_| no_checkout())?;
        let repository = PathBuf::from(top);
        if !repository.join("harness/zktee/Cargo.toml").is_file() {
            return Err(no_checkout().into());
        }
        let commit = |revision: &str| {
            git(&repository, &["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
                .map(|commit| (revision.to_owned(), commit))
                .map_err(|why| AbError::NoRevision { revision: revision.to_owned(), why })
        };
        let revisions = [commit(a)?, commit(b)?];
        let out = arguments.out.clone().unwrap_or_else(by_time);
        if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(AbError::NotEmpty(out).into());
        }
        let cache = crate::backends::cache_folder(&arguments.cache)?;
        let stopped = Arc::new(AtomicBool::new(false));
        let on_signal = Arc::clone(&stopped);
        // The children get the signal from the terminal too, and end; this process sees to it that nothing is begun after them.
        ctrlc::set_handler(move || on_signal.store(true, Ordering::SeqCst))
            .context("the handler of Ctrl-C cannot be set")?;
        Ok(Self { repository, revisions, cache, out, rounds: arguments.rounds, stopped })
    }

    /// Builds both; none where the user stopped it.
    pub(crate) fn build(self) -> anyhow::Result<Option<Built>> {
        let mut programs = Vec::new();
        for revision in &self.revisions {
            match self.program(revision)? {
                Some(program) => programs.push(program),
                None => return Ok(None),
            }
        }
        let Ok(programs) = programs.try_into() else { unreachable!("two revisions give two programs") };
        Ok(Some(Built { plan: self, programs }))
    }

    fn program(&self, (revision, commit): &(String, String)) -> anyhow::Result<Option<PathBuf>> {
        let folder = self.cache.join("compare").join(commit);
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        self.worktree(&tree, commit)?;
        eprintln!("zktee: building {revision} ({commit}) in {}", folder.display());
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            // Of the workspace's default members, as anybody builds it: for one package alone its dependencies would have other features,
            // and what is measured would be another program.
            .args(["build", "--release", "--locked", "--bin", "zktee"])
            .current_dir(&tree)
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .context("cargo cannot be started; --ab builds with it")?;
        if self.stopped() {
            return Ok(None);
        }
        if !status.success() {
            let (revision, commit) = (revision.clone(), commit.clone());
            return Err(AbError::NoBuild { revision, commit, status }.into());
        }
        Ok(Some(target.join("release").join(format!("zktee{}", std::env::consts::EXE_SUFFIX))))
    }

    /// The revision's own checkout, made anew where it is missing or not as it was committed.
    fn worktree(&self, tree: &Path, commit: &str) -> anyhow::Result<()> {
        let clean = || git(tree, &["status", "--porcelain"]).is_ok_and(|changes| changes.is_empty());
        let there = git(tree, &["rev-parse", "--verify", "HEAD"]).is_ok_and(|head| head == commit);
        if tree.join(".git").exists() && there && clean() {
            return Ok(());
        }
        let path = tree.display().to_string();
        if tree.exists() {
            std::fs::remove_dir_all(tree).with_context(|| path.clone())?;
        }
        std::fs::create_dir_all(tree.parent().unwrap_or(tree)).with_context(|| path.clone())?;
        // By force, since git may remember a worktree at this place that was deleted with the cache.
        git(&self.repository, &["worktree", "add", "--detach", "--force", &path, commit])
            .map_err(|why| anyhow::anyhow!("a worktree of {commit} cannot be made in {path}: {why}"))?;
        Ok(())
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

impl Built {
    /// Lets both take turns, into a folder below that of the comparison; none where the user stopped it.
    pub(crate) fn measure(&self, below: &str, run: &[String]) -> anyhow::Result<Option<Sides>> {
        let out = if below.is_empty() { self.plan.out.clone() } else { self.plan.out.join(below) };
        for round in 0..self.plan.rounds {
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for side in order {
                eprintln!("zktee: round {} of {}, {}", round + 1, self.plan.rounds, self.plan.revisions[side].0);
                if !self.turn(side, &out.join(NAMES[side]).join(format!("{:04}", round + 1)), run)? {
                    eprintln!("zktee: stopped; what was measured is in {}", out.display());
                    return Ok(None);
                }
            }
        }
        let [base, new] = NAMES.map(|name| out.join(name));
        eprintln!("zktee: the runs are in {} and {}", base.display(), new.display());
        Ok(Some(Sides { base, new }))
    }

    /// One run of one side; false where the user stopped it.
    fn turn(&self, side: usize, folder: &Path, run: &[String]) -> anyhow::Result<bool> {
        let says_samples = run.iter().any(|it| it == "--samples" || it.starts_with("--samples="));
        let samples: &[&str] = if says_samples { &[] } else { &["--samples", "1"] };
        let status = Command::new(&self.programs[side])
            .arg("run")
            .arg("--out")
            .arg(folder)
            .args(samples)
            .args(run)
            // Both find the same things in the cache.
            .env("ZKTEE_CACHE", &self.plan.cache)
            // The tables of two dozen runs would bury the comparison; they are in the folders.
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .with_context(|| self.programs[side].display().to_string())?;
        if self.plan.stopped() || status.code() == Some(Code::Interrupted as i32) {
            return Ok(false);
        }
        // Cells that failed are for the comparison to tell.
        let went_through = [Code::Success, Code::CellsFailed].map(|code| code as i32);
        if status.code().is_some_and(|code| went_through.contains(&code)) {
            self.check_commit(side, folder)?;
            return Ok(true);
        }
        let revision = self.plan.revisions[side].0.clone();
        Err(AbError::NoRun { revision, folder: folder.to_owned(), status }.into())
    }

    /// A target folder that somebody has put other files into, or a clock that was set back, can leave cargo with an old program.
    fn check_commit(&self, side: usize, folder: &Path) -> Result<(), AbError> {
        let (revision, commit) = self.plan.revisions[side].clone();
        let found = recorded_commit(folder);
        if found == commit {
            return Ok(());
        }
        let folder = self.plan.cache.join("compare").join(&commit);
        Err(AbError::Stranger { revision, commit, found, folder })
    }
}

/// What a run says that its program was built from; nothing where it does not say.
fn recorded_commit(folder: &Path) -> String {
    let bytes = std::fs::read(folder.join(files::ENVIRONMENT)).unwrap_or_default();
    let environment: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    environment["commit"].as_str().unwrap_or("no commit").to_owned()
}

/// The same run, of the workloads and backends of some cells alone.
pub(crate) fn only(run: &[String], cells: &BTreeSet<CellId>) -> Vec<String> {
    let selects = |it: &str| ["--workload", "-w", "--backend", "-b"].contains(&it);
    let joined = |it: &str| {
        it.starts_with("--workload=") || it.starts_with("--backend=") || it.starts_with("-w") || it.starts_with("-b")
    };
    let mut kept = Vec::new();
    let mut words = run.iter();
    while let Some(word) = words.next() {
        if selects(word) {
            words.next();
        } else if !joined(word) {
            kept.push(word.clone());
        }
    }
    let mut add = |flag: &str, names: BTreeSet<&str>| {
        kept.extend(names.into_iter().flat_map(|name| [flag.to_owned(), name.to_owned()]));
    };
    add("--workload", cells.iter().map(|cell| cell.workload.as_str()).collect());
    add("--backend", cells.iter().map(|cell| cell.backend.as_str()).collect());
    kept
}

fn by_time() -> PathBuf {
    let time: String = jiff::Timestamp::now().to_string().chars().take(19).filter(|c| *c != ':').collect();
    Path::new("results").join(format!("ab-{time}"))
}

/// What git says, or why it does not.
fn git(folder: &Path, args: &[&str]) -> Result<String, String> {
    let output =
        Command::new("git").current_dir(folder).args(args).output().map_err(|error| format!("git: {error}"))?;
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(words(&output.stdout));
    }
    let why = words(&output.stderr);
    Err(if why.is_empty() { "git does not know it".to_owned() } else { why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_what_it_was_built_from() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(recorded_commit(folder.path()), "no commit");
        std::fs::write(folder.path().join(files::ENVIRONMENT), r#"{"commit": "0123abc+dirty"}"#).unwrap();
        assert_eq!(recorded_commit(folder.path()), "0123abc+dirty");
    }

    #[test]
    fn a_re_run_takes_the_regressed_cells_alone() {
        let run = ["--workload", "*", "-b", "ezkl", "--threads", "2", "--backend=native"].map(ToOwned::to_owned);
        let cells = ["ols-iris@halo2/x", "ols-iris@native"].map(|cell| cell.parse().unwrap());
        assert_eq!(
            only(&run, &BTreeSet::from(cells)),
            ["--threads", "2", "--workload", "ols-iris", "--backend", "halo2/x", "--backend", "native"]
        );
    }
}
