//! The first process: from a bare kernel to the worker.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use thiserror::Error;

use crate::devices::{DeviceError, mmio_devices, module_parameters};
use crate::heartbeat::beat;

/// What the first process becomes, in the application's ramdisk.
pub const WORKER: &str = "/zktee/worker";
/// Where the boot ramdisk has modules, as `NAME.ko`.
const MODULES: &str = "/modules";
/// The module that registers the command line's devices.
const REGISTRAR: &str = "zktee_mmio";
/// In the order in which they need each other. A kernel may have any of them built in.
const ORDER: [&str; 6] =
    ["virtio_mmio", REGISTRAR, "nsm", "vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport"];
/// The kernel's switch that ends the loading of modules for good.
const NO_MORE_MODULES: &str = "/proc/sys/kernel/modules_disabled";
/// Without a parent's answer the worker starts after this time: an emulator need not listen. On AWS the parent does, or ends the enclave.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the worker was not reached.
#[derive(Debug, Error)]
pub enum InitError {
    /// A mount.
    #[error("mounting {target}: {source}")]
    Mount {
        /// Where.
        target: &'static str,
        /// Why.
        source: nix::Error,
    },
    /// A module.
    #[error("loading the module {name}: {source}")]
    Module {
        /// Which.
        name: &'static str,
        /// Why.
        source: nix::Error,
    },
    /// A file, or the worker.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The command line.
    #[error(transparent)]
    Devices(#[from] DeviceError),
}

fn failed(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> InitError {
    move |source| InitError::Io { path: path.as_ref().to_owned(), source }
}

/// Mounts, loads modules, tells the parent, and becomes the worker. The kernel panics, and the machine with it ends, when the first process
/// does: an enclave that cannot be set up is none.
///
/// # Errors
///
/// [`InitError`]; on success the worker is running in this process's place.
pub fn boot() -> Result<Infallible, InitError> {
    mounts()?;
    modules()?;
    // From here on the kernel is the one that was measured.
    match fs::write(NO_MORE_MODULES, "1") {
        // A kernel that never takes any.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        written => written.map_err(failed(NO_MORE_MODULES))?,
    }
    match beat(PATIENCE) {
        Ok(parent) => println!("zktee-enclave-init: the parent is context {parent}"),
        Err(error) => println!("zktee-enclave-init: {error}; going on"),
    }
    let error = Command::new(WORKER).env_clear().current_dir("/").exec();
    Err(failed(WORKER)(error))
}

fn mounts() -> Result<(), InitError> {
    let strict = MsFlags::MS_NODEV | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let wanted = [
        ("devtmpfs", "/dev", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC),
        ("proc", "/proc", strict),
        ("sysfs", "/sys", strict),
        ("tmpfs", "/tmp", strict),
    ];
    for (kind, target, flags) in wanted {
        fs::create_dir_all(target).map_err(failed(target))?;
        match mount(Some(kind), target, Some(kind), flags, None::<&str>) {
            // Kernels may have mounted /dev themselves.
            Ok(()) | Err(nix::Error::EBUSY) => {}
            Err(source) => return Err(InitError::Mount { target, source }),
        }
    }
    Ok(())
}

fn modules() -> Result<(), InitError> {
    let cmdline = "/proc/cmdline";
    let devices = mmio_devices(&fs::read_to_string(cmdline).map_err(failed(cmdline))?)?;
    for name in ORDER {
        let parameters = if name == REGISTRAR { module_parameters(&devices) } else { String::new() };
        if name == REGISTRAR && devices.is_empty() {
            continue;
        }
        let path = Path::new(MODULES).join(name).with_extension("ko");
        let file = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file.map_err(failed(&path))?,
        };
        // Digits, commas and names of our own: there is no zero byte in it.
        let parameters = CString::new(parameters).unwrap_or_default();
        match finit_module(file, &parameters, ModuleInitFlags::empty()) {
            Ok(()) | Err(nix::Error::EEXIST) => {}
            Err(source) => return Err(InitError::Module { name, source }),
        }
    }
    Ok(())
}
