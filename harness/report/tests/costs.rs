//! What is reckoned from the samples beside medians: cold and warm, batches, money, forms of the report, phases that overlap.

mod support;

use std::fs;

use support::Fixture;
use zktee_core::vocabulary::{Outcome, Phase};
use zktee_report::{Cell, Format, Run, cells, load, not_here, write, write_all};

fn written(fixture: &Fixture) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    fixture.write(dir.path());
    let run = load(dir.path()).unwrap();
    (dir, run)
}

fn find<'a>(cells: &'a [Cell], id: &str) -> &'a Cell {
    cells.iter().find(|c| c.id().to_string() == id).unwrap_or_else(|| panic!("{id}"))
}

fn near(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-9)
}

/// Batches of one workload on a prover, an enclave and the floor.
fn batches() -> Fixture {
    let mut f = Fixture::empty();
    for (workload, batch) in
        [("mlp-iris", 500), ("mlp-iris-each", 1), ("mlp-iris-batch-10", 10), ("mlp-iris-batch-100", 100)]
    {
        let n = batch as f64;
        f.good(workload, "native", batch, [Some(0.01), Some(1e-6 * n), None, None], 10, 0.0);
        f.good(workload, "ezkl/tuned", batch, [Some(1.0), Some(0.01), Some(0.1 + 0.01 * n), Some(0.02)], 10, 4e-3);
        f.good(workload, "enclave/process", batch, [Some(0.01), Some(1e-5), Some(2e-4), Some(1e-3)], 10, 0.0);
    }
    for cell in f.record.cells.iter_mut().filter(|cell| cell.id.workload == "mlp-iris-each") {
        cell.repeat = 500;
    }
    f.decided("mlp-iris-batch-10", "ezkl/default", 10, Outcome::Unfinished, "dear, and done only by name");
    f
}

#[test]
fn cold_is_the_first_call_with_its_setup_and_warm_the_median_without() {
    let mut fixture = batches();
    for sample in fixture.samples.iter_mut().filter(|s| s.sample == 0 && s.backend == "ezkl/tuned") {
        sample.first_wall_s = Some(match sample.phase {
            Phase::Setup => 3.0,
            Phase::Infer => 100.0,
            Phase::Prove => 5.0,
            Phase::Verify => 1000.0,
        });
    }
    let (_dir, run) = written(&fixture);
    let cells = cells(&run);
    // Proving starts from the inputs, so that the inference is not in it; nor is the verification.
    let whole = find(&cells, "mlp-iris@ezkl/tuned");
    assert!(near(whole.cold_wall_s, 8.0) && near(whole.warm_wall_s, whole.prove_wall_s_median.unwrap()));
    // Of one call, though the workload is 500.
    let each = find(&cells, "mlp-iris-each@ezkl/tuned");
    assert!(near(each.cold_wall_s, 8.0) && near(each.warm_wall_s, each.prove_wall_s_median.unwrap() / 500.0));
    // A run without first calls has the timed ones.
    let enclave = find(&cells, "mlp-iris@enclave/process");
    let first = |phase| {
        let of_it = |s: &&zktee_core::record::Sample| {
            (s.workload.as_str(), s.backend.as_str(), s.phase, s.sample) == ("mlp-iris", "enclave/process", phase, 0)
        };
        run.samples.iter().find(of_it).unwrap().wall_s.unwrap()
    };
    assert!(near(enclave.cold_wall_s, first(Phase::Setup) + first(Phase::Infer) + first(Phase::Prove)));
    let failed = find(&cells, "mlp-iris-batch-10@ezkl/default");
    assert_eq!((failed.cold_wall_s, failed.warm_wall_s), (None, None));
}

#[test]
fn samples_of_before_first_calls_were_recorded_are_read() {
    let (dir, run) = written(&batches());
    let path = dir.path().join("samples.csv");
    let text = fs::read_to_string(&path).unwrap();
    let at = text.lines().next().unwrap().split(',').position(|name| name == "first_wall_s").unwrap();
    let without = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        [&fields[..at], &fields[at + 1..]].concat().join(",") + "\n"
    };
    // The made-up rows have no first calls, and no commas inside of quotes before them.
    let old: String = text.lines().map(without).collect();
    fs::write(&path, old).unwrap();
    assert_eq!(load(dir.path()).unwrap().samples, run.samples);
    fs::write(&path, text.replacen("untimed_s", "untimed", 1)).unwrap();
    assert!(load(dir.path()).unwrap_err().to_string().contains("missing untimed_s"));
}

#[test]
fn batches_have_a_section_of_their_own_and_say_what_500_inputs_are() {
    let (dir, run) = written(&batches());
    write_all(dir.path(), &run).unwrap();
    assert!(dir.path().join("plots/batch-mlp-iris.svg").is_file());
    assert!(!dir.path().join("plots/time-mlp-iris-batch-10.svg").exists(), "no plot for each");
    let report = fs::read_to_string(dir.path().join("report.md")).unwrap();
    assert!(report.contains("## What a batch saves") && report.contains("What \"500 inputs\" means"), "{report}");
    assert!(report.contains("The article does not say which it means by its &gt; 212 s for EZKL"));
    let rows: Vec<&str> = report.lines().filter(|l| l.starts_with("| ezkl/tuned | ")).collect();
    for batch in ["1", "10", "100", "500"] {
        assert!(rows.iter().any(|row| row.starts_with(&format!("| ezkl/tuned | {batch} |"))), "{batch}: {rows:?}");
    }
    assert!(report.contains("mlp-iris-batch-10@ezkl/default: unfinished (dear, and done only by name)"));
    assert!(!report.contains("On mlp-iris-batch-10"), "the summary is of the table");
    let mut claims = report.lines().filter(|l| l.contains("(claimed)"));
    assert!(claims.all(|row| !row.contains("batch")), "the article claims nothing of smaller batches");
}

