//! A made-up run folder with every outcome in it, from the files that a run leaves to the report that a reader sees.

mod support;

use std::fs;
use std::path::Path;

use support::{Fixture, sample};
use zktee_core::record::{ProbeRow, ProbeVerdict, files};
use zktee_core::vocabulary::{Outcome, Phase};
use zktee_report::{Cell, Run, cells, load, markdown_table, write_all, write_rows};

fn written(fixture: &Fixture) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    fixture.write(dir.path());
    let run = load(dir.path()).unwrap();
    (dir, run)
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

fn find<'a>(cells: &'a [Cell], name: &str) -> &'a Cell {
    cells.iter().find(|c| c.id().to_string() == name).unwrap_or_else(|| panic!("no cell {name}"))
}

fn near(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a / b - 1.0).abs() < 1e-9)
}

#[test]
fn every_outcome_comes_from_what_was_recorded() {
    let (_dir, run) = written(&Fixture::full());
    let cells = cells(&run);
    for (name, outcome) in [
        ("ols-iris@ezkl/tuned", Outcome::Measured),
        ("ols-iris@enclave/process", Outcome::Simulated),
        ("mlp-iris-each@ezkl/tuned", Outcome::Estimated),
        ("ols-iris@enclave/nitro", Outcome::Unavailable),
        ("lenet-mnist@risc0", Outcome::Refused),
        ("lenet-mnist@stark", Outcome::Timeout),
        ("mlp-iris@risc0", Outcome::OutOfMemory),
        ("mlp-iris-each@halo2", Outcome::Crashed),
        ("lenet-mnist@ezkl/resources", Outcome::Wrong),
        ("lenet-mnist@enclave/qemu", Outcome::Unfinished),
        // Without isolation it is a simulation first, extrapolated or not.
        ("mlp-iris-each@enclave/process", Outcome::Simulated),
    ] {
        let cell = find(&cells, name);
        assert_eq!(cell.outcome, outcome, "{name}");
        assert_eq!(cell.total_wall_s_median.is_some(), outcome.has_times(), "{name}");
        assert!(cell.outcome.has_times() || cell.reason.is_some(), "{name} has no reason");
    }
    let failed = find(&cells, "lenet-mnist@stark");
    assert!(failed.setup_wall_s_median.is_some() && failed.prove_wall_s_median.is_none());
    assert_eq!(failed.reason.as_deref(), Some("no answer within 600 s; raise --timeout"));
}

#[test]
fn the_total_is_what_a_user_waits_for() {
    let (_dir, run) = written(&Fixture::full());
    let cells = cells(&run);
    let sum = |c: &Cell, phases: &[Phase]| phases.iter().map(|&p| c.phase(p).wall_s_median.unwrap()).sum::<f64>();
    let native = find(&cells, "ols-iris@native");
    assert!(near(native.total(), sum(native, &[Phase::Infer])));
    let proof = find(&cells, "ols-iris@halo2");
    assert!(near(proof.total(), sum(proof, &[Phase::Prove, Phase::Verify])));
    let enclave = find(&cells, "ols-iris@enclave/process");
    assert!(near(enclave.total(), sum(enclave, &[Phase::Infer, Phase::Prove, Phase::Verify])));
    for cell in [native, proof, enclave] {
        let (low, high) = (cell.total_wall_s_ci_low.unwrap(), cell.total_wall_s_ci_high.unwrap());
        assert!(low <= cell.total().unwrap() && cell.total().unwrap() <= high);
    }
}

