//! Shutting the enclave's process in, as far as Linux lets an ordinary user do it.
//!
//! This is no enclave: whoever is root on the machine, and the kernel, see everything. It keeps a worker that was taken over by its input from
//! reaching anything but its channel, and it makes the program live without what it will not have inside real hardware: files, network,
//! other processes. Each layer that a kernel does not offer is left out and reported.

#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::{escapes, shut_in};

/// One way of shutting the process in, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Layer {
    /// What it is.
    pub name: String,
    /// Why it does not hold here; none where it does.
    pub missing: Option<String>,
}

impl Layer {
    fn new(name: &str, result: Result<(), String>) -> Self {
        Self { name: name.to_owned(), missing: result.err() }
    }
}

/// Nothing is shut in where there is no Linux, and it says so.
#[cfg(not(target_os = "linux"))]
pub fn shut_in() -> Vec<Layer> {
    vec![Layer::new("confinement", Err("only Linux has it".to_owned()))]
}

/// What the process can still do that it should not: not tried where nothing is shut in.
#[cfg(not(target_os = "linux"))]
pub fn escapes() -> Vec<String> {
    Vec::new()
}
