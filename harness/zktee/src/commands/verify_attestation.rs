//! `zktee verify-attestation`: one attestation document against what its verifier expects.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use zktee_attestation::{Clock, Policy, Root, Verified, verify};

use crate::cli::{RootArgument, VerifyAttestationArguments};
use crate::exit::Code;

/// More than any document has; what is larger is refused without being read to its end.
const MOST_BYTES: u64 = 64 << 10;

/// Checks a document and prints what was checked.
pub(crate) fn verify_attestation(arguments: &VerifyAttestationArguments) -> anyhow::Result<Code> {
    let document = read(&arguments.file)?;
    let root = match &arguments.root {
        RootArgument::Aws => Root::aws(),
        RootArgument::File(path) => root_of(path)?,
    };
    let policy = Policy {
        pcrs: arguments.pcr.iter().copied().collect(),
        nonce: arguments.nonce.clone(),
        user_data: arguments.user_data.clone(),
        max_age: arguments.max_age,
        clock: arguments.at.map_or(Clock::Now, Clock::At),
        ..Policy::new(root)
    };
    let verdict = verify(&document, &policy);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&as_json(&policy.root, &verdict))?);
    } else {
        print!("{}", as_text(&arguments.file, &policy.root, &verdict));
    }
    Ok(if verdict.is_ok() { Code::Success } else { Code::CheckFailed })
}

type Verdict = Result<Verified, zktee_attestation::Rejected>;

fn as_json(root: &Root, verdict: &Verdict) -> serde_json::Value {
    let root = json!({ "name": root.name(), "sha256": root.fingerprint() });
    match verdict {
        Ok(verified) => json!({ "accepted": true, "root": root, "verified": verified }),
        Err(rejected) => json!({ "accepted": false, "root": root, "reason": rejected.to_string() }),
    }
}

fn as_text(file: &Path, root: &Root, verdict: &Verdict) -> String {
    let mut text = format!("{}\nroot: {}, SHA-256 {}\n", file.display(), root.name(), root.fingerprint());
    let _ = match verdict {
        Ok(verified) => writeln!(text, "{verified}"),
        Err(rejected) => writeln!(text, "rejected: {rejected}"),
    };
    text
}

/// A file of bounded size.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    Ok(bytes)
}

/// A root certificate of the user's, PEM or DER.
fn root_of(path: &Path) -> anyhow::Result<Root> {
    let bytes = read(path)?;
    let root = match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains("-----BEGIN") => Root::from_pem(text),
        _ => Root::from_der(&bytes),
    };
    root.with_context(|| format!("--root {}", path.display()))
}
