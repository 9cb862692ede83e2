//! The worker of an enclave image, `/zktee/worker` in its second ramdisk.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let application = std::path::Path::new(zktee_enclave_guest::APPLICATION);
    let Err(error) = zktee_enclave_guest::serve(application);
    eprintln!("zktee-enclave-guest: {error}");
    ExitCode::FAILURE
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("zktee-enclave-guest: enclaves run Linux, and this is none");
    ExitCode::FAILURE
}
