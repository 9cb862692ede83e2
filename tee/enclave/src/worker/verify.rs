//! The verify phase.

use std::path::{Path, PathBuf};

use zktee_attestation::Clock;
use zktee_core::protocol::{Completion, Generation, Job, PhaseReport, Timed, WorkerError};
use zktee_core::tensor::Tensor;

use super::{EXPECTATION_FILE, invalid, nonce};
use crate::binding;
use crate::expectation::Expectation;

/// No document is longer.
const MOST_DOCUMENT: u64 = 64 << 10;
/// No response is longer, with its tokens, as JSON.
const MOST_COMPLETION: u64 = 16 << 20;

/// What a third party does: it needs no enclave.
pub(super) fn verify(job: &Job, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    if let Some(asked) = &job.generation {
        return verify_response(job, asked, timed);
    }
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

/// The same about a language model's response.
fn verify_response(job: &Job, asked: &Generation, timed: &mut Timed) -> Result<PhaseReport, WorkerError> {
    let expectation = Expectation::read(&job.dir.join(EXPECTATION_FILE)).map_err(invalid)?;
    let document = read_document(job.evidence.as_ref().ok_or_else(|| invalid("the job has no `evidence`"))?)?;
    let path = job.completion.as_ref().ok_or_else(|| invalid("the job has no `completion`"))?;
    let said: Completion = serde_json::from_slice(&read_at_most(path, MOST_COMPLETION)?)
        .map_err(|error| invalid(format!("{}: {error}", path.display())))?;
    let (nonce, clock) = (nonce(job)?, clock(job)?);
    let check = || expectation.check_response(&document, asked, &said, nonce.as_bytes(), clock);
    let verdict = timed.repeat(check).map_err(invalid)?;
    let mut report = PhaseReport { valid: Some(verdict.is_ok()), ..PhaseReport::default() };
    match verdict {
        Ok(()) => report.bound = Some((asked.clone(), said)),
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
    read_at_most(path, MOST_DOCUMENT)
}

/// A file as far as it is within a limit: what is longer is cut, and then is nothing.
fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, WorkerError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| invalid(format!("{}: {error}", path.display())))?;
    Ok(bytes)
}
