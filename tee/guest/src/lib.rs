//! The worker of an enclave image.
//!
//! ```text
//!   ramdisk 0   /init                zktee-enclave-init, which becomes the worker
//!   ramdisk 1   /zktee/worker        zktee-enclave-guest: opens /dev/nsm, loads the models, serves them on vsock
//!               /zktee/models.json   which models, for calls of how many inputs
//!               /zktee/models/…      ONNX files
//! ```
//!
//! It runs alike on AWS's hardware and in QEMU's `nitro-enclave` machine: it does not know which it is, and only the signature of a document
//! tells a verifier. `scripts/enclave/build-eif` puts the image together; docs/enclave-qemu.md says how it was run.
//!
//! Language models are in no image: their files come over the channel, and documents name them.
//!
//! The enclave is the isolation here: there is nobody else inside whom the worker would have to be shut off from, so it runs as root and
//! with all of the kernel's calls. Modules can no longer be loaded once it runs.

mod manifest;
#[cfg(target_os = "linux")]
mod worker;

pub use manifest::{MANIFEST, MAX_MODEL, MAX_MODELS, ManifestError, NamedFile, read_manifest};
#[cfg(target_os = "linux")]
pub use worker::{PLATFORM, WorkerError, serve};

/// Where the application's ramdisk is unpacked.
pub const APPLICATION: &str = "/zktee";
