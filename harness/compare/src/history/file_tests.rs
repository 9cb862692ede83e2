use super::*;
use crate::history::{EntryCell, EntryTime};
use proptest::prelude::*;
use std::fs;
use zktee_core::vocabulary::{CellId, Outcome, Phase};

fn entry(minute: u32) -> Entry {
    Entry {
        schema: 1,
        started_at: format!("2031-05-04T10:{minute:02}:00Z"),
        zktee_version: "0.1.0".to_owned(),
        commit: Some("0123abc".to_owned()),
        machine: "Example CPU 9000, 2 cores, 16.0 GB".to_owned(),
        threads: 2,
        cells: vec![EntryCell {
            id: CellId::new("ols-iris", "native"),
            outcome: Outcome::Measured,
            model_sha256: "ab".repeat(32),
            inputs_sha256: "cd".repeat(32),
            batch: 150,
            times: vec![EntryTime { phase: Phase::Infer, n: 10, wall_s: 5.25e-6, cpu_s: Some(5e-6) }],
        }],
    }
}

fn house() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    (dir, path)
}

#[test]
fn what_is_added_can_be_read_in_the_order_of_time_and_is_there_once() {
    let (_dir, path) = house();
    assert_eq!(add(&path, &[entry(7), entry(3)]).unwrap(), [Added::New, Added::New]);
    assert_eq!(add(&path, &[entry(3), entry(5)]).unwrap(), [Added::Known, Added::New]);
    let history = read(&path).unwrap();
    assert_eq!(history.entries, [entry(3), entry(5), entry(7)]);
    assert!(history.damaged.is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn half_a_line_at_the_end_is_left_out_and_taken_away_by_the_next_add() {
    let (_dir, path) = house();
    add(&path, &[entry(1), entry(2)]).unwrap();
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|&b| b == b'\n').unwrap() + 1;
    // Wherever the second line breaks off, its own line end included.
    for end in first..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let history = read(&path).unwrap();
        let complete = end == whole.len() - 1;
        assert_eq!(history.entries.len(), if complete { 2 } else { 1 }, "cut at {end}");
        assert_eq!(add(&path, &[entry(2)]).unwrap(), [if complete { Added::Known } else { Added::New }]);
        assert_eq!(fs::read(&path).unwrap(), whole, "cut at {end}");
    }
}

#[test]
fn a_damaged_line_elsewhere_is_named_and_stays() {
    let (_dir, path) = house();
    add(&path, &[entry(1), entry(2), entry(3)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1] = lines[1].replace("5.25e-6", "-1.0").replace("0.00000525", "-1.0");
    lines.insert(2, "{\"schema\":7,\"all\":\"new\"}".to_owned());
    lines.insert(3, String::new());
    lines.insert(4, "<<<<<<< HEAD".to_owned());
    let damaged = lines.join("\n") + "\n";
    fs::write(&path, &damaged).unwrap();
    let history = read(&path).unwrap();
    assert_eq!(history.entries, [entry(1), entry(3)]);
    let said: Vec<_> = history.damaged.iter().map(|it| (it.line, it.to_string())).collect();
    assert_eq!(said.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 5], "{said:?}");
    assert!(said[0].1.contains("finite number") && said[1].1.contains("schema 7"), "{said:?}");
    add(&path, &[entry(4)]).unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with(&damaged));
}

#[test]
fn a_file_that_is_no_history_is_not_touched() {
    let (dir, path) = house();
    assert!(matches!(read(&path), Err(HistoryError::None(_))));
    fs::write(&path, "workload,backend\nols-iris,native\n").unwrap();
    assert!(matches!(read(&path), Err(HistoryError::NoHistory { .. })));
    assert!(matches!(add(&path, &[entry(1)]), Err(HistoryError::NoHistory { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "workload,backend\nols-iris,native\n");
    assert!(matches!(add(dir.path(), &[entry(1)]), Err(HistoryError::Io { .. })));
    fs::write(&path, "").unwrap();
    assert!(read(&path).unwrap().entries.is_empty());
}

#[test]
fn two_cannot_add_at_once_and_a_run_without_sense_is_refused() {
    let (_dir, path) = house();
    add(&path, &[entry(1)]).unwrap();
    let held = File::open(&path).unwrap();
    held.lock().unwrap();
    assert!(matches!(add(&path, &[entry(2)]), Err(HistoryError::Busy(_))));
    drop(held);
    let mut bad = entry(2);
    bad.cells[0].times[0].wall_s = f64::NAN;
    assert!(matches!(add(&path, &[bad]), Err(HistoryError::BadRun { .. })));
    let late = Entry { started_at: "soon".to_owned(), ..entry(2) };
    assert!(matches!(add(&path, &[late]), Err(HistoryError::BadRun { .. })));
    assert_eq!(read(&path).unwrap().entries, [entry(1)]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzzing::history(&bytes);
    }

    #[test]
    fn no_change_of_a_byte_loses_more_than_the_lines_that_it_touches(at in 0usize..2000, byte in any::<u8>()) {
        let mut bytes = Vec::new();
        for minute in 0..4 {
            bytes.extend(serde_json::to_vec(&entry(minute)).unwrap());
            bytes.push(b'\n');
        }
        let at = at % bytes.len();
        bytes[at] = byte;
        prop_assert!(parse(&bytes).entries.len() >= 2);
        crate::fuzzing::history(&bytes);
    }
}
