//! The machine that the numbers belong to, read from `/proc` and `/sys`. Where those are missing, less is known.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use zktee_core::record::Environment;

/// CPU flags that provers and their field arithmetic care for, as `/proc/cpuinfo` spells them on x86 and on ARM.
const FEATURES: [&str; 17] = [
    "adx",
    "aes",
    "asimd",
    "avx",
    "avx2",
    "avx512_vbmi2",
    "avx512bw",
    "avx512f",
    "avx512ifma",
    "bmi2",
    "gfni",
    "sha2",
    "sha3",
    "sha_ni",
    "sve",
    "vaes",
    "vpclmulqdq",
];

/// What the result says of this machine and this binary; `versions` are of what else takes part, by name.
pub(crate) fn collect(versions: BTreeMap<String, String>) -> Environment {
    Machine::here().environment(versions)
}

/// The files that describe a machine, under `/` or, in tests, elsewhere.
#[derive(Debug)]
pub(crate) struct Machine {
    root: PathBuf,
}

impl Machine {
    /// This machine.
    pub(crate) fn here() -> Self {
        Self { root: PathBuf::from("/") }
    }

    /// CPU brand string; the architecture where there is none.
    pub(crate) fn cpu(&self) -> String {
        let info = self.read("proc/cpuinfo").unwrap_or_default();
        let named = ["model name", "Model", "Hardware", "uarch"].iter().find_map(|key| field(&info, key));
        named.map_or_else(|| self.arm(&info), ToOwned::to_owned)
    }

    /// ARM kernels give numbers (implementer and part) and, on boards, a name in the device tree.
    fn arm(&self, info: &str) -> String {
        let arch = std::env::consts::ARCH;
        if let Some(model) = self.read("proc/device-tree/model") {
            return format!("{} ({arch})", model.trim_end_matches('\0').trim());
        }
        match (field(info, "CPU implementer"), field(info, "CPU part")) {
            (Some(implementer), Some(part)) => format!("{arch}, implementer {implementer}, part {part}"),
            _ => arch.to_owned(),
        }
    }

    /// Those of [`FEATURES`] that the CPU has.
    pub(crate) fn features(&self) -> Vec<String> {
        let info = self.read("proc/cpuinfo").unwrap_or_default();
        let flags: Vec<&str> = flags(&info).collect();
        FEATURES.iter().filter(|feature| flags.contains(feature)).map(ToString::to_string).collect()
    }

