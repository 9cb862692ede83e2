//! Where enclaves run.

use std::path::PathBuf;

use zktee_core::vocabulary::Hardware;

use crate::host::{NitroImage, QemuImage};

/// Where enclaves run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform {
    /// In a child process of this program, which shuts itself in.
    Process(PathBuf),
    /// In QEMU's emulation of a Nitro enclave.
    Qemu(QemuImage),
    /// On Nitro hardware.
    Nitro(NitroImage),
}

const ROUND_TRIP: &str =
    "infer is a round trip from the host; its stage `inside` is the model's run by the enclave's own clock";

impl Platform {
    /// The system under test.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Process(_) => "tract-onnx in a process that is shut in",
            Self::Qemu(_) => "tract-onnx in an enclave image, emulated",
            Self::Nitro(_) => "tract-onnx in a Nitro enclave",
        }
    }

    /// Whether isolation is real.
    pub(super) const fn hardware(&self) -> Hardware {
        match self {
            Self::Process(_) | Self::Qemu(_) => Hardware::Simulated,
            Self::Nitro(_) => Hardware::Real,
        }
    }

    /// The same with room for language models whose files have so many bytes, or with the memory that is asked for.
    pub(super) fn with_room(&self, file_bytes: u64, memory_mib: Option<u32>) -> Self {
        // Files, weights made of them, and beside them kernel, program and context.
        let needed = 512 + u32::try_from(file_bytes.div_ceil(1 << 20).saturating_mul(2)).unwrap_or(u32::MAX / 2);
        let with = |least: u32| memory_mib.unwrap_or_else(|| least.max(needed));
        let mut platform = self.clone();
        match &mut platform {
            Self::Process(_) => {}
            Self::Qemu(image) => image.memory_mib = with(image.memory_mib),
            Self::Nitro(image) => image.memory_mib = with(image.memory_mib),
        }
        platform
    }

    /// What a reader must know.
    pub(super) const fn notes(&self) -> &'static [&'static str] {
        match self {
            Self::Process(_) => &[
                "no isolation from whoever is root on the machine: the process is shut in by Linux, the security module is software \
                 under a test root that this run drew",
                ROUND_TRIP,
            ],
            Self::Qemu(_) => &[
                "an emulator: every time is meaningless, and nobody signs the documents, so that anybody can write one; it shows that \
                 the code for the hardware runs",
                ROUND_TRIP,
                "CPU time and memory are those of the host's worker alone",
            ],
            Self::Nitro(_) => &[
                ROUND_TRIP,
                "CPU time and memory are those of the host's worker alone: the enclave's own are not visible from outside",
            ],
        }
    }
}
