//! Language models are compared like all else: by the wall and CPU time of their phases. The rows are made up.

use std::fs;
use std::path::Path;

use zktee_compare::{Metric, Settings, Side, Verdict, compare};
use zktee_core::protocol::{Description, Finish, Generation};
use zktee_core::record::{
    CellPlan, GenerationRow, LanguagePlan, RunRecord, SCHEMA, Sample, Settings as RunSettings, Task, files,
};
use zktee_core::vocabulary::{CellId, Outcome, Phase, Trust};

const ID: (&str, &str) = ("llm-made-up", "native");

fn settings() -> RunSettings {
    RunSettings {
        threads: 2,
        samples: 10,
        min_samples: 3,
        warmup: 0,
        time_budget_s: None,
        timeout_s: 60.0,
        memory_limit_bytes: None,
        disk_limit_bytes: None,
        quick: false,
        assumed_instance: None,
        probes: false,
    }
}

fn plan(tokenizer: &str) -> CellPlan {
    let generation = Generation { prompt: "made up".into(), max_tokens: 8, temperature: 0.0, seed: 0 };
    CellPlan {
        id: CellId::new(ID.0, ID.1),
        batch: 1,
        repeat: 1,
        task: Task::Generation,
        tolerance: 0.0,
        min_class_agreement: 1.0,
        multiplications: None,
        model_sha256: "ab".repeat(32),
        inputs_sha256: "cd".repeat(32),
        language: Some(LanguagePlan {
            generation,
            model_bytes: 1,
            random_weights: true,
            config_sha256: None,
            tokenizer_sha256: Some(tokenizer.repeat(32)),
        }),
        decided: None,
    }
}

/// A run in which an answer takes so many seconds, by an engine of this version.
fn run(dir: &Path, seconds: f64, version: &str, tokenizer: &str) -> Side {
    let said = Description {
        name: "engine".into(),
        version: version.into(),
        phases: vec![Phase::Infer],
        prove_includes_infer: false,
        trust: Trust::no_evidence(),
    };
    let record = RunRecord {
        schema: SCHEMA,
        zktee_version: "0.1.0".into(),
        started_at: "2031-05-04T10:00:00Z".into(),
        command: vec!["zktee".into()],
        settings: settings(),
        cells: vec![plan(tokenizer)],
        descriptions: std::collections::BTreeMap::new(),
        language_descriptions: [(ID.1.to_owned(), said)].into(),
        shard: None,
        merged: Vec::new(),
    };
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(files::RUN), serde_json::to_vec(&record).unwrap()).unwrap();
    let mut samples = csv::Writer::from_path(dir.join(files::SAMPLES)).unwrap();
    let mut answers = Vec::new();
    for i in 0..10u32 {
        let time = seconds * (1.0 + f64::from(i * 7 % 10) / 1000.0);
        let mut sample = Sample::blank(&CellId::new(ID.0, ID.1), Phase::Infer);
        (sample.round, sample.sample, sample.outcome) = (i, i, Outcome::Measured);
        (sample.wall_s, sample.user_s, sample.system_s) = (Some(time), Some(time), Some(0.0));
        samples.serialize(sample).unwrap();
        answers.push(GenerationRow {
            workload: ID.0.into(),
            backend: ID.1.into(),
            round: i,
            sample: i,
            prompt_eval_count: 1,
            prompt_eval_duration_ns: 1,
            eval_count: 0,
            eval_duration_ns: 0,
            load_duration_ns: 0,
            first_token_ns: 0,
            finish: Finish::Stop,
            peak_rss_bytes: None,
            response_sha256: "0a".repeat(32),
            text: String::new(),
        });
    }
    samples.flush().unwrap();
    zktee_report::write_rows(&dir.join(files::GENERATIONS), &answers).unwrap();
    Side::load(dir).unwrap()
}

#[test]
fn a_slower_answer_of_a_language_model_is_a_regression() {
    let dir = tempfile::tempdir().unwrap();
    let base = run(&dir.path().join("base"), 1.0, "1", "ef");
    let same = run(&dir.path().join("same"), 1.0, "1", "ef");
    let slow = run(&dir.path().join("slow"), 1.5, "2", "ef");
    let settings = Settings::new(0.05, 0.05, &Metric::TIMES).unwrap();
    let alarms = |new: &Side| compare(&base, new, &settings).unwrap().count(Verdict::Regressed);
    assert_eq!((alarms(&same), alarms(&slow) > 0), (0, true));
    let said = compare(&base, &slow, &settings).unwrap().differences;
    assert!(said.iter().any(|it| it.what == "backend native on language models" && it.new == "engine 2"), "{said:?}");
}

#[test]
fn another_tokenizer_is_another_thing() {
    let dir = tempfile::tempdir().unwrap();
    let base = run(&dir.path().join("base"), 1.0, "1", "ef");
    let other = run(&dir.path().join("other"), 1.5, "1", "00");
    let settings = Settings::new(0.05, 0.05, &Metric::TIMES).unwrap();
    let said = compare(&base, &other, &settings).unwrap_err().to_string();
    assert!(said.contains("llm-made-up@native: not compared: another tokenizer under the same name"), "{said}");
}
