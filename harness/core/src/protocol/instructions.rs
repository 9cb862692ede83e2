//! Instructions that this process and those that work for it have completed in user space, where the processor's counter can be had.
//!
//! The counter is opened once, before any other thread or child is started, and inherited by all of them (`man 2 perf_event_open`). Unlike
//! time, such a count hardly depends on what else the machine does; but many virtual machines hide the counter.

use std::sync::{Mutex, OnceLock, PoisonError};

/// Why instructions cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Uncounted(String);

#[cfg(target_os = "linux")]
type Counter = perf_event::Counter;
#[cfg(not(target_os = "linux"))]
type Counter = std::convert::Infallible;

static COUNTER: OnceLock<Option<Mutex<Counter>>> = OnceLock::new();

/// Where a count stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    value: u64,
    /// Nanoseconds in which it was to count, and in which it did: a counter that is shared out in turns counts a part.
    enabled_ns: u64,
    running_ns: u64,
}

impl Count {
    /// What was counted since an earlier reading; none where something was missed.
    pub(super) fn since(self, earlier: Self) -> Option<u64> {
        let whole =
            self.enabled_ns.checked_sub(earlier.enabled_ns)? == self.running_ns.checked_sub(earlier.running_ns)?;
        self.value.checked_sub(earlier.value).filter(|_| whole && self.running_ns > earlier.running_ns)
    }
}

/// Begins to count in this process; to be called before it has other threads. Without a counter nothing happens.
pub(super) fn begin() {
    COUNTER.get_or_init(|| open().ok().map(Mutex::new));
}

/// Whether instructions can be counted on this machine.
///
/// # Errors
/// Why not.
pub fn check() -> Result<(), Uncounted> {
    open().map(drop)
}

/// The count so far; none where nothing is counted.
pub(super) fn now() -> Option<Count> {
    let counter = COUNTER.get()?.as_ref()?;
    read(&mut counter.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(target_os = "linux")]
fn open() -> Result<Counter, Uncounted> {
    count(perf_event::events::Hardware::INSTRUCTIONS)
}

#[cfg(not(target_os = "linux"))]
fn open() -> Result<Counter, Uncounted> {
    Err(Uncounted("only Linux has the call".to_owned()))
}

#[cfg(target_os = "linux")]
fn count(event: impl Into<perf_event::events::Event>) -> Result<Counter, Uncounted> {
    let mut builder = perf_event::Builder::new().kind(event);
    // User space alone: what the kernel does for a process depends on the machine, and counting it takes a privilege.
    builder.inherit(true).exclude_kernel(true).exclude_hv(true);
    let opened = builder.build().and_then(|mut counter| counter.enable().map(|()| counter));
    opened.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::Unsupported => {
                "the processor's counter is hidden, as in most virtual machines"
            }
            std::io::ErrorKind::PermissionDenied => "not permitted: see /proc/sys/kernel/perf_event_paranoid",
            _ => "perf_event_open failed",
        };
        Uncounted(format!("{why} ({error})"))
    })
}

#[cfg(target_os = "linux")]
fn read(counter: &mut Counter) -> Option<Count> {
    let count = counter.read_count_and_time().ok()?;
    Some(Count { value: count.count, enabled_ns: count.time_enabled, running_ns: count.time_running })
}

#[cfg(not(target_os = "linux"))]
fn read(counter: &mut Counter) -> Option<Count> {
    match *counter {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_with_a_gap_is_none() {
        let at = |value, enabled_ns, running_ns| Count { value, enabled_ns, running_ns };
        assert_eq!(at(150, 20, 20).since(at(100, 10, 10)), Some(50));
        assert_eq!(at(150, 20, 15).since(at(100, 10, 10)), None, "it ran for a part of the time");
        assert_eq!(at(100, 10, 10).since(at(100, 10, 10)), None, "it did not run at all");
        assert_eq!(at(50, 20, 20).since(at(100, 10, 10)), None, "it went backwards");
    }

    #[test]
    fn what_cannot_be_counted_has_a_reason() {
        if let Err(why) = check() {
            assert!(!why.to_string().is_empty());
            assert_eq!(now(), None);
        }
    }

    /// The same path with an event of the kernel's own, which virtual machines have too: nanoseconds on a processor.
    #[test]
    #[cfg(target_os = "linux")]
    fn threads_and_children_are_counted_in() {
        // A sandbox may forbid the call altogether.
        let Ok(mut counter) = count(perf_event::events::Software::TASK_CLOCK) else { return };
        let before = read(&mut counter).unwrap();
        let busy = || {
            let start = std::time::Instant::now();
            while start.elapsed() < std::time::Duration::from_millis(20) {
                std::hint::black_box(0);
            }
        };
        std::thread::spawn(busy).join().unwrap();
        let of_thread = read(&mut counter).unwrap();
        assert!(of_thread.value > before.value + 1_000_000, "{before:?} {of_thread:?}");
        std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"])
            .status()
            .unwrap();
        let of_child = read(&mut counter).unwrap();
        assert!(of_child.value > of_thread.value + 1_000_000, "{of_thread:?} {of_child:?}");
    }
}
