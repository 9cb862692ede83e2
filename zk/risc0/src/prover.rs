//! RISC Zero's prover as a child of the worker: it is compiled apart, so it is talked to in lines of JSON. Its side of this is
//! `zk/risc0/prover/src/requests.rs`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

/// The longest answer that is read, bytes: a journal of numbers in JSON.
const MOST_BYTES: u64 = 64 << 20;

/// A request.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub(crate) enum Request<'a> {
    /// Run a program on the words in a file.
    Execute {
        /// Which.
        guest: &'a str,
        /// The program's input, as it reads it.
        input: &'a Path,
    },
    /// Prove what was executed last.
    Prove {
        /// Where the receipt is to go.
        receipt: &'a Path,
    },
    /// Prove the first segment of what was executed last, alone.
    ProvePart {
        /// Where its proof is to go.
        part: &'a Path,
    },
    /// Verify a receipt of a program.
    Verify {
        /// Which.
        guest: &'a str,
        /// The file.
        receipt: &'a Path,
    },
    /// Verify a first segment.
    VerifyPart {
        /// Of which program.
        guest: &'a str,
        /// The file.
        part: &'a Path,
    },
}

/// An answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// A program ran.
    Executed(Executed),
    /// A receipt, or the proof of a first segment, was written.
    Proven(Proven),
    /// A receipt was taken.
    Accepted(Accepted),
    /// A first segment was taken.
    AcceptedPart {
        /// Segments of the whole run, by its prover's word.
        segments: u64,
    },
    /// A receipt or a first segment was not taken.
    Rejected(String),
    /// The request could not be done.
    Failed(String),
}

/// What a run took, in rows of the machine's table, and committed to.
#[derive(Debug, Deserialize)]
pub(crate) struct Executed {
    /// Instructions of the program.
    pub(crate) user_cycles: u64,
    /// Moving pages of memory in and out.
    pub(crate) paging_cycles: u64,
    /// The proof system's own, with what fills each segment up to a power of two.
    pub(crate) reserved_cycles: u64,
    /// All rows that are proven.
    pub(crate) total_cycles: u64,
    /// `log2` of each segment's rows.
    pub(crate) po2s: Vec<u32>,
    /// What the program committed to.
    pub(crate) journal: Vec<u8>,
}

/// What a receipt, or the proof of a first segment, is worth.
#[derive(Debug, Deserialize)]
pub(crate) struct Proven {
    /// Bytes of the proofs alone.
    pub(crate) seal_bytes: u64,
    /// Bits of security of the largest segment, proven.
    pub(crate) proven_bits: f64,
    /// By the proximity-gap conjecture.
    pub(crate) conjectured_bits: f64,
    /// By the toy problem of the ethSTARK documentation.
    pub(crate) toy_problem_bits: f64,
}

/// What a receipt says.
#[derive(Debug, Deserialize)]
pub(crate) struct Accepted {
    /// What the program committed to.
    pub(crate) journal: Vec<u8>,
    /// Number of segments.
    pub(crate) segments: u64,
    /// Bytes of the proofs alone.
    pub(crate) seal_bytes: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProverError {
    /// It could not be started.
    #[error("{program} does not start: {source}")]
    Start {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It went away.
    #[error("RISC Zero's prover ended in the middle of it; its last words are in the run's log")]
    Gone,
    /// It said something that is no answer.
    #[error("RISC Zero's prover gave no answer: {0}")]
    NoAnswer(String),
}

/// The child. It ends when this is dropped, and when this process dies.
#[derive(Debug)]
pub(crate) struct Prover {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Prover {
    /// Starts it.
    pub(crate) fn start(program: &Path) -> Result<Self, ProverError> {
        let fails = |source| ProverError::Start { program: program.display().to_string(), source };
        let spawned = Command::new(program).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(fails)?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or(ProverError::Gone)?);
        Ok(Self { child, input, output })
    }

    /// Its process, for whoever counts time and memory.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks.
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> Result<Answer, ProverError> {
        let mut line = serde_json::to_vec(request).map_err(|error| ProverError::NoAnswer(error.to_string()))?;
        line.push(b'\n');
        let input = self.input.as_mut().ok_or(ProverError::Gone)?;
        input.write_all(&line).and_then(|()| input.flush()).map_err(|_| ProverError::Gone)?;
        let mut answer = Vec::new();
        self.output.by_ref().take(MOST_BYTES).read_until(b'\n', &mut answer).map_err(|_| ProverError::Gone)?;
        if answer.is_empty() {
            return Err(ProverError::Gone);
        }
        serde_json::from_slice(&answer).map_err(|error| ProverError::NoAnswer(error.to_string()))
    }
}

impl Drop for Prover {
    fn drop(&mut self) {
        // End of input is its sign to end; whatever it is at, nobody waits for it any more.
        self.input = None;
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
