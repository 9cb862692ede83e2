//! Work of a known size, and the truth about it.
//!
//! The truth is taken inside of the timed call, by clocks that the meter does not read: CPU time of each single thread, or of a child by
//! its own account, where the meter reads the process's total; resident memory by a walk over the page table, where the meter reads the
//! kernel's high-water mark. So recorded values can only be larger than the truth, by what the harness itself adds.

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use zktee_core::protocol::{ErrorKind, Stage, WorkerError};

const SLEEP: Duration = Duration::from_millis(50);
pub(super) const THREAD_CPU_S: f64 = 0.050;
/// Long enough for a lie about it to be beyond what the runner lets pass for a busy machine.
pub(super) const LIAR_CPU_S: f64 = 0.200;
const CHILDREN: usize = 2;
const CHILD_CPU_S: f64 = 0.100;
/// What a call takes, and what was there before it: the peak of the call must not show it.
const BLOCK_BYTES: usize = 64 << 20;
const BLOCK_BEFORE_BYTES: usize = 192 << 20;
const PAGE_BYTES: usize = 4096;

const NOTE: &str = "truth ";

/// What a call cost, by clocks of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Truth {
    /// Wall-clock seconds.
    pub(crate) wall_s: f64,
    /// CPU seconds of all threads and children.
    pub(crate) cpu_s: f64,
    /// Resident memory when it was largest; none where it was not looked at.
    pub(crate) peak_rss_bytes: Option<u64>,
}

impl Truth {
    pub(super) fn to_note(self) -> String {
        NOTE.to_owned() + &serde_json::to_string(&self).unwrap_or_default()
    }

    /// The truth among the notes of a sample.
    pub(crate) fn from_notes(notes: &str) -> Option<Self> {
        notes.split(" | ").find_map(|note| serde_json::from_str(note.strip_prefix(NOTE)?).ok())
    }
}

/// One kind of work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work<'a> {
    Nothing,
    Sleep,
    /// One thread, so many seconds of CPU time, in two stages.
    Spin(f64),
    Threads(usize),
    Allocate,
    /// The program whose `worker selftest/child` is a child.
    Children(&'a Path),
}

impl Work<'_> {
    /// What stands before the call and must not show in it.
    pub(super) fn before(self) {
        if matches!(self, Self::Allocate) {
            drop(touched(BLOCK_BEFORE_BYTES));
        }
    }

    /// The timed call.
    pub(super) fn call(self) -> Result<(Truth, Vec<Stage>), WorkerError> {
        let mut stages = Vec::new();
        let mut peak_rss_bytes = None;
        let (wall_s, own_s) = (clock(ClockId::CLOCK_MONOTONIC)?, clock(ClockId::CLOCK_THREAD_CPUTIME_ID)?);
        // CPU time of others than this thread.
        let others_s = match self {
            Self::Nothing => 0.0,
            Self::Sleep => {
                std::thread::sleep(SLEEP);
                0.0
            }
            Self::Spin(seconds) => {
                for name in ["first half", "second half"] {
                    let start_s = clock(ClockId::CLOCK_MONOTONIC)?;
                    let cpu_s = spin(ClockId::CLOCK_THREAD_CPUTIME_ID, seconds / 2.0)?;
                    let wall_s = clock(ClockId::CLOCK_MONOTONIC)? - start_s;
                    stages.push(Stage::new(name, wall_s, cpu_s));
                }
                0.0
            }
            Self::Threads(count) => in_threads(count.max(1))?,
            Self::Allocate => {
                let block = touched(BLOCK_BYTES);
                peak_rss_bytes = resident_bytes();
                drop(block);
                0.0
            }
            Self::Children(program) => in_children(program)?,
        };
        let own_s = clock(ClockId::CLOCK_THREAD_CPUTIME_ID)? - own_s;
        let wall_s = clock(ClockId::CLOCK_MONOTONIC)? - wall_s;
        Ok((Truth { wall_s, cpu_s: own_s + others_s, peak_rss_bytes }, stages))
    }
}

