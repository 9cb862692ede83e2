//! Wall clock, CPU time and peak memory of one call in this process, and in those that work for it.

use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

use super::instructions::{self, Count};

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// User CPU seconds of all threads and waited-for children.
    pub user_s: f64,
    /// System CPU seconds of all threads and waited-for children.
    pub system_s: f64,
    /// Peak resident memory of this process during the call.
    pub peak_rss_bytes: u64,
    /// Instructions in user space, where they can be counted.
    pub instructions: Option<u64>,
}

/// Started before a call and read after it.
#[derive(Debug)]
pub struct Meter {
    cpu: Cpu,
    wall: Instant,
    instructions: Option<Count>,
    /// Processes that go on beside this one, with their CPU seconds before the call.
    beside: Vec<(u32, f64)>,
}

#[derive(Clone, Copy, Debug)]
struct Cpu {
    user_s: f64,
    system_s: f64,
    /// The process clock: nanoseconds where the split above has the scheduler's grain.
    process_s: f64,
    children_s: f64,
}

impl Cpu {
    fn now() -> Self {
        let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 * 1e-6;
        let usage =
            |who| getrusage(who).map_or((0.0, 0.0), |usage| (seconds(usage.user_time()), seconds(usage.system_time())));
        let (own_user, own_system) = usage(UsageWho::RUSAGE_SELF);
        let (child_user, child_system) = usage(UsageWho::RUSAGE_CHILDREN);
        let process_s = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
            .map_or(own_user + own_system, |t| t.tv_sec() as f64 + t.tv_nsec() as f64 * 1e-9);
        Self {
            user_s: own_user + child_user,
            system_s: own_system + child_system,
            process_s,
            children_s: child_user + child_system,
        }
    }
}

impl Meter {
    /// Resets the peak and starts the clocks.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with these processes counted in, which this one has started, works with and has not yet waited for.
    pub fn start_with(beside: &[u32]) -> Self {
        reset_peak("self");
        let beside = beside.iter().map(|&pid| {
            reset_peak(&pid.to_string());
            (pid, threads_cpu_s(pid))
        });
        let beside = beside.collect();
        let instructions = instructions::now();
        let cpu = Cpu::now();
        Self { cpu, wall: Instant::now(), instructions, beside }
    }

    /// Counts in processes that were started since.
    pub(crate) fn count_from_start(&mut self, started: &[u32]) {
        self.beside.extend(started.iter().map(|&pid| (pid, 0.0)));
    }

    /// What has been used since the start. A call so short that the split into user and system time is below its grain has its
    /// CPU time, taken from the process clock, counted as user time.
    pub fn read(&self) -> Reading {
        let wall_s = self.wall.elapsed().as_secs_f64();
        let now = Cpu::now();
        let instructions = self.instructions.and_then(|before| instructions::now()?.since(before));
        let user_s = (now.user_s - self.cpu.user_s).max(0.0);
        let system_s = (now.system_s - self.cpu.system_s).max(0.0);
        let precise_s = (now.process_s - self.cpu.process_s + now.children_s - self.cpu.children_s).max(0.0);
        let split_s = user_s + system_s;
        // The split is scaled by the kernel from the same precise total; below a clock tick it can be all of nothing.
        let beside_s: f64 = self.beside.iter().map(|(pid, before)| (threads_cpu_s(*pid) - before).max(0.0)).sum();
        let (user_s, system_s) = if split_s > 0.0 {
            (user_s * precise_s / split_s, system_s * precise_s / split_s)
        } else {
            (precise_s, 0.0)
        };
        let beside_bytes: u64 = self.beside.iter().filter_map(|(pid, _)| high_water(&pid.to_string())).sum();
        let peak_rss_bytes = peak_rss_bytes() + beside_bytes;
        Reading { wall_s, user_s: user_s + beside_s, system_s, peak_rss_bytes, instructions }
    }
}

/// CPU seconds so far of this process, its waited-for children, and these processes beside it: for the parts of a call, whose whole a
/// [`Meter`] takes.
pub fn cpu_s(beside: &[u32]) -> f64 {
    let now = Cpu::now();
    now.process_s + now.children_s + beside.iter().map(|&pid| threads_cpu_s(pid)).sum::<f64>()
}

/// Lets the kernel forget the peak so far (`man 5 proc`, `clear_refs`); where it cannot, the peak is that of the process's life.
fn reset_peak(process: &str) {
    let _ = std::fs::write(format!("/proc/{process}/clear_refs"), "5");
}

fn peak_rss_bytes() -> u64 {
    high_water("self")
        .unwrap_or_else(|| getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss().unsigned_abs() * 1024))
}

/// The peak of a process's resident memory, where there is `/proc`.
fn high_water(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// CPU seconds of a process's threads, to the nanosecond; 0 where there is no `/proc`. Threads that have ended are not in it.
fn threads_cpu_s(pid: u32) -> f64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return 0.0 };
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    threads.filter_map(of_thread).sum::<u64>() as f64 * 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn wall_time_runs_while_asleep() {
        let meter = Meter::start();
        std::thread::sleep(Duration::from_millis(30));
        assert!(meter.read().wall_s >= 0.03);
    }

    #[test]
    fn cpu_time_is_counted() {
        let meter = Meter::start();
        let until = Instant::now() + Duration::from_millis(50);
        let mut x = 0u64;
        while Instant::now() < until {
            x = std::hint::black_box(x.wrapping_mul(3) + 1);
        }
        let reading = meter.read();
        assert!(reading.user_s + reading.system_s > 0.001, "{reading:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_beside_is_counted() {
        let mut busy = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let meter = Meter::start_with(&[busy.id()]);
        let alone = Meter::start();
        std::thread::sleep(Duration::from_millis(100));
        let (with, without) = (meter.read(), alone.read());
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(with.user_s > without.user_s + 0.001, "{with:?} {without:?}");
        assert!(with.peak_rss_bytes > without.peak_rss_bytes, "{with:?} {without:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_was_started_since_is_counted_whole() {
        let mut meter = Meter::start();
        let mut busy = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        meter.count_from_start(&[busy.id()]);
        let with = meter.read();
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(with.user_s > 0.001, "{with:?}");
    }

    #[test]
    fn memory_that_is_touched_shows_in_the_peak() {
        let meter = Meter::start();
        let before = meter.read().peak_rss_bytes;
        let block = vec![1u8; 64 << 20];
        assert_eq!(block.iter().map(|x| u64::from(*x)).sum::<u64>(), 64 << 20);
        // Before it is dropped: a test beside this one may set the process's peak back at any time, though never below what is held.
        assert!(meter.read().peak_rss_bytes >= before + (60 << 20));
        drop(block);
    }
}