#[test]
fn cost_is_that_of_a_named_machine_and_never_of_a_simulated_cell() {
    let mut fixture = batches();
    let costs = |fixture: &Fixture| {
        let (dir, run) = written(fixture);
        write_all(dir.path(), &run).unwrap();
        (cells(&run), fs::read_to_string(dir.path().join("report.md")).unwrap())
    };
    let (all, report) = costs(&fixture);
    assert!(all.iter().all(|cell| cell.cost_usd_per_input.is_none() && cell.cost_instance.is_none()));
    assert!(report.contains("No cost is given"));

    fixture.record.settings.assumed_instance = Some("c6a.large".to_owned());
    let (all, report) = costs(&fixture);
    let cell = find(&all, "mlp-iris@ezkl/tuned");
    assert!(near(cell.cost_usd_per_input, cell.total_wall_s_per_input.unwrap() * 0.0765 / 3600.0));
    assert_eq!((cell.cost_instance.as_deref(), cell.cost_assumed), (Some("c6a.large"), Some(true)));
    assert!(cell.cost_price_seen.is_some() && cell.cost_usd_per_hour == Some(0.0765));
    assert!(report.contains("c6a.large (assumed)") && report.contains("which nobody measured"));
    for cell in all.iter().filter(|cell| cell.outcome == Outcome::Simulated) {
        assert!(
            cell.total().is_some() && cell.cost_usd_per_input.is_none() && cell.cost_instance.is_none(),
            "{}",
            cell.id()
        );
    }

    // The machine itself.
    fixture.record.settings.assumed_instance = None;
    fixture.environment.instance = Some("c6a.large".to_owned());
    let (all, report) = costs(&fixture);
    assert_eq!(find(&all, "mlp-iris@ezkl/tuned").cost_assumed, Some(false));
    assert!(!report.contains("(assumed)"));
    // A type without a price is none of the table.
    fixture.environment.instance = Some("x99.huge".to_owned());
    assert!(costs(&fixture).0.iter().all(|cell| cell.cost_usd_per_input.is_none()));
}

#[test]
fn what_is_missing_here_has_a_line_and_no_rows() {
    let (dir, run) = written(&Fixture::full());
    write_all(dir.path(), &run).unwrap();
    let cells = cells(&run);
    assert_eq!(not_here(&cells).as_deref(), Some("Not here: enclave/nitro."));
    let report = fs::read_to_string(dir.path().join("report.md")).unwrap();
    assert!(report.contains("Not here: enclave/nitro."));
    assert!(!report.lines().any(|line| line.starts_with("| enclave/nitro |")));
    assert!(report.contains("| ols-iris@enclave/nitro | **unavailable** |"), "the reason stands once a cell");
}

#[test]
fn every_form_is_written_when_it_is_asked_for_and_no_other() {
    let (dir, run) = written(&Fixture::full());
    let names = |formats: &[Format]| {
        let dir = tempfile::tempdir().unwrap();
        let paths = write(dir.path(), &run, formats).unwrap();
        paths.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[Format::Json, Format::Tex]), ["report.json", "report.tex"]);
    assert_eq!(names(&[Format::Html]), ["report.html"]);
    assert!(names(&[Format::Md]).contains(&"total.svg".to_owned()));
    write(dir.path(), &run, &[Format::Json, Format::Tex]).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(json["cells"].as_array().unwrap().len(), run.record.cells.len());
    assert_eq!((json["schema"].as_u64(), json["cells"][0]["backend"].as_str()), (Some(1), Some("native")));
    let tex = fs::read_to_string(dir.path().join("report.tex")).unwrap();
    assert_eq!(tex.matches("\\begin{longtable}").count(), tex.matches("\\end{longtable}").count());
    assert!(tex.matches("\\begin{longtable}").count() > 8 && tex.contains("(claimed)"));
    // An ampersand for each column but the last, in the rows without a spanning field.
    let mut rows = tex.lines().filter(|l| l.starts_with("native & measured"));
    assert!(rows.all(|row| row.matches(" & ").count() == 9), "{tex}");
}

#[test]
fn the_summary_is_three_sentences_of_the_data() {
    let (dir, run) = written(&Fixture::full());
    write_all(dir.path(), &run).unwrap();
    let report = fs::read_to_string(dir.path().join("report.md")).unwrap();
    let first = report.split("## Summary\n\n").nth(1).unwrap().lines().next().unwrap();
    assert!(
        first.starts_with("The run holds ") && first.contains(" Beside the plain answer, at its fastest a proof"),
        "{first}"
    );
    assert!(first.contains("Beside the article's claims stand ") && first.contains("(simulated)"), "{first}");
}

#[test]
fn phases_that_overlap_are_flagged() {
    let mut fixture = Fixture::empty();
    fixture.good("ols-iris", "halo2", 1, [Some(1.0), Some(1.0), Some(1.0), Some(1.0)], 3, 0.0);
    let warned = |fixture: &Fixture| {
        let (dir, run) = written(fixture);
        write_all(dir.path(), &run).unwrap();
        fs::read_to_string(dir.path().join("report.md")).unwrap().contains("Phases that do not follow each other")
    };
    for (i, sample) in fixture.samples.iter_mut().enumerate() {
        sample.started_at = format!("2031-05-04T10:{i:02}:00.000Z");
        sample.runner_wall_s = Some(59.9);
    }
    assert!(!warned(&fixture));
    fixture.samples[4].runner_wall_s = Some(61.0);
    assert!(warned(&fixture), "longer than until the next began");
}
