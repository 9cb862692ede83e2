//! The system calls that are left: those by which a process computes, talks on what it has open, and ends.
//!
//! Everything else fails with `EPERM`, as in a container. Nothing is killed for it, since libraries ask for odd things and live without them.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

/// Calls that are allowed whatever their arguments. None makes a descriptor but `accept4`, on a socket that is listening already.
const ALLOWED: &[i64] = &[
    // Talking.
    libc::SYS_accept4,
    libc::SYS_close,
    libc::SYS_getsockopt,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_write,
    libc::SYS_writev,
    // Memory. Mappings are among those with conditions.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads and time.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
];

/// Calls of this architecture alone.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// Installs the list for all threads.
pub(super) fn apply() -> Result<(), String> {
    let programs = [threads(), list()];
    for program in programs {
        apply_filter_all_threads(&program?).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// glibc makes threads by `clone3`, whose flags no filter can see, and goes back to `clone` where it is told that there is none.
fn threads() -> Result<BpfProgram, String> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    compile(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))
}

fn list() -> Result<BpfProgram, String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    // The filter above has the last word on it.
    rules.insert(libc::SYS_clone3, Vec::new());
    rules.insert(libc::SYS_clone, vec![masked(0, libc::CLONE_THREAD as u64, libc::CLONE_THREAD as u64)?]);
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![masked(2, libc::PROT_EXEC as u64, 0)?]);
    }
    // Whether a socket waits, which the standard library asks for in this way.
    rules.insert(libc::SYS_ioctl, vec![masked(1, u64::from(u32::MAX), libc::FIONBIO)?]);
    // A thread's name, which the standard library sets.
    rules.insert(libc::SYS_prctl, vec![masked(0, u64::from(u32::MAX), libc::PR_SET_NAME as u64)?]);
    compile(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

/// A rule: the argument, with this mask, has this value.
fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, String> {
    let condition =
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value).map_err(text)?;
    SeccompRule::new(vec![condition]).map_err(text)
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    others: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(text)?;
    SeccompFilter::new(rules, others, matching, arch).and_then(BpfProgram::try_from).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
