//! `generations.csv` and `tokens.csv`: what language models said, written beside their samples.

use std::path::Path;

use sha2::{Digest, Sha256};
use zktee_core::protocol::Generated;
use zktee_core::record::{GenerationRow, Sample, TokenRow, files};
use zktee_report::{Appender, RowsError};

use crate::cell::hex;

/// Both tables of a run's folder.
#[derive(Debug)]
pub(crate) struct Generations {
    answers: Appender<GenerationRow>,
    tokens: Appender<TokenRow>,
}

impl Generations {
    /// Goes on with these rows of an earlier run; what a kill left of a sample that was not recorded is not among them.
    pub(crate) fn open(root: &Path, answers: &[GenerationRow], tokens: &[TokenRow]) -> Result<Self, RowsError> {
        Ok(Self {
            answers: Appender::open(&root.join(files::GENERATIONS), answers)?,
            tokens: Appender::open(&root.join(files::TOKENS), tokens)?,
        })
    }

    /// Writes what was said in one sample: the tokens first, so that an answer has all of its own.
    pub(crate) fn append(&mut self, sample: &Sample, generated: &Generated) -> Result<(), RowsError> {
        let (answer, tokens) = rows(sample, generated);
        if !tokens.is_empty() {
            self.tokens.append(&tokens)?;
        }
        self.answers.append(&[answer])
    }
}

fn rows(sample: &Sample, generated: &Generated) -> (GenerationRow, Vec<TokenRow>) {
    let Generated { completion, times } = generated;
    let response: Vec<u8> = completion.tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
    let answer = GenerationRow {
        workload: sample.workload.clone(),
        backend: sample.backend.clone(),
        round: sample.round,
        sample: sample.sample,
        prompt_eval_count: completion.prompt_tokens.len() as u64,
        prompt_eval_duration_ns: times.prompt_eval_ns,
        eval_count: completion.tokens.len() as u64,
        eval_duration_ns: times.eval_ns,
        load_duration_ns: times.load_ns,
        first_token_ns: times.prompt_eval_ns.saturating_add(times.token_ns.first().copied().unwrap_or(0)),
        finish: completion.finish,
        peak_rss_bytes: sample.peak_rss_bytes,
        response_sha256: hex(&Sha256::digest(response)),
        text: completion.text.clone(),
    };
    let tokens =
        completion.tokens.iter().zip(&times.token_ns).zip(0..).map(|((token, latency_ns), position)| TokenRow {
            workload: sample.workload.clone(),
            backend: sample.backend.clone(),
            sample: sample.sample,
            position,
            token: *token,
            latency_ns: *latency_ns,
        });
    (answer, tokens.collect())
}

#[cfg(test)]
mod tests {
    use zktee_core::protocol::{Completion, Finish, GenerationTimes};
    use zktee_core::vocabulary::{CellId, Phase};

    use super::*;

    #[test]
    fn an_answer_is_a_row_and_each_token_one() {
        let sample = Sample { sample: 3, round: 3, ..Sample::blank(&CellId::new("llm-a", "native"), Phase::Infer) };
        let completion = Completion {
            prompt_tokens: vec![9, 9],
            tokens: vec![1, 256],
            text: "a\n\"b\"".to_owned(),
            finish: Finish::Stop,
        };
        let times = GenerationTimes { load_ns: 5, prompt_eval_ns: 70, eval_ns: 50, token_ns: vec![20, 30] };
        let generated = Generated { completion, times };
        let dir = tempfile::tempdir().unwrap();
        let mut both = Generations::open(dir.path(), &[], &[]).unwrap();
        both.append(&sample, &generated).unwrap();
        let (answer, tokens) = rows(&sample, &generated);
        assert_eq!((answer.prompt_eval_count, answer.eval_count, answer.first_token_ns), (2, 2, 90));
        // `printf '\1\0\0\0\0\1\0\0' | sha256sum`
        assert_eq!(answer.response_sha256, "242045e2f1bb37769b514f182fd91b3d215324cb57f187cced1e9c62921dbac3");
        assert_eq!(
            tokens.iter().map(|row| (row.position, row.token, row.latency_ns)).collect::<Vec<_>>(),
            [(0, 1, 20), (1, 256, 30)]
        );
        let mut reader = csv_rows(&dir.path().join(files::GENERATIONS));
        assert_eq!(reader.pop().unwrap(), answer);
    }

    fn csv_rows(path: &Path) -> Vec<GenerationRow> {
        csv::Reader::from_path(path).unwrap().deserialize().collect::<Result<_, _>>().unwrap()
    }
}
