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
