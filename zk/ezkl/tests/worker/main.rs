//! worker.py with the real EZKL: what it measures, what it accepts, what it rejects, and that it never hangs.
//!
//! The first run downloads EZKL; `ZKTEE_CACHE` names a folder to keep it in, `ZKTEE_OFFLINE=1` lets a machine that has neither
//! network nor cache skip these tests.
#![cfg(unix)]

mod support;

use serde_json::{Value, json};
use support::{Bench, distance, ezkl, fixture, floats, reference};

/// The EZKL to test with, or out of the test where there is none to be had and the user has said that this is so.
macro_rules! ezkl_or_return {
    () => {
        match ezkl() {
            Some(ezkl) => ezkl,
            None => return,
        }
    };
}

fn run_through(profile: &'static str) {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, profile, 3);
    let (inputs, outputs) = reference();
    let mut worker = bench.worker();
    let who = worker.ask("describe", &Value::Null).unwrap();
    assert_eq!((&who["name"], &who["version"]), (&json!("ezkl"), &json!("23.0.5")));
    assert_eq!(who["trust"]["binds"], json!(["model", "input", "output"]));
    worker.finish();

    let setup = bench.ask("setup").unwrap();
    let stages: Vec<&str> =
        setup["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    let expected: &[&str] = match profile {
        "default" => &["settings", "calibrate", "compile", "keygen"],
        // The first one only counts the rows; the check runs the calibration data through.
        _ => &["settings", "settings", "calibrate", "compile", "check", "keygen"],
    };
    assert_eq!(stages, expected);
    for file in setup["files"].as_array().unwrap() {
        assert!(bench.path("cell").join(file["name"].as_str().unwrap()).is_file(), "{file}");
    }

    let infer = bench.ask("infer").unwrap();
    assert_eq!(infer["outputs"]["shape"], json!([3, 2]));
    assert!(distance(&floats(&infer["outputs"]["data"]), &outputs[..6]) < 0.05, "{infer}");

    let prove = bench.ask("prove").unwrap();
    assert_eq!(prove["outputs"], infer["outputs"]);
    for report in [&setup, &infer, &prove] {
        assert!(report["wall_s"].as_f64().unwrap() > 0.0 && report["untimed_s"].as_f64().unwrap() >= 0.0);
        assert!(report["peak_rss_bytes"].as_u64().unwrap() > 5 << 20);
    }

    let evidence = prove["evidence"].as_str().unwrap();
    let verify = bench.verify(evidence.as_ref()).unwrap();
    assert_eq!(verify["valid"], json!(true), "{verify}");
    assert_eq!(verify["outputs"], prove["outputs"]);
    let tolerance = verify["input_tolerance"].as_f64().unwrap();
    assert!(distance(&floats(&verify["inputs"]["data"]), &inputs[..9]) <= tolerance && tolerance < 0.01, "{verify}");
}

#[test]
fn the_default_profile_runs_through() {
    run_through("default");
}

#[test]
fn the_tuned_profile_runs_through_on_a_model_it_has_not_seen() {
    run_through("tuned");
}

/// Everything that a verifier must say no to, and the two things that it does not look at.
#[test]
fn a_verifier_believes_the_proof_and_the_instances_and_nothing_else() {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, "tuned", 2);
    let proof = bench.proved();
    let honest = bench.verify(&proof).unwrap();
    assert_eq!(honest["valid"], json!(true));

    for place in [0, 500, 1500, -1] {
        let changed = bench.changed(&proof, |document| {
            let bytes = document["proof"].as_array_mut().unwrap();
            let place = if place < 0 { bytes.len() - 1 } else { usize::try_from(place).unwrap() };
            bytes[place] = json!(bytes[place].as_u64().unwrap() ^ 1);
        });
        let answer = bench.verify(&changed).unwrap();
        assert_eq!(answer["valid"], json!(false), "byte {place} flipped: {answer}");
    }

    let last = |document: &Value| document["instances"][0].as_array().unwrap().len() - 1;
    for first in [true, false] {
        let changed = bench.changed(&proof, |document| {
            let place = if first { 0 } else { last(document) };
            document["instances"][0][place] = json!(format!("2a{}", "0".repeat(62)));
        });
        assert_eq!(bench.verify(&changed).unwrap()["valid"], json!(false), "a changed public number, first: {first}");
    }

    // EZKL's verifier does not read the readable copies; so this worker must not either.
    let changed = bench.changed(&proof, |document| {
        document["pretty_public_inputs"]["rescaled_outputs"] = json!([["99", "99", "99", "99"]]);
        document["hex_proof"] = json!("0x00");
    });
    let answer = bench.verify(&changed).unwrap();
    assert_eq!(answer["valid"], json!(true));
    assert_eq!(answer["outputs"], honest["outputs"], "the outputs come from the instances");
}

