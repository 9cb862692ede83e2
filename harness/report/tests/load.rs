//! Damaged and foreign results folders: a message that names file and fix, and nothing lost.

mod support;

use std::fs;
use std::path::Path;

use support::Fixture;
use zktee_core::record::files;
use zktee_report::{LoadError, Warning, load};

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    Fixture::full().write(dir.path());
    dir
}

fn change(dir: &Path, name: &str, change: impl Fn(String) -> String) {
    let path = dir.join(name);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

fn said(dir: &Path) -> String {
    load(dir).unwrap_err().to_string()
}

#[test]
fn a_folder_of_something_else_is_no_run() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(load(dir.path()), Err(LoadError::NotARun { .. })));
    assert!(said(dir.path()).contains("is not a results folder"));
    assert!(said(Path::new("/does/not/exist")).contains("/does/not/exist"));
}

#[test]
fn a_newer_schema_is_refused_by_name_whatever_else_is_in_it() {
    let dir = folder();
    fs::write(dir.path().join(files::RUN), r#"{"schema": 7, "zktee_version": "9.9.0", "new": [1]}"#).unwrap();
    let said = said(dir.path());
    for part in ["run.json", "schema 7", "zktee 9.9.0"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn damaged_json_names_file_and_line() {
    let dir = folder();
    change(dir.path(), files::RUN, |t| t.replacen("\"threads\": 2", "\"threads\": two", 1));
    assert!(said(dir.path()).contains("run.json, line "), "{}", said(dir.path()));
    let dir = folder();
    change(dir.path(), files::ENVIRONMENT, |t| t[..40].to_owned());
    assert!(said(dir.path()).contains("environment.json, line "), "{}", said(dir.path()));
}

#[test]
fn damaged_samples_name_file_line_and_fix_and_stay_as_they_are() {
    let dir = folder();
    change(dir.path(), files::SAMPLES, |t| t.replacen("measured", "measurd", 1));
    let before = fs::read(dir.path().join(files::SAMPLES)).unwrap();
    let said = said(dir.path());
    for part in ["samples.csv, line 2", "column `outcome`", "mend or remove that line"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(fs::read(dir.path().join(files::SAMPLES)).unwrap(), before);
}

#[test]
fn a_cell_that_is_planned_twice_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::full();
    fixture.record.cells.push(fixture.record.cells[0].clone());
    fixture.write(dir.path());
    assert!(said(dir.path()).contains("`ols-iris@native` is planned twice"));
}

#[test]
fn what_can_be_lived_with_is_a_warning() {
    let dir = folder();
    let whole = load(dir.path()).unwrap();
    assert!(whole.warnings.is_empty());
    let lines = fs::read_to_string(dir.path().join(files::SAMPLES)).unwrap().lines().count();

    change(dir.path(), files::SAMPLES, |t| t.trim_end().to_owned());
    let torn = load(dir.path()).unwrap();
    assert_eq!(torn.warnings, [Warning::TornLine { line: lines as u64 }]);
    assert_eq!(torn.samples.len(), whole.samples.len() - 1);

    for name in [files::SAMPLES, files::ENVIRONMENT, files::GENERATIONS, files::TOKENS] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    let bare = load(dir.path()).unwrap();
    assert_eq!(bare.warnings, [Warning::NoEnvironment, Warning::NoSamples]);
    assert!(zktee_report::write_all(dir.path(), &bare).is_ok());
}

#[test]
fn samples_of_a_cell_that_is_not_planned_are_left_out_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::full();
    fixture.record.cells.remove(0);
    fixture.write(dir.path());
    let warnings = load(dir.path()).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    let said = warnings[0].to_string();
    assert!(said.contains("24 row(s) of `ols-iris@native` left out"), "{said}");
}
