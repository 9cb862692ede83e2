//! A language model of random weights on the backends that do such: small, since a bench is for comparing code with code.

use std::path::PathBuf;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tempfile::TempDir;
use zktee_core::protocol::{Generation, Job, PhaseReport, Timed, Worker};
use zktee_core::vocabulary::Phase;
use zktee_native::NativeLanguageWorker;

/// What a filter may write out to take these alone.
const NAME: &str = "llm-small-shape";

/// 12 layers of width 256 in 8 bits: 9.5 million weights in the layers.
const RECIPE: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":12,"width":256,"heads":8,"context":128,"vocabulary":1000,"weights":"q8_0","seed":1}"#;

/// Tokens of an answer.
const TOKENS: u32 = 16;

/// Loading, and an answer; throughput counts tokens.
pub(crate) fn language(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(NAME);
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .throughput(Throughput::Elements(u64::from(TOKENS)));
    for phase in [Phase::Setup, Phase::Infer] {
        let mut case = None;
        group.bench_function(BenchmarkId::new(zktee_native::NAME, phase), |bencher| {
            let case = case.get_or_insert_with(Case::new);
            bencher.iter_custom(|calls| (0..calls).map(|_| case.time(phase)).sum());
        });
    }
    group.finish();
}

struct Case {
    worker: NativeLanguageWorker,
    job: Job,
    /// What every answer has to say.
    tokens: Vec<u32>,
    _dir: TempDir,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let model: PathBuf = dir.path().join("recipe.json");
        std::fs::write(&model, RECIPE).expect("the recipe");
        let generation = Generation { prompt: "Ethereum".to_owned(), max_tokens: TOKENS, temperature: 0.0, seed: 0 };
        let job = Job {
            workload: NAME.to_owned(),
            backend: zktee_native::NAME.to_owned(),
            dir: dir.path().to_owned(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            batch: 1,
            model: Some(model),
            generation: Some(generation),
            ..Job::default()
        };
        let mut case = Self { worker: NativeLanguageWorker::new(), job, tokens: Vec::new(), _dir: dir };
        let (report, _) = case.once(Phase::Infer);
        case.tokens = report.generated.expect("an answer").completion.tokens;
        case
    }

    /// How long one call takes. What is fast must at least be right.
    fn time(&mut self, phase: Phase) -> Duration {
        let (report, timed) = self.once(phase);
        if let Some(generated) = report.generated {
            assert_eq!(generated.completion.tokens, self.tokens);
        }
        Duration::from_secs_f64(timed.reading().expect("a time").wall_s)
    }

    fn once(&mut self, phase: Phase) -> (PhaseReport, Timed) {
        let mut timed = Timed::default();
        let report = self.worker.run(phase, &self.job, &mut timed);
        (report.unwrap_or_else(|error| panic!("{NAME} {phase}: {error}")), timed)
    }
}
