//! `zktee init`: a commented configuration to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::exit::Code;

/// Writes the example; never over a file that is there.
pub(crate) fn init(file: &Path) -> anyhow::Result<Code> {
    let mut to = match OpenOptions::new().write(true).create_new(true).open(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            eprintln!("zktee: {} is there already and stays as it is; name another file", file.display());
            return Ok(Code::Usage);
        }
        opened => opened.with_context(|| format!("{}", file.display()))?,
    };
    to.write_all(zktee_config::EXAMPLE.as_bytes()).with_context(|| format!("{}", file.display()))?;
    println!("{} written; uncomment what you need, then `zktee list` and `zktee run`", file.display());
    Ok(Code::Success)
}
