//! The init where it does not belong.
#![cfg(target_os = "linux")]

use std::process::Command;

#[test]
fn the_init_touches_nothing_where_it_is_not_the_first_process() {
    let output = Command::new(env!("CARGO_BIN_EXE_zktee-enclave-init")).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("first process"));
}