    /// Memory that this process may use, bytes: the machine's, or the control group's limit where that is lower.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let total = self.meminfo("MemTotal").unwrap_or(0);
        match self.memory_limit() {
            Some(limit) if total == 0 || limit < total => limit,
            _ => total,
        }
    }

    /// Memory that can be had at once without pushing anything out, bytes.
    pub(crate) fn memory_available_bytes(&self) -> Option<u64> {
        let available = self.meminfo("MemAvailable")?;
        Some(self.memory_limit().map_or(available, |limit| limit.min(available)))
    }

    fn meminfo(&self, key: &str) -> Option<u64> {
        let info = self.read("proc/meminfo")?;
        let kib: u64 = field(&info, key)?.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    }

    /// The lowest limit of the process's control group and those above it (version 2), or of its memory controller (version 1).
    fn memory_limit(&self) -> Option<u64> {
        let groups = self.read("proc/self/cgroup")?;
        let limits = groups.lines().flat_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, group) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or("/"));
            let (base, file) = match controllers {
                "" => ("sys/fs/cgroup", "memory.max"),
                c if c.split(',').any(|c| c == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                _ => return Vec::new(),
            };
            Path::new(group.trim_start_matches('/'))
                .ancestors()
                .map(|group| Path::new(base).join(group).join(file))
                .collect()
        });
        // `max` is no number, and version 1 says "none" with a number near 2^63.
        limits.filter_map(|path| self.read(path)?.trim().parse().ok()).filter(|limit| *limit < 1 << 60).min()
    }

    /// Operating system and release.
    pub(crate) fn os(&self) -> String {
        let release = self.read("etc/os-release").or_else(|| self.read("usr/lib/os-release"));
        let name = release.as_deref().and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map(|name| name.trim_matches(['"', '\'']))
        });
        name.unwrap_or(std::env::consts::OS).to_owned()
    }

    /// Kernel release.
    pub(crate) fn kernel(&self) -> String {
        self.read("proc/sys/kernel/osrelease").map_or_else(|| "unknown".into(), |text| text.trim().to_owned())
    }

    /// The hypervisor's name, or `yes` where there is one without a name.
    pub(crate) fn virtualisation(&self) -> Option<String> {
        let text = |path: &str| self.read(path).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let vendor = text("sys/class/dmi/id/sys_vendor");
        let product = text("sys/class/dmi/id/product_name");
        let dmi: Vec<String> = [vendor, product].into_iter().flatten().collect();
        let name = text("sys/hypervisor/type").or_else(|| (!dmi.is_empty()).then(|| dmi.join(" ")));
        let info = self.read("proc/cpuinfo").unwrap_or_default();
        if flags(&info).any(|flag| flag == "hypervisor") {
            return Some(name.unwrap_or_else(|| "yes".into()));
        }
        // x86 always has the flag; elsewhere the names of the common hypervisors are all there is.
        let known = ["amazon ec2", "google", "kvm", "microsoft corporation virtual", "qemu", "vmware", "xen"];
        name.filter(|name| {
            let name = name.to_lowercase();
            !info.contains("\nflags") && !name.contains(".metal") && known.iter().any(|known| name.contains(known))
        })
    }

    /// The type of the instance of AWS EC2, by what its firmware says: on those of the Nitro system the product's name is the type.
    pub(crate) fn instance(&self) -> Option<String> {
        let vendor = self.read("sys/class/dmi/id/sys_vendor")?;
        let product = self.read("sys/class/dmi/id/product_name")?.trim().to_owned();
        // Those of Xen call their product something else, such as `HVM domU`.
        let is_type = product.split_once('.').is_some_and(|(family, size)| {
            let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            word(family) && word(size)
        });
        (vendor.trim() == "Amazon EC2" && is_type && product.len() <= 40).then_some(product)
    }

    /// CPU frequency governor of the first core, where it can be read.
    pub(crate) fn governor(&self) -> Option<String> {
        self.read("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").map(|text| text.trim().to_owned())
    }

    /// The load average over one minute: how many threads want to run.
    pub(crate) fn load_1m(&self) -> Option<f64> {
        self.read("proc/loadavg")?.split_whitespace().next()?.parse().ok()
    }

    fn environment(&self, versions: BTreeMap<String, String>) -> Environment {
        Environment {
            cpu: self.cpu(),
            cpu_features: self.features(),
            cores: cores(),
            memory_bytes: self.memory_bytes(),
            os: self.os(),
            kernel: self.kernel(),
            virtualisation: self.virtualisation(),
            instance: self.instance(),
            governor: self.governor(),
            rustc: env!("ZKTEE_RUSTC").into(),
            build: env!("ZKTEE_BUILD").into(),
            commit: option_env!("ZKTEE_COMMIT").map(Into::into),
            versions,
            load_1m: self.load_1m(),
        }
    }

    fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(self.root.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Logical cores that this process may use: its affinity and its control group's quota are respected.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The first `key : value` of a file such as `/proc/cpuinfo`, where the value is not empty.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, value)| (name.trim() == key && !value.trim().is_empty()).then(|| value.trim()))
}