/// Known malleability of EZKL 23.0.5: the statement stays the same, so nothing is forged, but two files say it.
#[test]
fn a_proof_with_zero_bytes_appended_is_accepted() {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, "tuned", 1);
    let proof = bench.proved();
    let longer = bench.changed(&proof, |document| {
        document["proof"].as_array_mut().unwrap().extend([json!(0), json!(0)]);
    });
    assert_eq!(bench.verify(&longer).unwrap()["valid"], json!(true));
    let shorter = bench.changed(&proof, |document| {
        document["proof"].as_array_mut().unwrap().truncate(100);
    });
    assert_eq!(bench.verify(&shorter).unwrap()["valid"], json!(false));
}

/// The prover itself says nothing about a witness that is a lie: only the verifier finds out.
#[test]
fn a_forged_witness_is_proved_and_then_rejected() {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, "tuned", 1);
    bench.proved();
    let cell = bench.path("cell");
    let forged = bench.changed(&cell.join("witness.json"), |document| {
        document["outputs"][0][0] = json!(format!("ff{}", "0".repeat(62)));
    });
    let logrows = std::fs::read_to_string(cell.join("settings.json")).unwrap();
    let logrows: Value = serde_json::from_str(&logrows).unwrap();
    let job = bench.job();
    let srs =
        format!("{}/ezkl-srs/benchmark-only-k{}.srs", job["cache"].as_str().unwrap(), logrows["run_args"]["logrows"]);
    let command = ezkl.command("tuned").unwrap();
    let code = "import sys, ezkl; ezkl.prove(*sys.argv[1:5], srs_path=sys.argv[5])";
    let proved = std::process::Command::new(command.program)
        .args(["-I", "-c", code])
        .args([&forged, &cell.join("circuit.ezkl"), &cell.join("pk.key"), &bench.path("forged.json")])
        .arg(srs)
        .env("EZKL_REPO_PATH", bench.folder.path())
        .current_dir(bench.folder.path())
        .output()
        .unwrap();
    assert!(proved.status.success(), "{}", String::from_utf8_lossy(&proved.stderr));
    let answer = bench.verify(&bench.path("forged.json")).unwrap();
    assert_eq!(answer["valid"], json!(false), "{answer}");
}

/// The weights are fixed columns, so the verifying key is the model's.
#[test]
fn another_models_key_rejects_the_proof() {
    let ezkl = ezkl_or_return!();
    for profile in ["default", "tuned"] {
        let bench = Bench::new(ezkl, profile, 1);
        let mut other = Bench::new(ezkl, profile, 1);
        other.model = fixture("other.onnx");
        other.ask("setup").unwrap();
        let proof = bench.proved();
        let answer = other.verify(&proof);
        assert!(answer.as_ref().map_or(true, |answer| answer["valid"] == json!(false)), "{profile}: {answer:?}");
    }
}

#[test]
fn an_input_outside_the_calibrated_range_is_a_clear_error() {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, "default", 1);
    bench.ask("setup").unwrap();
    bench.write_tensor("inputs.tensor", 1, &[1e9, -1e9, 1e9]);
    let error = bench.ask("prove").unwrap_err();
    assert_eq!(error["kind"], json!("refused"), "{error}");
    assert!(error["message"].as_str().unwrap().contains("outside the range"), "{error}");
    assert!(error["fix"].as_str().unwrap().contains("calibration"), "{error}");
}

#[test]
fn models_that_ezkl_does_not_do_are_refused_by_name() {
    let ezkl = ezkl_or_return!();
    for profile in ["default", "tuned"] {
        let mut bench = Bench::new(ezkl, profile, 1);
        bench.model = fixture("unsupported.onnx");
        let error = bench.ask("setup").unwrap_err();
        assert_eq!(error["kind"], json!("refused"), "{error}");
        assert!(error["message"].as_str().unwrap().contains("Mish"), "{error}");

        bench.model = fixture("no-strides.onnx");
        let error = bench.ask("setup").unwrap_err();
        assert_eq!(error["kind"], json!("refused"), "{error}");
        assert!(error["message"].as_str().unwrap().contains("stride"), "{error}");

        bench.model = fixture("tiny.json");
        let error = bench.ask("setup").unwrap_err();
        assert_eq!(error["kind"], json!("invalid-input"), "{error}");
    }
}

