use std::fs;

use proptest::prelude::*;
use zktee_core::vocabulary::{Outcome, Phase};

use super::super::{Journal, blank, columns, one_line};
use super::*;

fn good(n: u32) -> Sample {
    Sample {
        workload: "mlp-iris".to_owned(),
        backend: "ezkl/tuned".to_owned(),
        phase: Phase::Prove,
        sample: n,
        started_at: "2031-05-04T10:00:00Z".to_owned(),
        wall_s: Some(1.25),
        verified: Some(true),
        ..blank()
    }
}

/// A file with three good rows, changed before it is read.
fn changed(change: impl Fn(String) -> String) -> Result<Samples, SamplesError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let mut journal = Journal::open(&path).unwrap();
    for n in 0..3 {
        journal.append(&good(n)).unwrap();
    }
    drop(journal);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    read(&path)
}

fn message(change: impl Fn(String) -> String) -> String {
    changed(change).unwrap_err().to_string()
}

#[test]
fn what_was_written_is_read() {
    let samples = changed(|t| t).unwrap();
    assert_eq!(samples.rows, (0..3).map(good).collect::<Vec<_>>());
    assert_eq!(samples.torn_line, None);
}

#[test]
fn an_empty_file_and_a_bare_header_hold_nothing() {
    assert_eq!(changed(|_| String::new()).unwrap(), Samples::default());
    assert_eq!(changed(|t| t.lines().next().unwrap().to_owned() + "\n").unwrap(), Samples::default());
}

#[test]
fn a_torn_last_line_is_skipped_and_named() {
    let torn = changed(|t| t[..t.len() - 5].to_owned()).unwrap();
    assert_eq!((torn.rows.len(), torn.torn_line), (2, Some(4)));
    let header = changed(|t| t[..20].to_owned()).unwrap();
    assert_eq!((header.rows.len(), header.torn_line), (0, Some(1)));
}

#[test]
fn damage_in_the_middle_is_an_error_that_names_line_and_column() {
    for (from, to, wanted) in [
        ("1.25", "1.2x5", "line 3, column `wall_s`: `1.2x5`"),
        ("1.25", "NaN", "line 3, column `wall_s`"),
        ("1.25", "-1", "line 3, column `wall_s`"),
        ("1.25", "", "line 3, column `wall_s`: a measured sample without a time"),
        ("prove", "prov", "line 3, column `phase`: unknown variant `prov`"),
        ("measured", "mesured", "line 3, column `outcome`: unknown variant `mesured`"),
        ("true", "maybe", "line 3, column `verified`: `maybe`"),
        ("mlp-iris,", "mlp-iris,,", "line 3: "),
        ("mlp-iris,", "\"mlp-iris,", "line 3: a quote is opened and not closed"),
    ] {
        let damage = |text: String| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines[2] = lines[2].replacen(from, to, 1);
            lines.join("\n") + "\n"
        };
        let said = message(damage);
        assert!(said.contains("samples.csv"), "{said}");
        assert!(said.contains(wanted), "{to}: {said}");
    }
}

#[test]
fn a_damaged_header_says_what_is_missing() {
    assert!(message(|t| t.replacen("wall_s,", "wall,", 1)).contains("line 1: the header is damaged: missing wall_s"));
    assert!(message(|t| t.replacen("notes\n", "notes,extra\n", 1)).contains("unknown extra"));
}

#[test]
fn a_run_of_before_instructions_were_counted_is_read() {
    let without = |text: String| {
        let at = columns().iter().position(|name| name == "instructions").unwrap();
        let drop = |line: &str| {
            line.split(',').enumerate().filter(|(i, _)| *i != at).map(|(_, field)| field).collect::<Vec<_>>().join(",")
        };
        text.lines().map(|line| drop(line) + "\n").collect()
    };
    assert_eq!(changed(without).unwrap().rows, (0..3).map(good).collect::<Vec<_>>());
    let twice = |text: String| text.replacen("wall_s,", "wall_s,wall_s,", 1);
    assert!(message(twice).contains("twice"));
}

#[test]
fn bytes_that_are_no_text_name_their_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let mut bytes = (columns().join(",") + "\n").into_bytes();
    bytes.extend([0xff, 0xfe, b'\n']);
    fs::write(&path, bytes).unwrap();
    let said = read(&path).unwrap_err().to_string();
    assert!(said.contains("line 2") && said.contains("UTF-8"), "{said}");
}

#[test]
fn texts_with_separators_quotes_and_line_breaks_stay_one_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let nasty = "a \"quoted\", comma'd reason\r\nsecond line\n\nthird";
    let sample = Sample { outcome: Outcome::Crashed, reason: Some(nasty.to_owned()), ..good(0) };
    Journal::open(&path).unwrap().append(&sample).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    let back = read(&path).unwrap().rows.remove(0);
    assert_eq!(back.reason.unwrap(), "a \"quoted\", comma'd reason | second line | third");
    assert_eq!(one_line("one"), "one");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzzing::samples(&bytes);
        crate::fuzzing::tables(&bytes);
        crate::fuzzing::record(&bytes);
    }

    #[test]
    fn nor_do_fields_of_any_text(fields in prop::collection::vec("[-0-9eE.a-zA-Z\"; ]{0,8}", columns().len()), rows in 1usize..4) {
        let line = fields.join(",") + "\n";
        crate::fuzzing::samples(&crate::fuzzing::with_header(line.repeat(rows).as_bytes()));
    }
}

#[test]
fn no_damage_makes_it_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let mut journal = Journal::open(&path).unwrap();
    for n in 0..2 {
        journal.append(&good(n)).unwrap();
    }
    drop(journal);
    let bytes = fs::read(&path).unwrap();
    for i in 0..bytes.len() {
        for damage in [b'\n', b'"', b',', 0xff, b'9'] {
            let mut bytes = bytes.clone();
            bytes[i] = damage;
            fs::write(&path, bytes).unwrap();
            let _ = read(&path);
        }
    }
}
