//! `zktee publish`: a run made ready to be committed.

use std::path::PathBuf;

use zktee_report::units;
use zktee_runner::Publisher;

use crate::backends;
use crate::cli::PublishArguments;
use crate::exit::Code;

/// Publishes a run and says what is in the folder.
pub(crate) fn publish(arguments: &PublishArguments) -> anyhow::Result<Code> {
    let mut places: Vec<(PathBuf, &str)> = vec![(backends::cache_folder(&arguments.cache)?, "$ZKTEE_CACHE")];
    if let Ok(home) = etcetera::home_dir() {
        places.push((home, "~"));
    }
    if let Ok(folder) = std::env::current_dir() {
        places.push((folder, "."));
    }
    let publisher =
        Publisher { from: &arguments.run, to: &arguments.dest, places: &places, most_bytes: arguments.most_evidence };
    let done = publisher.publish()?;
    for (cell, bytes) in &done.evidence {
        println!("{:<40} {}", cell.to_string(), units::bytes(*bytes));
    }
    for (cell, bytes) in &done.left_out {
        println!("{:<40} {} left out (--most-evidence)", cell.to_string(), units::bytes(*bytes));
    }
    for path in &done.mentions {
        eprintln!("zktee: {} mentions a path of this machine", path.display());
    }
    let evidence: u64 = done.evidence.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "{} in {}, {} of it evidence ({} of the cells); check it with: zktee verify {}",
        units::bytes(done.bytes),
        arguments.dest.display(),
        units::bytes(evidence),
        done.evidence.len(),
        arguments.dest.display()
    );
    Ok(Code::Success)
}
