//! The layers that Linux has.

use std::io;

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, geteuid, getppid, setgroups, setresgid, setresuid};

use super::{Layer, filter};

/// The user and group of nobody, on every Linux.
const NOBODY: u32 = 65_534;

/// Most files and sockets that the process may have open.
const MOST_FILES: u64 = 256;

/// Shuts this process in for good: what it has open, memory and time are all that is left to it.
///
/// To be called before there are threads, and after everything that is needed was read. Layers, in this order: no new privileges; limits on files, file
/// sizes and core dumps; namespaces of its own for network, mounts, IPC and host name (with a user namespace where the
/// process is not root); the user nobody where it was root; an end with the host's end; Landlock without any exception; a list of system calls.
pub fn shut_in() -> Vec<Layer> {
    vec![
        Layer::new("no new privileges", nix::sys::prctl::set_no_new_privs().map_err(text)),
        Layer::new("resource limits", limits().map_err(text)),
        Layer::new("namespaces", namespaces().map_err(text)),
        Layer::new("unprivileged user", drop_privileges().map_err(text)),
        // After the change of user, which would take it back.
        Layer::new("ends with its host", nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(text)),
        Layer::new("landlock", landlock()),
        Layer::new("seccomp", filter::apply()),
    ]
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn limits() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, MOST_FILES, MOST_FILES)
}

fn namespaces() -> nix::Result<()> {
    // None for processes: whoever has one to give to its children can have no more threads. It will have no children.
    let own = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    // Root needs no user namespace for them, and some kernels and containers refuse one to everybody.
    if geteuid().is_root() && unshare(own).is_ok() {
        return Ok(());
    }
    unshare(own | CloneFlags::CLONE_NEWUSER)
}

/// Root becomes nobody; everybody else is without privileges already.
fn drop_privileges() -> nix::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}

fn landlock() -> Result<(), String> {
    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
    let abi = ABI::V6;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(text)?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => Err("this kernel enforces a part of it".to_owned()),
        RulesetStatus::NotEnforced => Err("this kernel does not have it".to_owned()),
    }
}

/// Something that must fail.
type Attempt = fn() -> io::Result<()>;

/// What the process can still do that it should not: nothing, if the layers hold.
///
/// Each attempt is harmless where it succeeds. To be called after [`shut_in`].
pub fn escapes() -> Vec<String> {
    let attempts: [(&str, Attempt); 8] = [
        ("read a file", || std::fs::read("/etc/passwd").map(drop)),
        ("list a folder", || std::fs::read_dir("/").map(drop)),
        ("write a file", || tempfile::tempfile().map(drop)),
        ("read its own memory as a file", || std::fs::File::open("/proc/self/mem").map(drop)),
        ("open a network socket", || std::net::UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("open a local socket", || std::os::unix::net::UnixDatagram::unbound().map(drop)),
        ("start a program", || std::process::Command::new("/bin/true").status().map(drop)),
        ("signal its parent", || Ok(nix::sys::signal::kill(getppid(), None)?)),
    ];
    attempts.into_iter().filter(|(_, attempt)| attempt().is_ok()).map(|(what, _)| what.to_owned()).collect()
}