#[test]
fn one_call_of_many_is_multiplied_and_says_so() {
    let (_dir, run) = written(&Fixture::full());
    let cells = cells(&run);
    let each = find(&cells, "mlp-iris-each@ezkl/tuned");
    let prove: Vec<f64> = run
        .samples
        .iter()
        .filter(|s| s.workload == "mlp-iris-each" && s.backend == "ezkl/tuned" && s.phase == Phase::Prove)
        .filter_map(|s| s.wall_s)
        .collect();
    let median = zktee_report::stats::median(&prove).unwrap();
    assert!(near(each.prove_wall_s_median, median * 500.0));
    assert!(near(each.prove_wall_s_per_input, median));
    assert!(each.setup_wall_s_median.unwrap() < 2.0, "the setup is not multiplied");
    assert_eq!((each.calls, each.calls_measured), (500, 10));
    assert_eq!(each.reason.as_deref(), Some("extrapolated: median of 10 measured calls x 500"));
    assert_eq!(each.flags.as_deref(), Some("extrapolated"));
    let batch = find(&cells, "mlp-iris@ezkl/tuned");
    assert!(near(batch.prove_wall_s_per_input, batch.prove_wall_s_median.unwrap() / 500.0));
}

#[test]
fn a_part_that_was_measured_makes_an_estimate_with_its_arithmetic() {
    let mut fixture = Fixture::full();
    let of_it = |s: &&mut zktee_core::record::Sample| s.workload == "lenet-mnist" && s.backend == "halo2-ipa";
    for sample in fixture.samples.iter_mut().filter(of_it).filter(|s| s.phase >= Phase::Prove) {
        sample.outcome = Outcome::Estimated;
        sample.reason = Some("stage work took 2 s for 1 of 2 rows".to_owned());
        sample.verified = None;
    }
    let (_dir, run) = written(&fixture);
    let cells = cells(&run);
    let cell = find(&cells, "lenet-mnist@halo2-ipa");
    assert_eq!(cell.outcome, Outcome::Estimated);
    let how = "stage work took 2 s for 1 of 2 rows";
    let reason = format!("extrapolated: prove: {how}; extrapolated: verify: {how}");
    assert_eq!(cell.reason, Some(reason));
    assert!(
        cell.flags.as_deref().is_some_and(|flags| flags.starts_with("extrapolated;unverified")),
        "{:?}",
        cell.flags
    );
    assert!(cell.total_wall_s_median.is_some() && cell.calls == 1);
}

#[test]
fn few_samples_and_the_flags_of_samples_mark_a_cell() {
    let (_dir, run) = written(&Fixture::full());
    let cells = cells(&run);
    assert_eq!(find(&cells, "ols-iris@halo2").flags.as_deref(), Some("few-samples;few-setup-samples"));
    assert_eq!(find(&cells, "ols-iris@halo2-ipa").flags.as_deref(), Some("clock-mismatch"));
    assert_eq!(find(&cells, "ols-iris@native").flags, None);
}

#[test]
fn a_setup_that_was_taken_once_leaves_the_total_unmarked() {
    let mut fixture = Fixture::full();
    fixture.samples.retain(|s| s.backend != "ezkl/tuned" || s.phase != Phase::Setup || s.sample == 0);
    let (_dir, run) = written(&fixture);
    let cells = cells(&run);
    let cell = find(&cells, "ols-iris@ezkl/tuned");
    assert_eq!(cell.flags.as_deref(), Some("few-setup-samples"));
    let table = markdown_table(std::slice::from_ref(cell));
    assert!(!table.contains('†'), "{table}");
}

#[test]
fn evidence_that_its_verifier_rejects_makes_a_cell_wrong() {
    let mut fixture = Fixture::full();
    let verify = fixture.samples.iter_mut().find(|s| s.backend == "halo2" && s.phase == Phase::Verify).unwrap();
    verify.verified = Some(false);
    let (_dir, run) = written(&fixture);
    let cells = cells(&run);
    assert_eq!(find(&cells, "ols-iris@halo2").outcome, Outcome::Wrong);
    assert_eq!(find(&cells, "ols-iris@halo2").total(), None);
}

