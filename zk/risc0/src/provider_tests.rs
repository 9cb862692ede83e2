//! The provider with a cargo of the tests' own.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// A checkout with a manifest, and a cargo that is a shell script.
fn checkout(script: &str) -> (tempfile::TempDir, Risc0) {
    let folder = tempfile::tempdir().unwrap();
    let prover = folder.path().join("zk/risc0/prover");
    fs::create_dir_all(&prover).unwrap();
    fs::write(prover.join("Cargo.toml"), "").unwrap();
    let cargo = folder.path().join("cargo");
    // A child writes it: were the file open for writing in this process, a child that another test forks just then would inherit that,
    // and the kernel would refuse to run it ("text file busy").
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&cargo)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    write!(writer.stdin.take().unwrap(), "#!/bin/sh\ntarget=$7\n{script}\n").unwrap();
    assert!(writer.wait().unwrap().success());
    let risc0 =
        Risc0 { program: "zktee".into(), build: Build::of(folder.path(), &folder.path().join("cache"), &cargo) };
    (folder, risc0)
}

const BUILDS: &str = r#"mkdir -p "$target/release"; touch "$target/release/zktee-risc0-prover""#;

#[test]
fn it_is_built_once_and_again_when_a_source_changes() {
    let (folder, risc0) = checkout(&format!("echo x >> \"$target/calls\"; {BUILDS}"));
    for source in crate::build::SOURCES {
        fs::create_dir_all(folder.path().join(source)).unwrap();
    }
    assert!(matches!(risc0.availability(), Availability::NeedsSetup { .. }));
    assert!(risc0.command("risc0/predict").unwrap_err().fix.contains("--backend risc0"));
    risc0.provision(&mut |_| {}).unwrap();
    assert_eq!(risc0.availability(), Availability::Ready);
    risc0.provision(&mut |text| assert!(!text.contains("building"), "{text}")).unwrap();
    let command = risc0.command("risc0/fit").unwrap();
    assert_eq!(command.args, ["worker", "risc0/fit"]);
    assert_eq!(command.env[0], (PROVER_VARIABLE.into(), risc0.build.program().into()));
    assert!(risc0.command("risc0/other").is_err());
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    let source = fs::File::create(folder.path().join("zk/risc0/prover/src/new.rs")).unwrap();
    source.set_modified(later).unwrap();
    assert!(matches!(risc0.availability(), Availability::NeedsSetup { .. }));
    let calls = fs::read_to_string(risc0.build.target().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 1);
}

#[test]
fn a_build_that_fails_says_what_cargo_said_and_leaves_nothing_ready() {
    let (_folder, risc0) = checkout("echo 'error: no space left' >&2; exit 101");
    let error = risc0.provision(&mut |_| {}).unwrap_err();
    assert!(error.reason.contains("no space left") && error.fix.contains("cargo build --release"), "{error:?}");
    assert!(matches!(risc0.availability(), Availability::NeedsSetup { .. }));
}

#[test]
fn without_a_checkout_or_a_cargo_it_is_unavailable_with_a_fix() {
    let (folder, risc0) = checkout(BUILDS);
    fs::remove_file(folder.path().join("cargo")).unwrap();
    let reason = |risc0: &Risc0| match risc0.availability() {
        Availability::Unavailable(why) => format!("{} / {}", why.reason, why.fix),
        other => panic!("{other:?}"),
    };
    assert!(reason(&risc0).contains("no cargo"));
    fs::remove_file(folder.path().join("zk/risc0/prover/Cargo.toml")).unwrap();
    assert!(reason(&risc0).contains("checkout") && !folder.path().join("cache").exists());
}

#[test]
fn a_run_must_ask_for_it() {
    assert!(checkout(BUILDS).1.only_on_request());
}
