//! A made-up scaling study: from costs that grow by known powers to the figure, the fitted powers, and the cells that failed.

mod support;

use std::fs;
use std::path::Path;

use support::Fixture;
use zktee_core::record::files;
use zktee_core::vocabulary::{Outcome, Phase};
use zktee_report::{cells, load, write_all};

const SIZES: [(&str, i32); 7] =
    [("1k", 10), ("4k", 12), ("16k", 14), ("64k", 16), ("256k", 18), ("1m", 20), ("2m", 21)];

/// Proofs that take 2 microseconds times the multiplications to the power of 0.9 on `ezkl/tuned`, and whose verification does not
/// grow; `halo2` runs out of memory at 1m and refuses 2m.
fn study() -> Fixture {
    let mut f = Fixture::empty();
    for (size, exponent) in SIZES {
        let workload = format!("mlp-scale-{size}");
        let multiplications = 2f64.powi(exponent);
        let prove = 2e-6 * multiplications.powf(0.9);
        f.good(&workload, "native", 1, [Some(2e-4), Some(multiplications * 1e-9), None, None], 10, 0.0);
        let times = [Some(prove * 3.0), Some(0.01), Some(prove), Some(0.02)];
        f.good(&workload, "ezkl/tuned", 1, times, 10, 3e-3);
        match size {
            "1m" => f.fail(&workload, "halo2", 1, Phase::Prove, Outcome::OutOfMemory, "7.9 GB of 8.0 GB used"),
            "2m" => f.decided(&workload, "halo2", 1, Outcome::Refused, "too many rows"),
            _ => f.good(&workload, "halo2", 1, times.map(|t| t.map(|t| t / 4.0)), 10, 2e-4),
        }
        for plan in f.record.cells.iter_mut().filter(|plan| plan.id.workload == workload) {
            plan.multiplications = Some(1 << exponent);
        }
    }
    f.good("ols-iris", "native", 150, [Some(2e-4), Some(11e-6), None, None], 10, 0.0);
    f
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

/// The fields of the first table row that begins with these.
fn row(markdown: &str, begins: &[&str]) -> Vec<String> {
    let fields = |line: &str| line.trim_matches('|').split('|').map(|f| f.trim().to_owned()).collect::<Vec<_>>();
    let mut rows = markdown.lines().filter(|l| l.starts_with('|')).map(fields);
    rows.find(|row| row.iter().zip(begins).filter(|(a, b)| a == b).count() == begins.len())
        .unwrap_or_else(|| panic!("no row {begins:?} in {markdown}"))
}

#[test]
fn known_powers_are_found() {
    let dir = tempfile::tempdir().unwrap();
    study().write(dir.path());
    write_all(dir.path(), &load(dir.path()).unwrap()).unwrap();
    let markdown = text(dir.path(), "report.md");
    let prove = row(&markdown, &["ezkl/tuned", "prove or attest, wall-clock"]);
    assert_eq!(prove[2..=4], ["1k to 2m", "7", "0.90"]);
    assert_eq!(prove[6], "0.90");
    // The made-up samples have a spread, and their median lies a little above what they were made from.
    let told: f64 = prove[7].strip_suffix(" ms").unwrap().parse().unwrap();
    assert!((told / (2e-3 * 1e6f64.powf(0.9)) - 1.0).abs() < 0.1, "{told}");
    let (low, high) = prove[5].split_once(" to ").unwrap();
    assert!(low.parse::<f64>().unwrap() <= 0.9 && high.parse::<f64>().unwrap() >= 0.9);

    assert_eq!(row(&markdown, &["ezkl/tuned", "verify, wall-clock"])[4], "0.00");
    assert_eq!(row(&markdown, &["native", "infer, wall-clock"])[4], "1.00");
    let halo2 = row(&markdown, &["halo2", "prove or attest, wall-clock"]);
    assert_eq!(halo2[2..=4], ["1k to 256k", "5", "0.90"]);
    assert!(halo2[7].ends_with("(extrapolated)"), "{halo2:?}");
    assert!(
        markdown.contains(
            "On mlp-scale the time to prove or attest grows with the multiplications to the power of 0.90 on"
        )
    );
}

#[test]
fn cells_that_failed_stay_with_their_outcome() {
    let dir = tempfile::tempdir().unwrap();
    study().write(dir.path());
    write_all(dir.path(), &load(dir.path()).unwrap()).unwrap();
    let markdown = text(dir.path(), "report.md");
    assert_eq!(row(&markdown, &["mlp-scale-1m", "1 048 576", "halo2"])[3], "**out-of-memory**");
    assert_eq!(row(&markdown, &["mlp-scale-2m", "2 097 152", "halo2"])[3..=4], ["**refused**", "too many rows"]);
    let svg = text(dir.path(), "plots/scaling-mlp-scale.svg");
    assert!(svg.contains("Not in the plot: halo2 at 1m (out-of-memory), 2m (refused)"));
    assert!(dir.path().join("plots/scaling-mlp-scale.png").is_file());
    assert!(text(dir.path(), "report.html").contains("id=\"scaling\""));
    // The study is no part of the other plots and tables.
    assert!(dir.path().join("plots/time-ols-iris.svg").is_file());
    assert!(!dir.path().join("plots/time-mlp-scale-1k.svg").exists());
    assert!(!text(dir.path(), "plots/memory.svg").contains("mlp-scale"));
}

#[test]
fn a_run_from_before_multiplications_were_recorded_has_a_report_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut fixture = study();
    fixture.record.cells.iter_mut().for_each(|plan| plan.multiplications = None);
    fixture.write(dir.path());
    assert!(!text(dir.path(), files::RUN).contains("multiplications"), "absent, as it was then");
    let run = load(dir.path()).unwrap();
    assert!(cells(&run).iter().all(|cell| cell.multiplications.is_none()));
    write_all(dir.path(), &run).unwrap();
    assert!(dir.path().join("plots/time-mlp-scale-1k.svg").is_file());
    assert!(!text(dir.path(), "report.md").contains("How cost grows"));
}

#[test]
fn a_run_without_a_family_has_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    Fixture::full().write(dir.path());
    write_all(dir.path(), &load(dir.path()).unwrap()).unwrap();
    let mut plots = fs::read_dir(dir.path().join("plots")).unwrap().map(|it| it.unwrap().file_name());
    assert!(plots.all(|name| !name.to_string_lossy().starts_with("scaling")));
    assert!(!text(dir.path(), "report.html").contains("id=\"scaling\""));
}
