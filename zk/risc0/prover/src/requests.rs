//! What the worker can ask for. Its other side is `zk/risc0/src/prover.rs`.

use std::fs;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use zktee_risc0_verifier::{Guest, MAX_EVIDENCE_BYTES, VerifiedPart, part_to_bytes, verify, verify_part};

use crate::machine::{self, Executed};
use crate::security;

/// A request.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// Run a program on the words in a file.
    Execute {
        /// Which.
        guest: String,
        /// The program's input, as it reads it.
        input: PathBuf,
    },
    /// Prove what was executed last.
    Prove {
        /// Where the receipt is to go.
        receipt: PathBuf,
    },
    /// Prove the first segment of what was executed last, alone.
    ProvePart {
        /// Where its proof is to go.
        part: PathBuf,
    },
    /// Verify a receipt of a program.
    Verify {
        /// Which.
        guest: String,
        /// The file.
        receipt: PathBuf,
    },
    /// Verify a first segment.
    VerifyPart {
        /// Of which program.
        guest: String,
        /// The file.
        part: PathBuf,
    },
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// What a run took and committed to.
    Executed {
        user_cycles: u64,
        paging_cycles: u64,
        reserved_cycles: u64,
        total_cycles: u64,
        po2s: Vec<usize>,
        journal: Vec<u8>,
    },
    /// A receipt, or a part of one, was written; bytes of its seals, bits of security of its largest segment.
    Proven { seal_bytes: usize, proven_bits: f64, conjectured_bits: f64, toy_problem_bits: f64 },
    /// A receipt was taken.
    Accepted { journal: Vec<u8>, segments: usize, seal_bytes: usize },
    /// A first segment was taken; segments of the whole run, by its prover's word.
    AcceptedPart { segments: u32, seal_bytes: usize },
    /// A receipt or a part was not taken.
    Rejected(String),
    /// The request could not be done.
    Failed(String),
}

/// Keeps what was executed for the proof.
#[derive(Default)]
pub(crate) struct Server {
    executed: Option<Executed>,
}

impl Server {
    /// The answer to one line. A panic of a library is an answer too.
    pub(crate) fn answer(&mut self, line: &str) -> Answer {
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer_or_panic(line)));
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Failed(format!("{error:#}")),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message");
                Answer::Failed(format!("panic: {text}"))
            }
        }
    }

    fn answer_or_panic(&mut self, line: &str) -> anyhow::Result<Answer> {
        match serde_json::from_str(line).context("not a request")? {
            Request::Execute { guest, input } => {
                let input = fs::read(&input).with_context(|| input.display().to_string())?;
                let executed = self.executed.insert(machine::execute(named(&guest)?, &input)?);
                let cycles = executed.cycles();
                Ok(Answer::Executed {
                    user_cycles: cycles.user,
                    paging_cycles: cycles.paging,
                    reserved_cycles: cycles.reserved,
                    total_cycles: cycles.total,
                    po2s: executed.po2s.clone(),
                    journal: executed.journal().to_vec(),
                })
            }
            Request::Prove { receipt: path } => {
                let executed = self.executed.as_ref().context("nothing was executed")?;
                let receipt = executed.prove()?;
                fs::write(&path, borsh::to_vec(&receipt)?).with_context(|| path.display().to_string())?;
                Ok(proven(executed, receipt.seal_size()))
            }
            Request::ProvePart { part: path } => {
                let executed = self.executed.as_ref().context("nothing was executed")?;
                let first = executed.prove_first()?;
                let segments = u32::try_from(executed.po2s.len())?;
                fs::write(&path, part_to_bytes(segments, &first)?).with_context(|| path.display().to_string())?;
                Ok(proven(executed, first.seal_size()))
            }
            Request::Verify { guest, receipt } => {
                let evidence = read_bounded(&receipt)?;
                let image_id = named(&guest)?.image_id().context("no image id is committed for this program")?;
                Ok(match verify(&evidence, image_id) {
                    Ok(verified) => Answer::Accepted {
                        journal: verified.journal,
                        segments: verified.segments,
                        seal_bytes: verified.seal_bytes,
                    },
                    Err(rejected) => Answer::Rejected(rejected.to_string()),
                })
            }
            Request::VerifyPart { guest, part } => {
                let bytes = read_bounded(&part)?;
                let image_id = named(&guest)?.image_id().context("no image id is committed for this program")?;
                Ok(match verify_part(&bytes, image_id) {
                    Ok(VerifiedPart { segments, seal_bytes }) => Answer::AcceptedPart { segments, seal_bytes },
                    Err(rejected) => Answer::Rejected(rejected.to_string()),
                })
            }
        }
    }
}

/// Bytes of seals that were made, and the security of the run's largest segment.
fn proven(executed: &Executed, seal_bytes: usize) -> Answer {
    let bits = security::bits(executed.po2s.iter().copied().max().unwrap_or_default());
    Answer::Proven {
        seal_bytes,
        proven_bits: bits.proven,
        conjectured_bits: bits.conjectured,
        toy_problem_bits: bits.toy,
    }
}

fn named(name: &str) -> anyhow::Result<Guest> {
    Guest::ALL.into_iter().find(|guest| guest.name() == name).ok_or_else(|| anyhow!("no program is named `{name}`"))
}

fn read_bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more tells that there was more; the verifier then refuses what is cut.
    let file = fs::File::open(path).with_context(|| path.display().to_string())?;
    file.take(MAX_EVIDENCE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
