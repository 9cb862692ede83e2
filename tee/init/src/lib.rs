//! The first process of an enclave image: mounts, modules, the heartbeat to the parent, and then it becomes the worker.
//!
//! ```text
//!   ramdisk 0   /init              this program
//!               /modules           kernel modules: virtio-mmio, the security module's driver, vsock
//!   ramdisk 1   /zktee/worker      what it becomes (zktee-enclave-guest)
//! ```
//!
//! A package of its own, because it is measured with the kernel (PCR1) and the worker is not (PCR2): what the worker is made of must not
//! change the boot's register.

#[cfg(target_os = "linux")]
mod boot;
mod devices;
#[cfg(target_os = "linux")]
mod heartbeat;

#[cfg(target_os = "linux")]
pub use boot::{InitError, WORKER, boot};
pub use devices::{DeviceError, MAX_DEVICES, MmioDevice, mmio_devices, module_parameters};
#[cfg(target_os = "linux")]
pub use heartbeat::{HEARTBEAT, HEARTBEAT_PORT, HeartbeatError, PARENTS, beat, exchange};
