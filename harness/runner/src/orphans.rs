//! Processes that a worker leaves behind: they would take time from the next measurement.
//!
//! Those in the worker's own process group end with the group. One that has left it (`setsid`) would be handed to the system's first
//! process when the worker ends; on Linux a run asks to be handed such processes itself ([`adopt`]) and ends them ([`end`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Set once this process is handed orphans. Before that its children are its own affair.
static ADOPTING: AtomicBool = AtomicBool::new(false);

/// Rounds of looking for orphans: each one that ends may leave its own children.
const ROUNDS: usize = 64;

/// From now on this process is handed what its descendants leave behind. It must have no other children than workers.
pub(crate) fn adopt() {
    #[cfg(target_os = "linux")]
    ADOPTING.store(nix::sys::prctl::set_child_subreaper(true).is_ok(), Ordering::SeqCst);
}

/// Waits so long for the children of this process to end by themselves, then ends them; how many had to be. To be called while no worker is
/// at work.
pub(crate) fn end(grace: Duration) -> usize {
    if !ADOPTING.load(Ordering::SeqCst) {
        return 0;
    }
    let start = Instant::now();
    while still_any() {
        if start.elapsed() >= grace {
            return kill_all();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    0
}

/// Waits for those that have ended; whether there are others.
fn still_any() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return true,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}

fn kill_all() -> usize {
    let mut killed = 0;
    for _ in 0..ROUNDS {
        for pid in children().into_iter().map(Pid::from_raw) {
            killed += usize::from(kill(pid, Signal::SIGKILL).is_ok());
            let _ = waitpid(pid, None);
        }
        if !still_any() {
            break;
        }
    }
    killed
}

/// The processes whose parent this one is, from `/proc`; none where there is no `/proc`.
fn children() -> Vec<i32> {
    let own = std::process::id().cast_signed();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let child = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        (parent(&stat)? == own).then_some(pid)
    };
    processes.filter_map(child).collect()
}

/// The fourth field of `/proc/PID/stat`; the second, the name in brackets, may hold anything.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        assert_eq!(parent("12 (a) b) S 1 77 77 0"), Some(1));
        assert_eq!(parent("rubbish"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_child_is_seen_and_left_alone_by_who_does_not_adopt() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children().contains(&child.id().cast_signed()));
        assert_eq!(end(Duration::ZERO), 0);
        assert!(child.try_wait().unwrap().is_none(), "it goes on");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
