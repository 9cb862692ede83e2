//! The verify phase.

use std::path::{Path, PathBuf};

use zktee_attestation::Clock;
use zktee_core::protocol::{Job, PhaseReport, Timed, WorkerError};
use zktee_core::tensor::Tensor;

use super::{EXPECTATION_FILE, invalid, nonce};
use crate::binding;
use crate::expectation::Expectation;

/// No document is longer.
const MOST_DOCUMENT: u64 = 64 << 10;

/// What a third party does: it needs no enclave.
pub(super) fn verify(job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    let expectation = Expectation::read(&job.dir.join(EXPECTATION_FILE)).map_err(invalid)?;
    let document = read_document(job.evidence.as_ref().ok_or_else(|| invalid("the job has no `evidence`"))?)?;
    let read = |path: Option<&PathBuf>, what: &str| {
        let path = path.ok_or_else(|| invalid(format!("the job has no `{what}`")))?;
        Tensor::read(path).map_err(invalid)
    };
    let (input, output) = (read(job.inputs.as_ref(), "inputs")?, read(job.outputs.as_ref(), "outputs")?);
    let (nonce, clock) = (nonce(job)?, clock(job)?);
    // Digests of what the verifier holds himself are part of what is checked.
    let check = || {
        let digests = [&input, &output].map(|tensor| binding::tensor(&tensor.shape, &tensor.data));
        expectation.check(&document, &digests[0], &digests[1], nonce.as_bytes(), clock)
    };
    let verdict = timed.repeat(check).map_err(invalid)?;
    let mut report = PhaseReport { valid: Some(verdict.is_ok()), ..PhaseReport::default() };
    match verdict {
        // Their digests are in the document.
        Ok(()) => (report.inputs, report.outputs) = (Some(input), Some(output)),
        // What a rejected document claims is nothing to report.
        Err(rejected) => report.notes.push(rejected),
    }
    Ok(report)
}

/// Now, unless the evidence was verified before and is verified again: documents age.
fn clock(job: &Job) -> Result<Clock, WorkerError> {
    let Some(then) = job.options.get("verified_at") else { return Ok(Clock::Now) };
    let then: Option<jiff::Timestamp> = then.as_str().and_then(|text| text.parse().ok());
    let then = then.ok_or_else(|| invalid("the job's option `verified_at` is no RFC 3339 time"))?;
    Ok(Clock::At(then.into()))
}

fn read_document(path: &Path) -> Result<Vec<u8>, WorkerError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MOST_DOCUMENT).read_to_end(&mut bytes));
    read.map_err(|error| invalid(format!("{}: {error}", path.display())))?;
    Ok(bytes)
}
