//! One worker process: started, asked, watched, ended.

pub(crate) mod answer;
mod pipes;

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use zktee_core::protocol::{Description, Job, MAX_LINE_BYTES, Operation, PhaseReport, Request, VERSION};
use zktee_core::provider::WorkerCommand;
use zktee_core::vocabulary::{CellId, Outcome, Phase};

use crate::failure::Failure;
use crate::folder::Log;
use crate::{disk, memory, orphans};
use pipes::{Line, forward_lines, keep_last_words, shortened};

/// How long a worker may take to say who it is: interpreters and big libraries start slowly on a busy machine.
const DESCRIBE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long processes that a worker started may take to end after it has.
const ORPHAN_GRACE: Duration = Duration::from_millis(250);
/// How long a worker may take to end after its input has ended.
const EXIT_TIMEOUT: Duration = Duration::from_secs(15);
/// How often the clock, the user's wish and the main process's memory are looked at while a worker works.
const WATCH_EVERY: Duration = Duration::from_millis(50);
/// How often the memory of the whole process group and the room that the worker's folder takes are looked at: the one reads all of
/// `/proc`, the other all of the folder.
const WATCH_GROUP_EVERY: Duration = Duration::from_millis(500);
/// Requests stay below what a pipe holds, so that a worker that does not read cannot block the runner.
const MAX_REQUEST_BYTES: usize = 32 << 10;

/// Set when the user asks the run to stop; shared with the signal handler.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks the run to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked to.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a single request may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Wall-clock time.
    pub timeout: Duration,
    /// Resident memory of the process group.
    pub memory_bytes: Option<u64>,
    /// Room that the worker's folder takes on the disk.
    pub disk_bytes: Option<u64>,
}

/// What the runner itself saw of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// Seconds from the request's last byte to the response's.
    pub wall_s: f64,
    /// Largest resident memory of the process group that was seen, bytes.
    pub group_rss_bytes: Option<u64>,
}

/// A worker that was started for one cell.
#[derive(Debug)]
pub struct WorkerProcess {
    child: Child,
    dir: PathBuf,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    last_words: Arc<Mutex<Vec<u8>>>,
    stderr_reader: Option<JoinHandle<()>>,
    cell: CellId,
    next_id: u64,
    interrupt: Interrupt,
}

