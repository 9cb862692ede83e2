//! `generations.csv` and `tokens.csv`: what language models said and how fast, read as strictly as `samples.csv`.
//!
//! Rows are appended before the sample that they belong to, so a kill may leave some of a sample that was never recorded; when the run goes
//! on it is taken again under the same number. So the last answer of a number stands, and one without its sample is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::DeserializeOwned;
use zktee_core::protocol::{Finish, MAX_RESPONSE_TOKENS};
use zktee_core::record::{GenerationRow, Sample, TokenRow, files};
use zktee_core::vocabulary::{CellId, Phase};

use crate::load::Warning;
use crate::samples::{SamplesError, header_of};
use crate::strict::{self, Fault, Layout};

/// How much longer than the whole response its tokens may have taken together before somebody is told: clocks are read between them.
const SLACK: f64 = 1.01;

/// Which answer a row belongs to: workload, backend, sample.
type Key = (String, String, u32);

/// Both files of a run's folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Generations {
    pub(crate) answers: Vec<GenerationRow>,
    pub(crate) tokens: Vec<TokenRow>,
}

/// Reads both files; where there are none, the run asked no language model.
pub(crate) fn load(dir: &Path, samples: &[Sample], warnings: &mut Vec<Warning>) -> Result<Generations, SamplesError> {
    let answers = read(&dir.join(files::GENERATIONS), files::GENERATIONS, warnings, answers)?;
    let tokens = read(&dir.join(files::TOKENS), files::TOKENS, warnings, tokens)?;
    Ok(put_together(answers, tokens, samples, warnings))
}