#[test]
fn a_damaged_reference_string_is_made_anew() {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, "tuned", 1).with_own_cache();
    let first = bench.ask("setup").unwrap();
    assert!(first["metrics"]["srs_s"].as_f64().unwrap() > 0.0);
    let again = bench.ask("setup").unwrap();
    assert!(again["metrics"]["srs_s"].is_null(), "cached");
    let logrows = &first["metrics"]["logrows"];
    let srs = bench.path("cache").join(format!("ezkl-srs/benchmark-only-k{logrows}.srs"));
    let whole = std::fs::read(&srs).unwrap();
    assert_eq!(whole.len() as u64, first["metrics"]["srs_bytes"].as_u64().unwrap());

    std::fs::write(&srs, &whole[..whole.len() - 1]).unwrap();
    let error = bench.ask("prove").unwrap_err();
    assert_eq!(error["kind"], json!("unavailable"), "keys and another string do not go together: {error}");
    let repaired = bench.ask("setup").unwrap();
    assert!(repaired["metrics"]["srs_s"].as_f64().unwrap() > 0.0);
    let proof = bench.ask("prove").unwrap();
    let answer = bench.verify(proof["evidence"].as_str().unwrap().as_ref()).unwrap();
    assert_eq!(answer["valid"], json!(true));
}

#[test]
fn garbage_is_answered_and_the_worker_lives_on() {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, "default", 1);
    let mut worker = bench.worker();
    for line in [
        "{",
        "[]",
        "null",
        "12",
        "\"x\"",
        "{\"v\":1}",
        "{\"v\":2,\"id\":1,\"cell\":\"a@b\",\"op\":\"describe\"}",
        "\u{fffd}",
    ] {
        let answer = worker.raw(line);
        assert_eq!(answer["error"]["kind"], json!("invalid-input"), "{line}: {answer}");
    }
    let deep = worker.raw(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert_eq!(deep["error"]["kind"], json!("invalid-input"));
    for (op, job) in [
        ("fly", json!({})),
        ("setup", Value::Null),
        ("setup", json!({"dir": "relative"})),
        ("prove", json!({"dir": "/nonexistent", "batch": 1})),
        ("prove", json!({"dir": 3, "batch": -1})),
        ("verify", json!({"dir": "/nonexistent", "batch": 1, "evidence": "/nonexistent", "cache": "/nonexistent"})),
    ] {
        let error = worker.ask(op, &job).unwrap_err();
        assert_eq!(error["kind"], json!("invalid-input"), "{op} {job}: {error}");
    }
    let who = worker.ask("describe", &Value::Null).unwrap();
    assert_eq!(who["name"], json!("ezkl"));
    worker.finish();
}

#[test]
fn malformed_inputs_and_evidence_are_answered() {
    let ezkl = ezkl_or_return!();
    let bench = Bench::new(ezkl, "tuned", 2);
    let proof = bench.proved();
    let whole = std::fs::read(&proof).unwrap();
    let broken = bench.path("broken.json");

    for text in [&b""[..], b"{}", b"[]", b"{\"proof\":[1],\"instances\":[[]]}", &whole[..whole.len() / 2], b"\xff\xfe"]
    {
        std::fs::write(&broken, text).unwrap();
        let error = bench.verify(&broken).unwrap_err();
        assert_eq!(error["kind"], json!("invalid-input"), "{error}");
    }
    assert_eq!(bench.verify(&bench.path("missing")).unwrap_err()["kind"], json!("invalid-input"));
    let changes: [fn(&mut Value); 7] = [
        |document| document["instances"] = json!([]),
        |document| drop(document["instances"][0].as_array_mut().unwrap().pop()),
        |document| document["instances"][0].as_array_mut().unwrap().push(json!("0".repeat(64))),
        |document| document["instances"][0][0] = json!("zz"),
        |document| document["instances"][0][0] = json!("f".repeat(64)),
        |document| document["proof"] = json!("0x00"),
        |document| document["proof"] = json!([256]),
    ];
    for change in changes {
        let error = bench.verify(&bench.changed(&proof, change)).unwrap_err();
        assert_eq!(error["kind"], json!("invalid-input"), "{error}");
    }

    for tensor in [
        "{\"shape\":[2,3],\"data\":[1]}",
        "{\"shape\":[2,3],\"data\":[1,2,3,4,5,1e999]}",
        "{\"shape\":[2,-3],\"data\":[]}",
        "[]",
    ] {
        std::fs::write(bench.path("inputs.tensor"), tensor).unwrap();
        let error = bench.ask("prove").unwrap_err();
        assert_eq!(error["kind"], json!("invalid-input"), "{tensor}: {error}");
    }
    bench.write_tensor("inputs.tensor", 1, &[1.0, 2.0, 3.0]);
    assert_eq!(bench.ask("infer").unwrap_err()["kind"], json!("invalid-input"), "one row where two are due");
}
