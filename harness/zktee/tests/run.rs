//! Runs of the real binary with workers that behave and workers that do not.

mod support;

use std::process::Stdio;

use support::{Done, House, no_process_is_left, wait_for_rows};

fn run_of(house: &House, parts: &[&str], more: &[&str]) -> Done {
    let backends: Vec<String> = parts.iter().map(|part| format!("actor/{part}")).collect();
    let mut args = vec!["run", "--workload", "ols-iris", "--out", "run", "--samples", "1"];
    for backend in &backends {
        args.extend(["--backend", backend]);
    }
    args.extend(more);
    house.zktee(&args)
}

#[test]
fn native_and_a_good_prover_are_measured_and_verified() {
    let house = House::new().actor("good-prover");
    let args = [
        "run",
        "--workload",
        "ols-iris",
        "--backend",
        "native",
        "--backend",
        "actor",
        "--out",
        "run",
        "--samples",
        "3",
    ];
    house.zktee(&args).exits(0).says("report.html");
    let cells = house.cells("run");
    for backend in ["native", "actor/good-prover"] {
        let cell = &cells[backend];
        assert_eq!(cell["outcome"], "measured", "{cell:?}");
        assert!(cell["infer_wall_s_median"].parse::<f64>().unwrap() > 0.0);
        assert!(cell["max_abs_error"].parse::<f64>().unwrap() < 1e-5);
    }
    assert_eq!(cells["native"]["prove_wall_s_median"], "", "plain inference proves nothing");
    assert!(cells["actor/good-prover"]["proof_bytes"].parse::<u64>().unwrap() > 0);
    let samples = house.csv("run/samples.csv");
    assert_eq!(samples.iter().filter(|row| row["phase"] == "verify" && row["verified"] == "true").count(), 3);
    for file in ["run.json", "environment.json", "run.log", "report.md", "report.html"] {
        assert!(house.path("run").join(file).is_file(), "{file}");
    }
    assert!(house.path("run/evidence/ols-iris@actor+good-prover/evidence").is_file());
    assert!(!house.path("run/work").exists(), "the scratch space is gone");
}

#[test]
fn whatever_a_worker_does_becomes_an_outcome_and_the_run_goes_on() {
    let parts = [
        ("hangs", "timeout", "--timeout"),
        ("dies", "crashed", "made-up cause"),
        ("killed", "out-of-memory", "signal 9"),
        ("eats-memory", "out-of-memory", "--memory-limit"),
        ("rubbish", "crashed", "not a response"),
        ("floods", "crashed", "a line of more than"),
        ("wrong-cell", "crashed", "other@cell"),
        ("wrong-id", "crashed", "answer to request"),
        ("refuses", "refused", "`Gemm`"),
        ("wrong-answer", "wrong", "differ from the float reference"),
        ("too-few-answers", "wrong", "1 outputs instead of 150"),
        ("not-finite", "crashed", "negative or not finite"),
        ("chatters", "crashed", "protocol: "),
        ("never-exits", "crashed", "still running"),
        ("exits-badly", "crashed", "exit status: 3"),
        ("rejects-own", "wrong", "rejected the evidence"),
        ("binds-other-output", "wrong", "other outputs"),
        ("binds-other-input", "wrong", "other inputs"),
        ("evidence-elsewhere", "crashed", "no file in the job's folder"),
        ("good", "measured", ""),
    ];
    let house = parts.iter().fold(House::new(), |house, (part, ..)| house.actor(part));
    let names: Vec<_> = parts.iter().map(|(part, ..)| *part).collect();
    run_of(&house, &names, &["--timeout", "5s", "--memory-limit", "300MiB"]).exits(4);
    let cells = house.cells("run");
    for (part, outcome, reason) in parts {
        let cell = &cells[&format!("actor/{part}")];
        assert_eq!(cell["outcome"], outcome, "{part}: {}", cell["reason"]);
        assert!(cell["reason"].contains(reason), "{part}: {}", cell["reason"]);
    }
}

#[test]
fn ctrl_c_ends_the_children_and_leaves_a_run_that_can_be_resumed() {
    let house = House::new().actor("slow-prover");
    let args = ["run", "--workload", "ols-iris", "--backend", "actor/*", "--out", "run", "--samples", "2"];
    let child = house.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_rows(&house, 1);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    Done::of(&child.wait_with_output().unwrap()).exits(130).says("--resume");
    let before = house.csv("run/samples.csv");
    assert!(!before.is_empty() && before.len() < 8, "{}", before.len());
    no_process_is_left(&house.path("run"));

    house.zktee(&["run", "--resume", "run"]).exits(0);
    let after = house.csv("run/samples.csv");
    assert_eq!(after[..before.len()], before[..], "what was recorded stands");
    assert_all_samples_once(&after, 2);
}