fn failed(error: impl std::fmt::Display) -> WorkerError {
    WorkerError::new(ErrorKind::Failed, error.to_string())
}

fn clock(id: ClockId) -> Result<f64, WorkerError> {
    let time = clock_gettime(id).map_err(failed)?;
    Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 * 1e-9)
}

/// Keeps a core busy until a CPU clock has gone so far on; how far it has.
fn spin(id: ClockId, seconds: f64) -> Result<f64, WorkerError> {
    let start_s = clock(id)?;
    loop {
        for i in 0..2000_u32 {
            black_box(i);
        }
        let used_s = clock(id)? - start_s;
        if used_s >= seconds {
            return Ok(used_s);
        }
    }
}

fn in_threads(count: usize) -> Result<f64, WorkerError> {
    let thread = || -> Result<f64, WorkerError> {
        spin(ClockId::CLOCK_THREAD_CPUTIME_ID, THREAD_CPU_S)?;
        // From the thread's own beginning.
        clock(ClockId::CLOCK_THREAD_CPUTIME_ID)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| failed("a thread panicked"))?).sum()
    })
}

fn in_children(program: &Path) -> Result<f64, WorkerError> {
    let start = || {
        let mut command = Command::new(program);
        command.args(["worker", super::CHILD]).stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().map_err(failed)
    };
    let children = (0..CHILDREN).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    let mut all_s = 0.0;
    for child in children {
        let output = child.wait_with_output().map_err(failed)?;
        let said = String::from_utf8_lossy(&output.stdout).trim().parse::<f64>();
        all_s += said.map_err(|error| failed(format!("a child did not say its time: {error}")))?;
    }
    Ok(all_s)
}

/// Is busy, and says how much CPU time the process has had since it was started.
pub(super) fn child() -> Result<(), WorkerError> {
    spin(ClockId::CLOCK_PROCESS_CPUTIME_ID, CHILD_CPU_S)?;
    let used_s = clock(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    writeln!(std::io::stdout(), "{used_s}").map_err(failed)
}

/// Memory of which every page is there.
fn touched(bytes: usize) -> Vec<u8> {
    let mut block = vec![0_u8; bytes];
    for page in block.chunks_mut(PAGE_BYTES) {
        page[0] = 1;
    }
    black_box(block)
}

/// Resident memory by a walk over the page table; none where the kernel gives no such account.
fn resident_bytes() -> Option<u64> {
    let account = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = account.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_what_was_asked_for() {
        let (spun, stages) = Work::Spin(THREAD_CPU_S).call().unwrap();
        assert!(spun.cpu_s >= THREAD_CPU_S && spun.wall_s >= 0.99 * spun.cpu_s && stages.len() == 2, "{spun:?}");
        let (slept, _) = Work::Sleep.call().unwrap();
        assert!(slept.wall_s >= SLEEP.as_secs_f64() && slept.cpu_s < slept.wall_s, "{slept:?}");
        let (threads, _) = Work::Threads(3).call().unwrap();
        assert!(threads.cpu_s >= 3.0 * THREAD_CPU_S, "{threads:?}");
        let (nothing, _) = Work::Nothing.call().unwrap();
        assert!(nothing.cpu_s < THREAD_CPU_S, "{nothing:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn touched_memory_is_resident() {
        let (truth, _) = Work::Allocate.call().unwrap();
        assert!(truth.peak_rss_bytes.unwrap() >= BLOCK_BYTES as u64, "{truth:?}");
    }

    #[test]
    fn the_truth_survives_among_notes() {
        let truth = Truth { wall_s: 0.1, cpu_s: 1e-6, peak_rss_bytes: Some(7) };
        assert_eq!(Truth::from_notes(&format!("another note | {} | last", truth.to_note())), Some(truth));
        assert_eq!(Truth::from_notes("no truth"), None);
    }
}
