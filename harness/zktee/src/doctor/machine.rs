//! The machine: memory, a quiet CPU, and what else a number depends on.

use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};
use zktee_core::protocol::instructions::{self, Uncounted};

use super::{Check, Status};
use crate::environment::{Machine, cores};

const GB: f64 = 1e9;

/// Peak of the largest built-in cell: EZKL's `LeNet` with its default calibration took 5.03 GB; the system needs some beside it.
const MEMORY_BYTES: u64 = 5_500_000_000;

/// Open files that a run needs at most, with room to spare.
const OPEN_FILES: u64 = 256;

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    vec![
        memory(machine.memory_bytes(), machine.memory_available_bytes()),
        peak_memory(),
        core_count(cores()),
        cpu(machine),
        frequency(machine.governor(), machine.virtualisation()),
        load(machine.load_1m(), cores()),
        instruction_counter(instructions::check()),
        open_files(getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)),
        enclave(Path::new("/dev")),
    ]
}

fn memory(total: u64, available: Option<u64>) -> Check {
    let why = "EZKL proves LeNet in 5 GB; a cell that does not fit becomes `out-of-memory`, the others are measured";
    if total == 0 {
        return Check::new("memory", "not known", why);
    }
    let free = available.map_or_else(String::new, |bytes| format!(", {:.1} GB available", bytes as f64 / GB));
    let found = format!("{:.1} GB{free}", total as f64 / GB);
    let fix = if total < MEMORY_BYTES {
        "a machine with 6 GB or more, or leave the cell out: zktee run --backend ezkl/tuned --backend native"
    } else {
        "close other programs before a run"
    };
    Check::new("memory", found, why).warn_if(available.unwrap_or(total) < MEMORY_BYTES, fix)
}

/// Writes what `Meter::start` of the workers writes; it resets this process's own peak and nothing else.
fn peak_memory() -> Check {
    let why = "the kernel forgets a worker's earlier peak when asked; else a phase's peak includes its loading";
    match std::fs::write("/proc/self/clear_refs", "5") {
        Ok(()) => Check::new("peak memory", "measured for each call", why),
        Err(error) => Check::new("peak memory", format!("/proc/self/clear_refs: {error}"), why)
            .with(Status::Warn, "run on Linux, outside a sandbox that hides /proc"),
    }
}

fn core_count(cores: usize) -> Check {
    let why = "all cores go to the worker; with a single one it shares it with the system";
    let found = format!("{cores} logical");
    Check::new("cores", found, why).warn_if(cores < 2, "a machine with 2 cores or more")
}

fn cpu(machine: &Machine) -> Check {
    let features = machine.features();
    let shown = if features.is_empty() { "no known features".into() } else { features.join(" ") };
    let why =
        "provers use AVX2, AVX-512 (avx512f, avx512ifma) and ADX (adx, bmi2) where they are: compare like with like";
    let lacks = cfg!(target_arch = "x86_64") && !features.iter().any(|feature| feature == "avx2");
    let fix = "a CPU of 2013 or later; in a virtual machine, pass the host's CPU through";
    Check::new("CPU", format!("{}: {shown}", machine.cpu()), why).warn_if(lacks, fix)
}

fn frequency(governor: Option<String>, virtualisation: Option<String>) -> Check {
    let why = "a governor that changes the clock while a sample runs widens the spread";
    match (governor, virtualisation) {
        (Some(governor), _) => Check::new("frequency", format!("governor {governor}"), why)
            .warn_if(governor != "performance", "sudo cpupower frequency-set --governor performance"),
        (None, Some(name)) => {
            let name = if name == "yes" { "a hypervisor".to_owned() } else { name };
            Check::new("frequency", format!("set outside this virtual machine ({name})"), why)
        }
        (None, None) => Check::new("frequency", "no governor to be seen", why),
    }
}