fn flags(cpuinfo: &str) -> impl Iterator<Item = &str> {
    field(cpuinfo, "flags").or_else(|| field(cpuinfo, "Features")).unwrap_or_default().split_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let machine = Machine { root: dir.path().into() };
        (dir, machine)
    }

    #[test]
    fn an_x86_virtual_machine() {
        let (_dir, it) = machine(&[
            (
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 hypervisor adx bmi2\n\nprocessor\t: 1\n",
            ),
            ("proc/meminfo", "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n"),
            ("etc/os-release", "ID=x\nPRETTY_NAME=\"Some Linux 1\"\n"),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("proc/loadavg", "0.25 0.10 0.05 1/100 99\n"),
            ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
            ("sys/class/dmi/id/product_name", "m5.xlarge\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
        ]);
        let environment = it.environment(BTreeMap::new());
        assert_eq!((environment.cpu.as_str(), environment.os.as_str()), ("Some CPU", "Some Linux 1"));
        assert_eq!(environment.cpu_features, ["adx", "avx2", "bmi2"]);
        assert_eq!((environment.memory_bytes, it.memory_available_bytes()), (2 << 20, Some(1 << 20)));
        assert_eq!(environment.virtualisation.as_deref(), Some("Amazon EC2 m5.xlarge"));
        assert_eq!(environment.instance.as_deref(), Some("m5.xlarge"));
        assert_eq!((environment.governor.as_deref(), environment.load_1m), (Some("powersave"), Some(0.25)));
        assert!(environment.rustc.starts_with("rustc ") && environment.build.contains("opt-level"), "{environment:?}");
    }

    #[test]
    fn only_the_firmware_of_ec2_names_an_instance() {
        for (vendor, product, instance) in [
            ("Amazon EC2\n", "c6a.metal-48xl\n", Some("c6a.metal-48xl")),
            ("Xen\n", "HVM domU\n", None),
            ("Amazon EC2\n", "HVM domU\n", None),
            ("QEMU\n", "c6a.4xlarge\n", None),
            ("Amazon EC2\n", "c6a.\n", None),
        ] {
            let (_dir, it) =
                machine(&[("sys/class/dmi/id/sys_vendor", vendor), ("sys/class/dmi/id/product_name", product)]);
            assert_eq!(it.instance().as_deref(), instance, "{vendor}{product}");
        }
    }

    #[test]
    fn a_control_group_limits_the_memory() {
        let meminfo = ("proc/meminfo", "MemTotal: 4096 kB\nMemAvailable: 3000 kB\n");
        let (_dir, it) = machine(&[
            meminfo,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.max", "1048576\n"),
        ]);
        assert_eq!((it.memory_bytes(), it.memory_available_bytes()), (1 << 20, Some(1 << 20)));
        let (_dir, it) = machine(&[
            meminfo,
            ("proc/self/cgroup", "5:cpu:/x\n4:memory:/x\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(it.memory_bytes(), 4 << 20);
    }

    #[test]
    fn bare_metal_is_not_called_virtual() {
        let x86 = "flags\t: fpu\n";
        let arm = "processor\t: 0\nFeatures\t: asimd sha2\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n";
        let vendor = |text| ("sys/class/dmi/id/sys_vendor", text);
        let product = |text| ("sys/class/dmi/id/product_name", text);
        for (cpu, vendor_name, product_name, virtual_) in [
            (x86, "Dell Inc.", "PowerEdge", false),
            (arm, "Amazon EC2", "m6g.metal", false),
            (arm, "Amazon EC2", "m6g.large", true),
            (arm, "Ampere", "Altra", false),
        ] {
            let cpuinfo = format!("vendor: x\n{cpu}");
            let (_dir, it) = machine(&[("proc/cpuinfo", &cpuinfo), vendor(vendor_name), product(product_name)]);
            assert_eq!(it.virtualisation().is_some(), virtual_, "{vendor_name} {product_name}");
        }
        let (_dir, it) = machine(&[("proc/cpuinfo", arm)]);
        assert_eq!(it.features(), ["asimd", "sha2"]);
        assert!(it.cpu().contains("implementer 0x41, part 0xd40"), "{}", it.cpu());
    }

    #[test]
    fn where_nothing_can_be_read_less_is_known() {
        let (_dir, it) = machine(&[]);
        let environment = it.environment(BTreeMap::from([("ezkl".into(), "23.0.5".into())]));
        assert_eq!((environment.memory_bytes, environment.load_1m, environment.virtualisation), (0, None, None));
        assert!(!environment.cpu.is_empty() && environment.cores >= 1);
        assert_eq!(environment.versions["ezkl"], "23.0.5");
    }

    #[test]
    fn this_machine_is_described() {
        let environment = collect(BTreeMap::new());
        assert!(environment.cores >= 1 && !environment.os.is_empty(), "{environment:?}");
        if cfg!(target_os = "linux") {
            assert!(environment.memory_bytes > 1 << 20 && environment.load_1m.is_some(), "{environment:?}");
        }
    }
}
