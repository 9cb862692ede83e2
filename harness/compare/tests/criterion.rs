//! Is what `cargo bench` left read as it is, and refused where it is damaged? The recording and how it was made:
//! `tests/recorded/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use zktee_compare::{CompareError, Metric, Settings, Side, Verdict, compare, text};
use zktee_core::record::files;

const SAMPLE: &str = "ols-iris/stark_fast/prove/new/sample.json";
const BENCHMARK: &str = "ols-iris/stark_fast/prove/new/benchmark.json";

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/criterion")
}

fn settings() -> Settings {
    Settings::new(0.05, 0.05, &Metric::ALL).unwrap()
}

/// A copy of the recording that a test may damage.
struct Recording(tempfile::TempDir);

impl Recording {
    fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap());
        copy(&recorded(), it.0.path());
        it
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn change(&self, file: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let mut value = serde_json::from_slice(&fs::read(self.path(file)).unwrap()).unwrap();
        change(&mut value);
        fs::write(self.path(file), value.to_string()).unwrap();
    }

    fn refused(&self) -> String {
        Side::load(self.0.path()).unwrap_err().to_string()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The recording's path with a baseline's name behind it.
fn at(dir: &Path, baseline: &str) -> PathBuf {
    PathBuf::from(format!("{}@{baseline}", dir.display()))
}

#[test]
fn a_saved_baseline_is_compared_with_the_last_results() {
    let (base, new) = (Side::load(&at(&recorded(), "before")).unwrap(), Side::load(&recorded()).unwrap());
    let it = compare(&base, &new, &settings()).unwrap();
    let rows: Vec<_> =
        it.rows.iter().map(|row| (row.cell.to_string(), row.phase.as_str(), row.base.n, row.new.n)).collect();
    let (native, stark) = ("ols-iris@native", "ols-iris@stark/fast");
    let expected = [(native, "setup"), (native, "infer"), (stark, "prove"), (stark, "verify")];
    assert_eq!(rows, expected.map(|(cell, phase)| (cell.to_owned(), phase, 20, 20)));
    assert!(it.rows.iter().all(|row| row.metric == Metric::Wall), "criterion has no CPU times");
    // The first sample of the recording: so many nanoseconds for so many calls.
    let read = |value: &serde_json::Value, name: &str| value[name][0].as_f64().unwrap();
    let sample = serde_json::from_slice(&fs::read(recorded().join(SAMPLE)).unwrap()).unwrap();
    let first_s = read(&sample, "times") / read(&sample, "iters") * 1e-9;
    let run = new.runs_of().next().unwrap();
    let first = run.samples.iter().find(|it| it.backend == "stark/fast" && it.phase.as_str() == "prove").unwrap();
    assert!((first.wall_s.unwrap() - first_s).abs() < 1e-15);
    assert_eq!(run.record.cells.iter().map(|cell| cell.batch).collect::<Vec<_>>(), [150, 150]);
    assert!(text(&it).contains("criterion records neither the machine nor the code"), "{}", text(&it));
}

#[test]
fn a_slow_down_is_found_in_it() {
    let slower = Recording::new();
    slower.change("ols-iris/native/infer/new/sample.json", |value| {
        for time in value["times"].as_array_mut().unwrap() {
            *time = (time.as_f64().unwrap() * 100.0).into();
        }
    });
    let it = compare(&Side::load(&recorded()).unwrap(), &Side::load(slower.0.path()).unwrap(), &settings()).unwrap();
    let regressed: Vec<_> = it.rows.iter().filter(|row| row.verdict == Verdict::Regressed).collect();
    assert_eq!(regressed.len(), 1, "{}", text(&it));
    assert_eq!((regressed[0].cell.to_string().as_str(), regressed[0].phase.as_str()), ("ols-iris@native", "infer"));
}

#[test]
fn other_benchmarks_beside_those_of_cells_are_passed_over() {
    let copy = Recording::new();
    for (folder, group, function, value) in
        [("prove/of/another", "prove", "of", "another"), ("a/b/c", "ols-iris", "native", "witness")]
    {
        let dir = copy.path(folder).join("new");
        fs::create_dir_all(&dir).unwrap();
        let json =
            format!(r#"{{"group_id":"{group}","function_id":"{function}","value_str":"{value}","throughput":null}}"#);
        fs::write(dir.join("benchmark.json"), json).unwrap();
    }
    assert_eq!(Side::load(copy.0.path()).unwrap().runs_of().next().unwrap().record.cells.len(), 2);
}

#[test]
fn a_name_under_which_nothing_was_saved_and_a_folder_of_something_else_say_what_to_do() {
    let said = Side::load(&at(&recorded(), "yesterday")).unwrap_err().to_string();
    assert!(said.contains("`yesterday`") && said.contains("--save-baseline yesterday"), "{said}");
    let empty = tempfile::tempdir().unwrap();
    let said = Side::load(empty.path()).unwrap_err().to_string();
    assert!(said.contains("holds no run") && said.contains("target/criterion@NAME"), "{said}");
    for outside in ["../before", ".", "", "a/b"] {
        let said = Side::load(&at(&recorded(), outside)).unwrap_err().to_string();
        assert!(said.contains("is not a results folder"), "{outside}: {said}");
    }
}

#[test]
fn results_of_the_two_kinds_are_not_compared() {
    let run = tempfile::tempdir().unwrap();
    for file in [files::RUN, files::ENVIRONMENT] {
        fs::copy(recorded().parent().unwrap().join(file), run.path().join(file)).unwrap();
    }
    let (bench, run) = (Side::load(&recorded()).unwrap(), Side::load(run.path()).unwrap());
    for (base, new) in [(&bench, &run), (&run, &bench)] {
        let error = compare(base, new, &settings()).unwrap_err();
        assert!(matches!(error, CompareError::Kinds { .. }) && error.to_string().contains("compare two of one kind"));
    }
}

#[test]
fn damaged_files_are_refused_by_name() {
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change, &str); 9] = [
        (SAMPLE, |it| it["times"].as_array_mut().unwrap().truncate(3), "20 numbers of calls and 3 times"),
        (SAMPLE, |it| it["iters"][4] = 0.0.into(), "sample 4: 0 calls"),
        (SAMPLE, |it| it["times"][4] = (-1.0).into(), "sample 4"),
        (SAMPLE, |it| it["times"][4] = "soon".into(), "invalid type"),
        (
            SAMPLE,
            |it| (it["iters"], it["times"]) = (serde_json::json!([]), serde_json::json!([])),
            "0 numbers of calls",
        ),
        (SAMPLE, |it| *it = serde_json::json!({}), "missing field"),
        (BENCHMARK, |it| it["throughput"] = serde_json::Value::Null, "how many inputs"),
        (BENCHMARK, |it| it["throughput"] = serde_json::json!({ "Elements": 7 }), "150 inputs a call, 7 in another"),
        (BENCHMARK, |it| it["value_str"] = "verify".into(), "a second benchmark of ols-iris@stark/fast/verify"),
    ];
    for (file, change, says) in changes {
        let copy = Recording::new();
        copy.change(file, change);
        let said = copy.refused();
        let named = said.contains(SAMPLE) || said.contains(BENCHMARK) || said.contains("stark_fast/verify/new");
        assert!(said.contains(says) && named, "{says}: {said}");
    }
    let copy = Recording::new();
    fs::remove_file(copy.path(SAMPLE)).unwrap();
    assert!(copy.refused().contains("it is missing"));
    fs::write(copy.path(SAMPLE), vec![b' '; (8 << 20) + 1]).unwrap();
    assert!(copy.refused().contains("larger than"));
    let many = format!(r#"{{"iters":[1{0}],"times":[1{0}]}}"#, ",1".repeat(100_000));
    fs::write(copy.path(SAMPLE), many).unwrap();
    assert!(copy.refused().contains("100001 numbers of calls"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_in_its_place_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0..2_usize) {
        let copy = Recording::new();
        fs::write(copy.path([SAMPLE, BENCHMARK][which]), bytes).unwrap();
        // Whether they happen to be such a file or not: no panic.
        let _ = Side::load(copy.0.path());
    }
}
