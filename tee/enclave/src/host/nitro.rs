//! An enclave image on Nitro hardware, through AWS's `nitro-cli`. Never run on hardware by us: see docs/nitro.md.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;
use zktee_enclave_protocol::{Address, DEFAULT_PORT};

use super::{BootError, Enclave, Machine, io, registers};

/// AWS's program.
pub(crate) const NITRO_CLI: &str = "nitro-cli";
/// The device of a parent instance that may start enclaves.
pub(crate) const DEVICE: &str = "/dev/nitro_enclaves";

/// An image, and what its enclave is given of the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NitroImage {
    /// The image; its registers are beside it.
    pub image: PathBuf,
    /// Virtual processors, an even number: enclaves get whole cores.
    pub processors: u32,
    /// MiB, at least four times the image.
    pub memory_mib: u32,
}

/// What `nitro-cli run-enclave` prints, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Started {
    #[serde(rename = "EnclaveID")]
    id: String,
    #[serde(rename = "EnclaveCID")]
    cid: u32,
}

impl Enclave {
    /// Starts an enclave. The registers are those that the image was measured with when it was built: what the hardware says is in
    /// the document alone.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn boot_nitro(image: &NitroImage) -> Result<Self, BootError> {
        let pcrs = registers::beside(&image.image)?;
        let output = Command::new(NITRO_CLI)
            .args(["run-enclave", "--cpu-count", &image.processors.to_string()])
            .args(["--memory", &image.memory_mib.to_string(), "--eif-path"])
            .arg(&image.image)
            .stdin(Stdio::null())
            .output()
            .map_err(io("starting nitro-cli"))?;
        if !output.status.success() {
            let words: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
            return Err(BootError::Ended(format!("nitro-cli run-enclave: {}: {words}", output.status)));
        }
        let started = started(&output.stdout)?;
        let machine = Machine::Nitro(started.id);
        Self::greet(machine, Address::Vsock { cid: started.cid, port: DEFAULT_PORT }, pcrs, Vec::new())
    }
}

/// The program says what it does before it prints its JSON, on either stream.
fn started(output: &[u8]) -> Result<Started, BootError> {
    let text = String::from_utf8_lossy(output);
    let json = text.find('{').map_or("", |at| &text[at..]);
    serde_json::from_str(json).map_err(|error| BootError::Unclear(format!("nitro-cli run-enclave: {error}")))
}

/// Ends an enclave. What cannot be ended is left to `nitro-cli terminate-enclave --all`.
pub(super) fn terminate(id: &str) {
    let _ = Command::new(NITRO_CLI)
        .args(["terminate-enclave", "--enclave-id", id])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_prints_is_read() {
        let text = br#"Start allocating memory...
Started enclave with enclave-cid: 16, memory: 1024 MiB, cpu-ids: [1, 9]
{
  "EnclaveName": "zktee", "EnclaveID": "i-0123-enc4567", "ProcessID": 9, "EnclaveCID": 16, "NumberOfCPUs": 2,
  "CPUIDs": [1, 9], "MemoryMiB": 1024
}"#;
        let started = started(text).unwrap();
        assert_eq!((started.id.as_str(), started.cid), ("i-0123-enc4567", 16));
        for wrong in [&b""[..], b"{", b"{}", b"Start allocating memory..."] {
            assert!(super::started(wrong).is_err());
        }
    }
}
