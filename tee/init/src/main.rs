//! The init of an enclave image, `/init` in its first ramdisk.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    if std::process::id() != 1 {
        eprintln!("zktee-enclave-init: this is the first process of an enclave image and does nothing elsewhere");
        return ExitCode::FAILURE;
    }
    let Err(error) = zktee_enclave_init::boot();
    eprintln!("zktee-enclave-init: {error}");
    ExitCode::FAILURE
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("zktee-enclave-init: enclaves run Linux, and this is none");
    ExitCode::FAILURE
}
