//! Do the verdicts keep what they promise on times that a real machine gave? The recordings and how they were made:
//! `tests/recorded/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use zktee_compare::{CompareError, Comparison, Metric, Settings, Side, Verdict, compare, markdown, text};
use zktee_core::record::{Sample, files};
use zktee_core::vocabulary::Phase;
use zktee_report::samples;

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(name)
}

fn settings() -> Settings {
    Settings::new(0.05, 0.05, &Metric::TIMES).unwrap()
}

/// The folders of runs that a recording in turns is of: in the file the round is the turn.
fn side(recordings: &[&str], which: &str, change: impl Fn(&mut Sample)) -> (tempfile::TempDir, Side) {
    let dir = tempfile::tempdir().unwrap();
    for recording in recordings {
        let path = recorded(&format!("in-turns/{recording}-{which}.csv"));
        let mut turns = BTreeMap::<u32, Vec<Sample>>::new();
        for row in samples::read(&path).unwrap().rows {
            turns.entry(row.round).or_default().push(row);
        }
        for (turn, rows) in turns {
            let folder = dir.path().join(format!("{recording}-{turn:02}"));
            fs::create_dir(&folder).unwrap();
            for file in [files::RUN, files::ENVIRONMENT] {
                fs::copy(recorded(file), folder.join(file)).unwrap();
            }
            let mut csv = csv::Writer::from_path(folder.join(files::SAMPLES)).unwrap();
            for mut row in rows {
                change(&mut row);
                csv.serialize(row).unwrap();
            }
            csv.flush().unwrap();
        }
    }
    let side = Side::load(dir.path()).unwrap();
    (dir, side)
}

const RECORDINGS: [&str; 6] = ["01", "02", "03", "04", "05", "06"];

fn alarms(it: &Comparison) -> usize {
    it.count(Verdict::Regressed) + it.count(Verdict::Improved)
}

#[test]
fn the_same_program_twice_in_turns_is_no_alarm() {
    for recording in RECORDINGS {
        let (_base_dir, base) = side(&[recording], "base", |_| ());
        let (_new_dir, new) = side(&[recording], "new", |_| ());
        let it = compare(&base, &new, &settings()).unwrap();
        assert_eq!((it.rows.len(), it.base.runs), (12, 20), "two cells, six phases, two times");
        assert!(it.could_tell() && it.tests == 12);
        assert_eq!(alarms(&it), 0, "{recording}: {}", text(&it));
        assert!(it.differences.is_empty() && it.remarks.is_empty(), "{:?} {:?}", it.differences, it.remarks);
    }
}

#[test]
fn a_slow_down_of_ten_percent_in_one_phase_is_found_there_and_nowhere_else() {
    let slower = |row: &mut Sample| {
        if row.backend == "halo2/public-input" && row.phase == Phase::Prove {
            for time in [&mut row.wall_s, &mut row.user_s, &mut row.system_s] {
                *time = time.map(|s| s * 1.10);
            }
        }
    };
    let (_base_dir, base) = side(&RECORDINGS, "base", |_| ());
    let (_new_dir, new) = side(&RECORDINGS, "new", slower);
    let it = compare(&base, &new, &settings()).unwrap();
    let regressed: Vec<_> = it.rows.iter().filter(|row| row.verdict == Verdict::Regressed).collect();
    assert!(!regressed.is_empty() && alarms(&it) == regressed.len(), "{}", text(&it));
    for row in regressed {
        assert_eq!((row.cell.to_string().as_str(), row.phase), ("ols-iris@halo2/public-input", Phase::Prove));
    }
    assert!(it.has_regressed() && markdown(&it).contains("### zktee compare: slower"));
}

#[test]
fn instructions_are_compared_where_both_sides_counted_them() {
    // Made up from the recorded times, since the recording machine counted none.
    let counted =
        |share: f64| move |row: &mut Sample| row.instructions = row.cpu_s().map(|s| (1e6 * share + 1e4 * s) as u64);
    let every = Settings::new(0.05, 0.05, &Metric::ALL).unwrap();
    let (_base_dir, base) = side(&["01"], "base", counted(1.0));
    let (_new_dir, new) = side(&["01"], "new", counted(1.1));
    let it = compare(&base, &new, &every).unwrap();
    let of_counts = |row: &&zktee_compare::Row| row.metric == Metric::Instructions;
    assert_eq!((it.rows.len(), it.rows.iter().filter(of_counts).count()), (18, 6), "beside both times");
    assert!(it.rows.iter().filter(of_counts).all(|row| row.verdict == Verdict::Regressed), "{}", text(&it));
    assert!(text(&it).contains("instructions") && text(&it).contains("+10.0 %"), "{}", text(&it));
    let (_dir, without) = side(&["01"], "new", |_| ());
    assert_eq!(compare(&base, &without, &every).unwrap().rows.len(), 12, "one side counted none");
}

#[test]
fn runs_that_do_not_belong_together_are_refused() {
    let (dir, _) = side(&["01"], "base", |_| ());
    let run = dir.path().join("01-03").join(files::RUN);
    let text = fs::read_to_string(&run).unwrap();
    let digest = text.split("\"inputs_sha256\": \"").nth(1).unwrap()[..64].to_owned();
    fs::write(&run, text.replacen(&digest, &"0".repeat(64), 1)).unwrap();
    let said = Side::load(dir.path()).unwrap_err();
    assert!(matches!(said, CompareError::Mixed { .. }) && said.to_string().contains("01-03"), "{said}");
}