/// The rows of a file that may not be there, without a row that was not written to its end.
fn read<T>(
    path: &Path,
    file: &'static str,
    warnings: &mut Vec<Warning>,
    parse: fn(&Path, &[u8]) -> Result<Vec<T>, SamplesError>,
) -> Result<Vec<T>, SamplesError> {
    let bytes = match strict::bytes_of(path) {
        Ok(bytes) => bytes,
        Err(SamplesError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let whole = strict::whole_rows(&bytes);
    if whole < bytes.len() {
        warnings.push(Warning::TornRow { file, line: strict::line_count(&bytes[..whole]) + 1 });
    }
    parse(path, &bytes[..whole])
}

/// The rows of `generations.csv`. A response's text may go over several lines.
pub(crate) fn answers(path: &Path, bytes: &[u8]) -> Result<Vec<GenerationRow>, SamplesError> {
    rows(path, &generation_columns(), false, bytes, answer_fault)
}

/// The rows of `tokens.csv`.
pub(crate) fn tokens(path: &Path, bytes: &[u8]) -> Result<Vec<TokenRow>, SamplesError> {
    let mut next = BTreeMap::<Key, u32>::new();
    rows(path, &token_columns(), true, bytes, |row: &TokenRow| {
        let next = next.entry((row.workload.clone(), row.backend.clone(), row.sample)).or_default();
        if row.position > 0 && row.position != *next {
            return Some(("position", format!("{} where {} must follow", row.position, *next)));
        }
        if row.position >= MAX_RESPONSE_TOKENS {
            return Some(("position", format!("no response has more than {MAX_RESPONSE_TOKENS} tokens")));
        }
        *next = row.position + 1;
        None
    })
}

fn rows<T: DeserializeOwned>(
    path: &Path,
    columns: &[String],
    one_line: bool,
    bytes: &[u8],
    fault: impl FnMut(&T) -> Option<Fault>,
) -> Result<Vec<T>, SamplesError> {
    Layout { path, columns, later: &[], one_line }.rows(bytes, fault)
}

fn answer_fault(row: &GenerationRow) -> Option<Fault> {
    if row.eval_count > u64::from(MAX_RESPONSE_TOKENS) {
        return Some(("eval_count", format!("no response has more than {MAX_RESPONSE_TOKENS} tokens")));
    }
    if row.eval_count > 0 && row.eval_duration_ns == 0 {
        return Some(("eval_duration_ns", "tokens that took no time".to_owned()));
    }
    let digest = row.response_sha256.as_bytes();
    let hexadecimal = digest.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (digest.len() != 64 || !hexadecimal).then(|| ("response_sha256", "no SHA-256 in hexadecimal digits".to_owned()))
}

/// Answers that have their sample, the last of each number, in the file's order; and their tokens.
fn put_together(
    answers: Vec<GenerationRow>,
    tokens: Vec<TokenRow>,
    samples: &[Sample],
    warnings: &mut Vec<Warning>,
) -> Generations {
    let measured: BTreeSet<(&str, &str, u32)> = samples
        .iter()
        .filter(|s| s.phase == Phase::Infer && s.is_whole_and_good())
        .map(|s| (s.workload.as_str(), s.backend.as_str(), s.sample))
        .collect();
    let mut strays = BTreeMap::<(&'static str, CellId), usize>::new();
    let mut last = BTreeMap::<Key, usize>::new();
    for (i, row) in answers.iter().enumerate() {
        last.insert((row.workload.clone(), row.backend.clone(), row.sample), i);
    }
    let mut kept = Vec::new();
    for (i, row) in answers.into_iter().enumerate() {
        let key = (row.workload.clone(), row.backend.clone(), row.sample);
        if !measured.contains(&(key.0.as_str(), key.1.as_str(), key.2)) {
            *strays.entry((files::GENERATIONS, CellId::new(key.0, key.1))).or_default() += 1;
        } else if last[&key] == i {
            kept.push(row);
        }
    }
    let mut of_answer = BTreeMap::<Key, Vec<TokenRow>>::new();
    for row in tokens {
        let all = of_answer.entry((row.workload.clone(), row.backend.clone(), row.sample)).or_default();
        // The first token of an answer that was taken again.
        if row.position == 0 {
            all.clear();
        }
        all.push(row);
    }
    let mut tokens = Vec::new();
    for row in &kept {
        let of_it = of_answer.remove(&(row.workload.clone(), row.backend.clone(), row.sample)).unwrap_or_default();
        let together: f64 = of_it.iter().map(|t| t.latency_ns as f64).sum();
        let all = of_it.len() as u64 == row.eval_count;
        let what = if !all {
            Some(format!("are {} where the response has {}, so they are left out", of_it.len(), row.eval_count))
        } else if together > row.eval_duration_ns as f64 * SLACK {
            Some("take longer together than the response: trust none of its times".to_owned())
        } else {
            None
        };
        if let Some(what) = what {
            let cell = CellId::new(&*row.workload, &*row.backend);
            warnings.push(Warning::TokensDisagree { cell, sample: row.sample, what });
        }
        if all {
            tokens.extend(of_it);
        }
    }
    for ((workload, backend, _), rows) in of_answer {
        *strays.entry((files::TOKENS, CellId::new(workload, backend))).or_default() += rows.len();
    }
    warnings.extend(strays.into_iter().map(|((file, cell), rows)| Warning::NoSample { file, cell, rows }));
    Generations { answers: kept, tokens }
}

/// The column names of `generations.csv`, in order.
pub fn generation_columns() -> Vec<String> {
    header_of(&GenerationRow {
        workload: String::new(),
        backend: String::new(),
        round: 0,
        sample: 0,
        prompt_eval_count: 0,
        prompt_eval_duration_ns: 0,
        eval_count: 0,
        eval_duration_ns: 0,
        load_duration_ns: 0,
        first_token_ns: 0,
        finish: Finish::Stop,
        peak_rss_bytes: None,
        response_sha256: String::new(),
        text: String::new(),
    })
}

/// The column names of `tokens.csv`, in order.
pub fn token_columns() -> Vec<String> {
    header_of(&TokenRow {
        workload: String::new(),
        backend: String::new(),
        sample: 0,
        position: 0,
        token: 0,
        latency_ns: 0,
    })
}

#[cfg(test)]
#[path = "generations_tests.rs"]
mod tests;
