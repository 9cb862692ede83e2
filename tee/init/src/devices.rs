//! Devices that the hypervisor names on the kernel's command line.
//!
//! `virtio_mmio.device=512@0xfeb00000:5` says where a device's registers are, how many bytes they take and which interrupt it raises
//! (Linux, Documentation/admin-guide/kernel-parameters.txt). Kernels with `CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES` read that themselves;
//! Debian's does not, so the init hands what it says to a module of ours (`scripts/enclave/module`).

use thiserror::Error;

/// The most devices that the module takes.
pub const MAX_DEVICES: usize = 32;

const KEY: &str = "virtio_mmio.device=";

/// One device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MmioDevice {
    /// Where its registers are, a physical address.
    pub base: u64,
    /// How many bytes they take.
    pub size: u64,
    /// Its interrupt.
    pub irq: u32,
}

/// Why a command line names no devices that could be registered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// A description of another form.
    #[error("{KEY}{0}: expected size@base:interrupt")]
    Form(String),
    /// Too many.
    #[error("{0} devices on the command line, at most {MAX_DEVICES} are taken")]
    TooMany(usize),
}

/// All devices on a command line, in its order.
///
/// # Errors
///
/// [`DeviceError`].
pub fn mmio_devices(cmdline: &str) -> Result<Vec<MmioDevice>, DeviceError> {
    let described = cmdline.split_ascii_whitespace().filter_map(|word| word.strip_prefix(KEY));
    let devices: Vec<MmioDevice> = described
        .map(|text| device(text).ok_or_else(|| DeviceError::Form(text.to_owned())))
        .collect::<Result<_, _>>()?;
    if devices.len() > MAX_DEVICES { Err(DeviceError::TooMany(devices.len())) } else { Ok(devices) }
}

/// `size@base:interrupt`, or with `:id` behind it, which only names the device.
fn device(text: &str) -> Option<MmioDevice> {
    let (size, rest) = text.split_once('@')?;
    let (base, rest) = rest.split_once(':')?;
    let irq = rest.split_once(':').map_or(rest, |(irq, _id)| irq);
    let (base, size) = (number(base)?, with_unit(size)?);
    base.checked_add(size)?;
    (size > 0).then_some(MmioDevice { base, size, irq: u32::try_from(number(irq)?).ok()? })
}

fn number(text: &str) -> Option<u64> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    // `from_str_radix` would take a sign.
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) { u64::from_str_radix(digits, radix).ok() } else { None }
}

/// A number of bytes, K and M standing for 2^10 and 2^20.
fn with_unit(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => text.strip_suffix(['M', 'm']).map_or((text, 1), |digits| (digits, 1 << 20)),
    };
    number(digits)?.checked_mul(unit)
}

/// The devices as the module's parameters.
pub fn module_parameters(devices: &[MmioDevice]) -> String {
    let list = |text: &dyn Fn(&MmioDevice) -> String| devices.iter().map(text).collect::<Vec<_>>().join(",");
    format!(
        "base={} size={} irq={}",
        list(&|device| format!("{:#x}", device.base)),
        list(&|device| device.size.to_string()),
        list(&|device| device.irq.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_of_qemu_and_of_firecracker_are_found() {
        let cmdline = "console=ttyS0 virtio_mmio.device=512@0xfeb00e00:12 quiet virtio_mmio.device=4K@0xd0001000:6:1\n";
        let devices = mmio_devices(cmdline).unwrap();
        let expected = [
            MmioDevice { base: 0xfeb0_0e00, size: 512, irq: 12 },
            MmioDevice { base: 0xd000_1000, size: 4096, irq: 6 },
        ];
        assert_eq!(devices, expected);
        assert_eq!(module_parameters(&devices), "base=0xfeb00e00,0xd0001000 size=512,4096 irq=12,6");
        assert_eq!(mmio_devices("virtio_mmio.devices=1 xvirtio_mmio.device=512@0x1:2").unwrap(), []);
    }

    #[test]
    fn descriptions_of_another_form_are_refused() {
        let wrong = [
            "",
            "512",
            "512@0x10",
            "@0x10:1",
            "512@:1",
            "512@0x10:",
            "-1@0x10:1",
            "0@0x10:1",
            "512@0x10:+1",
            "512@0x10:x",
            "2M@0xffffffffffffffff:1",
            "99999999999999M@1:1",
            "512@0x10:4294967296",
        ];
        for text in wrong {
            let found = mmio_devices(&format!("virtio_mmio.device={text}"));
            assert_eq!(found, Err(DeviceError::Form(text.to_owned())));
        }
        let many = "virtio_mmio.device=512@0x10:1 ".repeat(MAX_DEVICES + 1);
        assert_eq!(mmio_devices(&many), Err(DeviceError::TooMany(MAX_DEVICES + 1)));
    }
}