#[test]
fn a_verifier_that_takes_another_statement_makes_a_cell_unsound() {
    let fixture = Fixture::full();
    let probe = |backend: &str, probe: &str, changes_statement, verdict| ProbeRow {
        workload: "ols-iris".to_owned(),
        backend: backend.to_owned(),
        probe: probe.to_owned(),
        changes_statement,
        verdict,
        detail: None,
    };
    let rows = [
        probe("halo2", "evidence-empty", false, ProbeVerdict::Rejected),
        probe("halo2", "other-output", true, ProbeVerdict::Accepted),
        probe("ezkl/tuned", "evidence-append-1-bytes-00", false, ProbeVerdict::Accepted),
        probe("ezkl/tuned", "other-output", true, ProbeVerdict::Rejected),
        probe("ezkl/tuned", "evidence-empty", false, ProbeVerdict::Crashed),
    ];
    let dir = tempfile::tempdir().unwrap();
    fixture.write(dir.path());
    write_rows(&dir.path().join(files::PROBES), &rows).unwrap();
    let run = load(dir.path()).unwrap();
    let cells = cells(&run);
    let unsound = find(&cells, "ols-iris@halo2");
    assert_eq!((unsound.outcome, unsound.total()), (Outcome::Unsound, None));
    assert!(unsound.reason.as_deref().unwrap().contains("other-output"));
    let malleable = find(&cells, "ols-iris@ezkl/tuned");
    assert_eq!(
        (malleable.outcome, malleable.probes_rejected, malleable.probes_tried),
        (Outcome::Measured, Some(1), Some(3))
    );
    assert_eq!(
        malleable.probes_accepted.as_deref(),
        Some("evidence-append-1-bytes-00;evidence-empty (the verifier died)")
    );
    write_all(dir.path(), &run).unwrap();
    let report = text(dir.path(), "report.md");
    assert!(report.contains("~~") && report.contains("Forgeries that were not rejected"), "times are struck through");
    assert!(text(dir.path(), "report.html").contains("<s>"));
}

#[test]
fn the_first_failure_stands_though_other_samples_went_well() {
    let mut fixture = Fixture::empty();
    fixture.good("ols-iris", "halo2", 1, [Some(1.0), Some(1.0), Some(1.0), Some(1.0)], 6, 0.0);
    for (outcome, reason) in [(Outcome::Crashed, "first"), (Outcome::Timeout, "second")] {
        let mut failed = sample("ols-iris", "halo2", Phase::Prove, 6);
        (failed.outcome, failed.reason) = (outcome, Some(reason.to_owned()));
        fixture.samples.push(failed);
    }
    let (_dir, run) = written(&fixture);
    let cell = &cells(&run)[0];
    assert_eq!((cell.outcome, cell.reason.as_deref()), (Outcome::Crashed, Some("first")));
    assert_eq!(cell.prove_n, 6);
}

#[test]
fn stages_are_no_samples_of_their_phase() {
    let mut fixture = Fixture::empty();
    fixture.good("ols-iris", "native", 1, [Some(1.0), Some(1.0), None, None], 6, 0.0);
    let mut stage = sample("ols-iris", "native", Phase::Infer, 0);
    (stage.stage, stage.wall_s) = (Some("load".to_owned()), Some(1e-9));
    fixture.samples.push(stage);
    let (_dir, run) = written(&fixture);
    assert_eq!(cells(&run)[0].infer_n, 6);
}

#[test]
fn cells_csv_round_trips_with_numbers_as_numbers() {
    let (dir, run) = written(&Fixture::full());
    write_all(dir.path(), &run).unwrap();
    let csv_text = text(dir.path(), files::CELLS);
    assert_eq!(csv_text.lines().count(), run.record.cells.len() + 1, "a row is a line");
    let mut reader = csv::Reader::from_reader(csv_text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), Cell::columns());
    let back: Vec<Cell> = reader.deserialize().collect::<Result<_, _>>().unwrap();
    let mut wanted = cells(&run);
    for cell in &mut wanted {
        cell.reason = cell.reason.as_ref().map(|r| r.replace('\n', " | "));
    }
    assert_eq!(back, wanted);
}

