//! The worker where it does not belong.
#![cfg(target_os = "linux")]

use std::process::Command;

/// Nothing is served without a security module.
#[test]
fn the_worker_ends_where_there_is_no_security_module() {
    if std::path::Path::new("/dev/nsm").exists() {
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_zktee-enclave-guest")).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no Nitro security module at /dev/nsm"), "{output:?}");
}