impl WorkerProcess {
    /// Starts the worker in `dir` with its thread counts set, in a process group of its own.
    ///
    /// # Errors
    /// [`Outcome::Unavailable`] when the program cannot be started.
    pub fn spawn(
        command: &WorkerCommand,
        cell: &CellId,
        dir: &Path,
        threads: usize,
        log: &Arc<Log>,
        interrupt: &Interrupt,
    ) -> Result<Self, Failure> {
        let mut process = Command::new(&command.program);
        process.args(&command.args).current_dir(dir);
        for variable in
            ["ZKTEE_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
        {
            process.env(variable, threads.to_string());
        }
        process.envs(command.env.iter().map(|(key, value)| (key, value)));
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = process.spawn().map_err(|error| {
            let reason = format!("{} cannot be started: {error}", command.program.display());
            Failure::new(Outcome::Unavailable, reason)
        })?;
        let (sender, lines) = sync_channel(2);
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || forward_lines(stdout, &sender));
        }
        let last_words = Arc::new(Mutex::new(Vec::new()));
        let stderr_reader = child.stderr.take().map(|stderr| {
            let (last_words, log, cell) = (Arc::clone(&last_words), Arc::clone(log), cell.clone());
            std::thread::spawn(move || keep_last_words(stderr, &last_words, &log, &cell))
        });
        let stdin = child.stdin.take();
        let (cell, interrupt) = (cell.clone(), interrupt.clone());
        let dir = dir.to_owned();
        Ok(Self { child, dir, stdin, lines, last_words, stderr_reader, cell, next_id: 0, interrupt })
    }

    /// Asks the worker who it is.
    ///
    /// # Errors
    /// When it does not answer as the protocol says.
    pub fn describe(&mut self) -> Result<Description, Failure> {
        let limits = Limits { timeout: DESCRIBE_TIMEOUT, memory_bytes: None, disk_bytes: None };
        let (value, _) = self.ask(Operation::Describe, None, limits)?;
        answer::description(value)
    }

    /// Has the worker do one phase once.
    ///
    /// # Errors
    /// When it reports a failure, breaks the protocol, dies, or exceeds its limits.
    pub fn phase(&mut self, phase: Phase, job: &Job, limits: Limits) -> Result<(PhaseReport, Exchange), Failure> {
        let (value, exchange) = self.ask(phase.into(), Some(job.clone()), limits)?;
        let report = answer::report(value, phase)?;
        self.check_room(limits)?;
        Ok((report, exchange))
    }

    /// Sends any request and reads its answer.
    ///
    /// # Errors
    /// When the worker reports a failure, breaks the protocol, dies, or exceeds its limits.
    pub fn ask(
        &mut self,
        op: Operation,
        job: Option<Job>,
        limits: Limits,
    ) -> Result<(serde_json::Value, Exchange), Failure> {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request { v: VERSION, id, cell: self.cell.to_string(), op, job };
        let text = serde_json::to_string(&request)
            .map_err(|error| Failure::crashed(format!("the request cannot be written as JSON: {error}")))?;
        let (line, exchange) = self.exchange_line(&text, limits)?;
        Ok((answer::value(&line, id, &request.cell)?, exchange))
    }

    /// Sends one line and reads one line, whatever they hold.
    ///
    /// # Errors
    /// When the worker spoke unasked, dies, or exceeds its limits.
    pub fn exchange_line(&mut self, line: &str, limits: Limits) -> Result<(Vec<u8>, Exchange), Failure> {
        if line.len() >= MAX_REQUEST_BYTES {
            let reason = format!("the request has {} bytes, the limit is {MAX_REQUEST_BYTES}", line.len());
            return Err(Failure::new(Outcome::Refused, reason));
        }
        match self.lines.try_recv() {
            Err(TryRecvError::Empty) => {}
            Ok(Line::Whole(line)) => {
                return Err(self.killed(Failure::crashed(format!("protocol: spoke unasked: {}", shortened(&line)))));
            }
            Ok(Line::TooLong) | Err(TryRecvError::Disconnected) => return Err(self.death()),
        }
        let sent = match &mut self.stdin {
            Some(stdin) => stdin.write_all(line.as_bytes()).and_then(|()| stdin.write_all(b"\n")),
            None => Ok(()),
        };
        if sent.is_err() {
            return Err(self.death());
        }
        self.wait_for_line(Instant::now(), limits)
    }

    fn wait_for_line(&mut self, start: Instant, limits: Limits) -> Result<(Vec<u8>, Exchange), Failure> {
        let pid = self.child.id().to_string();
        let mut largest: Option<u64> = None;
        let mut group_seen = start;
        loop {
            match self.lines.recv_timeout(WATCH_EVERY) {
                Ok(Line::Whole(line)) => {
                    let wall_s = start.elapsed().as_secs_f64();
                    return Ok((line, Exchange { wall_s, group_rss_bytes: largest }));
                }
                Ok(Line::TooLong) => {
                    let reason = format!("protocol: a line of more than {MAX_LINE_BYTES} bytes");
                    return Err(self.killed(Failure::crashed(reason)));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.death()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.interrupt.is_set() {
                return Err(self.killed(Failure::Interrupted));
            }
            if start.elapsed() >= limits.timeout {
                let reason = format!("no answer within {} s (--timeout)", limits.timeout.as_secs_f64());
                return Err(self.killed(Failure::new(Outcome::Timeout, reason)));
            }
            let mut seen = memory::rss_bytes(&pid);
            if group_seen.elapsed() >= WATCH_GROUP_EVERY {
                group_seen = Instant::now();
                seen = memory::group_rss_bytes(self.group().as_raw());
                self.check_room(limits)?;
            }
            largest = largest.max(seen);
            if let (Some(seen), Some(limit)) = (seen, limits.memory_bytes)
                && seen > limit
            {
                let mib = |bytes: u64| bytes >> 20;
                let reason = format!("{} MiB resident, the limit is {} MiB (--memory-limit)", mib(seen), mib(limit));
                return Err(self.killed(Failure::new(Outcome::OutOfMemory, reason)));
            }
        }
    }

    /// Has it written more to its folder than it may? Then it ends, and what it has written is removed: others need the room.
    fn check_room(&mut self, limits: Limits) -> Result<(), Failure> {
        let Some(limit) = limits.disk_bytes else { return Ok(()) };
        let used = disk::used_bytes(&self.dir);
        if used <= limit {
            return Ok(());
        }
        self.kill();
        disk::empty(&self.dir);
        let used = if used == u64::MAX { "far too many files".to_owned() } else { format!("{} MiB", used >> 20) };
        let reason = format!("wrote {used} to its folder, the limit is {} MiB (--disk-limit)", limit >> 20);
        Err(Failure::crashed(reason))
    }

    /// Ends the input and waits for the worker to exit; how many processes it left behind, which are ended.
    ///
    /// # Errors
    /// When it speaks again, does not exit in time or exits with a code other than 0.
    pub fn finish(mut self) -> Result<usize, Failure> {
        drop(self.stdin.take());
        let status = self.silent_exit()?;
        let left = orphans::end(ORPHAN_GRACE);
        match status {
            Some(status) if status.success() => Ok(left),
            Some(status) => Err(Failure::crashed(format!("ended with {status} after its input had ended"))),
            None => {
                Err(Failure::crashed(format!("still running {} s after its input had ended", EXIT_TIMEOUT.as_secs())))
            }
        }
    }

    /// Waits for the exit of a worker that must not speak any more. Who floods its output is held up by the pipe and would never exit.
    fn silent_exit(&mut self) -> Result<Option<ExitStatus>, Failure> {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait().ok().flatten();
            // What was written before the exit may still be on its way.
            let patience = if status.is_some() { Duration::from_millis(100) } else { Duration::from_millis(2) };
            match self.lines.recv_timeout(patience) {
                Ok(Line::Whole(line)) => {
                    return Err(Failure::crashed(format!("protocol: spoke unasked: {}", shortened(&line))));
                }
                Ok(Line::TooLong) => return Err(Failure::crashed("protocol: spoke unasked")),
                // The output may be closed a moment before the exit.
                Err(RecvTimeoutError::Disconnected) if status.is_none() => std::thread::sleep(Duration::from_millis(1)),
                Err(_) => {}
            }
            if status.is_some() || start.elapsed() >= EXIT_TIMEOUT {
                return Ok(status);
            }
        }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    fn killed(&mut self, failure: Failure) -> Failure {
        self.kill();
        failure
    }

    /// Kills the whole group, and what has left it: the worker's own children must not go on beside the next measurement.
    fn kill(&mut self) {
        let _ = killpg(self.group(), Signal::SIGKILL);
        let _ = self.child.wait();
        orphans::end(Duration::ZERO);
    }

    fn wait_for_exit(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(2)),
                _ => return None,
            }
        }
    }

    /// Why a worker that closed its output did so.
    fn death(&mut self) -> Failure {
        let status = self.wait_for_exit(Duration::from_secs(1));
        self.kill();
        // Its last words may still be on their way; the group is dead, so the pipe ends.
        if let Some(reader) = self.stderr_reader.take() {
            let _ = reader.join();
        }
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        let said = if words.is_empty() { String::new() } else { format!("; its last words: {words}") };
        let Some(status) = status else {
            return Failure::crashed(format!("closed its output without an answer{said}"));
        };
        match status.signal() {
            Some(9) => {
                let reason = format!("killed by signal 9, most likely by the kernel because memory ran out{said}");
                Failure::new(Outcome::OutOfMemory, reason)
            }
            _ if words.contains("memory allocation of") => {
                Failure::new(Outcome::OutOfMemory, format!("{status}{said}"))
            }
            _ => Failure::crashed(format!("ended without an answer: {status}{said}")),
        }
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