#[test]
fn a_killed_run_loses_and_repeats_nothing() {
    let house = House::new().actor("slow-prover");
    let args = ["run", "--workload", "ols-iris", "--backend", "actor/*", "--out", "run", "--samples", "2"];
    let mut child = house.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for_rows(&house, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    // A row that the kill cut in half.
    let path = house.path("run/samples.csv");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("ols-iris,actor/slow-prover,pro");
    std::fs::write(&path, text).unwrap();
    house.zktee(&["run", "--resume", "run"]).exits(0);
    assert_all_samples_once(&house.csv("run/samples.csv"), 2);
}

fn assert_all_samples_once(rows: &[std::collections::BTreeMap<String, String>], samples: usize) {
    let mut seen: Vec<_> = rows.iter().map(|row| (row["phase"].clone(), row["sample"].clone())).collect();
    seen.sort();
    let all = seen.len();
    seen.dedup();
    assert_eq!((seen.len(), all), (4 * samples, 4 * samples), "{seen:?}");
}

#[test]
fn a_run_is_neither_overwritten_nor_shared_nor_resumed_with_other_data() {
    let house = House::new().actor("good");
    run_of(&house, &["good"], &[]).exits(0);
    run_of(&house, &["good"], &[]).exits(2).says("is not empty").says("--resume");
    house.zktee(&["run", "--resume", "nowhere"]).exits(2).says("holds no run");
    let record = house.path("run/run.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let hash = text.split("\"inputs_sha256\": \"").nth(1).unwrap()[..64].to_owned();
    std::fs::write(&record, text.replace(&hash, &"0".repeat(64))).unwrap();
    house.zktee(&["run", "--resume", "run"]).exits(3).says("other inputs");
    std::fs::write(&record, text.replace("\"schema\": 1", "\"schema\": 2")).unwrap();
    house.zktee(&["run", "--resume", "run"]).exits(3).says("schema 2");
    house.zktee(&["report", "run"]).exits(3).says("run.json");
}

#[test]
fn the_report_is_rebuilt_from_the_samples_alone_and_a_damaged_record_is_named() {
    let house = House::new().actor("good-prover");
    run_of(&house, &["good-prover"], &[]).exits(0);
    let cells = std::fs::read_to_string(house.path("run/cells.csv")).unwrap();
    for file in ["cells.csv", "report.md", "report.html"] {
        std::fs::remove_file(house.path("run").join(file)).unwrap();
    }
    house.zktee(&["report", "run"]).exits(0).says("report.html");
    assert_eq!(std::fs::read_to_string(house.path("run/cells.csv")).unwrap(), cells);
    let samples = house.path("run/samples.csv");
    let text = std::fs::read_to_string(&samples).unwrap();
    std::fs::write(&samples, text.replacen(",prove,", ",prove,,,,", 1)).unwrap();
    house.zktee(&["report", "run"]).exits(3).says("samples.csv");
    house.zktee(&["run", "--resume", "run"]).exits(3).says("samples.csv");
}

#[test]
fn a_full_disk_and_a_folder_without_permission_are_named() {
    let house = House::new().actor("good");
    house
        .zktee(&["run", "--out", "/proc/nowhere", "--backend", "native", "--workload", "ols*"])
        .exits(5)
        .says("/proc/nowhere");
    let full = house
        .command(&["run", "--out", "/dev/full/run", "--backend", "native", "--workload", "ols*"])
        .output()
        .unwrap();
    Done::of(&full).exits(5).says("/dev/full");
}

#[test]
fn selections_and_plans() {
    let house = House::new().actor("good");
    house.zktee(&["run", "--backend", "halo9"]).exits(2).says("--backend halo9").says("ezkl/tuned");
    house.zktee(&["run", "--workload", "mlp*", "--dry-run"]).exits(0).says("mlp-iris").says("time-budget");
    assert!(!house.path("results").exists(), "a dry run leaves nothing");
    house.zktee(&["run", "--samples", "0"]).exits(2).says("--samples");
    house.zktee(&["run", "--timeout", "soon"]).exits(2).says("--timeout");
    house.zktee(&["list"]).exits(0).says("lenet-mnist").says("actor/good");
    house.zktee(&["completions", "bash"]).exits(0).says("--time-budget");
}

#[test]
fn what_may_not_be_set_up_is_unavailable_and_no_failure() {
    let house = House::new();
    let args = ["run", "--no-setup", "--workload", "ols-iris", "--out", "run", "--samples", "1"];
    house.zktee(&args).exits(0);
    let cells = house.cells("run");
    assert_eq!(cells["native"]["outcome"], "measured");
    assert_eq!(cells["ezkl/tuned"]["outcome"], "unavailable");
    assert!(cells["ezkl/tuned"]["reason"].contains("--no-setup"), "{}", cells["ezkl/tuned"]["reason"]);
}

#[test]
fn the_protocol_has_a_conformance_test_for_any_worker() {
    let house = House::new().actor("good-prover");
    let own = env!("CARGO_BIN_EXE_zktee");
    house.zktee(&["conformance", "--", own, "worker", "native"]).exits(0).says("reference's outputs");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workers/actor.py");
    house.zktee(&["conformance", "--", "python3", script, "rubbish"]).exits(6).says("FAIL").says("not a response");
    house.zktee(&["conformance", "--", "python3", script, "exits-badly"]).exits(6).says("FAIL it exits with code 0");
    let json = house.zktee(&["conformance", "--json", "--", "no-such-program"]);
    json.exits(6).says("cannot be started");
    assert!(serde_json::from_str::<serde_json::Value>(&json.out).is_ok(), "nothing but JSON: {}", json.out);
}

#[test]
fn init_writes_an_example_once() {
    let house = House::new();
    house.zktee(&["init", "mine.toml"]).exits(0);
    house.zktee(&["init", "mine.toml"]).exits(2).says("stays as it is");
    house.zktee(&["list", "--config", "mine.toml"]).exits(0);
}
