//! Resident memory of a worker's whole process group, as the runner sees it, and that of the machine.

use std::fs;

/// Resident bytes of all processes of a group together, from `/proc`; none where there is no `/proc`.
pub(crate) fn group_rss_bytes(group: i32) -> Option<u64> {
    let mut total = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().filter(|name| name.bytes().all(|b| b.is_ascii_digit())) else { continue };
        // A process may end between the listing and the reading: it then has no memory either.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if process_group(&stat) == Some(group) {
            *total.get_or_insert(0) += rss_bytes(pid).unwrap_or(0);
        }
    }
    total
}

/// Resident bytes of one process.
pub(crate) fn rss_bytes(pid: &str) -> Option<u64> {
    kib_line(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmRSS:")
}

/// The machine's memory, bytes, or the limit of this process's control group where that is lower.
pub fn machine_memory_bytes() -> Option<u64> {
    let total = kib_line(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    Some(limit.map_or(total, |limit: u64| limit.min(total)))
}

fn kib_line(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The fifth field of `/proc/PID/stat`; the second, the name in brackets, may hold anything.
fn process_group(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        assert_eq!(process_group("12 (a) b) S 1 77 77 0"), Some(77));
        assert_eq!(process_group("rubbish"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory() {
        let group = nix::unistd::getpgrp().as_raw();
        assert!(group_rss_bytes(group).unwrap() > 100_000);
        assert!(machine_memory_bytes().unwrap() > 100_000_000);
    }
}
