//! What runs inside an enclave image: an init and the worker.
//!
//! ```text
//!   ramdisk 0   /init      zktee-enclave-init: mounts, modules, heartbeat, then becomes the worker
//!               /modules   kernel modules: virtio-mmio, the security module's driver, vsock
//!   ramdisk 1   /zktee/worker        zktee-enclave-guest: opens /dev/nsm, loads the models, serves them on vsock
//!               /zktee/models.json   which models, for calls of how many inputs
//!               /zktee/models/…      ONNX files
//! ```
//!
//! Both run alike on AWS's hardware and in QEMU's `nitro-enclave` machine: neither knows which it is, and only the signature of a document
//! tells a verifier. `scripts/enclave/build-eif` puts the image together; docs/enclave-qemu.md says how it was run.
//!
//! The enclave is the isolation here: there is nobody else inside whom the worker would have to be shut off from, so it runs as root and
//! with all of the kernel's calls. Modules can no longer be loaded once it runs.

mod devices;
#[cfg(target_os = "linux")]
mod heartbeat;
#[cfg(target_os = "linux")]
mod init;
mod manifest;
#[cfg(target_os = "linux")]
mod worker;

pub use devices::{DeviceError, MAX_DEVICES, MmioDevice, mmio_devices, module_parameters};
#[cfg(target_os = "linux")]
pub use heartbeat::{HEARTBEAT, HEARTBEAT_PORT, HeartbeatError, PARENTS, beat, exchange};
#[cfg(target_os = "linux")]
pub use init::{InitError, boot};
pub use manifest::{MANIFEST, MAX_MODEL, MAX_MODELS, ManifestError, NamedFile, read_manifest};
#[cfg(target_os = "linux")]
pub use worker::{PLATFORM, WorkerError, serve};

/// Where the application's ramdisk is unpacked.
pub const APPLICATION: &str = "/zktee";
