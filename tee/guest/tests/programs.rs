//! Init and worker where they do not belong.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

fn run(program: &str) -> Output {
    Command::new(program).output().unwrap()
}

#[test]
fn the_init_touches_nothing_where_it_is_not_the_first_process() {
    let output = run(env!("CARGO_BIN_EXE_zktee-enclave-init"));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("first process"));
}

/// Nothing is served without a security module.
#[test]
fn the_worker_ends_where_there_is_no_security_module() {
    if std::path::Path::new("/dev/nsm").exists() {
        return;
    }
    let output = run(env!("CARGO_BIN_EXE_zktee-enclave-guest"));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no Nitro security module at /dev/nsm"), "{output:?}");
}