/// A tenth of the cores busy is what a desktop at rest shows; more takes time away from the samples.
fn load(load: Option<f64>, cores: usize) -> Check {
    let why = "what else runs takes time away from the samples; they record the load beside them";
    let Some(load) = load else {
        return Check::new("load", "not known", why);
    };
    let limit = (cores as f64 * 0.1).max(0.3);
    let fix = "stop what else runs, wait a minute, and ask again";
    Check::new("load", format!("{load:.2} in the last minute on {cores} cores"), why).warn_if(load > limit, fix)
}

/// Times are measured without it; so its absence is no warning.
fn instruction_counter(found: Result<(), Uncounted>) -> Check {
    let why =
        "counts of instructions depend less on what else runs than times do; without the counter their column is empty";
    let found = found.map_or_else(|why| format!("not to be had: {why}"), |()| "counted for each call".to_owned());
    Check::new("instructions", found, why)
}

fn open_files(limit: Option<u64>) -> Check {
    let why = "workers, pipes and results are open files";
    let Some(limit) = limit else {
        return Check::new("open files", "limit not known", why);
    };
    let found = if limit > 1 << 40 { "no limit".into() } else { format!("up to {limit}") };
    Check::new("open files", found, why).warn_if(limit < OPEN_FILES, "ulimit -n 1024")
}

/// What the machine has of isolating hardware; none is as good as any for the cells that need none.
fn enclave(dev: &Path) -> Check {
    let devices = [
        ("nsm", "this is a Nitro enclave (/dev/nsm)"),
        ("nitro_enclaves", "Nitro Enclaves can be started here (/dev/nitro_enclaves)"),
        ("sev-guest", "an AMD SEV-SNP guest (/dev/sev-guest)"),
        ("tdx_guest", "an Intel TDX guest (/dev/tdx_guest)"),
        ("sgx_enclave", "Intel SGX (/dev/sgx_enclave)"),
    ];
    let seen = devices.iter().filter(|(name, _)| dev.join(name).exists()).map(|(_, text)| *text);
    let mut seen: Vec<_> = seen.map(ToOwned::to_owned).collect();
    let on_path = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).find(|dir| dir.join("nitro-cli").is_file()));
    if on_path.is_some() {
        seen.push("nitro-cli is installed".into());
    }
    let found = if seen.is_empty() { "no isolating hardware to be seen".into() } else { seen.join("; ") };
    Check::new("enclave", found, "an enclave's numbers count on real hardware alone; elsewhere they are `simulated`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_does_not_fit_the_largest_cell_is_a_warning() {
        assert_eq!(memory(16_000_000_000, Some(12_000_000_000)).status, Status::Ok);
        let busy = memory(16_000_000_000, Some(3_000_000_000));
        assert!(busy.status == Status::Warn && busy.fix.unwrap().contains("close other programs"));
        let small = memory(4_000_000_000, Some(3_900_000_000));
        assert!(small.fix.unwrap().contains("--backend ezkl/tuned") && small.found == "4.0 GB, 3.9 GB available");
        assert_eq!(memory(0, None).status, Status::Ok);
    }

    #[test]
    fn a_busy_machine_and_a_moving_clock_are_warnings() {
        assert_eq!(load(Some(0.2), 2).status, Status::Ok);
        assert_eq!(load(Some(1.5), 2).status, Status::Warn);
        assert_eq!(load(Some(1.5), 32).status, Status::Ok);
        assert_eq!(frequency(Some("powersave".into()), None).status, Status::Warn);
        assert_eq!(frequency(Some("performance".into()), None).status, Status::Ok);
        assert!(frequency(None, Some("yes".into())).found.contains("a hypervisor"));
    }

    #[test]
    fn limits_and_cores() {
        assert_eq!(open_files(Some(64)).status, Status::Warn);
        assert_eq!(open_files(Some(u64::MAX)).found, "no limit");
        assert_eq!(core_count(1).status, Status::Warn);
    }

    #[test]
    fn isolating_hardware_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("nsm"), "").unwrap();
        let check = enclave(dir.path());
        assert!(check.found.contains("/dev/nsm") && check.status == Status::Ok, "{check:?}");
    }
}