#[test]
fn the_columns_that_others_rely_on_are_there() {
    let columns = Cell::columns();
    for name in [
        "workload",
        "backend",
        "outcome",
        "reason",
        "setup_wall_s_median",
        "infer_wall_s_median",
        "prove_wall_s_median",
        "prove_cpu_s_median",
        "verify_wall_s_median",
        "total_wall_s_median",
        "proof_bytes",
        "peak_rss_bytes",
        "max_abs_error",
        "class_agreement",
        "probes_rejected",
        "probes_tried",
        "probes_accepted",
    ] {
        assert!(columns.iter().any(|c| c == name), "{name}");
    }
}

#[test]
fn the_docs_name_every_column_and_no_other() {
    let docs = include_str!("../../../docs/results.md");
    for (heading, columns) in [("## samples.csv", zktee_report::samples::columns()), ("## cells.csv", Cell::columns())]
    {
        let section = docs.split(heading).nth(1).unwrap_or_else(|| panic!("docs/results.md has no `{heading}`"));
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next());
        let documented: Vec<&str> = rows.collect();
        assert_eq!(documented, columns, "{heading} of docs/results.md, in order");
    }
}

#[test]
fn a_report_is_the_same_when_it_is_made_again() {
    let (dir, run) = written(&Fixture::full());
    let paths = write_all(dir.path(), &run).unwrap();
    let before: Vec<Vec<u8>> = paths.iter().map(|p| fs::read(p).unwrap()).collect();
    for path in &paths {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(write_all(dir.path(), &load(dir.path()).unwrap()).unwrap(), paths);
    for (path, bytes) in paths.iter().zip(before) {
        assert!(fs::read(path).unwrap() == bytes, "{} differs", path.display());
    }
    let strays: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .chain(fs::read_dir(dir.path().join("plots")).unwrap())
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'))
        .collect();
    assert!(strays.is_empty());
}

#[test]
fn a_claim_never_looks_like_a_measurement() {
    let (dir, run) = written(&Fixture::full());
    write_all(dir.path(), &run).unwrap();
    let html = text(dir.path(), "report.html");
    assert!(html.contains("<em class=\"claim\">&gt; 212 s</em> <span class=\"tag\">claimed</span>"));
    let markdown = text(dir.path(), "report.md");
    let rows = markdown.lines().filter(|l| l.starts_with('|') && l.contains("212 s"));
    assert!(rows.clone().count() > 0);
    for row in rows {
        assert!(row.contains("*&gt; 212 s* (claimed)"), "{row}");
    }
    assert!(markdown.contains("more than 29x faster than claimed"));
    assert!(markdown.contains("prove image-only, verify image-only"));
}

#[test]
fn no_cell_is_blank_in_the_report() {
    let (dir, run) = written(&Fixture::full());
    write_all(dir.path(), &run).unwrap();
    let markdown = text(dir.path(), "report.md");
    for line in markdown.lines().filter(|l| l.starts_with('|')) {
        let fields: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert!(fields.iter().all(|f| !f.is_empty()), "{line}");
    }
    for cell in cells(&run) {
        let row = format!("| {} | **{}** |", cell.id(), cell.outcome);
        assert!(cell.outcome == Outcome::Measured || markdown.contains(&row), "{row}");
    }
    for gap in ["NaN", "null", "inf ", "None", "Some("] {
        assert!(!markdown.contains(gap), "{gap}");
        // Its script may speak of what is not there.
        let html = text(dir.path(), "report.html");
        assert!(!html.split("<script>").next().unwrap().contains(gap), "{gap}");
        assert!(!text(dir.path(), files::CELLS).contains(gap), "{gap}");
    }
}

/// Elements that have no end.
const VOID: [&str; 8] = ["meta", "line", "rect", "circle", "polygon", "polyline", "br", "!doctype"];

/// Checks that every element is closed in its order, and returns the names of all.
fn elements(html: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut seen = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').expect("a tag ends") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap().to_lowercase();
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "closed out of order");
        } else {
            seen.push(name.clone());
            if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    seen
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_but_itself() {
    let (dir, run) = written(&Fixture::full());
    write_all(dir.path(), &run).unwrap();
    let html = text(dir.path(), "report.html");
    let names = elements(&html);
    let count = |name: &str| names.iter().filter(|n| *n == name).count();
    assert!(count("table") > 8 && count("table") == count("caption"));
    assert_eq!(count("svg"), count("figure") * 2, "light and dark");
    assert_eq!(count("link") + count("img") + count("iframe"), 0);
    assert_eq!((count("script"), html.contains("<script>")), (1, true), "its own, which is in the page");
    let addresses = html.replace("http://www.w3.org/2000/svg", "");
    assert!(!addresses.contains("http://") && !addresses.contains("https://") && !addresses.contains("url("));
    for target in html.split("href=\"#").skip(1).map(|t| t.split('"').next().unwrap()) {
        assert!(html.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

#[test]
fn hostile_names_are_text_everywhere() {
    let evil = "<script>alert('1')</script>|`x`[a](http://evil)\u{1b}[2J";
    let mut fixture = Fixture::empty();
    fixture.good(evil, evil, 1, [Some(1.0), Some(1.0), Some(1.0), Some(1.0)], 6, 0.0);
    fixture.decided("ols-iris", "enclave/nitro", 1, Outcome::Refused, &format!("{evil}\n{evil}"));
    fixture.samples[0].notes = Some(evil.to_owned());
    fixture.environment.cpu = evil.to_owned();
    fixture.record.command.push(evil.to_owned());
    let (dir, run) = written(&fixture);
    let paths = write_all(dir.path(), &run).unwrap();
    let html = text(dir.path(), "report.html");
    elements(&html);
    assert!(html.matches("<script").count() == 1 && html.contains("&lt;script&gt;"));
    let markdown = text(dir.path(), "report.md");
    assert!(!markdown.contains("<script") && !markdown.contains("[a](http") && !markdown.contains('\u{1b}'));
    assert!(!markdown_table(&cells(&run)).contains('\u{1b}'));
    let plots = dir.path().join("plots");
    assert!(paths.iter().all(|p| p.parent() == Some(dir.path()) || p.parent() == Some(plots.as_path())));
}

#[test]
fn a_run_without_cells_and_one_without_samples_have_a_report() {
    let (dir, run) = written(&Fixture::empty());
    write_all(dir.path(), &run).unwrap();
    assert!(text(dir.path(), "report.md").contains("The run planned no cell."));
    elements(&text(dir.path(), "report.html"));
    assert_eq!(text(dir.path(), files::CELLS).trim().split(',').count(), Cell::columns().len());

    let mut fixture = Fixture::full();
    fixture.samples.clear();
    let (dir, run) = written(&fixture);
    write_all(dir.path(), &run).unwrap();
    assert!(cells(&run).iter().all(|c| !c.outcome.has_times()));
    elements(&text(dir.path(), "report.html"));
}

#[test]
fn one_file_that_cannot_be_written_stops_no_other() {
    let (dir, run) = written(&Fixture::full());
    fs::create_dir(dir.path().join("report.md")).unwrap();
    let error = write_all(dir.path(), &run).unwrap_err();
    assert_eq!(error.failed.len(), 1);
    assert!(error.to_string().contains("report.md") && error.to_string().contains("zktee report"));
    assert!(dir.path().join("report.html").exists() && dir.path().join("plots/total.png").exists());
    assert_eq!(load(dir.path()).unwrap(), run, "what was recorded is untouched");
}

#[test]
fn a_thousand_rows_are_reported_in_seconds() {
    let mut fixture = Fixture::full();
    while fixture.samples.len() < 5000 {
        let more: Vec<_> = fixture.samples.iter().filter(|s| s.outcome == Outcome::Measured).cloned().collect();
        fixture.samples.extend(more);
    }
    fixture.samples.truncate(5000);
    let dir = tempfile::tempdir().unwrap();
    fixture.write(dir.path());
    let begun = std::time::Instant::now();
    let run = load(dir.path()).unwrap();
    assert_eq!(run.samples.len(), 5000);
    write_all(dir.path(), &run).unwrap();
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
